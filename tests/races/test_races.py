"""Acts that close against pulls on two nodes: nothing is released after the act that forbids it."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine

from agencies import repository as register
from agencies.model import AgencyCode
from agencies.register import AgencyState
from gateway.agency import service as agency_service
from gateway.cases import service as cases_service
from gateway.cases.model import Shield
from gateway.database import open_engine
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.model import Appended
from gateway.disclosure_log.service import act
from gateway.release.model import Refused, Released
from gateway.release.service import release
from gateway.settings import environ_of
from gateway.wiring import Wiring
from tests.races.rounds import (
    AGENCY,
    PULLS,
    Race,
    Tally,
    check_refused,
    check_silent,
    leaf_of,
    log_size,
    newest_act_leaf,
    queue_at_the_head,
    sum_of,
    tells,
    traced_appends,
    two_nodes,
)
from tests.support.throwaway import Database
from tests.support.world import World, household

CODE = AgencyCode(AGENCY)
ROUNDS = {"withdraw": 12, "part": 15, "suspend": 8, "shield": 6, "erase": 4}
SHORT, LONG = 300, 10_000
"""How many races there are at least: in ``make test``, and in ``make test-long``."""
LEAST_OVERLAP = 0.30
PARTS: dict[str, dict[str, Any]] = {
    "person": {},
    "category": {"categories": ["name"]},
    "field": {"fields": ["child_name"]},
    "agency": {"agencies": [AGENCY]},
    "purpose": {"purposes": ["P1"]},
}
"""What one of two children withdraws: any of these takes the child's name from what goes to this agency."""


@pytest.fixture
def race(
    wiring: Wiring, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Race]:
    owner = open_engine(database.owner_url)
    traces = traced_appends(monkeypatch)
    with two_nodes(wiring, database, tmp_path) as nodes, owner.connect() as holder:
        yield Race(nodes, holder, traces)
    owner.dispose()


def race_withdrawals(race: Race, rounds: int) -> Tally:
    """One person's yes carries the release, so one withdrawal ends it."""
    tally, world, source = Tally(), race.world, "EH-W"
    household(world, source)
    mum, *children = (f"{source}-{who}" for who in ("mum", "ada", "ben"))
    for child in children:
        world.withdraw(source, child)
    family, request = world.family_id(source), race.request(source)
    for number in range(rounds):
        pulls = race.run(request, number, closing=lambda node: node.withdraw(source, mum))
        assert isinstance(race.next_elsewhere(request, number), Refused)
        check_refused(tally, pulls, world=world, act_leaf=newest_act_leaf(world, family=family))
        world.give(source, mum)
    return tally


def race_parts(race: Race, rounds: int) -> Tally:
    """A part of one child's yes ends; everything else goes on."""
    tally, world, source = Tally(), race.world, "EH-P"
    household(world, source)
    family, request, ada = world.family_id(source), race.request(source), f"{source}-ada"
    for number in range(rounds):
        narrowed = list(PARTS.values())[number % len(PARTS)]
        closing = partial(World.withdraw, source_ref=source, person=ada, **narrowed)
        pulls = race.run(request, number, closing=closing)
        following = race.next_elsewhere(request, number)
        assert not tells(following, "Adagiven")
        assert tells(following, "Bengiven")
        leaf = newest_act_leaf(world, family=family)
        check_silent(tally, pulls, world=world, act_leaf=leaf, about="Adagiven")
        world.give(source, ada)
    return tally


def race_suspensions(race: Race, rounds: int) -> Tally:
    tally, world, source = Tally(), race.world, "EH-S"
    household(world, source)
    request = race.request(source)
    for number in range(rounds):
        pulls = race.run(
            request,
            number,
            closing=lambda node: agency_service.suspend(node.wiring, code=CODE, actor="test"),
        )
        assert isinstance(race.next_elsewhere(request, number), Refused)
        check_refused(tally, pulls, world=world, act_leaf=newest_act_leaf(world, agency=CODE))
        with act(world.wiring, agencies=(CODE,)) as change:
            register.set_state(change.connection, CODE, state=AgencyState.ACTIVE)
            change.record(kind="agency.activate", actor="test", agency=CODE)
    return tally


def race_shields(race: Race, rounds: int) -> Tally:
    """A shield closes a part: what is released after it holds no address."""
    tally, world = Tally(), race.world
    for number in range(rounds):
        source = f"EH-H{number}"
        household(world, source)
        family, person = world.family_id(source), world.person_id(source, f"{source}-ada")
        request = race.request(source)
        pulls = race.run(request, number, closing=partial(shield, family_id=family, person_id=person))
        following = race.next_elsewhere(request, number)
        assert tells(following, "Adagiven")
        assert not tells(following, "SE6")
        leaf = newest_act_leaf(world, family=family)
        check_silent(tally, pulls, world=world, act_leaf=leaf, about="SE6")
    return tally


