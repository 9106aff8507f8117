"""Dates, and ages in the forms in which they are told: months, years, bands.

INVARIANT: a month or a year is complete on the day with the birth's day number; where a month lacks that
    day it is complete on the 1st of the next, so that a 29 February birthday counts on 1 March.
INVARIANT: a form is data; an age before the birth is in no form, so that it is told nowhere.

Pure: standard library only; the day is passed in (Europe/London).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from agencies.errors import UnknownFieldError
from agencies.model import FieldName, Level

_MONTHS = 12
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


@dataclass(frozen=True, slots=True)
class AgeForm:
    """One way to tell an age: ``by_month.get(months, by_year.get(months // 12))``; None is not told.

    Attributes:
        by_month: what is told of an age in whole months; before ``by_year``.
        by_year: what is told of an age in whole years.
        unborn: what is told while the birth is expected; None where the form has no word for it.
    """

    by_month: Mapping[int, str]
    by_year: Mapping[int, str | int]
    unborn: str | None


_YEARS: Final = range(1000)
_NO_MONTHS: Final[Mapping[int, str]] = MappingProxyType({})

EXACT_AGE: Final = AgeForm(
    by_month=MappingProxyType(
        {months: "1 month" if months == 1 else f"{months} months" for months in range(24)}
    ),
    by_year=MappingProxyType({years: years for years in _YEARS}),
    unborn="unborn",
)
"""Years as a number; below two years months as text."""

CHILD_AGE_BAND: Final = AgeForm(
    by_month=_NO_MONTHS,
    by_year=MappingProxyType(
        dict.fromkeys(range(5), "0-4")
        | dict.fromkeys(range(5, 11), "5-10")
        | dict.fromkeys(range(11, 16), "11-15")
        | dict.fromkeys(range(16, 18), "16-17")
        | dict.fromkeys(range(18, 26), "18-25")
    ),
    unborn="0-4",
)
"""Five bands; nothing above 25 years."""

ADULT_AGE_BAND: Final = AgeForm(
    by_month=_NO_MONTHS,
    by_year=MappingProxyType(
        dict.fromkeys(_YEARS, "65+")
        | dict.fromkeys(range(65), "25-64")
        | dict.fromkeys(range(25), "18-24")
        | dict.fromkeys(range(18), "<18")
    ),
    unborn=None,
)
"""Four bands."""

_AGE_FORMS: Mapping[FieldName, Mapping[Level, AgeForm]] = MappingProxyType(
    {
        FieldName("child_dob"): {Level.F: EXACT_AGE, Level.G1: EXACT_AGE, Level.G2: CHILD_AGE_BAND},
        FieldName("adult_dob"): {Level.F: EXACT_AGE, Level.G1: ADULT_AGE_BAND},
    }
)
"""The forms in which an age may be seen besides its own field, no finer than that field."""


def released_age(
    field: FieldName, *, level: Level, value: Mapping[str, object], months: int
) -> str | int | None:
    """A person's age in the form that a recipient may see, for ``LadderContext.birth``.

    Args:
        field: child_dob or adult_dob.
        level: the level at which that field goes to the recipient.
        value: the sound value of that field.
        months: whole months of age today; negative before the birth.

    Returns: years, "14 months", "unborn" or a band; None where the age is withheld.
    Raises: UnknownFieldError, the field holds no date of birth.
    """
    forms = _AGE_FORMS.get(field)
    if forms is None:
        raise UnknownFieldError("the field holds no date of birth")
    form = forms.get(level)
    if form is None:
        return None
    if form.unborn is not None and value["certainty"] == "expected":
        return form.unborn
    return form.by_month.get(months, form.by_year.get(months // 12))
