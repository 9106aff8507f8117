"""Acts that close against pulls, over real connections: nothing is released after the act that forbids it.

Each round starts several pulls and one act together. In most rounds the owner holds the log head until act and
pulls stand in its queue: PostgreSQL then decides who is first. The others run freely. A pull *overlapped* the
act when both waited for the head at the same instant, or when its gate moved and it was decided again.
"""

import dataclasses
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text

from agencies import repository as register
from agencies.model import AgencyCode
from agencies.register import AgencyState
from gateway.agency import service as agency_service
from gateway.cases import service as cases_service
from gateway.cases.model import Shield
from gateway.database import autocommit, open_engine
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.model import Appended
from gateway.disclosure_log.service import act
from gateway.release.model import Outcome, Refused, Released
from gateway.settings import environ_of
from gateway.wiring import Wiring
from tests.support.throwaway import Database
from tests.support.world import World, household

PULLS = 8
ROUNDS = {"withdraw": 120, "suspend": 60, "shield": 45, "erase": 40}
LEAST_RACES = 2_000
LEAST_OVERLAP = 0.30
FREE_SHARE = 0.25
CHANCE = random.Random(20261122)  # noqa: S311 - it shuffles threads
LOCK_HEAD = text("SELECT size FROM gateway.log_head FOR UPDATE")
WAITING = text("SELECT DISTINCT pid FROM pg_locks WHERE NOT granted")  # pg_stat_activity hides other roles


@dataclass
class Trace:
    """What one thread's calls of ``append`` met: the backends it used, and how often a gate had moved."""

    pids: set[int] = field(default_factory=set)
    moved: int = 0


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


@pytest.fixture
def racing(wiring: Wiring, database: Database) -> Iterator[World]:
    """A world whose pool holds a connection for every thread of a race."""
    engine = open_engine(database.app_url, pool_size=48)
    wide = dataclasses.replace(wiring, engine=engine, autocommit=autocommit(engine))
    made = World(wide)
    made.join("camhs")
    made.join("early-help")
    yield made
    engine.dispose()


