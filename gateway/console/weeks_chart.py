"""How often, week by week, as bars. Pure.

INVARIANTS
- Every number that a bar stands for is written above it, and the description and the table say it as well.
- Rows differ by their words and place; colour says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

Row: TypeAlias = tuple[str, tuple[int, ...]]
"""What is counted, in words, and how often in each week."""

_STEP: Final = 72  # room for "28 Sep" with air about it; twelve fit into a page
_BAR: Final = 52
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
    """Bars, row beneath row, and the same numbers for the table.

    Attributes:
        id: of the drawing, within its page.
        of: what a row is of, as the table's first heading.
        weeks: the other headings.
        bases: where the bars of each row stand.
    """

    id: str
    title: str
    of: str
    weeks: list[str]
    width: int
    height: int
    bar_width: int
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...]
    bases: tuple[int, ...]
    description: str
    rows: tuple[Row, ...]


def chart(name: str, *, title: str, of: str, mondays: Sequence[date], rows: Sequence[Row]) -> Chart:
    """Return the bars of rows; the tallest is of the most in one week, whichever row's.

    Args:
        mondays: the first day of each week, the oldest first; a row counts as many.
    """
    most = max((count for _, counts in rows for count in counts), default=1)
    labels, bars, bases = [], [], []
    y = 0
    for words, counts in rows:
        labels.append(Label(0, y + _LABEL_BASELINE, words))
        base = y + _LABEL + _COUNT + _TALLEST
        bases.append(base)
        for place, count in enumerate(counts):
            if count:
                height = max(_TALLEST * count // most, _SHORTEST)
                bars.append(Bar(place * _STEP, base - height, height))
                labels.append(Label(place * _STEP + _BESIDE, base - height - _BESIDE, str(count)))
        y = base + _GAP
    labels += [
        Label(place * _STEP, y + _LABEL_BASELINE, short(monday)) for place, monday in enumerate(mondays)
    ]
    return Chart(
        name,
        title,
        of,
        [short(monday) for monday in mondays],
        len(mondays) * _STEP,
        y + _FOOT,
        _BAR,
        tuple(labels),
        tuple(bars),
        tuple(bases),
        _description(rows, mondays),
        tuple(rows),
    )


def short(monday: date) -> str:
    """The first day of a week, as a column's words."""
    return f"{monday.day} {monday:%b}"


def _description(rows: Sequence[Row], mondays: Sequence[date]) -> str:
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
