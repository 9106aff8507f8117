"""The birthdays on which what a parent agreed for a child ends. Pure: the day of birth comes in, instants go out.

INVARIANT: a day begins at 00:00 in London; a 29 February birthday counts on 1 March in other years.

Sources: Family Law Reform Act 1969 s.8 (16), s.1 (18); Children Act 1989 s.91(7), (8).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")
SIXTEEN: Final = 16
EIGHTEEN: Final = 18


@dataclass(frozen=True, slots=True)
class Birthdays:
    """When what a parent agreed for a child ends by age; absent: never, as far as anybody knows.

    Attributes:
        sixteenth: the aware instant from which only the young person's own answer counts; absent too where the
            council's policy does not let it lapse then.
        eighteenth: the aware instant at which parental responsibility ends.
    """

    sixteenth: datetime | None = None
    eighteenth: datetime | None = None


UNKNOWN_BIRTHDAYS: Final = Birthdays()


def birthdays_of(born: date | None, *, lapse_at_sixteen: bool = True) -> Birthdays:
    """The birthdays that count for somebody born, or expected, on this day.

    Args:
        lapse_at_sixteen: the council's policy; at 18 parental responsibility ends whatever the policy is.
    """
    if born is None:
        return UNKNOWN_BIRTHDAYS
    sixteenth = midnight(birthday(born, SIXTEEN)) if lapse_at_sixteen else None
    return Birthdays(sixteenth, midnight(birthday(born, EIGHTEEN)))


def birthday(born: date, years: int) -> date:
    """The day on which somebody becomes so many years old."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def midnight(day: date) -> datetime:
    """The aware UTC instant at which a day begins in London; the clocks change at 01:00 UTC, so there is one each day."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)
