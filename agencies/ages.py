"""Dates, and ages in the forms in which they are told: months, years, bands.

INVARIANT: a month or a year is complete on the day with the birth's day number; where a month lacks that
    day it is complete on the 1st of the next, so that a 29 February birthday counts on 1 March.

Pure: standard library only; the day is passed in (Europe/London).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

_MONTHS = 12
_TWO_YEARS = 24
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def whole_months(born: date, *, today: date) -> int:
    """Complete months between two days; negative before the birth."""
    months = (today.year - born.year) * _MONTHS + today.month - born.month
    return months if today.day >= born.day else months - 1


def whole_years(born: date, *, today: date) -> int:
    """Complete years between two days; negative before the birth."""
    return whole_months(born, today=today) // _MONTHS


def iso_day(value: object) -> date | None:
    """A date of the one ISO form used here; ``date.fromisoformat`` alone would take others."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def age_form(value: Mapping[str, object], *, today: date) -> str | int | None:
    """Years as a number, months as "14 months", or "unborn"; None for a date that tells no age."""
    if value["certainty"] == "expected":
        return "unborn"
    born = iso_day(value["date"])
    months = -1 if born is None else whole_months(born, today=today)
    if born is None or months < 0:
        return None
    if months < _TWO_YEARS:
        return "1 month" if months == 1 else f"{months} months"
    return whole_years(born, today=today)


def child_band_form(value: Mapping[str, object], *, today: date) -> str | None:
    """The child's age band; None above 25 years."""
    if value["certainty"] == "expected":
        return "0-4"
    return _band(value, today, ((4, "0-4"), (10, "5-10"), (15, "11-15"), (17, "16-17"), (25, "18-25")))


def adult_band_form(value: Mapping[str, object], *, today: date) -> str | None:
    """The adult's age band."""
    return _band(value, today, ((17, "<18"), (24, "18-24"), (64, "25-64"), (999, "65+")))


def _band(value: Mapping[str, object], today: date, bands: Sequence[tuple[int, str]]) -> str | None:
    """The first band whose last year is not below the age in years."""
    born = iso_day(value["date"])
    years = -1 if born is None else whole_years(born, today=today)
    if years < 0:
        return None
    return next((label for last, label in bands if years <= last), None)
