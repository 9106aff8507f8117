"""What is measured beside the main rounds: counts, a slow disk, two nodes, one that stands still, a withdrawal, a pack."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

import psycopg

from bench.measuring import CERTIFICATE, FLOOR_LOG, FLOORS, Bench, Contender, Slice
from bench.nodes import FLOOR as FLOOR_APPLICATION
from bench.nodes import BenchFailedError, Node, running
from bench.population import PACK, Population
from certs.errors import CertsError
from gateway.consent.service import decide, standing_version
from gateway.ops.embedded import ADMINISTRATOR
from gateway.ops.serve import APPLICATION
from gateway.settings import Settings
from gateway.wiring import Wiring, wire
from tests.support.node import Certificates
from tests.support.world import STAFF

SLOW_FLUSH: Final = "2000"
"""Microseconds that each flush is delayed by, whoever else is waiting."""

FREEZE_SECONDS: Final = 1.5

_HOT: Final = 32
_PAUSE: Final = 0.05
"""Between two changes of a person's mind."""
_LOGGED: Final = (" LOG:  execute ", " LOG:  statement: ")
_NO_STATEMENTS: Final = ("BEGIN", "COMMIT", "ROLLBACK")
_ENDING_SECONDS: Final = 10.0
_OWN: Final = "SELECT /* bench */ "
_COUNTERS: Final = """SELECT /* bench */ (SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'),
    pg_current_wal_insert_lsn() - '0/0'"""
_SESSIONS: Final = "SELECT /* bench */ count(*) FROM pg_stat_activity"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run's processes work.

    Attributes:
        settings: over the run's own database.
    """

    folder: Path
    population: Population
    settings: Settings
    certificates: Certificates

    @contextmanager
    def node(self, *, tls: bool = True, application: str = APPLICATION) -> Iterator[Node]:
        """Yield one more node in a folder of its own."""
        folder = self.folder / f"node-{next(_numbers)}"
        certificates = self.certificates if tls else None
        with running(folder, self.settings, certificates=certificates, application=application) as node:
            yield node

    @contextmanager
    def administrator(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection of the server's administrator, in autocommit."""
        url = self.population.server.url(ADMINISTRATOR, "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def counts(
    bench: Bench, place: Place, contender: Contender, *, connections: Sequence[int], requests: int
) -> Iterator[dict[str, Any]]:
    """Yield, for each number of connections, what PostgreSQL counted of each request.

    A node of its own answers so many requests and ends: a session hands in its counts when it ends at the latest. What
    a node asks at its start is counted with one request and taken off.
    """
    start = _counted(bench, place, contender, connections=1, requests=1)
    for number in connections:
        found = _counted(bench, place, contender, connections=number, requests=requests + 1)
        figures = {name: max(0.0, (found[name] - start[name]) / requests) for name in found}
        yield {"contender": contender.kind, "connections": number, **figures}


def _counted(
    bench: Bench, place: Place, contender: Contender, *, connections: int, requests: int
) -> dict[str, float]:
    application = FLOOR_APPLICATION if contender.kind in FLOORS else APPLICATION
    server_log = place.population.server.folder / "data" / "server.log"
    with place.administrator() as administrator:
        _set(administrator, log_statement="all")
        try:
            sessions = _sessions(administrator)
            began = server_log.stat().st_size
            before = _counters(administrator)
            with place.node(tls=contender.tls, application=application) as node:
                bench.begin(contender, connections=connections, seconds=0, requests=requests, node=node).end()
            deadline = time.monotonic() + _ENDING_SECONDS
            while _sessions(administrator) > sessions and time.monotonic() < deadline:
                time.sleep(0.05)
            after = _counters(administrator)
            with server_log.open("rb") as log:
                log.seek(began)
                lines = log.read().decode("utf-8", "replace").splitlines()
        finally:
            _set(administrator, log_statement="none")
    texts = [
        line.split(" LOG:  ", 1)[1].partition(": ")[2]
        for line in lines
        if any(each in line for each in _LOGGED)
    ]
    ends = [each for each in texts if each.startswith(_NO_STATEMENTS)]
    return {
        "statements": float(len([each for each in texts if not _is_own(each)]) - len(ends)),
        "begin_and_end": float(len(ends)),
        **{name: after[name] - before[name] for name in after},
    }


def _is_own(statement: str) -> bool:
    """True of what this module asks while it counts."""
    return statement.startswith(_OWN)


def _sessions(administrator: psycopg.Connection[Any]) -> int:
    row = administrator.execute(_SESSIONS).fetchone()
    return 0 if row is None else int(row[0])


def _counters(administrator: psycopg.Connection[Any]) -> dict[str, float]:
    row = administrator.execute(_COUNTERS).fetchone()
    if row is None:
        raise BenchFailedError("PostgreSQL does not say what it counted.")
    return {"flushes": float(row[0]), "wal_bytes": float(row[1])}


@contextmanager
def slow_disk(place: Place) -> Iterator[None]:
    """Let every flush take 2 ms longer, for whoever commits."""
    with place.administrator() as administrator:
        _set(administrator, commit_delay=SLOW_FLUSH, commit_siblings="0")
        try:
            yield
        finally:
            _set(administrator, commit_delay="0", commit_siblings="5")


def _set(administrator: psycopg.Connection[Any], **options: str) -> None:
    for name, value in options.items():
        administrator.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
    administrator.execute("SELECT pg_reload_conf()")
    time.sleep(0.2)  # every session reads it before its next statement, once it was told


