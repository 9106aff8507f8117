"""What becomes of an extract's time as cases pile up, and of a gateway's memory as requests do.

INVARIANTS
- There is one database per number of cases, each copied from the next smaller one and grown; they are measured in
  turns, so that what differs between them is the number of cases.
- It may be stopped anywhere and started again: databases that are whole are kept, and so is every measured round.
- It asserts no time.
"""

import json
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

import click
import psycopg
from sqlalchemy import text

from agencies.model import AgencyCode, Purpose
from bench.asking import Askers
from bench.copies import Template, copy_families, read_template
from bench.curves import Chart, Series, short
from bench.measuring import CERTIFICATE, Bench, Contender, postmaster_of
from bench.nodes import Node
from bench.population import AGENCIES, ROOT, Population, Size, families_of, populated
from bench.special import Place
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.repository import case_by_source_ref
from gateway.ops.embedded import ADMINISTRATOR
from gateway.release.service import permitted
from gateway.settings import Settings
from gateway.wiring import Wiring, wire
from tests.support.node import Certificates

_START: Final = Size(400, 1_000)
_BATCH: Final = 50
_PAIRS: Final = 2_000
_ASKED: Final = 4_000
_SECONDS: Final = 2.0
_LARGEST: Final = 10**5
_SEED: Final = 20261128


@dataclass(frozen=True, slots=True)
class Stage:
    """One database of so many cases."""

    cases: int

    @property
    def database(self) -> str:
        """Its name."""
        return f"gateway_growth_{self.cases}"


@click.command()
@click.option(
    "--cases", default=_LARGEST, show_default=True, type=click.IntRange(min=10**4), help="In the largest."
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--minutes", default=10, show_default=True, type=click.IntRange(min=1), help="Of steady load.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "var" / "bench" / "growth"
)
@click.option("--again", is_flag=True, help="Forget the measured rounds, and keep the databases.")
def main(*, cases: int, rounds: int, minutes: int, out: Path, again: bool) -> None:
    """Measure growth and memory; stopped, it goes on where it was."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "growth.json"
    done: dict[str, Any] = {"growth": {}, "memory": []}
    if file.is_file() and not again:
        done = json.loads(file.read_text())
    stages = [Stage(10**power) for power in range(3, round(math.log10(cases)) + 1)]
    place_of_all = ROOT / "var" / "bench" / "growth-database"
    with populated(place_of_all, _START, steps=_steps, lasting=True) as population:
        scratch = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
        try:
            _grow(population, stages)
            _measure(population, stages, rounds=rounds, scratch=scratch, done=done, file=file)
            _soak(population, stages[1], minutes=minutes, scratch=scratch, done=done, file=file)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    _print(done, stages)
    click.echo(f"\n{file}")


def _grow(population: Population, stages: Sequence[Stage]) -> None:
    """Make every stage's database that is not whole yet, each out of the one before."""
    before = population.template
    for stage in stages:
        settings = _over(population, stage)
        if not _exists(population, stage.database):
            working = f"{stage.database}_new"
            if not _exists(population, working):
                population.server.create_database(working, template=before)
            fill(
                replace(settings, database_url=population.server.url("gateway_app", working)),
                population,
                stage,
            )
            with psycopg.connect(
                population.server.url(ADMINISTRATOR, working), autocommit=True
            ) as administrator:
                administrator.execute("VACUUM ANALYZE")
            with psycopg.connect(
                population.server.url(ADMINISTRATOR, "postgres"), autocommit=True
            ) as administrator:
                administrator.execute(f"ALTER DATABASE {working} RENAME TO {stage.database}".encode())
        before = stage.database


def fill(settings: Settings, population: Population, stage: Stage) -> None:
    """Copy families until there are as many as the stage has; how many there are says where to go on."""
    wiring = wire(settings)
    try:
        with wiring.engine.connect() as connection:
            there: int = connection.execute(text("SELECT count(*) FROM gateway.case_record")).scalar_one()
        if there >= stage.cases:
            return
        templates = list(_templates(wiring, population))
        label = f"growing to {stage.cases:,} cases"
        with click.progressbar(length=stage.cases - there, label=label, file=sys.stderr) as bar:
            while there < stage.cases:
                numbers = range(there, min(there + _BATCH, stage.cases))
                copies = [(number, templates[number % len(templates)]) for number in numbers]
                copy_families(wiring, copies, meeting="BENCH-MAIN")
                there += len(copies)
                bar.update(len(copies))
    finally:
        wiring.engine.dispose()


def _templates(wiring: Wiring, population: Population) -> Iterator[Template]:
    for raw in families_of(population):
        with wiring.engine.connect() as connection:
            identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=raw["source_ref"])
        if identity is not None:
            yield read_template(
                wiring,
                raw,
                family_id=identity.family_id,
                today=population.day,
                agencies=[*map(AgencyCode, AGENCIES)],
            )


