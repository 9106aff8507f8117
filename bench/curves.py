"""Curves drawn with characters: a logarithmic x axis, a y axis from nought, one marker per series. Pure.

On such axes what grows as log n is a straight line, and what grows as n turns upwards and leaves.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Final

WIDTH: Final = 54
"""Characters of one chart, its y axis included."""

_ROWS: Final = 8
_AXIS: Final = 8
_PLOT: Final = WIDTH - _AXIS - 6  # half of the last size's label stands to the right of the plot
_JOIN: Final = "."


@dataclass(frozen=True, slots=True)
class Series:
    """One curve.

    Attributes:
        label: what the legend calls it.
        marker: the character of its points.
        values: one per size, not negative.
    """

    label: str
    marker: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves that share a title, a unit and the sizes under them.

    Attributes:
        sizes: ascending, at least two; the x axis.
        series: the first one is joined by a dotted line, and lies above the others where they meet.
    """

    title: str
    sizes: Sequence[int]
    series: Sequence[Series]

    def lines(self) -> list[str]:
        """Return the chart, each line exactly ``WIDTH`` characters."""
        top = round_up(max(value for each in self.series for value in each.values))
        legend = "  ".join(f"{each.marker} {each.label}" for each in self.series)
        grid = self._grid(top)
        drawn = [self.title, f"{'':{_AXIS}} {legend}"]
        for row in reversed(range(_ROWS + 1)):
            mark = short(top * row / _ROWS) if row % (_ROWS // 2) == 0 else ""
            drawn.append(f"{mark:>{_AXIS}}|{''.join(grid[row])}")
        drawn += [f"{'':{_AXIS}}+{'-' * _PLOT}", self._ticks()]
        return [line.ljust(WIDTH) for line in drawn]

    def share(self, size: int) -> float:
        """Where a size stands on the logarithmic axis, from 0 to 1."""
        first, last = math.log(self.sizes[0]), math.log(self.sizes[-1])
        return (math.log(size) - first) / (last - first)

    def _grid(self, top: float) -> list[list[str]]:
        grid = [[" "] * _PLOT for _ in range(_ROWS + 1)]
        columns = [self._column(size) for size in self.sizes]
        heights = [[round(value / top * _ROWS) for value in each.values] for each in self.series]
        points = list(zip(columns, self.series[0].values, strict=True))
        for (left, low), (right, high) in pairwise(points):
            for column in range(left + 1, right):
                value = low + (high - low) * (column - left) / (right - left)
                grid[round(value / top * _ROWS)][column] = _JOIN
        for each, rows in reversed(list(zip(self.series, heights, strict=True))):
            for column, row in zip(columns, rows, strict=True):
                grid[row][column] = each.marker
        return grid

    def _column(self, size: int) -> int:
        return round(self.share(size) * (_PLOT - 1))

    def _ticks(self) -> str:
        """The sizes under the axis, the last one always, and no two in one place."""
        line = [" "] * WIDTH
        for size in reversed(self.sizes):
            label = power(size)
            start = min(_AXIS + 1 + self._column(size) - len(label) // 2, WIDTH - len(label))
            if not "".join(line[start - 1 : start + len(label) + 1]).strip():
                line[start : start + len(label)] = label
        return "".join(line)


def beside(charts: Sequence[Chart]) -> Iterator[str]:
    """Yield the lines of the charts, two in a row."""
    for row, (left, right) in enumerate(zip_longest(charts[::2], charts[1::2])):
        if row:
            yield ""
        others = right.lines() if right else [""] * len(left.lines())
        for one, other in zip(left.lines(), others, strict=True):
            yield f"{one}  {other}".rstrip()


def short(value: float) -> str:
    """Return a number with about three digits that count."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def power(size: int) -> str:
    """Return ``10^k`` where the size is a power of ten from a thousand on, else the size in digits."""
    exponent = len(str(size)) - 1
    return f"10^{exponent}" if size == 10**exponent and size >= 10**3 else f"{size:,}"


def round_up(value: float) -> float:
    """The next number that reads well on an axis."""
    unit: float = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if value <= step * unit)
