"""What becomes of an extract's time as a council grows, along each axis by itself, and of a node's memory.

INVARIANTS
- There is one database per point, each copied from the next smaller one of its axis and grown; those of an axis are
  measured in turns, in random order, so that what differs between them is what the axis is of.
- It may be stopped anywhere and started again: databases that are whole are kept, and so is every measured round.
- It asserts no time.
"""

import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

import click
from sqlalchemy import text

from agencies.model import AgencyCode, Purpose
from bench import drawing, soak
from bench.asking import Askers
from bench.axes import AXES, Axis, sizes_to
from bench.curves import Chart, Series, beside, short
from bench.measuring import CERTIFICATE, Bench, Contender, postmaster_of
from bench.population import AGENCIES, ROOT, Population, Size, populated
from bench.soak import Load
from bench.special import Place
from bench.stages import Stage, grow, over, there_are, wired
from gateway.caller import Caller, PractitionerClaim
from gateway.release.service import permitted
from gateway.settings import Settings
from tests.support.node import Certificates

MEMORY: Final = "memory"
PARTS: Final = (*AXES, MEMORY)

_BATCH: Final = 50
_PAIRS: Final = 2_000
_ASKED: Final = 4_000
_SEED: Final = 20261128
_FIGURES: Final = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        base: the council that every axis starts from.
        sizes: by axis, ascending.
        seconds: of each measurement.
        parts: of ``PARTS``.
    """

    base: Size
    sizes: Mapping[str, Sequence[int]]
    rounds: int
    seconds: float
    load: Load
    parts: Sequence[str] = PARTS


_LARGEST: Final = {"cases": 10**5, "entries": 10**6, "agencies": 1_000, "consents": 500}
FULL: Final = Plan(Size(60, 300), {}, 5, 2.0, Load(100_000, 60))
QUICK: Final = Plan(
    Size(12, 20),
    {"cases": (20, 40), "entries": (300, 600), "agencies": (13, 15), "consents": (5, 10)},
    1,
    0.3,
    Load(200, 1, first=60, tokens=20, seconds=0.3),
)

Found = dict[str, Any]
"""``axes``: by axis its measured rounds, each by size; ``memory``: what ``soak.soaked`` returned, or nothing yet."""


@click.command()
@click.option("--cases", default=_LARGEST["cases"], show_default=True, type=click.IntRange(10**3))
@click.option("--entries", default=_LARGEST["entries"], show_default=True, type=click.IntRange(10**3))
@click.option("--agencies", default=_LARGEST["agencies"], show_default=True, type=click.IntRange(13))
@click.option(
    "--consents", default=_LARGEST["consents"], show_default=True, type=click.IntRange(5), help="Of a family."
)
@click.option("--rounds", default=FULL.rounds, show_default=True, type=click.IntRange(1))
@click.option("--releases", default=FULL.load.releases, show_default=True, type=click.IntRange(1))
@click.option(
    "--minutes",
    default=FULL.load.minutes,
    show_default=True,
    type=click.IntRange(1),
    help="At most, of steady load.",
)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these; all by default.")
@click.option("--quick", is_flag=True, help="The smallest of everything: does it run at all?")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "var" / "bench" / "growth"
)
@click.option("--again", is_flag=True, help="Forget what was measured, and keep the databases.")
def main(
    *,
    rounds: int,
    releases: int,
    minutes: int,
    parts: tuple[str, ...],
    quick: bool,
    out: Path,
    again: bool,
    **largest: int,
) -> None:
    """Measure growth along each axis, and memory; stopped, it goes on where it was."""
    plan = QUICK
    if not quick:
        sizes = {name: sizes_to(largest[name], first=axis.first) for name, axis in AXES.items()}
        load = replace(FULL.load, releases=releases, minutes=minutes)
        plan = replace(FULL, sizes=sizes, rounds=rounds, load=load)
    plan, out = replace(plan, parts=parts or PARTS), out / "quick" if quick else out
    out.mkdir(parents=True, exist_ok=True)
    file = out / "growth.json"
    if again:
        file.unlink(missing_ok=True)
    place = ROOT / "var" / "bench" / f"growth-database-{plan.base.families}"
    with populated(place, plan.base, steps=_steps, lasting=True) as population:
        found = measured(population, plan, file)
    charts = list(_charts(plan, found))
    if charts:
        note = "One extract at a time, ms; memory of one node, MiB; each axis grows by itself"
        svg = drawing.curves(charts, title="What becomes of an extract as a council grows", note=note)
        (out / "growth.svg").write_text(svg, encoding="utf-8")
    _print(plan, found, charts)
    click.echo(f"\n{file}, {out}/growth.svg")


def measured(population: Population, plan: Plan, file: Path) -> Found:
    """Make and measure whatever the plan names and is not there yet; all that was found so far.

    Args:
        file: keeps what was measured.
    """
    found: Found = {"axes": {}, MEMORY: None}
    if file.is_file():
        found = json.loads(file.read_text())
    for name, axis in AXES.items():
        if name in plan.parts:
            stages = [Stage(axis, size) for size in plan.sizes[name]]
            grow(population, stages)
            _measure(population, stages, plan, found=found, file=file)
    if MEMORY in plan.parts:
        # The second one, if there is one: a node's own memory, and no time for a long growing before.
        stages = [Stage(AXES["cases"], size) for size in plan.sizes["cases"][:2]]
        grow(population, stages)
        _soak(population, stages[-1], plan.load, found=found, file=file)
    return found


def _measure(
    population: Population, stages: Sequence[Stage], plan: Plan, *, found: Found, file: Path
) -> None:
    """Measure every stage of an axis in every round that is not measured yet."""
    axis = stages[0].axis
    left = range(len(rounds_of(found, axis, [stage.size for stage in stages])), plan.rounds)
    if not left:
        return
    chance = random.Random(_SEED + left[0])
    with ExitStack() as stack:
        benches = {stage: stack.enter_context(_bench(population, stage)) for stage in stages}
        there = {stage: there_are(population, stage) for stage in stages}
        with click.progressbar(left, label=f"measuring by {axis.words}", file=sys.stderr) as bar:
            for _ in bar:
                measurements: dict[str, Any] = {}
                for stage in chance.sample(list(stages), len(stages)):
                    slice_ = (
                        benches[stage]
                        .begin(Contender(CERTIFICATE, tls=True), connections=1, seconds=plan.seconds)
                        .end()
                    )
                    figures = dict(zip(_FIGURES, slice_.percentiles, strict=True))
                    measurements[str(stage.size)] = {
                        **figures,
                        "requests": slice_.requests,
                        "there": there[stage],
                    }
                found["axes"].setdefault(axis.name, []).append(measurements)
                _keep(found, file)


def _soak(population: Population, stage: Stage, load: Load, *, found: Found, file: Path) -> None:
    """Find out what a node holds, unless that is known; a node that ended has nothing to go on with."""
    if soak.is_enough(found[MEMORY], load):
        return
    with _bench(population, stage) as bench, wired(bench.population.settings) as wiring:
        found[MEMORY] = {"cases": stage.size, **soak.soaked(bench, wiring, load)}
    _keep(found, file)


@contextmanager
def _bench(population: Population, stage: Stage) -> Iterator[Bench]:
    """A node over one of the databases, and everyone who asks it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        certificates = Certificates(folder / "tls")
        settings = over(population, stage.database)
        node = stack.enter_context(Place(folder, population, settings, certificates).node())
        own = replace(population, settings=settings, pairs=_pairs(settings, population))
        askers = stack.enter_context(closing(Askers(own, node, certificates)))
        yield Bench(own, askers, {True: node}, {}, postmaster_of(population.server.folder))


