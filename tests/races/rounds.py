"""One round of a race: pulls on two nodes against one act on either, and what came of it.

Each round starts several pulls and one act together. In most rounds the owner holds the log head until act and
pulls stand in its queue: PostgreSQL then decides who is first. The others run freely. A pull *overlapped* the
act when both waited for the head at the same instant, or when its gate moved and it was decided again.
"""

import copy
import dataclasses
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from gateway.database import autocommit, open_engine
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.model import Appended
from gateway.release.model import Outcome, Refused, Released, ReleaseRequest
from gateway.release.service import release
from gateway.wiring import Wiring, wire
from tests.support.throwaway import Database
from tests.support.world import World

AGENCY = "camhs"
PULLS = 8
FREE_SHARE = 0.25
CHANCE = random.Random(20261122)  # noqa: S311 - it shuffles threads
LOCK_HEAD = text("SELECT size FROM gateway.log_head FOR UPDATE")
WAITING = text("SELECT DISTINCT pid FROM pg_locks WHERE NOT granted")  # pg_stat_activity hides other roles


@dataclass
class Trace:
    """What one thread's calls of ``append`` met: the backends it used, and how often a gate had moved."""

    pids: set[int] = field(default_factory=set)
    moved: int = 0


@dataclass(frozen=True)
class Pull:
    """One pull of a round: its outcome, whether it overlapped the act, and whether it was decided again."""

    outcome: Outcome
    overlapped: bool
    decided_again: bool


@dataclass
class Tally:
    """What all rounds of one act came to."""

    races: int = 0
    overlapped: int = 0
    decided_again: int = 0
    release_first: int = 0
    act_first: int = 0

    def __str__(self) -> str:
        share = self.overlapped / self.races
        return (
            f"{self.races} races, {share:.0%} overlapped ({self.decided_again} decided again); "
            f"release first {self.release_first}, act first {self.act_first}"
        )

    def count(self, pull: Pull, *, act_first: bool) -> None:
        """Count one pull."""
        self.races += 1
        self.overlapped += pull.overlapped
        self.decided_again += pull.decided_again
        self.release_first += not act_first
        self.act_first += act_first


def sum_of(tallies: Mapping[str, Tally]) -> Tally:
    """All rounds of all acts."""
    names = [each.name for each in dataclasses.fields(Tally)]
    return Tally(*(sum(getattr(tally, name) for tally in tallies.values()) for name in names))


@dataclass
class Race:
    """Two nodes over one database, and the owner's hand on the log head.

    Attributes:
        nodes: the same council; each with connections, keys, a log signer and a state folder of its own.
        traces: per thread, what its appends met.
    """

    nodes: tuple[World, World]
    holder: Connection
    traces: dict[int, Trace]

    @property
    def world(self) -> World:
        """The council, by its first node."""
        return self.nodes[0]

    def request(self, source_ref: str) -> ReleaseRequest:
        """What every pull of a round asks for; its reference is read once, outside the race."""
        return ReleaseRequest(self.world.caller(AGENCY), self.world.case_ref(AGENCY, source_ref))

    def run(self, request: ReleaseRequest, number: int, *, closing: Callable[[World], object]) -> list[Pull]:
        """Run one round: the pulls on both nodes, the act on the node whose turn it is.

        True afterwards: the very next request on the other node was answered, see ``next_elsewhere``.
        """
        self.traces.clear()
        results: list[tuple[Outcome, Trace]] = []
        acts: list[Trace] = []
        acting = self.nodes[number % 2]

        def pull(node: World) -> None:
            (outcome,) = release(node.wiring, [request])
            results.append((outcome, self.traces.get(threading.get_ident(), Trace())))

        def close() -> None:
            closing(acting)
            acts.append(self.traces.get(threading.get_ident(), Trace()))

        threads = [
            threading.Thread(target=close)
            if place == 0
            else threading.Thread(target=pull, args=[self.nodes[place % 2]])
            for place in CHANCE.sample(range(PULLS + 1), PULLS + 1)
        ]
        waiting = self._start(threads, free=number % round(1 / FREE_SHARE) == 0)
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        assert PULLS == len(results)
        assert 1 == len(acts), "the act was lost"
        queued = bool(acts[0].pids & waiting)
        return [
            Pull(outcome, trace.moved > 0 or (queued and bool(trace.pids & waiting)), trace.moved > 0)
            for outcome, trace in results
        ]

    def next_elsewhere(self, request: ReleaseRequest, number: int) -> Outcome:
        """Ask the node that did not run the act of this round."""
        (outcome,) = release(self.nodes[1 - number % 2].wiring, [request])
        return outcome

    def _start(self, threads: list[threading.Thread], *, free: bool) -> set[int]:
        """Start everybody; return the backends that waited for the head together."""
        if free:
            for thread in threads:
                thread.start()
                time.sleep(CHANCE.random() * 0.002)
            return set()
        with queue_at_the_head(self.holder, len(threads)) as wait:
            for thread in threads:
                thread.start()
                time.sleep(0.001)
            return wait()


