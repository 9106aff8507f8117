"""Drawings as SVG: a frame that says what it shows, and curves of one chart after the other. Pure."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from bench.curves import Chart, power, round_up, short

WIDTH: Final = 720
"""Of every drawing."""

_HEAD: Final = 56
_PANEL: Final = 220
_LEFT: Final = 80
_RIGHT: Final = 40
_TOP: Final = 44
_BOTTOM: Final = 30
_COLOURS: Final = ("#14365c", "#1f6f8b", "#b45309", "#4b5563")
_DOT: Final = 3
_TICK: Final = 56
"""Sizes that stand closer are not told."""


def framed(lines: Sequence[str], *, title: str, note: str, height: float) -> str:
    """A whole drawing: what is drawn in it, under its title and a line that says how to read it."""
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>',
            f'<text x="12" y="22" font-size="14" font-weight="bold">{escape(title)}</text>',
            f'<text x="12" y="40" fill="#4b5563">{escape(note)}</text>',
            *lines,
            "</svg>",
            "",
        ]
    )


def curves(charts: Sequence[Chart], *, title: str, note: str) -> str:
    """All charts in one drawing, one below the other: a logarithmic x axis, a y axis from nought."""
    lines = [line for place, chart in enumerate(charts) for line in _panel(chart, y=_HEAD + place * _PANEL)]
    return framed(lines, title=title, note=note, height=_HEAD + _PANEL * len(charts) + 8)


def _panel(chart: Chart, *, y: float) -> Iterator[str]:
    top = round_up(max(value for each in chart.series for value in each.values))
    floor, ceiling = y + _PANEL - _BOTTOM, y + _TOP
    xs = [_LEFT + chart.share(size) * (WIDTH - _LEFT - _RIGHT) for size in chart.sizes]
    yield f'<text x="12" y="{y + 16:.1f}" font-weight="bold">{escape(chart.title)}</text>'
    for step in range(3):
        line = floor - (floor - ceiling) * step / 2
        yield f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{line:.1f}" y2="{line:.1f}" stroke="#d1d5db"/>'
        yield f'<text x="{_LEFT - 8}" y="{line + 4:.1f}" text-anchor="end">{short(top * step / 2)}</text>'
    right = math.inf
    for x, size in reversed(list(zip(xs, chart.sizes, strict=True))):
        if right - x > _TICK:
            yield f'<text x="{x:.1f}" y="{floor + 18:.1f}" text-anchor="middle">{power(size)}</text>'
            right = x
    for place, (each, colour) in enumerate(zip(chart.series, _COLOURS, strict=False)):
        heights = [floor - (floor - ceiling) * value / top for value in each.values]
        points = [(f"{x:.1f}", f"{height:.1f}") for x, height in zip(xs, heights, strict=True)]
        joined = " ".join(",".join(point) for point in points)
        yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for across, up in points:
            yield f'<circle cx="{across}" cy="{up}" r="{_DOT}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + place * 80}" y="{y + 34:.1f}" fill="{colour}">{escape(each.label)}</text>'
