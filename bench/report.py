"""What a run found, in figures: medians of ratios taken inside one round, a table, and a drawing. No I/O.

INVARIANTS
- A ratio compares two measurements of the same round, number of connections and transport, and nothing else.
- Beside each median stand the least and the greatest of its rounds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any, Final, TypeAlias

from bench.curves import short
from bench.drawing import WIDTH, framed
from bench.measuring import CERTIFICATE, DPOP, FLOOR, FLOOR_LOG, KINDS, Contender, Slice

Found: TypeAlias = Mapping[tuple[Contender, int], Sequence[Slice]]
"""All rounds of every contender at every number of connections."""

_FIGURES: Final[Sequence[tuple[str, Callable[[Slice], float]]]] = (
    ("requests_per_s", lambda each: each.per_second),
    ("p50_ms", lambda each: each.percentiles[0]),
    ("p95_ms", lambda each: each.percentiles[1]),
    ("p99_ms", lambda each: each.percentiles[2]),
    ("bytes", lambda each: each.bytes / each.requests),
    ("web_ms", lambda each: each.processor_ms["web"]),
    ("database_ms", lambda each: each.processor_ms["database"]),
    ("load_ms", lambda each: each.processor_ms["load"]),
    ("server_ms", lambda each: each.processor_ms["web"] + each.processor_ms["database"]),
)
_RATIOS: Final = (
    ("per_second_to_floor", FLOOR, "requests_per_s"),
    ("per_second_to_floor_log", FLOOR_LOG, "requests_per_s"),
    ("p50_to_floor_log", FLOOR_LOG, "p50_ms"),
    ("p95_to_floor_log", FLOOR_LOG, "p95_ms"),
    ("server_ms_to_floor_log", FLOOR_LOG, "server_ms"),
)
"""Name of each ratio, what it is to, and of which figure."""

_LEFT: Final = 250
_ROW: Final = 22
_COLOURS: Final = {FLOOR: "#8a8f98", FLOOR_LOG: "#4b5563", DPOP: "#1f6f8b", CERTIFICATE: "#14365c"}


def points(found: Found) -> list[dict[str, Any]]:
    """Every contender at every number of connections, with its figures and its ratios to what it is compared with."""
    return [
        {
            "contender": contender.kind,
            "tls": contender.tls,
            "connections": connections,
            "rounds": len(slices),
            "requests": sum(each.requests for each in slices),
            **{name: _spread([value(each) for each in slices]) for name, value in _FIGURES},
            "ratios": _ratios(found, contender, connections),
        }
        for (contender, connections), slices in sorted(found.items(), key=_in_order)
    ]


def _in_order(item: tuple[tuple[Contender, int], Sequence[Slice]]) -> tuple[bool, int, int]:
    (contender, connections), _ = item
    return contender.tls, connections, KINDS.index(contender.kind)


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "min": min(values), "max": max(values)}


def _ratios(found: Found, contender: Contender, connections: int) -> dict[str, dict[str, float]]:
    """Of requests per second to both floors, and of p50, p95 and processors' time to the floor with a log."""
    own, figures = found[contender, connections], dict(_FIGURES)
    ratios = {}
    for name, to, figure in _RATIOS:
        other = found.get((Contender(to, contender.tls), connections))
        if other is not None and contender.kind != to:
            value = figures[figure]
            pairs = zip(own, other, strict=True)
            ratios[name] = _spread([value(one) / max(value(two), 1e-9) for one, two in pairs])
    return ratios


def table(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of the table."""
    yield (
        f"{'':<28}{'c':>3}{'req/s':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'web':>7}{'db':>7}{'load':>7}{'bytes':>8}"
        f"  {'to floor+log':<20}{'to floor':<20}"
    )
    last = None
    for point in found:
        group = (point["tls"], point["connections"])
        if last not in (None, group):
            yield ""
        last = group
        name = f"{point['contender']}{', TLS' if point['tls'] else ''}"
        cells = "".join(
            f"{short(point[figure]['median']):>{width}}"
            for figure, width in (
                ("requests_per_s", 8),
                ("p50_ms", 8),
                ("p95_ms", 8),
                ("p99_ms", 8),
                ("web_ms", 7),
                ("database_ms", 7),
                ("load_ms", 7),
                ("bytes", 8),
            )
        )
        ratios = point["ratios"]
        told = (ratios.get("per_second_to_floor_log"), ratios.get("per_second_to_floor"))
        yield f"{name:<28}{point['connections']:>3}{cells}  {''.join(f'{spread(each):<20}' for each in told)}".rstrip()


def spread(values: Mapping[str, float] | None) -> str:
    """A median with its least and greatest; nothing where there is none."""
    if values is None:
        return ""
    return f"{values['median']:.2f} ({values['min']:.2f}-{values['max']:.2f})"


def drawing(found: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """An SVG of the ratios to the floor with a log: one bar each, with a line from its least to its greatest."""
    bars = [point for point in found if "per_second_to_floor_log" in point["ratios"]]
    top = max((point["ratios"]["per_second_to_floor_log"]["max"] for point in bars), default=1.0)
    scale = (WIDTH - _LEFT - 70) / max(top, 1.0)
    height = 56 + _ROW * len(bars) + 28
    lines = [
        line for place, point in enumerate(bars) for line in _bar(point, y=56 + place * _ROW, scale=scale)
    ]
    one = _LEFT + scale
    lines += [
        f'<line x1="{one:.1f}" x2="{one:.1f}" y1="50" y2="{height - 26}" stroke="#b91c1c" stroke-dasharray="4 3"/>',
        f'<text x="{one:.1f}" y="{height - 10}" text-anchor="middle" fill="#b91c1c">floor+log</text>',
    ]
    note = "Requests per second, floor+log = 1; line: least to greatest round"
    return framed(lines, title=title, note=note, height=height)


def _bar(point: Mapping[str, Any], *, y: int, scale: float) -> list[str]:
    ratio = point["ratios"]["per_second_to_floor_log"]
    name = f"{point['contender']}{', TLS' if point['tls'] else ''}, c={point['connections']}"
    low, high, end = (_LEFT + ratio[each] * scale for each in ("min", "max", "median"))
    middle = y + _ROW / 2 - 2
    return [
        f'<text x="{_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{_LEFT}" y="{y}" width="{end - _LEFT:.1f}" height="{_ROW - 6}" fill="{_COLOURS[point["contender"]]}"/>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="#f59e0b" stroke-width="2"/>',
        f'<text x="{max(end, high) + 6:.1f}" y="{middle + 4:.1f}">{ratio["median"]:.2f}</text>',
    ]
