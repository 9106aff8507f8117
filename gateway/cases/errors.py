"""Errors of the case room, divided by who is at fault.

INVARIANT: no message holds a value of a case; faults are JSON pointers with stable reasons.
"""

from collections.abc import Sequence

from agencies.values import Fault


class CasesError(Exception):
    """Base of everything this room raises."""


class CaseFileError(CasesError):
    """The import file as a whole is not one: nothing of it was read.

    Attributes:
        reason: stable sentence for whoever sent the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FamilyRefusedError(CasesError):
    """One family's document is faulty: nothing of it is stored.

    Attributes:
        faults: every fault found, pointers relative to the family.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the family's document has faults")
        self.faults = tuple(faults)


class UnknownCaseError(CasesError):
    """There is no such case, or no such person in it; the two are not told apart."""


class UnreadablePartError(CasesError):
    """A stored part does not open with the keys of the people it is about: damaged or moved rows."""


class CaseMovedError(CasesError):
    """The family changed hands while it was being stored, more often than is worth retrying."""


class ErasureRefusedError(CasesError):
    """A family may not be erased, or not like this; nothing happened.

    Attributes:
        reasons: codes of what stands against it; empty: the way it was asked for.
    """

    def __init__(self, message: str, *, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)