def race_erasures(race: Race, rounds: int, *, eraser: Engine) -> Tally:
    tally, world = Tally(), race.world
    for number in range(rounds):
        source = f"EH-E{number}"
        household(world, source)
        family, request, before = world.family_id(source), race.request(source), log_size(world)
        pulls = race.run(request, number, closing=partial(erase, family_id=family, eraser=eraser))
        # The erased family's traces are gone, so its releases are told by their number: those before the erasure.
        released = sum(isinstance(pull.outcome, Released) for pull in pulls)
        assert before + PULLS + 1 == log_size(world)
        assert erasure_leaf(world) >= before + released, "a release stands after the erasure"
        assert isinstance(race.next_elsewhere(request, number), Refused)
        for pull in pulls:
            tally.count(pull, act_first=isinstance(pull.outcome, Refused))
    return tally


def shield(node: World, *, family_id: UUID, person_id: UUID) -> None:
    cases_service.shield(
        node.wiring, family_id=family_id, person_id=person_id, level=Shield.REFUGE, actor="test"
    )


def erase(node: World, *, family_id: UUID, eraser: Engine) -> None:
    cases_service.erase_family(
        eraser, wiring=node.wiring, family_id=family_id, requested_by="test", approved_by="other"
    )


def erasure_leaf(world: World) -> int:
    """The newest entry of an act under the reserved family: the erasure of this round."""
    return leaf_of(
        world,
        "SELECT max(leaf_index) FROM gateway.log_entry JOIN gateway.log_trace t USING (entry_id)"
        " WHERE t.family_id = '00000000-0000-0000-0000-000000000000' AND t.agency_code IS NULL",
    )


@pytest.mark.parametrize("least", [SHORT, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "long"])
def test_nothing_is_released_after_the_act_that_forbids_it(
    race: Race, eraser: Engine, say: Callable[[str], None], least: int
) -> None:
    many = -(-least // (PULLS * sum(ROUNDS.values())))
    rounds = {name: number * many for name, number in ROUNDS.items()}
    tallies = {
        "withdraw": race_withdrawals(race, rounds["withdraw"]),
        "part": race_parts(race, rounds["part"]),
        "suspend": race_suspensions(race, rounds["suspend"]),
        "shield": race_shields(race, rounds["shield"]),
        "erase": race_erasures(race, rounds["erase"], eraser=eraser),
    }
    total = sum_of(tallies)
    for name, tally in {**tallies, "total": total}.items():
        say(f"{name:>9}: {tally}")
    assert total.races >= least
    for name, tally in tallies.items() if least == LONG else [("total", total)]:
        assert tally.overlapped / tally.races >= LEAST_OVERLAP, name
        assert tally.decided_again > 0, name
        assert tally.release_first > 0, name
        assert tally.act_first > 0, name


def test_a_release_waiting_for_the_head_notices_the_withdrawal(race: Race) -> None:
    """The withdrawal commits without the head; the release has the old consent in hand and must not use it."""
    here, elsewhere = race.nodes
    household(here, "EH-1")
    request = race.request("EH-1")
    with ThreadPoolExecutor(1) as pool, queue_at_the_head(race.holder, 1) as wait:
        pull = pool.submit(release, elsewhere.wiring, [request])
        assert wait()
        for who in ("mum", "ada", "ben"):
            here.withdraw("EH-1", f"EH-1-{who}")
        race.holder.rollback()
        (outcome,) = pull.result(timeout=30)
    assert isinstance(outcome, Refused)


def test_a_withdrawal_commits_within_two_seconds_of_constant_pulls(
    race: Race, say: Callable[[str], None]
) -> None:
    """The clients are a process of their own, as they are in life: only the database is shared."""
    world, source = race.world, "EH-1"
    household(world, source)
    member = world.members[AGENCY]
    environ = {**os.environ, **environ_of(world.wiring.settings)}
    command = [sys.executable, str(Path(__file__).with_name("puller.py"))]
    command += [member.client_id, member.practitioner, str(world.case_ref(AGENCY, source))]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as clients:
        assert clients.stdout is not None
        assert clients.stdout.readline() == "ready\n"
        time.sleep(1)  # the clients are well under way
        started = time.monotonic()
        world.withdraw(source, f"{source}-mum")
        taken = time.monotonic() - started
        for who in ("ada", "ben"):
            world.withdraw(source, f"{source}-{who}")
        assert isinstance(world.release(AGENCY, source), Refused)
        outcomes = json.loads(clients.communicate("", timeout=60)[0])
    say(f"withdrawal under 32 clients: {taken * 1000:.0f} ms, {outcomes}")
    assert taken < 2
    assert outcomes["Released"] >= 64
    assert outcomes["Refused"] > 0


@pytest.mark.parametrize(
    ("races", "message"),
    [(race_withdrawals, "released after the act"), (race_parts, "a part was released after the act")],
)
def test_the_race_test_can_fail(
    race: Race, monkeypatch: pytest.MonkeyPatch, races: Callable[[Race, int], Tally], message: str
) -> None:
    """Without the gate versions in the append the same races do release after the act: the check sees them."""
    real = log.append

    def unchecked(connection: Connection, entries: Any, **how: Any) -> Appended:
        bare = [dataclasses.replace(e, family_version=None, agency_version=None) for e in entries]
        return real(connection, bare, **how)

    monkeypatch.setattr(log, "append", unchecked)
    with pytest.raises(AssertionError, match=message):
        races(race, 40)
