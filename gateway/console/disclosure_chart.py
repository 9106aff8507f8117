"""How often, by agency and week, as bars. Pure.

INVARIANTS
- Every number that a bar stands for is written above it, and the description and the table say it as well.
- Agencies differ by their words and place; colour says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from gateway.consent.disclosures import Weeks
from gateway.console.disclosure_words import SORT_WORDS
from gateway.disclosure_log.exploring import Sort

NOBODY: Final = "No agency had anything"
_STEP: Final = 52
_BAR: Final = 40
_TALLEST: Final = 48
_SHORTEST: Final = 2
_LABEL: Final = 26
_LABEL_BASELINE: Final = 18
_COUNT: Final = 20
_BESIDE: Final = 6
_FOOT: Final = 26
_GAP: Final = 10


@dataclass(frozen=True, slots=True)
class Label:
    """Words, from their left end."""

    x: int
    y: int
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar on its base; a week of which there is nothing has none."""

    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one sort, agency beneath agency, and the same numbers for the table."""

    sort: Sort
    title: str
    width: int
    height: int
    bar_width: int
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...]
    description: str
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def chart(weeks: Weeks, sort: Sort, *, names: Mapping[str, str]) -> Chart:
    """Return the bars of one sort; the tallest is of the most in one week, whichever agency's.

    Args:
        names: of agencies by code.
    """
    rows = tuple((names.get(code, code) or NOBODY, weeks.row(sort, code)) for code in weeks.agencies(sort))
    most = max((count for _, counts in rows for count in counts), default=1)
    labels, bars = [], []
    y = 0
    for name, counts in rows:
        labels.append(Label(0, y + _LABEL_BASELINE, name))
        base = y + _LABEL + _COUNT + _TALLEST
        for place, count in enumerate(counts):
            if count:
                height = max(_TALLEST * count // most, _SHORTEST)
                bars.append(Bar(place * _STEP, base - height, height))
                labels.append(Label(place * _STEP + _BESIDE, base - height - _BESIDE, str(count)))
        y = base + _GAP
    labels += [
        Label(place * _STEP, y + _LABEL_BASELINE, short(monday)) for place, monday in enumerate(weeks.mondays)
    ]
    return Chart(
        sort,
        SORT_WORDS[sort],
        len(weeks.mondays) * _STEP,
        y + _FOOT,
        _BAR,
        tuple(labels),
        tuple(bars),
        _description(rows, weeks.mondays),
        rows,
    )


def short(monday: date) -> str:
    """The first day of a week, as a column's words."""
    return f"{monday.day} {monday:%b}"


def _description(rows: tuple[tuple[str, tuple[int, ...]], ...], mondays: tuple[date, ...]) -> str:
    sentences = [
        f"{name}: "
        + ", ".join(
            f"{count} in the week of {short(monday)}"
            for monday, count in zip(mondays, counts, strict=True)
            if count
        )
        + "."
        for name, counts in rows
    ]
    return " ".join(sentences)