@pytest.fixture
def holder(database: Database) -> Iterator[Connection]:
    """The owner's connection, on which a test holds the log head."""
    engine = open_engine(database.owner_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> dict[int, Trace]:
    """Per thread, what its appends met. The real ``append`` still does the work."""
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


def run_round(
    world: World, holder: Connection, traces: dict[int, Trace], *, free: bool, closing: Callable[[], object]
) -> tuple[list[tuple[Outcome, bool, int]], object]:
    """Run the act against its pulls; for each pull its outcome, whether it overlapped, and its re-decisions."""
    traces.clear()
    order = CHANCE.sample(range(PULLS + 1), PULLS + 1)
    results: list[tuple[Outcome, Trace]] = []
    act_trace: list[Trace] = []
    answer: list[object] = []

    def pull() -> None:
        outcome = world.release("camhs", world_ref(world))
        results.append((outcome, traces[threading.get_ident()]))

    def close() -> None:
        answer.append(closing())
        act_trace.append(traces.get(threading.get_ident(), Trace()))

    threads = [threading.Thread(target=close if place == 0 else pull) for place in order]
    waiting: set[int] = set()
    if free:
        for thread in threads:
            thread.start()
            time.sleep(CHANCE.random() * 0.002)
    else:
        with queue_at_the_head(holder, len(threads)) as wait:
            for thread in threads:
                thread.start()
                time.sleep(0.001)
            waiting = wait()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    act_waited = bool(act_trace[0].pids & waiting)
    pulls = [
        (outcome, trace.moved > 0 or (act_waited and bool(trace.pids & waiting)), trace.moved)
        for outcome, trace in results
    ]
    assert len(pulls) == PULLS
    return pulls, answer[0]


def world_ref(world: World) -> str:
    return str(world.__dict__["racing_ref"])


def use(world: World, source_ref: str) -> str:
    """Let the pulls of the next round ask for this family; its references are read once, outside the race."""
    world.__dict__["racing_ref"] = source_ref
    ref = world.case_ref("camhs", source_ref)
    world.__dict__["case_ref"] = lambda _agency, _source: ref
    return source_ref


def leaf_of(world: World, sql: str, **parameters: object) -> int:
    with world.wiring.engine.connect() as connection:
        leaf: int = connection.execute(text(sql), parameters).scalar_one()
    return leaf


def release_leaf(world: World, outcome: Released) -> int:
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


def count_round(
    tally: Tally, pulls: list[tuple[Outcome, bool, int]], *, allowed: Callable[[Released], bool], world: World
) -> None:
    for outcome, overlapped, again in pulls:
        assert isinstance(outcome, Released | Refused), "a pull was neither released nor refused"
        tally.races += 1
        tally.overlapped += overlapped
        tally.decided_again += again > 0
        if isinstance(outcome, Released):
            assert allowed(outcome), f"released after the act, at leaf {release_leaf(world, outcome)}"
        first = isinstance(outcome, Released)
        tally.release_first += first
        tally.act_first += not first


def race_withdrawals(world: World, holder: Connection, traces: dict[int, Trace], rounds: int) -> Tally:
    tally = Tally()
    source = "EH-W"
    household(world, source)
    family = world.family_id(source)
    use(world, source)
    people = [f"{source}-{who}" for who in ("mum", "ada", "ben")]
    for person in people[1:]:
        world.withdraw(source, person)  # one person's yes carries the release, so one withdrawal ends it
    for number in range(rounds):
        pulls, _ = run_round(
            world, holder, traces, free=is_free(number), closing=lambda: world.withdraw(source, people[0])
        )
        act_leaf = newest_act_leaf(world, family=family)
        count_round(tally, pulls, allowed=lambda o, a=act_leaf: release_leaf(world, o) < a, world=world)  # type: ignore[misc]
        assert isinstance(world.release("camhs", source), Refused)
        world.give(source, people[0])
    return tally


def race_suspensions(world: World, holder: Connection, traces: dict[int, Trace], rounds: int) -> Tally:
    tally = Tally()
    source = use(world, new_household(world, "EH-S"))
    code = AgencyCode("camhs")
    for number in range(rounds):
        pulls, _ = run_round(
            world,
            holder,
            traces,
            free=is_free(number),
            closing=lambda: agency_service.suspend(world.wiring, code=code, actor="test"),
        )
        act_leaf = newest_act_leaf(world, agency=code)
        count_round(tally, pulls, allowed=lambda o, a=act_leaf: release_leaf(world, o) < a, world=world)  # type: ignore[misc]
        assert isinstance(world.release("camhs", source), Refused)
        with act(world.wiring, agencies=(code,)) as change:
            register.set_state(change.connection, code, state=AgencyState.ACTIVE)
            change.record(kind="agency.activate", actor="test", agency=code)
    return tally


def race_shields(world: World, holder: Connection, traces: dict[int, Trace], rounds: int) -> Tally:
    """A shield closes a part: what is released after it holds no address."""
    tally = Tally()
    for number in range(rounds):
        source = use(world, new_household(world, f"EH-H{number}"))
        family, person = world.family_id(source), world.person_id(source, f"{source}-ada")
        world.accept_offer(source, "camhs")
        pulls, _ = run_round(
            world,
            holder,
            traces,
            free=is_free(number),
            closing=lambda f=family, p=person: cases_service.shield(  # type: ignore[misc]
                world.wiring, family_id=f, person_id=p, level=Shield.REFUGE, actor="test"
            ),
        )
        act_leaf = newest_act_leaf(world, family=family)
        for outcome, overlapped, again in pulls:
            assert isinstance(outcome, Released)
            tells = "SE6" in json.dumps(json.loads(outcome.body)["record"])
            after = release_leaf(world, outcome) > act_leaf
            assert not (tells and after), "an address left after its shield"
            tally.races += 1
            tally.overlapped += overlapped
            tally.decided_again += again > 0
            tally.release_first += not after
            tally.act_first += after
    return tally


def race_erasures(
    world: World, holder: Connection, traces: dict[int, Trace], rounds: int, *, eraser: Engine
) -> Tally:
    tally = Tally()
    for number in range(rounds):
        source = use(world, new_household(world, f"EH-E{number}"))
        family = world.family_id(source)
        ref = world.case_ref("camhs", source)
        before = log_size(world)
        pulls, _ = run_round(
            world,
            holder,
            traces,
            free=is_free(number),
            closing=lambda f=family: cases_service.erase_family(  # type: ignore[misc]
                eraser, wiring=world.wiring, family_id=f, requested_by="test", approved_by="other"
            ),
        )
        # The erased family's traces are gone, so its releases are told by their number: those before the erasure.
        released = sum(isinstance(outcome, Released) for outcome, _, _ in pulls)
        count_round(tally, pulls, allowed=lambda _: True, world=world)
        assert log_size(world) == before + PULLS + 1
        assert erasure_leaf(world, family) >= before + released, "a release stands after the erasure"
        assert isinstance(world.release("camhs", source), Refused)
        assert ref == world.case_ref("camhs", source)
    return tally


def new_household(world: World, source_ref: str) -> str:
    world.__dict__.pop("case_ref", None)
    household(world, source_ref)
    return source_ref


def is_free(number: int) -> bool:
    return number % round(1 / FREE_SHARE) == 0


def log_size(world: World) -> int:
    return leaf_of(world, "SELECT size FROM gateway.log_head")


def erasure_leaf(world: World, _family: UUID) -> int:
    """The newest entry of an act under the reserved family: the erasure of this round."""
    return leaf_of(
        world,
        "SELECT max(leaf_index) FROM gateway.log_entry JOIN gateway.log_trace t USING (entry_id)"
        " WHERE t.family_id = '00000000-0000-0000-0000-000000000000' AND t.agency_code IS NULL",
    )


def test_nothing_is_released_after_the_act_that_forbids_it(
    racing: World,
    holder: Connection,
    eraser: Engine,
    traces: dict[int, Trace],
    say: Callable[[str], None],
) -> None:
    tallies = {
        "withdraw": race_withdrawals(racing, holder, traces, ROUNDS["withdraw"]),
        "suspend": race_suspensions(racing, holder, traces, ROUNDS["suspend"]),
        "shield": race_shields(racing, holder, traces, ROUNDS["shield"]),
        "erase": race_erasures(racing, holder, traces, ROUNDS["erase"], eraser=eraser),
    }
    races = sum(tally.races for tally in tallies.values())
    overlapped = sum(tally.overlapped for tally in tallies.values())
    for name, tally in tallies.items():
        say(f"{name:>9}: {tally}")
    say(f"    total: {races} races, {overlapped / races:.0%} overlapped")
    assert races >= LEAST_RACES
    for name, tally in tallies.items():
        assert tally.overlapped / tally.races >= LEAST_OVERLAP, name
        assert tally.decided_again > 0, name
        assert tally.release_first > 0, name
        assert tally.act_first > 0, name


def test_a_release_waiting_for_the_head_notices_the_withdrawal(racing: World, holder: Connection) -> None:
    """The withdrawal commits without the head; the release has the old consent in hand and must not use it."""
    source = use(racing, new_household(racing, "EH-1"))
    with ThreadPoolExecutor(1) as pool, queue_at_the_head(holder, 1) as wait:
        pull = pool.submit(racing.release, "camhs", source)
        assert wait()
        for who in ("mum", "ada", "ben"):
            racing.withdraw(source, f"{source}-{who}")
        holder.rollback()
        outcome = pull.result(timeout=30)
    assert isinstance(outcome, Refused)


def test_a_withdrawal_commits_within_two_seconds_of_constant_pulls(
    racing: World, say: Callable[[str], None]
) -> None:
    """The clients are a process of their own, as they are in life: only the database is shared."""
    source = new_household(racing, "EH-1")
    member = racing.members["camhs"]
    environ = {**os.environ, **environ_of(racing.wiring.settings)}
    command = [sys.executable, str(Path(__file__).with_name("puller.py"))]
    command += [member.client_id, member.practitioner, str(racing.case_ref("camhs", source))]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as clients:
        assert clients.stdout is not None
        assert clients.stdout.readline() == "ready\n"
        time.sleep(1)  # the clients are well under way
        started = time.monotonic()
        racing.withdraw(source, f"{source}-mum")
        taken = time.monotonic() - started
        for who in ("ada", "ben"):
            racing.withdraw(source, f"{source}-{who}")
        assert isinstance(racing.release("camhs", source), Refused)
        outcomes = json.loads(clients.communicate("", timeout=60)[0])
    say(f"withdrawal under 32 clients: {taken * 1000:.0f} ms, {outcomes}")
    assert taken < 2
    assert outcomes["Released"] >= 64
    assert outcomes["Refused"] > 0


def test_the_race_test_can_fail(
    racing: World, holder: Connection, traces: dict[int, Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the gate versions in the append the same races do release after the act: the check sees them."""
    real = log.append

    def unchecked(connection: Connection, entries: Any, **how: Any) -> Appended:
        bare = [dataclasses.replace(e, family_version=None, agency_version=None) for e in entries]
        return real(connection, bare, **how)

    monkeypatch.setattr(log, "append", unchecked)
    with pytest.raises(AssertionError, match="released after the act"):
        race_withdrawals(racing, holder, traces, 40)
