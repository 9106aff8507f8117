"""Errors of the consent registry, one shallow tree, divided by who is at fault.

Invariant: no message and no attribute carries a value that somebody sent; places and stable reasons only.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ConsentRegistryError(Exception):
    """Base of every error this package raises."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a document.

    Attributes:
        pointer: JSON pointer of the member at fault (RFC 6901).
        reason: a stable sentence that holds no value.
    """

    pointer: str
    reason: str


class InvalidDocumentError(ConsentRegistryError):
    """A consent decision document does not fit its schema; the sender's fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


class ConflictingReplayError(ConsentRegistryError):
    """The id of an act that opens was used before for something else; the sender's fault."""


class StandingRequiredError(ConsentRegistryError):
    """An act that opens does not say which standing it was decided on; the sender's fault."""


class StandingMovedError(ConsentRegistryError):
    """An act that opens was decided on a standing that is no longer the person's; the sender reads it again."""


class OverruledError(ConsentRegistryError):
    """A parent's yes, where the child's own answer governs; nobody's fault, and nothing is stored."""


class ContestedError(ConsentRegistryError):
    """A parent's yes against another parent's no, without a resolution; nothing is stored."""


class InvalidDecisionError(ConsentRegistryError):
    """A decision without what its act needs reached the model; our own fault."""


class StoredStandingError(ConsentRegistryError):
    """A stored standing cannot be read; our own fault, and nothing is granted on it."""
