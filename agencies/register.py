"""The rows of the register of agencies as values.

Pure: standard library only, no clock, no I/O.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from agencies.model import AgencyCode, AgencyKind


class AgencyState(StrEnum):
    """How far an agency may take part; only an active one is released to."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class PractitionerPolicy(StrEnum):
    """Who says which humans act for an agency."""

    REGISTERED = "registered"
    """The agency's list here; an id that is not active on it gets no token."""
    ASSERTED = "asserted"
    """The agency itself; recorded as unverified."""


@dataclass(frozen=True, slots=True)
class Agency:
    """One organisation that takes part."""

    code: AgencyCode
    kind: AgencyKind
    name: str
    practitioner_policy: PractitionerPolicy
    state: AgencyState


@dataclass(frozen=True, slots=True)
class Agreement:
    """One data sharing agreement of an agency; in force while ``valid_from <= today < valid_until``."""

    reference: str
    assessment: str
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A named human of an agency; active while ``active_from <= today < active_until``.

    Attributes:
        id: the agency's own id of this person, no personal data by itself.
        active_until: absent while no end is known.
    """

    id: str
    name: str
    role: str
    active_from: date
    active_until: date | None = None
