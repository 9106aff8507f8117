"""How long the pages of staff take with many families, and the disclosure explorer over a long log.

INVARIANTS
- Pages are asked as staff ask them, through the whole application in this process: only listener and network are missing.
- What is made is kept and used again; stopped anywhere, it goes on where it was. What is measured is a copy of it.
- It asserts no time: it prints percentiles beside what is aimed at.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import psycopg
import structlog
from sqlalchemy import text

from bench.axes import add_families
from bench.entries import write_log
from bench.population import ROOT, Population, Size, own_database, populated
from gateway.disclosure_log.entry_marking import mark_log
from gateway.disclosure_log.publishing import start
from gateway.migrations import upgrade
from gateway.ops.embedded import ADMINISTRATOR
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring, wire
from tests.support.pages import Somebody

EXPLORER: Final = "/console/disclosures"
AIMS: Final[Mapping[str, float]] = {"explorer": 500.0, "page": 200.0}
"""Milliseconds within which 95 of 100 answers should come."""
RARE: Final = "rare-practitioner"
"""Who asked for one extract of them all, in the middle of the log."""
_IMPORTED: Final = 40
_NOBODY: Final = "nobody-at-all"

FILTERS: Final[Mapping[str, str]] = {
    "everything": "",
    "one agency": "?agency=camhs",
    "refusals": "?kind=refusal",
    "refusals of one agency": "?agency=camhs&kind=refusal",
    "one purpose": "?purpose=P1",
    "a practitioner with one entry": f"?practitioner={RARE}",
    "a practitioner with none": f"?practitioner={_NOBODY}",
    "previews, of which there are none": "?kind=preview",
}
OFFICERS_PAGES: Final = (
    "/console",
    "/console/profiles",
    "/console/approvals",
    "/console/samples",
    "/console/today/review/60",
)
WORKERS_PAGES: Final = ("/console", "/console/families", "/console/families/team", "/console/families/find")
CASELOAD: Final = 25
"""Families of a caseworker; copies come with the worker of their template, who would have them all."""
_TEAM: Final = tuple(f"caseworker-{number}" for number in range(8))

_SHARE_OUT: Final = """
UPDATE gateway.case_worker w SET worker = 'caseworker-' || r.place / %(caseload)s
  FROM (SELECT case_id, row_number() OVER (ORDER BY case_id) - 1 AS place FROM gateway.case_record) r
 WHERE r.case_id = w.case_id AND w.to_date IS NULL AND w.worker !~ '^caseworker-'
"""


@dataclass(frozen=True, slots=True)
class Question:
    """One page, and who asks for it."""

    name: str
    sort: str
    who: Somebody
    path: str


@click.command()
@click.option("--entries", default=1_000_000, show_default=True, type=click.IntRange(min=1))
@click.option("--families", default=100_000, show_default=True, type=click.IntRange(min=_IMPORTED))
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(min=1), help="Of every page.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "var" / "bench" / "console"
)
def main(*, entries: int, families: int, rounds: int, out: Path) -> None:
    """Measure the pages of staff."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    out.mkdir(parents=True, exist_ok=True)
    place = ROOT / "var" / "bench" / f"console-database-{families}"
    with populated(place, Size(_IMPORTED, _IMPORTED), steps=_steps, lasting=True) as population:
        upgrade(population.server.url("gateway_owner", population.template))
        wiring = wire(population.settings)
        try:
            add_families(wiring, population, families)
            _share_out(population)
            _fill(wiring, population, entries)
        finally:
            wiring.engine.dispose()
        found = _measured(population, rounds)
    report = {"entries": entries, "families": families, "rounds": rounds, "pages": found}
    file = out / "console.json"
    file.write_text(json.dumps(report, indent=1))
    _print(report)
    click.echo(f"\n{file}")


def _share_out(population: Population) -> None:
    """Give each caseworker a caseload, and let the planner know how much there is."""
    administrator = population.server.url(ADMINISTRATOR, population.template)
    with psycopg.connect(administrator, autocommit=True) as connection:
        # Without triggers: nothing is released here, so no gate has to move for it.
        connection.execute("SET session_replication_role = replica")
        connection.execute(_SHARE_OUT, {"caseload": CASELOAD})
        connection.execute("VACUUM ANALYZE")


