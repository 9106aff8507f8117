"""Working days and the window in which a panel pack may be pulled.

INVARIANTS
- Dates turn at 00:00 Europe/London, whatever the clocks do that night.
- Every interval is half-open: an instant equal to ``closes_at`` is outside.
- Bank holidays enter as a value; a Saturday or Sunday is never a working day.

Pure: no clock, no I/O.
"""

from datetime import date, datetime, timedelta

from consent_registry.birthdays import midnight

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SATURDAY = 5


def is_working_day(day: date, *, holidays: frozenset[date]) -> bool:
    """True from Monday to Friday, except on a bank holiday."""
    return day.weekday() < _SATURDAY and day not in holidays


def add_working_days(day: date, count: int, *, holidays: frozenset[date]) -> date:
    """Return the working day that is ``count`` working days after ``day``.

    Args:
        day: where counting starts; the day itself is never counted, working day or not.
        count: working days; negative counts go back, 0 returns ``day`` unchanged.
        holidays: bank holidays of every year that the count can reach.

    Raises: OverflowError, the answer lies outside the years 1 to 9999.
    """
    step = _DAY if count > 0 else -_DAY
    left = abs(count)
    while left:
        day += step
        if is_working_day(day, holidays=holidays):
            left -= 1
    return day


def said_day(day: date) -> str:
    """Return a day as it is said: "4 June 2025"."""
    return f"{day.day} {day:%B %Y}"


def mondays(today: date, count: int) -> tuple[date, ...]:
    """Return the first days of so many weeks, today's the last."""
    this = today - today.weekday() * _DAY
    return tuple(this - each * _WEEK for each in reversed(range(count)))


def entitlement_window(
    held_on: date, *, before: int, after: int, holidays: frozenset[date]
) -> tuple[datetime, datetime]:
    """Return ``(opens_at, closes_at)``: when the members of a meeting may ask about its cases.

    Args:
        held_on: the day of the meeting.
        before: the window opens at the start of this working day before the meeting, 1 or more.
        after: it closes at the start of this working day after the meeting, 1 or more.
        holidays: bank holidays around the meeting.

    Returns: aware UTC instants; the window is half-open, ``opens_at <= now < closes_at``.
    """
    opens_on = add_working_days(held_on, -before, holidays=holidays)
    closes_on = add_working_days(held_on, after, holidays=holidays)
    return midnight(opens_on), midnight(closes_on)