def two_masters(
    bench: Bench, other: Node, *, connections: int, seconds: float
) -> tuple[Slice, tuple[Slice, Slice]]:
    """The same number of clients at one node, then half of them at each of two."""
    contender = Contender(CERTIFICATE, tls=True)
    alone = bench.begin(contender, connections=connections, seconds=seconds).end()
    half = connections // 2
    first = bench.begin(contender, connections=half, seconds=seconds)
    second = bench.begin(contender, connections=half, seconds=seconds, node=other)
    return alone, (first.end(), second.end())


def frozen(bench: Bench, other: Node, *, connections: int) -> dict[str, float]:
    """How much one node answers while the other stands still in the middle of its work, and while it does not."""
    contender = Contender(CERTIFICATE, tls=True)
    both: list[Slice] = []
    busy = bench.begin(contender, connections=connections, seconds=3 * FREEZE_SECONDS, node=other)
    time.sleep(FREEZE_SECONDS)
    both.append(bench.begin(contender, connections=connections, seconds=FREEZE_SECONDS, warm=0).end())
    busy.end()
    busy = bench.begin(contender, connections=connections, seconds=3 * FREEZE_SECONDS, node=other)
    time.sleep(FREEZE_SECONDS)
    with other.frozen():
        both.append(bench.begin(contender, connections=connections, seconds=FREEZE_SECONDS, warm=0).end())
    busy.end()
    return {
        "answered_beside_a_working_node": both[0].requests,
        "answered_beside_a_frozen_node": both[1].requests,
        "longest_ms_beside_a_frozen_node": max(both[1].times_ms),
    }


def withdrawals(bench: Bench, place: Place, *, count: int) -> dict[str, float]:
    """How long a withdrawal takes to be committed while 32 clients pull that family, and while nobody does.

    503 is no error here: it is what a client is told whose family changed again each time it was decided.
    """
    hot: Mapping[str, Any] = bench.population.hot
    wiring = wire(place.settings)
    targets = [(f"/v1/cases/{ref}/extract", agency) for agency, ref in hot["refs"].items()]
    try:
        quiet = [_withdraw(wiring, hot) for _ in range(count)]
        pulling = bench.begin(
            Contender(CERTIFICATE, tls=True),
            connections=_HOT,
            seconds=max(3.0, count * 0.3),
            targets=targets,
            allowed={"200", "404", "503"},
        )
        time.sleep(1)
        busy: list[float] = []
        while len(busy) < count and pulling.process.poll() is None:
            busy.append(_withdraw(wiring, hot))
            time.sleep(_PAUSE)
        answered = pulling.end().statuses
    finally:
        wiring.engine.dispose()
    if not busy or not answered.get("200"):
        raise BenchFailedError("Nobody pulled while the family withdrew, or nothing was withdrawn meanwhile.")
    return {
        "withdrawals": len(busy),
        "pulled": answered.get("200", 0),
        "refused": answered.get("404", 0),
        "told_to_come_again": answered.get("503", 0),
        "quiet_p50_ms": median(quiet),
        "busy_p50_ms": median(busy),
        "busy_max_ms": max(busy),
    }


def _withdraw(wiring: Wiring, hot: Mapping[str, Any]) -> float:
    """Let one person withdraw and say yes again; ms of the withdrawal."""
    person = hot["people"][0]
    told = {"source_ref": hot["source_ref"], "person": person, "recorded_by": STAFF}
    began = time.perf_counter()
    decide(wiring, {**told, "decision_id": str(uuid4()), "act": "withdraw"}, actor="bench")
    took = (time.perf_counter() - began) * 1_000
    version = standing_version(wiring, source_ref=hot["source_ref"], person=person)
    document = {**told, **hot["yes"][person], "decision_id": str(uuid4()), "act": "give"}
    with suppress(CertsError):
        decide(wiring, document, actor="bench", expected=version)
    return took


def pack(bench: Bench, *, connections: int, seconds: float) -> dict[str, float] | str:
    """Extracts per second where a meeting's are pulled at once; in words, why there is nothing to measure."""
    agency = next(iter(bench.population.hot["refs"]))
    status, panels = bench.askers.get(agency, "/v1/panels", scope="panel:read")
    if status != HTTPStatus.OK:
        return f"skipped: the list of meetings answers {status}"
    for panel in panels["panels"]:
        meeting = panel.get("id") or panel.get("meeting_id")
        status, found = bench.askers.get(agency, f"/v1/panels/{meeting}", scope="panel:read")
        if status == HTTPStatus.OK and 0 < len(found["cases"]) <= PACK:
            break
    else:
        return "skipped: no meeting has as few cases as a pack"
    path = f"/v1/panels/{meeting}/extracts"
    measured = bench.begin(
        Contender(CERTIFICATE, tls=True),
        connections=connections,
        seconds=seconds,
        targets=[(path, agency)],
    ).end()
    cases = len(found["cases"])
    return {
        "cases": cases,
        "packs_per_s": measured.per_second,
        "extracts_per_s": measured.per_second * cases,
        "p50_ms": measured.percentiles[0],
    }


def interleaved(
    bench: Bench,
    contenders: Sequence[Contender],
    *,
    connections: Sequence[int],
    rounds: int,
    seconds: float,
    order: Callable[[Sequence[Contender]], Sequence[Contender]],
    step: Callable[[int], None],
) -> dict[tuple[Contender, int], list[Slice]]:
    """Measure all contenders in each round, each time in another order."""
    found: dict[tuple[Contender, int], list[Slice]] = {}
    for _ in range(rounds):
        for number in connections:
            for contender in order(contenders):
                measured = bench.begin(contender, connections=number, seconds=seconds).end()
                found.setdefault((contender, number), []).append(measured)
                step(1)
    return found


def slow_contenders() -> list[Contender]:
    """Who is measured on a slow disk: whoever commits."""
    return [Contender(FLOOR_LOG, tls=True), Contender(CERTIFICATE, tls=True)]
