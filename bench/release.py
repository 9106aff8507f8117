"""What one release costs beside the bare work: the gateway as shipped, against a floor of its own in the same run.

INVARIANTS
- Everything that is compared runs on the same machine, PostgreSQL and minutes: rounds are interleaved, each in an
  order of its own, and only ratios of one round count.
- It asserts no time. It ends with 1 when an answer is not what was asked for.
- The database flushes every commit that asks for it.
"""

import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from bench import report, special
from bench.asking import Askers
from bench.measuring import KINDS, Bench, Contender, postmaster_of
from bench.nodes import FLOOR
from bench.population import ROOT, Size, own_database, populated
from bench.special import Place
from gateway.ops.embedded import EmbeddedPostgresError
from tests.support.node import Certificates

_SEED: Final = 20261128
DATABASE: Final = "gateway_bench_run"
"""The run's own, copied from the prepared one."""
_UNBELIEVABLE: Final = "THESE FIGURES ARE NOT TO BE BELIEVED: {}."
_BUSY_LOAD: Final = 0.5
_LEAST_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        seconds: of each measurement.
        counted: requests whose statements and flushes are counted.
        settle: seconds until idle sessions have handed in what they counted.
        parts: of ``PARTS``.
    """

    size: Size
    rounds: int
    seconds: float
    connections: Sequence[int]
    counted: int
    withdrawals: int
    settle: float
    parts: frozenset[str]


PARTS: Final = ("main", "counts", "slow-disk", "masters", "frozen", "withdrawal", "pack")
FULL: Final = Plan(Size(200, 10_000), 5, 2.0, (1, 8, 32), 300, 20, 11.0, frozenset(PARTS))
QUICK: Final = Plan(Size(12, 20), 1, 0.4, (1, 2), 20, 2, 0.0, frozenset(PARTS))


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), help="Interleaved rounds; 5 at least to be believed.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Of each measurement.")
@click.option("--families", type=click.IntRange(min=1), help="In the database.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these; all by default.")
@click.option("--quick", is_flag=True, help="Twenty families and one short round: does it run at all?")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "var" / "bench" / "release",
    help="Folder of release.json and release.svg.",
)
def main(
    *,
    rounds: int | None,
    seconds: float | None,
    families: int | None,
    parts: tuple[str, ...],
    quick: bool,
    out: Path,
) -> None:
    """Measure what a release costs, and print a table."""
    plan = QUICK if quick else FULL
    plan = replace(
        plan,
        rounds=rounds or plan.rounds,
        seconds=seconds or plan.seconds,
        size=Size(min(plan.size.imported, families or plan.size.families), families or plan.size.families),
        parts=frozenset(parts) or plan.parts,
    )
    load, began = os.getloadavg()[0], time.monotonic()
    try:
        with opened(place_of(plan.size), plan.size) as (bench, place):
            document = measure(bench, place, plan)
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from error
    document["machine"] = {
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_before": load,
        "seconds": round(time.monotonic() - began),
    }
    document["doubts"] = list(_doubts(plan, load))
    out.mkdir(parents=True, exist_ok=True)
    (out / "release.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    svg = report.drawing(document["points"], title="One extract, against a bare row and one INSERT")
    (out / "release.svg").write_text(svg, encoding="utf-8")
    _print(document)
    click.echo(f"\n{out}/release.json, {out}/release.svg")


def place_of(size: Size) -> Path:
    """The folder in which the council of this size is kept."""
    return ROOT / "var" / "bench" / f"families-{size.families}"


@contextmanager
def opened(folder: Path, size: Size) -> Iterator[tuple[Bench, Place]]:
    """Yield everything that is measured, running: two gateways and two floors, with TLS and without.

    Raises: BenchFailedError; EmbeddedPostgresError.
    """
    with ExitStack() as stack:
        population = stack.enter_context(populated(folder, size, steps=_steps))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        certificates = Certificates(scratch / "tls")
        place = Place(scratch, population, own_database(population, DATABASE), certificates)
        place = replace(place, settings=replace(place.settings, state_dir=_fresh(scratch / "own-state")))
        nodes = {tls: stack.enter_context(place.node(tls=tls)) for tls in (False, True)}
        floors = {tls: stack.enter_context(place.node(tls=tls, application=FLOOR)) for tls in (False, True)}
        askers = Askers(population, nodes[True], certificates)
        stack.callback(askers.close)
        yield Bench(population, askers, nodes, floors, postmaster_of(population.server.folder)), place


def measure(bench: Bench, place: Place, plan: Plan) -> dict[str, Any]:
    """Everything that the plan names.

    Raises: BenchFailedError, an answer is not what was asked for.
    """
    chance = random.Random(_SEED)

    def order(contenders: Sequence[Contender]) -> Sequence[Contender]:
        return chance.sample(contenders, len(contenders))

    contenders = [Contender(kind, tls) for tls in (False, True) for kind in KINDS]
    document: dict[str, Any] = {
        "families": plan.size.families,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "points": [],
    }
    rounds = partial(special.interleaved, bench, seconds=plan.seconds, order=order)
    if "main" in plan.parts:
        length = plan.rounds * len(contenders) * len(plan.connections)
        with _bar("measuring", length) as step:
            found = rounds(contenders, connections=plan.connections, rounds=plan.rounds, step=step)
        document["points"] = report.points(found)
    if "counts" in plan.parts:
        encrypted = [each for each in contenders if each.tls]
        document["counts"] = []
        time.sleep(plan.settle)
        with _bar("counting", len(encrypted) * len(plan.connections)) as step:
            for contender in encrypted:
                for figures in special.counts(
                    bench, place, contender, connections=plan.connections, requests=plan.counted
                ):
                    document["counts"].append(figures)
                    step(1)
    if "slow-disk" in plan.parts:
        several, numbers = min(3, plan.rounds), plan.connections[1:] or plan.connections
        slow = special.slow_contenders()
        with special.slow_disk(place), _bar("a slow disk", several * len(slow) * len(numbers)) as step:
            found = rounds(slow, connections=numbers, rounds=several, step=step)
        document["slow_disk"] = report.points(found)
    _with_another(bench, place, plan, document)
    if "withdrawal" in plan.parts:
        document["withdrawal"] = special.withdrawals(bench, place, count=plan.withdrawals)
    if "pack" in plan.parts:
        document["pack"] = special.pack(
            bench, connections=plan.connections[-1] // 4 or 1, seconds=plan.seconds
        )
    return document


def _with_another(bench: Bench, place: Place, plan: Plan, document: dict[str, Any]) -> None:
    """What is measured with a second gateway at the same database."""
    if not plan.parts & {"masters", "frozen"}:
        return
    with place.node() as other:
        if "masters" in plan.parts:
            ratios = []
            with _bar("two masters", min(3, plan.rounds)) as step:
                for _ in range(min(3, plan.rounds)):
                    alone, halves = special.two_masters(
                        bench, other, connections=plan.connections[-1], seconds=plan.seconds
                    )
                    ratios.append(sum(each.per_second for each in halves) / alone.per_second)
                    step(1)
            document["two_masters_to_one"] = sorted(ratios)
        if "frozen" in plan.parts:
            document["frozen"] = [
                special.frozen(bench, other, connections=plan.connections[-1] // 2)
                for _ in range(min(3, plan.rounds))
            ]


def _doubts(plan: Plan, load: float) -> Iterator[str]:
    if plan.rounds < _LEAST_ROUNDS or plan.seconds < FULL.seconds:
        yield "too few rounds, or too short ones"
    if plan.size.families < FULL.size.families:
        yield "fewer families than a council has"
    if load > _BUSY_LOAD * (os.cpu_count() or 1):
        yield f"the machine was busy before ({load:.1f})"


def _print(document: dict[str, Any]) -> None:
    for doubt in document["doubts"]:
        click.secho(_UNBELIEVABLE.format(doubt), bold=True)
    machine = document["machine"]
    click.echo(
        f"{document['families']:,} families, {document['rounds']} rounds of {document['seconds']} s,"
        f" Python {machine['python']}, {machine['cores']} cores, {machine['seconds']} s in all"
    )
    click.echo(
        "ms; web, db, load: processors' time of each request; ratios of req/s: median (least-greatest)\n"
    )
    click.echo("\n".join(report.table(document["points"])))
    for each in document.get("counts", ()):
        click.echo(
            f"{each['contender'] + ', TLS':<28}{each['connections']:>3}  a request: {each['statements']:.2f} statements,"
            f" {each['begin_and_end']:.2f} BEGIN, COMMIT, ROLLBACK, {each['flushes']:.3f} flushes,"
            f" {each['wal_bytes']:,.0f} bytes of WAL"
        )
    if document.get("slow_disk"):
        click.echo("\nwith flushes of 2 ms more:")
        click.echo("\n".join(report.table(document["slow_disk"])))
    for name in ("two_masters_to_one", "frozen", "withdrawal", "pack"):
        if name in document:
            click.echo(f"\n{name.replace('_', ' ')}: {json.dumps(document[name])}")


def _fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(
        length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        yield bar.update


def _steps(label: str, length: int) -> Iterator[None]:
    """Count to a number, and show how far it is."""
    with _bar(label, length) as step:
        for _ in range(length):
            yield
            step(1)


if __name__ == "__main__":
    main()
