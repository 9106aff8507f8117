"""By when: across weekends, bank holidays and the nights on which the clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from gateway.bank_holidays import bank_holidays_around
from gateway.safeguarding.clocks import (
    LIMITS,
    OUTCOME_LIMITS,
    Counted,
    Duty,
    DutyKind,
    Limit,
    Whose,
    duties,
    same_day,
)
from gateway.safeguarding.model import Finding, Kind, Outcome, Referral, Reviewer, State, Visibility

HOLIDAYS = frozenset().union(*(bank_holidays_around(date(year, 6, 1)) for year in (2025, 2026, 2027)))


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ONE, TWO = Limit(Counted.WORKING_DAYS, 1), Limit(Counted.WORKING_DAYS, 2)
DAY = Limit(Counted.HOURS, 24)
CASES = [
    ("an ordinary Tuesday", ONE, "2026-11-24T10:00", "2026-11-26T00:00"),
    ("a minute before midnight is that day", ONE, "2026-11-24T23:59", "2026-11-26T00:00"),
    ("midnight is the next", ONE, "2026-11-25T00:00", "2026-11-27T00:00"),
    ("a Friday's is Monday's end", ONE, "2026-11-27T16:30", "2026-12-01T00:00"),
    ("a Saturday's too", ONE, "2026-11-28T03:00", "2026-12-01T00:00"),
    ("a Sunday's too", ONE, "2026-11-29T03:00", "2026-12-01T00:00"),
    ("two from a Friday", TWO, "2026-11-27T16:30", "2026-12-02T00:00"),
    ("Christmas Eve 2026, a Thursday", ONE, "2026-12-24T15:00", "2026-12-30T00:00"),
    ("two over Christmas 2026", TWO, "2026-12-24T15:00", "2026-12-31T00:00"),
    ("Maundy Thursday 2026", ONE, "2026-04-02T12:00", "2026-04-07T23:00"),
    ("the early May holiday 2026", ONE, "2026-05-01T12:00", "2026-05-05T23:00"),
    ("New Year's Eve 2026", ONE, "2026-12-31T22:00", "2027-01-05T00:00"),
    ("summer time: midnight in London is 23:00", ONE, "2026-07-14T10:00", "2026-07-15T23:00"),
    ("23:30 in UTC is the next day in summer", ONE, "2026-07-14T23:30", "2026-07-16T23:00"),
    ("over the end of summer time", ONE, "2026-10-23T10:00", "2026-10-27T00:00"),
    ("over its beginning", ONE, "2026-03-27T10:00", "2026-03-30T23:00"),
    ("24 hours are 24 hours", DAY, "2026-11-27T16:30", "2026-11-28T16:30"),
    ("on a bank holiday", DAY, "2026-12-25T03:00", "2026-12-26T03:00"),
    ("over the long night", DAY, "2026-10-24T22:00", "2026-10-25T22:00"),
    ("over the short one", DAY, "2026-03-28T22:00", "2026-03-29T22:00"),
    ("28 days, to the end of the last", Limit(Counted.DAYS, 28), "2026-11-01T09:00", "2026-11-30T00:00"),
    ("72 hours", OUTCOME_LIMITS[Outcome.IMMEDIATE_PROTECTION], "2026-12-24T20:00", "2026-12-27T20:00"),
    ("45 working days", OUTCOME_LIMITS[Outcome.SECTION_17], "2026-11-24T10:00", "2027-01-30T00:00"),
    ("15 working days", OUTCOME_LIMITS[Outcome.STRATEGY_DISCUSSION], "2026-11-24T10:00", "2026-12-16T00:00"),
]


@pytest.mark.parametrize(("limit", "since", "ends"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_limit_ends(limit: Limit, since: str, ends: str) -> None:
    assert at(ends) == limit.ends(at(since), holidays=HOLIDAYS)


def test_the_written_referral_is_due_at_the_end_of_the_day_of_the_call() -> None:
    assert at("2026-07-14T23:00") == same_day(at("2026-07-14T10:00"))
    assert at("2026-07-15T23:00") == same_day(at("2026-07-14T23:30"))


SENT_AT = at("2026-11-24T10:00")
SENT = Referral(
    id=UUID(int=1),
    family_id=UUID(int=2),
    case_id=UUID(int=3),
    author_id=UUID(int=4),
    author="ada",
    kind=Kind.PROTECTION,
    state=State.SENT,
    destination="hub",
    emergency=True,
    recorded_at=SENT_AT,
    sent_at=SENT_AT,
)
EVERYTHING_DONE = replace(
    SENT,
    state=State.DECIDED,
    completed_at=SENT_AT,
    decided_at=SENT_AT,
    outcome=Outcome.ADVICE,
    told=True,
    visibility=Visibility.SHOW,
    reviewed=frozenset({Reviewer.LEAD}),
)


def due(referral: Referral, *, now: datetime = SENT_AT) -> list[Duty]:
    return duties(referral, now=now, holidays=HOLIDAYS)


def kinds(referral: Referral, *, now: datetime = SENT_AT) -> set[DutyKind]:
    return {duty.kind for duty in due(referral, now=now)}


def test_when_everything_is_done_nothing_waits() -> None:
    assert [] == due(EVERYTHING_DONE, now=SENT_AT + timedelta(days=400))


WAITING = [
    ("just sent", SENT, {"acknowledgement", "complete", "decision", "lead_review", "visibility"}),
    ("a draft waits for one thing", replace(SENT, state=State.DRAFT, sent_at=None), {"send"}),
    (
        "acknowledged",
        replace(SENT, state=State.ACKNOWLEDGED),
        {"complete", "decision", "lead_review", "visibility"},
    ),
    ("left open", replace(EVERYTHING_DONE, completed_at=None), {"complete"}),
    ("the lead did not look", replace(EVERYTHING_DONE, reviewed=frozenset()), {"lead_review"}),
    (
        "the officer looking is not the lead looking",
        replace(EVERYTHING_DONE, reviewed=frozenset({Reviewer.OFFICER})),
        {"lead_review"},
    ),
    (
        "an agreed one is not reviewed",
        replace(EVERYTHING_DONE, kind=Kind.AGREED, reviewed=frozenset()),
        set(),
    ),
    ("the family was not told", replace(EVERYTHING_DONE, told=False), {"officer_review"}),
    ("nobody said whether", replace(EVERYTHING_DONE, told=None), set()),
    ("not told, and looked at", replace(EVERYTHING_DONE, told=False, reviewed=frozenset(Reviewer)), set()),
    ("in the sample", replace(EVERYTHING_DONE, sampled=True), {"officer_review"}),
    ("telling is looked at again", replace(EVERYTHING_DONE, told=None, tell_on=date(2026, 12, 1)), {"tell"}),
    ("told meanwhile", replace(EVERYTHING_DONE, tell_on=date(2026, 12, 1)), set()),
    ("nobody decided who sees it", replace(EVERYTHING_DONE, visibility=Visibility.PENDING), {"visibility"}),
    (
        "withheld until a day",
        replace(EVERYTHING_DONE, visibility=Visibility.WITHHOLD, visible_until=date(2027, 1, 1)),
        {"visibility"},
    ),
    (
        "an enquiry has its next step",
        replace(EVERYTHING_DONE, outcome=Outcome.STRATEGY_DISCUSSION),
        {"outcome"},
    ),
    (
        "considered",
        replace(
            EVERYTHING_DONE,
            kind=Kind.CONSIDERED,
            state=State.RECORDED,
            destination=None,
            reviewed=frozenset(),
        ),
        {"lead_review"},
    ),
]


@pytest.mark.parametrize(("referral", "wanted"), [case[1:] for case in WAITING], ids=[c[0] for c in WAITING])
def test_a_referral_waits_for(referral: Referral, wanted: set[str]) -> None:
    assert wanted == {kind.value for kind in kinds(referral)}


def test_silence_is_taken_further_after_two_working_days_and_not_before() -> None:
    late = LIMITS.escalate.ends(SENT_AT, holidays=HOLIDAYS)
    assert DutyKind.ESCALATE not in kinds(SENT, now=late - timedelta(seconds=1))
    assert DutyKind.ESCALATE in kinds(SENT, now=late)
    (escalate,) = (duty for duty in due(SENT, now=late) if duty.kind is DutyKind.ESCALATE)
    assert {Whose.LEAD, Whose.OFFICER} == escalate.whose


def test_a_clock_says_of_which_kind_it_is_and_when_it_is_late() -> None:
    by_kind = {duty.kind: duty for duty in due(SENT)}
    assert Counted.HOURS is by_kind[DutyKind.COMPLETE].counted
    assert Counted.WORKING_DAYS is by_kind[DutyKind.ACKNOWLEDGEMENT].counted
    limit = by_kind[DutyKind.COMPLETE].due
    assert not by_kind[DutyKind.COMPLETE].is_overdue(limit - timedelta(microseconds=1))
    assert by_kind[DutyKind.COMPLETE].is_overdue(limit)


def test_what_is_most_pressing_stands_first() -> None:
    found = [duty.due for duty in due(SENT)]
    assert sorted(found) == found


def test_a_draft_after_a_late_call_is_due_that_very_day() -> None:
    called = at("2026-11-24T22:30")
    draft = replace(SENT, state=State.DRAFT, sent_at=None, recorded_at=called, called_at=called)
    (send,) = due(draft)
    assert at("2026-11-25T00:00") == send.due


def test_findings_go_both_ways() -> None:
    assert {Finding.TOO_MUCH, Finding.TOO_LITTLE, Finding.TOO_LATE} < set(Finding)
