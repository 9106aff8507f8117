"""When a sample is due, what is drawn, and how late an answer is."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sampling.model import Clock, Period, State, clock_of, in_order, period_due

PERIODS = {
    "the month before": ("2026-11-03", 3, 1, "2026-10-01", "2026-11-01"),
    "not yet: the one before that": ("2026-11-02", 3, 1, "2026-09-01", "2026-10-01"),
    "over the turn of a year": ("2027-01-28", 28, 1, "2026-12-01", "2027-01-01"),
    "before the day in January": ("2027-01-02", 3, 1, "2026-11-01", "2026-12-01"),
    "a quarter": ("2026-11-28", 3, 3, "2026-07-01", "2026-10-01"),
    "a quarter's first day": ("2026-10-01", 1, 3, "2026-07-01", "2026-10-01"),
    "before a quarter's day": ("2026-10-02", 3, 3, "2026-04-01", "2026-07-01"),
    "a year": ("2026-11-28", 1, 12, "2025-01-01", "2026-01-01"),
}


@pytest.mark.parametrize(
    ("today", "day", "months", "first", "end"), list(PERIODS.values()), ids=list(PERIODS)
)
def test_a_sample_is_of_whole_months_that_are_over(
    today: str, day: int, months: int, first: str, end: str
) -> None:
    expected = Period(date.fromisoformat(first), date.fromisoformat(end))
    assert expected == period_due(date.fromisoformat(today), day=day, months=months)


@given(
    start=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    day=st.integers(1, 28),
    months=st.sampled_from([1, 2, 3, 4, 6, 12]),
)
def test_periods_follow_each_other_without_a_gap(start: date, day: int, months: int) -> None:
    """A day of which no release is ever drawn would be the day to look at what one should not."""
    found = [period_due(start + timedelta(days=each), day=day, months=months) for each in range(800)]
    distinct = list(dict.fromkeys(found))
    assert all(before.end == after.first for before, after in pairwise(distinct))
    assert all(period.end <= start + timedelta(days=each) for each, period in enumerate(found))


def test_whoever_knows_the_seed_draws_the_same() -> None:
    """The order as the docstring says it, by a hand that shares no code."""
    seed = bytes(range(32))
    by_hand = sorted(
        range(300), key=lambda place: hashlib.sha256(seed + place.to_bytes(8, "big")).hexdigest()
    )
    assert by_hand == in_order(range(300), seed) == in_order(reversed(range(300)), seed)


@given(gone=st.sets(st.integers(0, 199), max_size=60))
def test_what_is_gone_takes_no_others_place(gone: set[int]) -> None:
    seed = b"s" * 32
    rest = [place for place in in_order(range(200), seed) if place not in gone]
    assert rest == in_order(set(range(200)) - gone, seed)


def test_no_release_is_likelier_than_another() -> None:
    """Ten places, three drawn, 2,000 seeds: each is drawn about 600 times (five standard deviations are 102)."""
    drawn = Counter(
        place for seed in range(2000) for place in in_order(range(10), seed.to_bytes(32, "big"))[:3]
    )
    assert set(range(10)) == set(drawn)
    assert all(abs(count - 600) < 103 for count in drawn.values()), drawn


def test_the_clock_of_a_question() -> None:
    clock = clock_of(date(2026, 11, 3), answer_days=14, escalate_days=7)
    assert Clock(date(2026, 11, 17), date(2026, 11, 24)) == clock
    assert [State.ASKED, State.REMINDED, State.REMINDED, State.ESCALATED] == [
        clock.state(today=date(2026, 11, day)) for day in (17, 18, 23, 24)
    ]
