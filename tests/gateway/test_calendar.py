"""Working days decide who may ask about a family, so a day too many is a disclosure."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_registry.birthdays import LONDON, midnight
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import add_working_days, entitlement_window, is_working_day, mondays

NONE: frozenset[date] = frozenset()
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2045, 12, 31))


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        pytest.param(date(2026, 10, 7), 1, date(2026, 10, 8), id="to the next day"),
        pytest.param(date(2026, 10, 9), 1, date(2026, 10, 12), id="Friday to Monday"),
        pytest.param(date(2026, 10, 10), 1, date(2026, 10, 12), id="Saturday to Monday"),
        pytest.param(date(2026, 10, 11), -1, date(2026, 10, 9), id="Sunday back to Friday"),
        pytest.param(date(2026, 10, 12), -1, date(2026, 10, 9), id="Monday back to Friday"),
        pytest.param(date(2026, 10, 10), 0, date(2026, 10, 10), id="no count moves nothing"),
        pytest.param(date(2026, 4, 2), 1, date(2026, 4, 7), id="over Good Friday and Easter Monday"),
        pytest.param(date(2026, 4, 7), -1, date(2026, 4, 2), id="back over Easter"),
        pytest.param(date(2026, 12, 24), 1, date(2026, 12, 29), id="Boxing Day in lieu is Monday 28th"),
        pytest.param(date(2027, 12, 24), 1, date(2027, 12, 29), id="both days of Christmas in lieu"),
        pytest.param(date(2026, 12, 31), 1, date(2027, 1, 4), id="into the next year"),
        pytest.param(date(2028, 1, 4), -1, date(2027, 12, 31), id="back over New Year in lieu"),
    ],
)
def test_working_days_skip_weekends_and_bank_holidays(start: date, count: int, expected: date) -> None:
    """Offices are shut on these days, so they do not count for or against anyone."""
    assert expected == add_working_days(start, count, holidays=bank_holidays_around(start))


def test_a_scottish_holiday_is_a_working_day() -> None:
    """The council is English: 30 November (St Andrew's Day) is not a holiday there."""
    assert is_working_day(date(2026, 11, 30), holidays=bank_holidays_around(date(2026, 11, 30)))


@given(day=DAYS, count=st.integers(min_value=1, max_value=40), holidays=st.frozensets(DAYS, max_size=30))
def test_exactly_the_counted_working_days_lie_between(
    day: date, count: int, holidays: frozenset[date]
) -> None:
    """The definition itself: the answer is a working day and the count-th one from the start."""
    answer = add_working_days(day, count, holidays=holidays)
    between = [day + timedelta(days=n) for n in range(1, (answer - day).days + 1)]
    assert count == sum(is_working_day(one, holidays=holidays) for one in between)
    assert is_working_day(answer, holidays=holidays)


@given(day=DAYS, count=st.integers(min_value=1, max_value=40), holidays=st.frozensets(DAYS, max_size=30))
def test_counting_back_undoes_counting_on(day: date, count: int, holidays: frozenset[date]) -> None:
    """From a working day there and back is the same day."""
    start = add_working_days(day, 1, holidays=holidays)
    there = add_working_days(start, count, holidays=holidays)
    assert start == add_working_days(there, -count, holidays=holidays)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2026, 1, 15), datetime(2026, 1, 15, tzinfo=UTC), id="winter"),
        pytest.param(date(2026, 7, 15), datetime(2026, 7, 14, 23, tzinfo=UTC), id="summer"),
        pytest.param(date(2026, 3, 29), datetime(2026, 3, 29, tzinfo=UTC), id="clocks go forward that night"),
        pytest.param(date(2026, 3, 30), datetime(2026, 3, 29, 23, tzinfo=UTC), id="the day after"),
        pytest.param(date(2026, 10, 25), datetime(2026, 10, 24, 23, tzinfo=UTC), id="clocks go back"),
        pytest.param(date(2026, 10, 26), datetime(2026, 10, 26, tzinfo=UTC), id="the day after that"),
    ],
)
def test_a_day_begins_at_midnight_in_london(day: date, expected: datetime) -> None:
    """In summer that is 23:00 UTC of the day before; a UTC midnight would keep a window open an hour long."""
    assert expected == midnight(day)
    assert UTC is midnight(day).tzinfo


@given(day=DAYS)
def test_every_day_follows_the_one_before_without_a_gap(day: date) -> None:
    """A day is 23, 24 or 25 hours long, and its first instant is that day in London."""
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    assert end - begin in {timedelta(hours=hours) for hours in (23, 24, 25)}
    assert day == begin.astimezone(LONDON).date()
    assert day != (begin - timedelta(microseconds=1)).astimezone(LONDON).date()


@pytest.mark.parametrize(
    ("held_on", "opens_at", "closes_at"),
    [
        pytest.param(
            date(2026, 10, 21),
            datetime(2026, 10, 11, 23, tzinfo=UTC),
            datetime(2026, 10, 29, tzinfo=UTC),
            id="the clocks go back inside",
        ),
        pytest.param(
            date(2026, 3, 25),
            datetime(2026, 3, 16, tzinfo=UTC),
            datetime(2026, 4, 1, 23, tzinfo=UTC),
            id="the clocks go forward inside",
        ),
        pytest.param(
            date(2026, 4, 1),
            datetime(2026, 3, 23, tzinfo=UTC),
            datetime(2026, 4, 12, 23, tzinfo=UTC),
            id="Easter follows",
        ),
        pytest.param(
            date(2026, 12, 30),
            datetime(2026, 12, 17, tzinfo=UTC),
            datetime(2027, 1, 8, tzinfo=UTC),
            id="over Christmas and New Year",
        ),
    ],
)
def test_a_pack_opens_seven_days_before_and_closes_at_the_sixth_after(
    held_on: date, opens_at: datetime, closes_at: datetime
) -> None:
    """The council's window: no member may ask earlier than it prepares or later than it needs."""
    window = entitlement_window(held_on, before=7, after=6, holidays=bank_holidays_around(held_on))
    assert (opens_at, closes_at) == window


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 23), (date(2026, 11, 16), date(2026, 11, 23))),
        (date(2026, 11, 29), (date(2026, 11, 16), date(2026, 11, 23))),
        (date(2027, 1, 1), (date(2026, 12, 21), date(2026, 12, 28))),
    ],
    ids=["a Monday", "a Sunday", "over the new year"],
)
def test_weeks_begin_on_their_mondays(today: date, expected: tuple[date, ...]) -> None:
    assert expected == mondays(today, 2)


@given(held_on=DAYS, before=st.integers(1, 20), after=st.integers(1, 20))
def test_the_meeting_lies_inside_its_window(held_on: date, before: int, after: int) -> None:
    """Whatever the settings, the day of the meeting itself is open from its first instant to its last."""
    opens_at, closes_at = entitlement_window(held_on, before=before, after=after, holidays=NONE)
    assert opens_at < midnight(held_on) < closes_at
    assert midnight(held_on + timedelta(days=1)) <= closes_at
