"""Recalls as values: who is asked to stop using what, and what an answer ends. Pure.

INVARIANTS
- A recall says which extracts and until when, never why and never about whom: withdrawal, hold and dispute are one word.
- Only an answer that the copy is deleted or returned ends the recall of a copy; any other leaves it to be called back
  by the next act.

Sources: UK GDPR Art. 7(3), 19; the data sharing agreements, in which recipients promise to answer.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from agencies.model import AgencyKind
from consent_registry.model import ALL, EVERYONE, Scope

CODE: Final = "no_longer_agreed"
"""Why, in the one word that there is."""
SENSITIVE_KINDS: Final = frozenset({AgencyKind.REFUGE})
"""Kinds whose service is itself a secret: their answers carry the family's restricted tag."""
ASKED: Final = ("stop_using", "delete")


class Answer(StrEnum):
    """What an agency did with its copy."""

    DELETED = "deleted"
    NOT_RECEIVED = "not_received"
    RETAINED = "retained"
    RETURNED = "returned"
    STOPPED = "stopped"

    @property
    def ends(self) -> bool:
        """True when the copy is gone."""
        return self in (Answer.DELETED, Answer.RETURNED)


class Ground(StrEnum):
    """Why an agency keeps its copy, as a controller of its own."""

    LEGAL_CLAIM = "legal_claim"
    OWN_RECORD = "own_record"
    SAFEGUARDING = "safeguarding"
    STATUTORY_DUTY = "statutory_duty"


class RecallState(StrEnum):
    """How far a recall is."""

    ANSWERED = "answered"
    ENDED = "ended"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Copy:
    """One extract that an agency received under agreement.

    Attributes:
        decisions: the consent decisions it rests on; absent: its entry could not be read.
        purpose: P1 to P3; empty: its entry could not be read.
    """

    extract_id: UUID
    agency: str
    decisions: frozenset[UUID] | None
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall as its agency sees it.

    Attributes:
        case_ref: the agency's own reference; absent: the case is gone.
        due_on: the last day for an answer.
    """

    recall_id: UUID
    case_ref: UUID | None
    extracts: tuple[UUID, ...]
    raised_at: datetime
    due_on: date
    answer: Answer | None = None
    ground: Ground | None = None

    @property
    def state(self) -> RecallState:
        """Open until it was answered; ended when the copies are gone."""
        if self.answer is None:
            return RecallState.OPEN
        return RecallState.ENDED if self.answer.ends else RecallState.ANSWERED


def to_call_back(
    copies: Iterable[Copy],
    *,
    scope: Scope,
    decisions: Collection[UUID],
    done: Collection[tuple[str, UUID]],
) -> Mapping[str, list[UUID]]:
    """Return by agency the extracts that an act that closes calls back, in order of id.

    Args:
        copies: what was released of the family, under agreement.
        scope: of the act.
        decisions: every decision of the people whose sharing it closes.
        done: by agency, the copies that are gone, or already called back and not answered.
    """
    called: dict[str, list[UUID]] = {}
    for copy in copies:
        touched = (
            not {EVERYONE, copy.agency}.isdisjoint(scope.agencies or ALL)
            and copy.agency not in scope.exclude
            and (not scope.purposes or not copy.purpose or copy.purpose in scope.purposes)
            and (copy.decisions is None or not copy.decisions.isdisjoint(decisions))
        )
        if touched and (copy.agency, copy.extract_id) not in done:
            called.setdefault(copy.agency, []).append(copy.extract_id)
    return {agency: sorted(extracts) for agency, extracts in sorted(called.items())}
