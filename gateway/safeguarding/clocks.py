"""What a referral waits for, for whom, and until when. Pure.

INVARIANTS
- A clock is of one kind: hours that pass day and night, or working days of England and Wales, which end at midnight in
  London; each says which.
- What is due follows from the referral and the time alone: nothing has to run for a reminder to be there.
- Nothing here blocks anything.

Sources: Working Together to Safeguard Children 2023, chapter 3 (one working day; 45 and 15 working days); Children Act
1989 sections 44 (8 days) and 46 (72 hours).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from consent_registry.birthdays import LONDON, midnight
from gateway.calendar import add_working_days
from gateway.safeguarding.model import Kind, Outcome, Referral, Reviewer, State, Visibility

_DAY: Final = timedelta(days=1)


class Counted(StrEnum):
    """How a clock counts."""

    DAYS = "days"
    """Every day, to the end of the last."""
    HOURS = "hours"
    """Elapsed time, day and night."""
    WORKING_DAYS = "working_days"
    """To the end of the last working day of England and Wales."""


class Whose(StrEnum):
    """Who has to see to it."""

    AUTHOR = "author"
    LEAD = "lead"
    OFFICER = "officer"


class DutyKind(StrEnum):
    """What has to be seen to."""

    ACKNOWLEDGEMENT = "acknowledgement"
    """Nobody at the destination said that it arrived: ring them."""
    COMPLETE = "complete"
    DECISION = "decision"
    """Nobody at the destination said what they decided: ring them."""
    ESCALATE = "escalate"
    """Still no word: take it to whoever is above them."""
    LEAD_REVIEW = "lead_review"
    OFFICER_REVIEW = "officer_review"
    OUTCOME = "outcome"
    """What was decided should have come to its next step by now."""
    SEND = "send"
    """It was written down and not sent: after a call it follows the same day."""
    TELL = "tell"
    """Whether the family can be told now."""
    VISIBILITY = "visibility"
    """Whether it may be seen in a statement."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take."""

    counted: Counted
    number: int

    def ends(self, since: datetime, *, holidays: frozenset[date]) -> datetime:
        """Return the first instant that is too late, aware, in UTC.

        Args:
            since: aware instant; days are counted from its day in London, which is not one of them.
            holidays: bank holidays of every year that can be reached.
        """
        if self.counted is Counted.HOURS:
            return since + timedelta(hours=self.number)
        day = since.astimezone(LONDON).date()
        if self.counted is Counted.DAYS:
            return midnight(day + (self.number + 1) * _DAY)
        return midnight(add_working_days(day, self.number, holidays=holidays) + _DAY)


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit; a council sets its own."""

    written: Limit = Limit(Counted.HOURS, 24)
    complete: Limit = Limit(Counted.HOURS, 24)
    acknowledgement: Limit = Limit(Counted.WORKING_DAYS, 1)
    decision: Limit = Limit(Counted.WORKING_DAYS, 1)
    escalate: Limit = Limit(Counted.WORKING_DAYS, 2)
    lead_review: Limit = Limit(Counted.WORKING_DAYS, 2)
    officer_review: Limit = Limit(Counted.DAYS, 31)
    visibility: Limit = Limit(Counted.DAYS, 28)


LIMITS: Final = Limits()
"""As shipped."""

OUTCOME_LIMITS: Final[Mapping[Outcome, Limit]] = MappingProxyType(
    {
        Outcome.IMMEDIATE_PROTECTION: Limit(Counted.HOURS, 72),
        Outcome.SECTION_17: Limit(Counted.WORKING_DAYS, 45),
        Outcome.STRATEGY_DISCUSSION: Limit(Counted.WORKING_DAYS, 15),
    }
)
"""By when what was decided should have come to its next step."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to see to.

    Attributes:
        due: the first instant that is too late.
        counted: how its clock counts; absent: a day that somebody set.
    """

    kind: DutyKind
    whose: frozenset[Whose]
    due: datetime
    counted: Counted | None = None

    def is_overdue(self, now: datetime) -> bool:
        """True from the instant of ``due`` on."""
        return now >= self.due


_AUTHOR: Final = frozenset({Whose.AUTHOR})
_LEAD: Final = frozenset({Whose.LEAD})
_OFFICER: Final = frozenset({Whose.OFFICER})
_BOTH: Final = _AUTHOR | _LEAD


def same_day(called_at: datetime) -> datetime:
    """Return the end of the day of a call: by then the written referral should have followed."""
    return midnight(called_at.astimezone(LONDON).date() + _DAY)


def duties(
    referral: Referral, *, now: datetime, holidays: frozenset[date], limits: Limits = LIMITS
) -> list[Duty]:
    """Return what a referral waits for, the most pressing first.

    Args:
        now: aware instant.
        holidays: bank holidays around the referral and now.

    A reminder is here from the start, and overdue from its ``due`` on; what has to wait, such as an escalation, is here
    only once it can be done.
    """
    found: list[Duty] = []

    def add(kind: DutyKind, whose: frozenset[Whose], limit: Limit, since: datetime) -> None:
        found.append(Duty(kind, whose, limit.ends(since, holidays=holidays), limit.counted))

    if referral.state is State.DRAFT:
        since = referral.called_at or referral.typed_at or referral.recorded_at
        found.append(
            Duty(DutyKind.SEND, _AUTHOR, min(same_day(since), limits.written.ends(since, holidays=holidays)))
        )
        return found
    sent = referral.sent_at or referral.recorded_at
    if referral.completed_at is None:
        add(DutyKind.COMPLETE, _BOTH, limits.complete, sent)
    waits = referral.kind in {Kind.AGREED, Kind.PROTECTION}
    if waits and referral.state is State.SENT:
        add(DutyKind.ACKNOWLEDGEMENT, _BOTH, limits.acknowledgement, sent)
    if waits and referral.state in {State.SENT, State.ACKNOWLEDGED}:
        add(DutyKind.DECISION, _BOTH, limits.decision, sent)
        late = limits.escalate.ends(sent, holidays=holidays)
        if now >= late:
            found.append(Duty(DutyKind.ESCALATE, _LEAD | _OFFICER, late, limits.escalate.counted))
    next_step = OUTCOME_LIMITS.get(referral.outcome) if referral.outcome is not None else None
    if referral.decided_at is not None and next_step is not None:
        add(DutyKind.OUTCOME, _BOTH, next_step, referral.decided_at)
    found += _reviews(referral, sent, holidays=holidays, limits=limits)
    return sorted(found, key=lambda duty: (duty.due, duty.kind))


def _reviews(referral: Referral, sent: datetime, *, holidays: frozenset[date], limits: Limits) -> list[Duty]:
    """What is looked at afterwards: by the lead, by the officer, and what the family may know."""
    found: list[Duty] = []
    if referral.kind is not Kind.AGREED and Reviewer.LEAD not in referral.reviewed:
        limit = limits.lead_review
        found.append(Duty(DutyKind.LEAD_REVIEW, _LEAD, limit.ends(sent, holidays=holidays), limit.counted))
    if Reviewer.OFFICER not in referral.reviewed and (
        referral.sampled or (referral.told is False and referral.kind is not Kind.CONSIDERED)
    ):
        limit = limits.officer_review
        found.append(
            Duty(DutyKind.OFFICER_REVIEW, _OFFICER, limit.ends(sent, holidays=holidays), limit.counted)
        )
    if not referral.told and referral.tell_on is not None:
        found.append(Duty(DutyKind.TELL, _BOTH, midnight(referral.tell_on)))
    if referral.kind in {Kind.PROTECTION, Kind.DUTY}:
        if referral.visibility is Visibility.PENDING:
            limit = limits.visibility
            found.append(
                Duty(DutyKind.VISIBILITY, _OFFICER, limit.ends(sent, holidays=holidays), limit.counted)
            )
        elif referral.visibility is Visibility.WITHHOLD and referral.visible_until is not None:
            found.append(Duty(DutyKind.VISIBILITY, _OFFICER, midnight(referral.visible_until)))
    return found