@contextmanager
def two_nodes(wiring: Wiring, database: Database, folder: Path) -> Iterator[tuple[World, World]]:
    """A council of two agencies on two nodes; their pools hold a connection for every thread of a race."""
    other_state = folder / "other-state"
    other_state.mkdir()
    other = wire(dataclasses.replace(wiring.settings, state_dir=other_state))
    engines = [open_engine(database.app_url, pool_size=48) for _ in range(2)]
    first, second = (
        dataclasses.replace(node, engine=engine, autocommit=autocommit(engine))
        for node, engine in zip((wiring, other), engines, strict=True)
    )
    made = World(first)
    made.join(AGENCY)
    made.join("early-help")
    twin = copy.copy(made)
    twin.wiring = second
    yield made, twin
    for engine in (*engines, other.engine):
        engine.dispose()


@contextmanager
def queue_at_the_head(holder: Connection, expected: int) -> Iterator[Callable[[], set[int]]]:
    """Hold the head; the function given returns once ``expected`` backends wait for a lock, with their pids."""
    holder.execute(LOCK_HEAD)

    def wait() -> set[int]:
        pids: set[int] = set()
        for _ in range(400):
            pids = set(holder.execute(WAITING).scalars())
            if len(pids) >= expected:
                break
            time.sleep(0.002)
        return pids

    yield wait
    holder.rollback()


def traced_appends(monkeypatch: pytest.MonkeyPatch) -> dict[int, Trace]:
    """Let every append leave a trace, per thread; the real one still does the work."""
    seen: dict[int, Trace] = {}
    real = log.append

    def traced(connection: Connection, entries: Any, **how: Any) -> Appended:
        trace = seen.setdefault(threading.get_ident(), Trace())
        driver: Any = connection.connection.driver_connection
        trace.pids.add(driver.info.backend_pid)
        landed = real(connection, entries, **how)
        trace.moved += len(landed.moved)
        return landed

    monkeypatch.setattr(log, "append", traced)
    return seen


def check_refused(tally: Tally, pulls: list[Pull], *, world: World, act_leaf: int) -> None:
    """Count a round whose act ends every release."""
    for pull in pulls:
        assert isinstance(pull.outcome, Released | Refused), "a pull was neither released nor refused"
        if isinstance(pull.outcome, Released):
            leaf = release_leaf(world, pull.outcome)
            assert leaf < act_leaf, f"released after the act, at leaf {leaf}"
        tally.count(pull, act_first=isinstance(pull.outcome, Refused))


def tells(outcome: Outcome, about: str) -> bool:
    """True when something was released and its record holds this text; in a receipt it may stand by chance."""
    return isinstance(outcome, Released) and about in json.dumps(json.loads(outcome.body)["record"])


def check_silent(tally: Tally, pulls: list[Pull], *, world: World, act_leaf: int, about: str) -> None:
    """Count a round whose act closes a part: what is released after it does not tell it."""
    for pull in pulls:
        assert isinstance(pull.outcome, Released), "a part was withdrawn, and all of it was refused"
        after = release_leaf(world, pull.outcome) > act_leaf
        assert not (after and tells(pull.outcome, about)), "a part was released after the act that closed it"
        tally.count(pull, act_first=after)


def leaf_of(world: World, sql: str, **parameters: object) -> int:
    """One number that the database says."""
    with world.wiring.engine.connect() as connection:
        leaf: int = connection.execute(text(sql), parameters).scalar_one()
    return leaf


def release_leaf(world: World, outcome: Released) -> int:
    """Where a release stands in the log."""
    return leaf_of(
        world,
        "SELECT leaf_index FROM gateway.log_entry JOIN gateway.log_trace USING (entry_id) WHERE extract_id = :x",
        x=outcome.extract_id,
    )


def newest_act_leaf(world: World, *, family: UUID | None = None, agency: str | None = None) -> int:
    """The leaf of the newest entry of a family or an agency that is no pull: pulls carry an agency *and* a family."""
    if family is not None:
        where = "t.family_id = :f AND t.agency_code IS NULL"
    else:
        where = "t.agency_code = :a AND t.family_id = '00000000-0000-0000-0000-000000000000'"
    return leaf_of(
        world,
        f"SELECT max(leaf_index) FROM gateway.log_entry JOIN gateway.log_trace t USING (entry_id) WHERE {where}",
        f=family,
        a=agency,
    )


def log_size(world: World) -> int:
    """How many entries there are."""
    return leaf_of(world, "SELECT size FROM gateway.log_head")
