"""Errors of the panel room, divided by who is at fault.

INVARIANT: no message holds a value of a panel file; faults are JSON pointers with stable reasons.
"""

from collections.abc import Sequence

from gateway.panel.model import Refusal
from gateway.problems import PointedFault


class PanelError(Exception):
    """Base of everything this room raises."""


class PanelFileError(PanelError):
    """The sender's panel file is faulty: nothing of it was stored.

    Attributes:
        faults: every fault found, in the order of the file.
    """

    def __init__(self, faults: Sequence[PointedFault]) -> None:
        super().__init__("the panel file has faults")
        self.faults = tuple(faults)


class RefusedError(PanelError):
    """What a coordinator asked for may not be stored: ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class PanelMovedError(PanelError):
    """Meetings changed while the file was being stored, more often than is worth retrying."""
