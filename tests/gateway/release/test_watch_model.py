"""Unusual pulling, by the book: thresholds at exactly their number, windows at exactly their edge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bank_holidays import bank_holidays_around
from gateway.release.watch.model import (
    FAMILY_WINDOW,
    KEPT,
    VOLUME_WINDOW,
    Finding,
    Pull,
    Thresholds,
    Who,
    is_working_time,
    unusual,
)
from gateway.tasks.model import TaskKind

NOON = datetime(2026, 10, 7, 11, 0, tzinfo=UTC)  # a Wednesday, 12:00 in London
JO = Who("camhs", "ag_1", "jo")
FAMILY, OTHER = UUID(int=1), UUID(int=2)
TICK = timedelta(milliseconds=1)
LIMITS = Thresholds(pulls_per_hour=3, family_pulls_per_day=4, working_hours=(7, 20))
NEVER = Thresholds(pulls_per_hour=10**6, family_pulls_per_day=10**6, working_hours=(0, 24))


def pulls(*ats: datetime, who: Who = JO, family: UUID | None = FAMILY, released: bool = True) -> list[Pull]:
    return [Pull(who, at, family, released) for at in ats]


def of_kind(kind: TaskKind, found: Sequence[Finding]) -> list[tuple[date, int]]:
    return [(finding.day, finding.count) for finding in found if finding.kind is kind]


@pytest.mark.parametrize(
    ("ats", "found"),
    [
        pytest.param([NOON, NOON, NOON], True, id="three at once"),
        pytest.param([NOON, NOON], False, id="two are not three"),
        pytest.param([NOON, NOON, NOON + VOLUME_WINDOW - TICK], True, id="just within the hour"),
        pytest.param([NOON, NOON, NOON + VOLUME_WINDOW], False, id="exactly an hour later"),
        pytest.param(
            [NOON, NOON + VOLUME_WINDOW, NOON + VOLUME_WINDOW, NOON + 2 * TICK], True, id="unordered"
        ),
    ],
)
def test_volume_is_so_many_within_sixty_minutes(ats: list[datetime], *, found: bool) -> None:
    assert found == bool(of_kind(TaskKind.PULLING_VOLUME, unusual(pulls(*ats), thresholds=LIMITS)))


@pytest.mark.parametrize(
    ("ats", "found"),
    [
        pytest.param([NOON] * 4, True, id="four at once"),
        pytest.param([NOON] * 3, False, id="three are not four"),
        pytest.param([NOON] * 3 + [NOON + FAMILY_WINDOW - TICK], True, id="just within the day"),
        pytest.param([NOON] * 3 + [NOON + FAMILY_WINDOW], False, id="exactly a day later"),
    ],
)
def test_family_is_so_many_within_twenty_four_hours(ats: list[datetime], *, found: bool) -> None:
    findings = unusual(pulls(*ats), thresholds=LIMITS)
    assert found == bool(of_kind(TaskKind.PULLING_FAMILY, findings))
    assert {FAMILY} >= {each.family_id for each in findings if each.kind is TaskKind.PULLING_FAMILY}


def test_refusals_count_for_volume_so_that_guessing_is_seen() -> None:
    found = unusual(pulls(NOON, NOON, NOON, family=None, released=False), thresholds=LIMITS)
    assert [Finding(TaskKind.PULLING_VOLUME, JO, NOON.date(), 3)] == list(found)


def test_requests_for_no_known_case_are_no_family() -> None:
    """Guesses at references that do not exist have nothing in common but that."""
    guesses = pulls(*[NOON] * 9, family=None, released=False)
    assert [] == of_kind(TaskKind.PULLING_FAMILY, unusual(guesses, thresholds=LIMITS))


def test_refusals_for_a_known_family_count_for_it() -> None:
    asked = pulls(NOON, NOON) + pulls(NOON, NOON, released=False)
    assert [(NOON.date(), 4)] == of_kind(TaskKind.PULLING_FAMILY, unusual(asked, thresholds=LIMITS))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(JO, practitioner="sam"), id="another practitioner"),
        pytest.param(replace(JO, client_id="ag_2"), id="another client"),
        pytest.param(replace(JO, practitioner=""), id="nobody named"),
    ],
)
def test_two_practitioners_are_not_added_up(other: Who) -> None:
    """A busy agency is not an unusual person."""
    mixed = pulls(NOON, NOON) + pulls(NOON, NOON, who=other)
    assert () == unusual(mixed, thresholds=LIMITS)


def test_two_families_are_not_added_up() -> None:
    mixed = pulls(*[NOON] * 3) + pulls(*[NOON] * 3, family=OTHER)
    assert [] == of_kind(TaskKind.PULLING_FAMILY, unusual(mixed, thresholds=LIMITS))


def test_each_family_is_a_finding_of_its_own() -> None:
    mixed = pulls(*[NOON] * 4) + pulls(*[NOON] * 4, family=OTHER)
    families = {each.family_id for each in unusual(mixed, thresholds=LIMITS) if each.family_id}
    assert {FAMILY, OTHER} == families


def test_a_burst_over_midnight_belongs_to_the_day_that_completed_it() -> None:
    """23:30, 23:45 and 00:10 in London: the third made it unusual."""
    late = datetime(2026, 10, 7, 22, 30, tzinfo=UTC)
    times = [late, late + timedelta(minutes=15), late + timedelta(minutes=40)]
    found = of_kind(TaskKind.PULLING_VOLUME, unusual(pulls(*times), thresholds=LIMITS))
    assert [(date(2026, 10, 8), 3)] == found


@pytest.mark.parametrize(
    ("at", "working"),
    [
        pytest.param(datetime(2026, 10, 7, 5, 59, 59, tzinfo=UTC), False, id="06:59:59 in summer"),
        pytest.param(datetime(2026, 10, 7, 6, 0, tzinfo=UTC), True, id="07:00 in summer"),
        pytest.param(datetime(2026, 10, 7, 18, 59, 59, tzinfo=UTC), True, id="19:59:59 in summer"),
        pytest.param(datetime(2026, 10, 7, 19, 0, tzinfo=UTC), False, id="20:00 in summer"),
        pytest.param(datetime(2026, 11, 4, 6, 59, tzinfo=UTC), False, id="06:59 in winter"),
        pytest.param(datetime(2026, 11, 4, 19, 59, tzinfo=UTC), True, id="19:59 in winter"),
        pytest.param(datetime(2026, 10, 9, 12, 0, tzinfo=UTC), True, id="Friday"),
        pytest.param(datetime(2026, 10, 10, 12, 0, tzinfo=UTC), False, id="Saturday"),
        pytest.param(datetime(2026, 10, 11, 12, 0, tzinfo=UTC), False, id="Sunday"),
        pytest.param(datetime(2026, 12, 25, 12, 0, tzinfo=UTC), False, id="Christmas, a Friday"),
        pytest.param(datetime(2026, 12, 28, 12, 0, tzinfo=UTC), False, id="Boxing Day in lieu"),
        pytest.param(
            datetime(2026, 5, 31, 23, 30, tzinfo=UTC), False, id="Monday 00:30, still Sunday in UTC"
        ),
    ],
)
def test_working_time_is_londons(at: datetime, *, working: bool) -> None:
    limits = replace(LIMITS, bank_holidays=bank_holidays_around(at.date()))
    assert working == is_working_time(at, thresholds=limits)
    found = of_kind(TaskKind.PULLING_HOURS, unusual(pulls(at), thresholds=limits))
    assert working == (not found)


def test_refusals_at_night_are_not_remarkable() -> None:
    """Nothing left; whoever guesses at night is seen by their number."""
    night = datetime(2026, 10, 7, 2, 0, tzinfo=UTC)
    assert () == unusual(pulls(night, released=False), thresholds=LIMITS)


def test_a_night_of_releases_is_one_finding_per_day() -> None:
    nights = [NOON.replace(day=day, hour=23) for day in (5, 6, 6)]  # midnight in London: the next day's
    found = of_kind(TaskKind.PULLING_HOURS, unusual(pulls(*nights), thresholds=LIMITS))
    assert [(date(2026, 10, 6), 1), (date(2026, 10, 7), 2)] == found


@given(
    minutes=st.lists(st.integers(min_value=0, max_value=300), max_size=25),
    threshold=st.integers(min_value=1, max_value=6),
)
def test_a_finding_is_exactly_a_window_that_full(minutes: list[int], threshold: int) -> None:
    """Against the definition, counted the slow way."""
    times = [NOON + timedelta(minutes=minute) for minute in minutes]
    fullest = max((sum(at <= end < at + VOLUME_WINDOW for at in times) for end in times), default=0)
    found = unusual(pulls(*times, family=None), thresholds=replace(NEVER, pulls_per_hour=threshold))
    expected = [(NOON.date(), fullest)] if fullest >= threshold else []
    assert expected == of_kind(TaskKind.PULLING_VOLUME, found)


@given(
    hours=st.lists(st.integers(min_value=0, max_value=72), max_size=25),
    gone=st.integers(min_value=0, max_value=72),
    threshold=st.integers(min_value=1, max_value=6),
)
def test_forgetting_the_past_finds_nothing_new(hours: list[int], gone: int, threshold: int) -> None:
    """Pulls are deleted after two days; the officer must not be told something new by that."""
    limits = Thresholds(threshold, threshold, (9, 17))
    everything = pulls(*(NOON + timedelta(hours=hour) for hour in hours))
    kept = [pull for pull in everything if pull.at >= NOON + timedelta(hours=gone)]

    def keys(some: list[Pull]) -> set[tuple[TaskKind, date]]:
        return {(each.kind, each.day) for each in unusual(some, thresholds=limits)}

    assert keys(kept) <= keys(everything)


@given(st.permutations([NOON + timedelta(minutes=20 * n) for n in range(6)]))
def test_the_order_of_the_log_does_not_matter(times: list[datetime]) -> None:
    """Entries of one batch share an instant; entries of two may lie the other way round."""
    ordered = unusual(pulls(*sorted(times)), thresholds=LIMITS)
    assert set(ordered) == set(unusual(pulls(*times), thresholds=LIMITS))


def test_pulls_are_kept_for_longer_than_any_window() -> None:
    assert KEPT >= VOLUME_WINDOW + timedelta(days=1)
    assert KEPT >= FAMILY_WINDOW + timedelta(hours=1)
