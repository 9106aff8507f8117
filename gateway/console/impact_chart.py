"""What a candidate would have changed, as bars: per field how many past pulls lost or gained something. Pure.

INVARIANTS
- Everything that the bars show is written at their ends, and the description says it as well.
- Lost and gained differ by word and pattern; colour says nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agencies.catalogue import FIELDS
from gateway.release.impact import FieldImpact, Impact, sentences

_WIDTH: Final = 640
_LONGEST: Final = 480
_SHORTEST: Final = 4
_LABEL: Final = 26
_BAR: Final = 18
_STEP: Final = 24
_GAP: Final = 12
_BESIDE: Final = 8
_BASELINE: Final = 14
_LABEL_BASELINE: Final = 18


class Change(StrEnum):
    """Which way."""

    LOST = "lost"
    GAINED = "gained"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, begun at the left edge, and the words at its end."""

    change: Change
    y: int
    width: int
    words: str
    words_x: int
    words_y: int


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a field, above its bars."""

    y: int
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The whole; of nothing that changed there is no bar."""

    width: int
    height: int
    bar_height: int
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...]
    description: str


def chart(impact: Impact) -> Chart:
    """Return the bars of every field that changed, in the catalogue's order; the longest is of the most pulls."""
    most = max((max(count for _, count in _counts(each)) for each in impact.changed), default=1)
    labels, bars = [], []
    y = 0
    for each in impact.changed:
        labels.append(Label(y + _LABEL_BASELINE, FIELDS[each.field].description))
        y += _LABEL
        for change, count in _counts(each):
            width = max(_LONGEST * count // most, _SHORTEST)
            words = f"{change} {count}"
            bars.append(Bar(change, y, width, words, words_x=width + _BESIDE, words_y=y + _BASELINE))
            y += _STEP
        y += _GAP
    return Chart(_WIDTH, y, _BAR, tuple(labels), tuple(bars), " ".join(sentences(impact)))


def _counts(each: FieldImpact) -> list[tuple[Change, int]]:
    """How many pulls lost and gained something of it; a way that none went is absent."""
    counts = ((Change.LOST, each.lost.releases), (Change.GAINED, each.gained.releases))
    return [(change, count) for change, count in counts if count]