def _pairs(settings: Settings, population: Population) -> list[tuple[str, str]]:
    """Cases all over the database that may be asked for."""
    chance = random.Random(_SEED)
    pairs: list[tuple[str, str]] = []
    with wired(settings) as wiring:
        for agency in AGENCIES:
            with wiring.engine.connect() as connection:
                refs: list[UUID] = list(
                    connection.execute(
                        text(
                            "SELECT p.ref FROM (SELECT case_id FROM gateway.case_record ORDER BY md5(case_id::text)"
                            " LIMIT :limit) c JOIN gateway.pairwise p ON p.thing_id = c.case_id"
                            " AND p.agency_code = :agency"
                        ),
                        {"agency": agency, "limit": _ASKED // len(AGENCIES)},
                    ).scalars()
                )
            chance.shuffle(refs)
            member: Mapping[str, Any] = population.members[agency]
            caller = Caller(
                member["client_id"],
                AgencyCode(agency),
                frozenset({"extract:read"}),
                Purpose.P1,
                PractitionerClaim(member["practitioner"], verified=True),
            )
            for first in range(0, min(len(refs), _PAIRS // len(AGENCIES)), _BATCH):
                found = permitted(wiring, caller=caller, case_refs=refs[first : first + _BATCH])
                pairs += [(agency, str(ref)) for ref in found]
    return pairs


def _keep(found: Found, file: Path) -> None:
    """Write what was found, whole or not at all."""
    working = file.with_suffix(".new")
    working.write_text(json.dumps(found, indent=1), encoding="utf-8")
    working.replace(file)


def rounds_of(found: Found, axis: Axis, sizes: Sequence[int]) -> list[Mapping[str, Any]]:
    """The rounds in which all of these sizes were measured."""
    wanted = {str(size) for size in sizes}
    return [each for each in found["axes"].get(axis.name, ()) if each.keys() >= wanted]


def _charts(plan: Plan, found: Found) -> Iterator[Chart]:
    for axis, sizes, rounds in _measured_axes(plan, found):
        if len(sizes) > 1:
            series = [
                Series(name.removesuffix("_ms"), marker, [_median(rounds, size, name) for size in sizes])
                for marker, name in (("*", "p50_ms"), ("o", "p99_ms"))
            ]
            yield Chart(f"one extract, ms, by {axis.words}", sizes, series)
    points = [each for each in (found[MEMORY] or {}).get("points", ()) if each["releases"]]
    if MEMORY in plan.parts and len(points) > 1:
        held = [each["bytes"] / 2**20 for each in points]
        yield Chart(
            "memory, MiB, by releases", [each["releases"] for each in points], [Series("node", "*", held)]
        )


def _measured_axes(
    plan: Plan, found: Found
) -> Iterator[tuple[Axis, Sequence[int], Sequence[Mapping[str, Any]]]]:
    for name, axis in AXES.items():
        sizes = plan.sizes[name]
        rounds = rounds_of(found, axis, sizes)
        if name in plan.parts and rounds:
            yield axis, sizes, rounds


def _median(rounds: Sequence[Mapping[str, Any]], size: int, figure: str) -> float:
    return float(median(each[str(size)][figure] for each in rounds))


def _print(plan: Plan, found: Found, charts: Sequence[Chart]) -> None:
    click.echo("one extract at a time, ms; ratios to the smallest, of each round: median (least-greatest)")
    for axis, sizes, rounds in _measured_axes(plan, found):
        click.echo(
            f"\n{axis.words:>22}{'p50':>8}{'p99':>8}  {'p50 to smallest':<20}{'p99 to smallest':<20}  there are"
        )
        for size in sizes:
            p50, p99 = (short(_median(rounds, size, name)) for name in ("p50_ms", "p99_ms"))
            ratios = (_ratio(rounds, size, sizes[0], name) for name in ("p50_ms", "p99_ms"))
            there = rounds[-1][str(size)]["there"]
            told = ", ".join(f"{there[name]:,} {each.words}" for name, each in AXES.items())
            click.echo(f"{size:>22,}{p50:>8}{p99:>8}  {''.join(f'{each:<20}' for each in ratios)}  {told}")
    if charts:
        click.echo("\n" + "\n".join(beside(charts)))
    if MEMORY in plan.parts and found[MEMORY] is not None:
        click.echo("\n" + "\n".join(soak.told(found[MEMORY])))


def _ratio(rounds: Sequence[Mapping[str, Any]], size: int, smallest: int, figure: str) -> str:
    """Of one size to the smallest one, each within a round."""
    ratios = [each[str(size)][figure] / each[str(smallest)][figure] for each in rounds]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _steps(label: str, length: int) -> Iterator[None]:
    """Count to a number, and show how far it is."""
    with click.progressbar(range(length), label=label, file=sys.stderr) as bar:
        for _ in bar:
            yield


if __name__ == "__main__":
    main()
