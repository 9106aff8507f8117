"""How fast the disclosure log appends, proves and verifies, from a thousand entries to a million.

INVARIANTS
- Everything is measured in one run over the gateway's own functions and a PostgreSQL that flushes.
- There is one log per size, and they take turns: what differs between sizes is the size.
- It asserts no time: it prints what this machine did, and whether proofs grow as log n.
"""

import json
import math
import os
import platform
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, TextIO

import click
from sqlalchemy import text

from bench.appends import FLOOR, Appender, make_floor, measure_appends, settle
from bench.curves import Chart, Series, beside, power, short
from bench.entries import BULK
from bench.process import processes
from bench.proofs import measure_proofs
from gateway.disclosure_log.publishing import start
from gateway.ops.embedded import EmbeddedPostgresError

_SEED: Final = 20261127

_TABLE: Final = (
    ("floor: one row, committed", "floor_per_s", "rows/s"),
    ("append, 1 per call", "append_1_per_s", "entries/s"),
    ("append, 8 per call", "append_8_per_s", "entries/s"),
    ("append, 64 per call", "append_64_per_s", "entries/s"),
    ("append, 1000 per call (growing)", "bulk_per_s", "entries/s"),
    ("  1 per call, of the floor", "append_1_of_floor", "ratio"),
    ("  8 per call, of the floor", "append_8_of_floor", "ratio"),
    ("  64 per call, of the floor", "append_64_of_floor", "ratio"),
    ("floor, p50", "floor_p50_ms", "ms"),
    ("floor, p99", "floor_p99_ms", "ms"),
    ("append + sign + publish one, p50", "append_p50_ms", "ms"),
    ("append + sign + publish one, p99", "append_p99_ms", "ms"),
    ("inclusion proof, p50", "inclusion_proof_p50_ms", "ms"),
    ("inclusion proof, p99", "inclusion_proof_p99_ms", "ms"),
    ("  tiles read", "inclusion_tiles", "mean"),
    ("  hashes in it", "inclusion_hashes", "mean"),
    ("consistency proof, p50", "consistency_proof_p50_ms", "ms"),
    ("consistency proof, p99", "consistency_proof_p99_ms", "ms"),
    ("  tiles read", "consistency_tiles", "mean"),
    ("  hashes in it", "consistency_hashes", "mean"),
    ("verify inclusion, p50", "verify_inclusion_p50_us", "us"),
    ("verify inclusion, p99", "verify_inclusion_p99_us", "us"),
    ("verify consistency, p50", "verify_consistency_p50_us", "us"),
    ("verify consistency, p99", "verify_consistency_p99_us", "us"),
    ("root from the frontier", "root_us", "us"),
    ("receipt", "receipt_bytes", "bytes"),
)
"""Label, figure and unit of every line of the table."""

_CHARTS: Final = (
    ("one entry per call, per second", (("append", "append_1_per_s"), ("floor", "floor_per_s"))),
    (
        "entries per second, more per call",
        (("64 per call", "append_64_per_s"), ("8 per call", "append_8_per_s")),
    ),
    ("append + sign + publish one entry, ms", (("p50", "append_p50_ms"), ("p99", "append_p99_ms"))),
    ("receipt, bytes", (("receipt", "receipt_bytes"),)),
    ("inclusion proof, ms", (("p50", "inclusion_proof_p50_ms"),)),
    ("consistency proof, ms", (("p50", "consistency_proof_p50_ms"),)),
    ("verify inclusion, us", (("p50", "verify_inclusion_p50_us"),)),
    ("verify consistency, us", (("p50", "verify_consistency_p50_us"),)),
    (
        "inclusion proof, what it reads",
        (("hashes in it", "inclusion_hashes"), ("tiles read", "inclusion_tiles")),
    ),
    ("root from the frontier, us", (("root", "root_us"),)),
)
"""Title of every chart, and label and figure of each of its curves."""

_FITTED: Final = (
    ("inclusion proof", "inclusion_proof_p50_ms", "ms"),
    ("consistency proof", "consistency_proof_p50_ms", "ms"),
    ("verify inclusion", "verify_inclusion_p50_us", "us"),
    ("verify consistency", "verify_consistency_p50_us", "us"),
)
"""What must grow as log n; its chart also shows how it would grow from its first point if it did exactly."""

_MARKERS: Final = "*o"
_LABEL: Final = 36
_CELL: Final = 11


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        sizes: entries of each log when measuring begins, ascending.
        calls: appending calls of each batch size, to each log.
        samples: proofs of each kind, of each log.
    """

    sizes: Sequence[int]
    calls: Mapping[int, int]
    samples: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A median against the size of the log: least squares, ``base + slope * log2(n)``.

    Attributes:
        correlation: 1 where the points lie on that line.
        ratio: of the last point to the first; ``log_ratio`` and ``linear_ratio`` are what growth as log n and
            growth as n would make it.
    """

    label: str
    unit: str
    base: float
    slope: float
    correlation: float
    ratio: float
    log_ratio: float
    linear_ratio: float


Point = Mapping[str, float]
"""Every figure of one size of the log, and that size."""

_QUICK: Final = Plan(sizes=(20, 200, 2000), calls={FLOOR: 20, 1: 20, 8: 5, 64: 1}, samples=30)