def _measure(
    population: Population,
    stages: Sequence[Stage],
    *,
    rounds: int,
    scratch: Path,
    done: dict[str, Any],
    file: Path,
) -> None:
    """Measure every stage in every round that is not measured yet."""
    with ExitStack() as stack:
        certificates = Certificates(scratch / "tls")
        benches = {
            stage: _bench(stack, population, stage, certificates=certificates, scratch=scratch)
            for stage in stages
        }
        already = min((len(done["growth"].get(str(stage.cases), ())) for stage in stages), default=0)
        chance = random.Random(_SEED)
        left = range(already, rounds)
        with click.progressbar(left, label="measuring growth", file=sys.stderr) as bar:
            for _ in bar:
                for stage in chance.sample(list(stages), len(stages)):
                    found = (
                        benches[stage]
                        .begin(Contender(CERTIFICATE, tls=True), connections=1, seconds=_SECONDS)
                        .end()
                    )
                    p50, p95, p99 = found.percentiles
                    done["growth"].setdefault(str(stage.cases), []).append(
                        {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
                    )
                file.write_text(json.dumps(done, indent=1))


def _soak(
    population: Population,
    stage: Stage,
    *,
    minutes: int,
    scratch: Path,
    done: dict[str, Any],
    file: Path,
) -> None:
    """Ask without pause, and write down each minute what the gateway's processes hold."""
    if len(done["memory"]) > minutes:
        return
    done["memory"] = []  # a process that ended has nothing to go on with
    with ExitStack() as stack:
        certificates = Certificates(scratch / "soak-tls")
        bench = _bench(stack, population, stage, certificates=certificates, scratch=scratch / "soak")
        node: Node = bench.nodes[True]
        done["memory"].append({"requests": 0, "bytes": node.memory})
        asked = 0
        with click.progressbar(range(minutes), label="steady load", file=sys.stderr) as bar:
            for _ in bar:
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    found = bench.begin(Contender(CERTIFICATE, tls=True), connections=8, seconds=5.0).end()
                    asked += found.requests
                done["memory"].append({"requests": asked, "bytes": node.memory})
                file.write_text(json.dumps(done, indent=1))


def _bench(
    stack: ExitStack, population: Population, stage: Stage, *, certificates: Certificates, scratch: Path
) -> Bench:
    folder = scratch / stage.database
    folder.mkdir(parents=True)
    settings = _over(population, stage)
    place = Place(folder, population, settings, certificates)
    node = stack.enter_context(place.node())
    own = replace(population, settings=settings, pairs=_pairs(settings, population))
    askers = Askers(own, node, certificates)
    stack.callback(askers.close)
    return Bench(
        own,
        askers,
        {True: node},
        {},
        postmaster_of(population.server.folder),
    )


def _pairs(settings: Settings, population: Population) -> list[tuple[str, str]]:
    """Cases all over the database that may be asked for."""
    chance = random.Random(_SEED)
    wiring = wire(settings)
    pairs: list[tuple[str, str]] = []
    try:
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
    finally:
        wiring.engine.dispose()
    return pairs


def _over(population: Population, stage: Stage) -> Settings:
    return replace(population.settings, database_url=population.server.url("gateway_app", stage.database))


def _exists(population: Population, database: str) -> bool:
    with psycopg.connect(population.server.url(ADMINISTRATOR, "postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        return found.fetchone() is not None


def _print(done: Mapping[str, Any], stages: Sequence[Stage]) -> None:
    measured = {stage.cases: done["growth"][str(stage.cases)] for stage in stages}
    first = measured[stages[0].cases]
    click.echo("one extract at a time, ms; ratio to the smallest, of each round: median (least-greatest)\n")
    for cases, all_rounds in measured.items():
        ratios = [one["p50_ms"] / other["p50_ms"] for one, other in zip(all_rounds, first, strict=False)]
        p50, p99 = (median(each[name] for each in all_rounds) for name in ("p50_ms", "p99_ms"))
        click.echo(
            f"{cases:>10,} cases  p50 {short(p50)}  p99 {short(p99)}"
            f"  ratio {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    p50s = [median(each["p50_ms"] for each in all_rounds) for all_rounds in measured.values()]
    if len(p50s) > 1:
        chart = Chart("p50 of one extract, ms, by cases", list(measured), [Series("p50", "*", p50s)])
        click.echo("\n" + "\n".join(chart.lines()))
    click.echo("\nmemory of the gateway's processes (proportional set size)\n")
    for each in done["memory"]:
        click.echo(f"{each['requests']:>12,} requests  {each['bytes'] / 2**20:8.1f} MiB")


def _steps(label: str, length: int) -> Iterator[None]:
    """Count to a number, and show how far it is."""
    with click.progressbar(range(length), label=label, file=sys.stderr) as bar:
        for _ in bar:
            yield


if __name__ == "__main__":
    main()
