"""The bank holidays of England, as the calendar needs them.

INVARIANT: the only module that imports ``holidays``. A bank holiday proclaimed after that package was
released is missing until it is upgraded; importing a meeting again then corrects its window.
"""

from datetime import date
from functools import cache

from holidays import country_holidays


def bank_holidays_around(day: date) -> frozenset[date]:
    """Return the bank holidays of England, days in lieu included, in the year of ``day`` and the two beside it."""
    return frozenset().union(*(_of_year(year) for year in (day.year - 1, day.year, day.year + 1)))


@cache
def _of_year(year: int) -> frozenset[date]:
    return frozenset(country_holidays("GB", subdiv="ENG", years=year, expand=False))