@click.command()
@click.option(
    "--entries", default=10**6, show_default=True, type=click.IntRange(min=10**4), help="Largest log."
)
@click.option("--quick", is_flag=True, help="A log of 2,000 entries and few samples: does it run at all?")
@click.option(
    "--json", "report", type=click.File("w", "utf-8", lazy=False), help="Write every figure there too."
)
def main(entries: int, *, quick: bool, report: TextIO | None) -> None:
    """Measure the disclosure log, and print a table and its curves."""
    plan = _QUICK if quick else _full(entries)
    load = os.getloadavg()[0]
    try:
        points, server = _measure(plan)
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from error
    fits = [_fit(points, label=label, figure=figure, unit=unit) for label, figure, unit in _FITTED]
    machine: dict[str, str | float | None] = {
        "python": platform.python_version(),
        "postgresql": server,
        "cores": os.cpu_count(),
        "load before": load,
        "load after": os.getloadavg()[0],
    }
    click.echo(", ".join(f"{name} {short(value) if isinstance(value, float) else value}"
                         for name, value in machine.items()))  # fmt: skip
    for lines in (_table(points), beside(list(_charts(points))), _told(fits, points)):
        click.echo()
        click.echo("\n".join(lines))
    if report is not None:
        document: dict[str, Any] = {
            "machine": machine,
            "points": points,
            "fits": [asdict(fit) for fit in fits],
        }
        json.dump(document, report, indent=1)


def _full(entries: int) -> Plan:
    powers = [10**exponent for exponent in range(3, len(str(entries))) if 10**exponent < entries]
    return Plan(sizes=(*powers, entries), calls={FLOOR: 500, 1: 500, 8: 100, 64: 25}, samples=500)


def _measure(plan: Plan) -> tuple[list[Point], str]:
    """Grow a log of each of the plan's sizes and measure them in turns; also the server's version."""
    chance = random.Random(_SEED)
    bar_of = partial(click.progressbar, file=sys.stderr, hidden=not sys.stderr.isatty())
    with ExitStack() as stack:
        parts = stack.enter_context(processes(len(plan.sizes)))
        connections = [stack.enter_context(each.wiring.autocommit.connect()) for each in parts]
        appenders = [
            Appender(each.wiring, connection, known=start(each.wiring))
            for each, connection in zip(parts, connections, strict=True)
        ]
        points: list[dict[str, float]] = [{"size": size} for size in plan.sizes]
        with bar_of(label="Growing the logs", length=sum(plan.sizes)) as bar:
            for appender, point in zip(appenders, points, strict=True):
                point["bulk_per_s"] = _grow(appender, round(point["size"]), step=bar.update)
        for each in parts:
            make_floor(each.owner_url)
            settle(each.owner_url)
        with bar_of(label="Measuring", length=len(parts) * (plan.samples + sum(plan.calls.values()))) as bar:
            proofs = measure_proofs(connections, samples=plan.samples, chance=chance, step=bar.update)
            appends = measure_appends(appenders, plan.calls, chance=chance, step=bar.update)
        for point, proved, appended in zip(points, proofs, appends, strict=True):
            point.update(proved | appended)
        server: str = connections[0].execute(text("SHOW server_version")).scalar_one()
    return list(points), server


def _grow(appender: Appender, size: int, *, step: Callable[[int], None]) -> float:
    """Grow an empty log to this size; returns entries per second."""
    seconds = 0.0
    while appender.size < size:
        landed = appender.append(min(BULK, size - appender.size))
        seconds += landed.seconds
        step(len(landed.entries))
    return size / seconds


def _fit(points: Sequence[Point], *, label: str, figure: str, unit: str) -> Fit:
    logs = [math.log2(point["size"]) for point in points]
    values = [point[figure] for point in points]
    slope, base = statistics.linear_regression(logs, values)
    return Fit(
        label=label,
        unit=unit,
        base=base,
        slope=slope,
        correlation=statistics.correlation(logs, values),
        ratio=values[-1] / values[0],
        log_ratio=logs[-1] / logs[0],
        linear_ratio=points[-1]["size"] / points[0]["size"],
    )


def _sizes(points: Sequence[Point]) -> list[int]:
    return [round(point["size"]) for point in points]


def _table(points: Sequence[Point]) -> Iterator[str]:
    yield f"{'entries in the log':<{_LABEL}}" + "".join(f"{power(size):>{_CELL}}" for size in _sizes(points))
    for label, figure, unit in _TABLE:
        cells = "".join(f"{short(point[figure]):>{_CELL}}" for point in points)
        yield f"{label:<{_LABEL}}{cells}  {unit}"


def _charts(points: Sequence[Point]) -> Iterator[Chart]:
    logs = [math.log2(point["size"]) for point in points]
    fitted = {figure for _, figure, _ in _FITTED}
    for title, curves in _CHARTS:
        drawn = [(label, [point[figure] for point in points]) for label, figure in curves]
        if curves[0][1] in fitted:
            drawn.append(("as log n", [drawn[0][1][0] * log / logs[0] for log in logs]))
        series = [Series(label, mark, values) for mark, (label, values) in zip(_MARKERS, drawn, strict=False)]
        yield Chart(title, _sizes(points), series)


def _told(fits: Sequence[Fit], points: Sequence[Point]) -> Iterator[str]:
    first, *_, last = (power(size) for size in _sizes(points))
    yield f"medians at {last} against {first}, and the line that fits all sizes:"
    for fit in fits:
        yield (
            f"  {fit.label:<20} x{fit.ratio:<5.2f} (as log n: x{fit.log_ratio:.2f}, as n: x{fit.linear_ratio:,.0f})"
            f"   {short(fit.base)} + {short(fit.slope)} log2(n) {fit.unit}, r = {fit.correlation:.2f}"
        )


if __name__ == "__main__":
    main()
