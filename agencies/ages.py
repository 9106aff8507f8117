"""Ages in whole months and years.

INVARIANT: a month or a year is complete on the day with the birth's day number; where a month lacks that
    day it is complete on the 1st of the next, so that a 29 February birthday counts on 1 March.

Pure: standard library only; the day is passed in (Europe/London).
"""

from datetime import date

_MONTHS = 12


def whole_months(born: date, *, today: date) -> int:
    """Complete months between two days; negative before the birth."""
    months = (today.year - born.year) * _MONTHS + today.month - born.month
    return months if today.day >= born.day else months - 1


def whole_years(born: date, *, today: date) -> int:
    """Complete years between two days; negative before the birth."""
    return whole_months(born, today=today) // _MONTHS