def _fill(wiring: Wiring, population: Population, entries: int) -> None:
    """Let the log be as long as it should be, and every entry have its marks."""
    write_log(wiring, population, entries, rare=RARE)
    with click.progressbar(length=entries, label="marking it", file=sys.stderr) as bar:
        while marked := mark_log(wiring, datetime.now(UTC)):
            bar.update(marked)


def _questions(wiring: Wiring) -> Iterator[Question]:
    """Every page that is measured: the officer's explorer by each filter and further down, and what staff open daily."""
    with wiring.engine.connect() as connection:
        family, person = connection.execute(
            text(
                "SELECT c.family_id, p.person_id FROM gateway.case_record c"
                " JOIN gateway.case_worker w USING (case_id) JOIN gateway.case_person p USING (case_id)"
                " WHERE p.role = 'adult' AND NOT p.risk_person AND c.seals = '{}' AND w.worker = :worker"
                " ORDER BY c.case_id, p.person_id LIMIT 1"
            ),
            {"worker": _TEAM[0]},
        ).one()
    officer = Somebody(wiring, Role.DATA_PROTECTION_OFFICER, username="bench.officer")
    team = [
        Somebody(wiring, Role.CASEWORKER, username=username, belonging=Belonging(team="north"))
        for username in _TEAM
    ]
    caseworker = team[0]
    for name, query in FILTERS.items():
        yield Question(name, "explorer", officer, f"{EXPLORER}{query}")
    yield Question("the last twelve weeks", "explorer", officer, f"{EXPLORER}/weeks")
    for path in OFFICERS_PAGES:
        yield Question(f"officer {path}", "page", officer, path)
    for path in WORKERS_PAGES:
        yield Question(f"caseworker {path}", "page", caseworker, path)
    own = f"/console/families/{family}"
    for name, path in {
        "a family": own,
        "what each agency will see": f"{own}/packs",
        "a statement": f"{own}/statement/{person}",
        "a yes, begun": f"{own}/agree",
        "a stop, begun": f"{own}/stop",
    }.items():
        yield Question(name, "page", caseworker, path)


def _measured(population: Population, rounds: int) -> dict[str, dict[str, Any]]:
    """Ask for every page over a copy: each look is an entry, and the next run would find those first."""
    with TemporaryDirectory(prefix="gateway-bench-") as state:
        settings = own_database(population, "gateway_console")
        wiring = wire(replace(settings, state_dir=Path(state)))
        try:
            start(wiring)
            return {each.name: _measure(each, rounds) for each in _questions(wiring)}
        finally:
            wiring.engine.dispose()


def _measure(question: Question, rounds: int) -> dict[str, Any]:
    """Ask for a page so many times, and once before that does not count.

    Raises: click.ClickException, it is answered with anything but the page.
    """
    took = []
    with click.progressbar(range(rounds + 1), label=question.name, file=sys.stderr) as bar:
        for _ in bar:
            before = time.perf_counter()
            answer = question.who.ask(question.path)
            took.append((time.perf_counter() - before) * 1000)
            if answer.status_code != HTTPStatus.OK:
                raise click.ClickException(f"{question.name} was answered with {answer.status_code}.")
    times = sorted(took[1:])
    p50, p95 = (times[min(len(times) - 1, len(times) * share // 100)] for share in (50, 95))
    return {"sort": question.sort, "path": question.path, "p50_ms": round(p50, 1), "p95_ms": round(p95, 1)}


def _print(report: Mapping[str, Any]) -> None:
    click.echo(
        f"{report['entries']:,} entries of the log, {report['families']:,} families,"
        f" {report['rounds']} rounds; milliseconds\n"
    )
    click.echo(f"{'':<44}{'p50':>10}{'p95':>10}{'aim':>8}")
    for name, found in report["pages"].items():
        click.echo(f"{name:<44}{found['p50_ms']:>10.1f}{found['p95_ms']:>10.1f}{AIMS[found['sort']]:>8.0f}")


def _steps(label: str, length: int) -> Iterator[None]:
    """Count to a number, and show how far it is."""
    with click.progressbar(range(length), label=label, file=sys.stderr) as bar:
        yield from (None for _ in bar)


if __name__ == "__main__":
    main()
