"""The watch over real requests: it sees each once, alerts once, and nobody who asks can tell."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from certs.envelope import FileKek
from certs.errors import EnvelopeError
from gateway.cases.errors import ErasureRefusedError
from gateway.cases.service import erase_family
from gateway.database import open_engine
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.keyring import Keyring
from gateway.release import views
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import release
from gateway.release.watch import model, service
from gateway.release.watch.model import KEPT
from gateway.release.watch.service import watch_pulling
from gateway.tasks.model import Facts, TaskKind
from gateway.tasks.repository import finish, open_tasks, raise_task
from gateway.wiring import Wiring
from tests.support.rooms import room_client
from tests.support.statements import on_statement, statements
from tests.support.throwaway import Database
from tests.support.world import World, household

VOLUME, PER_FAMILY = 4, 3
ALWAYS_WORKING = (0, 24)


@pytest.fixture(autouse=True)
def no_weekend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever day the tests run on, it is a working day unless it is a bank holiday."""

    def working_day(day: date, *, holidays: frozenset[date]) -> bool:
        return day not in holidays

    monkeypatch.setattr(model, "is_working_day", working_day)


def no_holidays(_day: date) -> frozenset[date]:
    return frozenset()


def every_day(day: date) -> frozenset[date]:
    return frozenset({day - timedelta(days=1), day, day + timedelta(days=1)})


@pytest.fixture
def world(wiring: Wiring) -> World:
    settings = replace(
        wiring.settings,
        alert_pulls_per_hour=VOLUME,
        alert_family_pulls_per_day=PER_FAMILY,
        working_hours=ALWAYS_WORKING,
    )
    made = World(replace(wiring, settings=settings))
    made.join("camhs")
    for source_ref in ("EH-1", "EH-2"):
        household(made, source_ref)
    return made


def watch(world: World, *, later: timedelta = timedelta()) -> int:
    """Look now."""
    with world.wiring.engine.connect() as connection:
        now = database_now(connection) + later
    return watch_pulling(world.wiring, now, bank_holidays=no_holidays)


def pull(world: World, source_ref: str = "EH-1", *, times: int = 1, practitioner: str = "camhs-1") -> None:
    caller = world.caller("camhs", practitioner=practitioner)
    request = ReleaseRequest(caller, world.case_ref("camhs", source_ref))
    release(world.wiring, [request] * times)


def guess(world: World, *, times: int = 1) -> None:
    release(world.wiring, [ReleaseRequest(world.caller("camhs"), uuid4()) for _ in range(times)])


def alerts(world: World, kind: TaskKind) -> list[tuple[str, UUID | None, Facts]]:
    with world.wiring.engine.connect() as connection:
        return [(task.about, task.ref, task.facts) for task in open_tasks(connection) if task.kind is kind]


def rows(world: World, statement: str) -> list[tuple[object, ...]]:
    with world.wiring.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def kept(world: World) -> int:
    return len(rows(world, "SELECT FROM gateway.recent_pull"))


def london_today(world: World) -> str:
    return str(rows(world, "SELECT (now() AT TIME ZONE 'Europe/London')::date")[0][0])


def test_as_many_requests_as_the_threshold_alert_and_one_less_does_not(world: World) -> None:
    guess(world, times=VOLUME - 1)
    watch(world)
    assert [] == alerts(world, TaskKind.PULLING_VOLUME)
    guess(world)
    watch(world)
    facts = {"agency": "camhs", "practitioner": "camhs-1", "count": VOLUME, "day": london_today(world)}
    assert [(world.members["camhs"].client_id, None, facts)] == alerts(world, TaskKind.PULLING_VOLUME)


def test_a_family_asked_for_again_and_again_alerts_at_the_threshold(world: World) -> None:
    pull(world, "EH-1", times=PER_FAMILY - 1)
    pull(world, "EH-2")
    watch(world)
    assert [] == alerts(world, TaskKind.PULLING_FAMILY)
    pull(world, "EH-1")
    watch(world)
    ((_about, ref, facts),) = alerts(world, TaskKind.PULLING_FAMILY)
    assert (world.family_id("EH-1"), PER_FAMILY) == (ref, facts["count"])


def test_a_release_outside_working_hours_alerts_and_a_refusal_does_not(world: World) -> None:
    guess(world)
    with world.wiring.engine.connect() as connection:
        now = database_now(connection)
    watch_pulling(world.wiring, now, bank_holidays=every_day)
    assert [] == alerts(world, TaskKind.PULLING_HOURS)
    pull(world)
    watch_pulling(world.wiring, now, bank_holidays=every_day)
    assert 1 == len(alerts(world, TaskKind.PULLING_HOURS))


def test_each_practitioner_is_an_alert_of_their_own(world: World) -> None:
    """The task of one must not hide what another of the same client does."""
    for practitioner in ("camhs-1", "camhs-2"):
        pull(world, practitioner=practitioner, times=VOLUME)
    watch(world)
    found = alerts(world, TaskKind.PULLING_VOLUME)
    assert ["camhs-1", "camhs-2"] == sorted(str(facts["practitioner"]) for _, _, facts in found)


def test_nothing_is_seen_twice_however_often_the_watch_runs(world: World) -> None:
    """A cursor that is lost, or moved too early, doubles the counts or misses requests."""
    guess(world, times=VOLUME - 1)
    for _ in range(3):
        assert 0 == watch(world)
    assert VOLUME - 1 == kept(world)
    guess(world)
    assert 1 == watch(world)
    assert 0 == watch(world)
    assert VOLUME == kept(world)


def test_a_long_log_is_read_to_its_end_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    guess(world, times=7)
    watch(world)
    assert 7 == kept(world)
    assert rows(world, "SELECT size FROM gateway.log_head") == rows(
        world, "SELECT next_leaf FROM gateway.pull_watch"
    )


def test_a_watch_that_is_cut_off_reads_the_same_entries_again(world: World) -> None:
    """Killed between storing and moving on: both are in the transaction that is taken back."""
    guess(world, times=VOLUME)
    watch(world)
    pull(world, times=PER_FAMILY)

    def die(statement: str) -> None:
        if "UPDATE gateway.pull_watch" in statement:
            raise RuntimeError("cut off")

    with on_statement(die), pytest.raises(RuntimeError):
        watch(world)
    assert VOLUME == kept(world)
    watch(world)
    assert VOLUME + PER_FAMILY == kept(world)
    assert 1 == len(alerts(world, TaskKind.PULLING_FAMILY))


def test_an_alert_that_was_dealt_with_stays_away_for_the_day(world: World) -> None:
    guess(world, times=VOLUME)
    watch(world)
    with world.wiring.engine.begin() as connection:
        for task in open_tasks(connection):
            finish(connection, task.id, actor="dana.dpo", now=database_now(connection))
    guess(world, times=VOLUME)
    assert 0 == watch(world)


def test_two_workers_at_once_alert_once(world: World) -> None:
    guess(world, times=VOLUME)
    pull(world, times=PER_FAMILY)
    together = Barrier(4)

    def look(_number: int) -> int:
        together.wait()
        return watch(world)

    with ThreadPoolExecutor(4) as pool:
        raised = sum(pool.map(look, range(4)))
    raised += watch(world)  # whoever came second passed by, perhaps before the first had read everything
    assert 2 == raised
    assert VOLUME + PER_FAMILY == kept(world)


def test_pulls_are_forgotten_after_two_days(world: World) -> None:
    guess(world, times=VOLUME)
    watch(world)
    watch(world, later=KEPT + timedelta(minutes=1))
    assert 0 == kept(world)


def test_what_is_too_old_when_it_is_first_read_is_passed_over(world: World) -> None:
    """A watch that starts on the log of a year must not keep a year."""
    guess(world, times=VOLUME)
    assert 0 == watch(world, later=KEPT + timedelta(minutes=1))
    assert 0 == kept(world)


def test_only_requests_for_extracts_are_kept(world: World) -> None:
    """Imports, decisions and shields are in the log too."""
    pull(world)
    with act(world.wiring, families=(world.family_id("EH-1"),)) as change:
        change.record(kind="case.shield", actor="test", family_id=world.family_id("EH-1"), restricted=True)
    watch(world)
    assert [(world.members["camhs"].client_id, "camhs-1", world.family_id("EH-1"), True)] == rows(
        world, "SELECT client_id, practitioner, family_id, released FROM gateway.recent_pull"
    )


def test_a_request_for_nobodys_case_names_no_family(world: World) -> None:
    """The reserved family stands for everything unknown: it is no family that somebody asks for."""
    guess(world)
    watch(world)
    assert [(None, False)] == rows(world, "SELECT family_id, released FROM gateway.recent_pull")


def test_an_erased_family_is_gone_from_the_watch_and_its_alerts(world: World, eraser: Engine) -> None:
    pull(world, "EH-1", times=PER_FAMILY)
    pull(world, "EH-2")
    watch(world)
    family = world.family_id("EH-1")
    with world.wiring.engine.begin() as connection:
        for task in open_tasks(connection):
            finish(connection, task.id, actor="test", now=database_now(connection))
    erase_family(eraser, wiring=world.wiring, family_id=family, requested_by="test", approved_by="other")
    assert [(world.family_id("EH-2"),)] == rows(world, "SELECT family_id FROM gateway.recent_pull")
    told = "SELECT about, ref, facts FROM gateway.task WHERE kind = 'pulling.family'"
    assert [(world.members["camhs"].client_id, None, {})] == rows(world, told)
    assert 0 == watch(world)


def test_a_family_erased_before_it_was_read_is_passed_over(world: World, eraser: Engine) -> None:
    pull(world, "EH-1", times=PER_FAMILY)
    erase_family(
        eraser,
        wiring=world.wiring,
        family_id=world.family_id("EH-1"),
        requested_by="test",
        approved_by="other",
    )
    assert 0 == watch(world)
    assert 0 == kept(world)


def test_a_pull_stored_while_its_family_is_erased_goes_with_it(world: World, eraser: Engine) -> None:
    """The erasure cannot see a row that is not committed yet; it has to wait for it."""
    pull(world, "EH-1")
    family = world.family_id("EH-1")
    with ThreadPoolExecutor(1) as pool, world.wiring.engine.connect() as watching:
        with watching.begin():
            watching.execute(
                text(
                    "INSERT INTO gateway.recent_pull (leaf_index, at, agency_code, client_id, practitioner, family_id,"
                    " released) VALUES (0, now(), 'camhs', 'ag_1', 'camhs-1', :family, true)"
                ),
                {"family": family},
            )
            erasing = pool.submit(
                erase_family,
                eraser,
                wiring=world.wiring,
                family_id=family,
                requested_by="test",
                approved_by="other",
            )
            with pytest.raises(TimeoutError):
                erasing.result(timeout=0.5)
        erasing.result(timeout=20)
    assert 0 == kept(world)


def test_an_alert_raised_while_its_family_is_erased_stands_against_it(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(world, "EH-1", times=PER_FAMILY)
    family = world.family_id("EH-1")
    with ThreadPoolExecutor(1) as pool:
        erasing = []

        def raise_while_erasing(*arguments: object, **named: object) -> bool:
            raised = raise_task(*arguments, **named)  # type: ignore[arg-type] # passed on as they came
            erasing.append(
                pool.submit(
                    erase_family,
                    eraser,
                    wiring=world.wiring,
                    family_id=family,
                    requested_by="test",
                    approved_by="other",
                )
            )
            with pytest.raises(TimeoutError):
                erasing[0].result(timeout=0.5)
            return raised

        monkeypatch.setattr(service, "raise_task", raise_while_erasing)
        assert 1 == watch(world)
        with pytest.raises(ErasureRefusedError) as refused:
            erasing[0].result(timeout=20)
    assert ("open_task",) == refused.value.reasons
    assert [family] == [ref for _, ref, _ in alerts(world, TaskKind.PULLING_FAMILY)]
    assert PER_FAMILY == kept(world)


def test_one_damaged_entry_does_not_blind_the_watch(world: World, database: Database) -> None:
    guess(world, times=VOLUME + 1)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = 'damaged' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1)"
            )
        )
    owner.dispose()
    with capture_logs() as logged:
        assert 1 == watch(world)
    assert VOLUME == kept(world)
    assert ["watch.entry_does_not_open"] == [line["event"] for line in logged]


def test_the_wrong_key_stops_the_watch_and_leaves_its_place(world: World) -> None:
    """Started with another key, a watch that skips what does not open would skip everything, for good."""
    guess(world, times=VOLUME)
    stranger = replace(world.wiring, keyring=Keyring(FileKek(b"k" * 32)))
    with world.wiring.engine.connect() as connection:
        now = database_now(connection)
    with pytest.raises(EnvelopeError):
        watch_pulling(stranger, now, bank_holidays=no_holidays)
    assert [(0,)] == rows(world, "SELECT next_leaf FROM gateway.pull_watch")
    assert 1 == watch(world)


def test_whoever_pulls_cannot_tell_that_there_is_an_alert(world: World) -> None:
    """An alert that changes an answer warns the one it is about, and may cost a family its help."""
    client = room_client(world.wiring, world.caller("camhs"), register=views.register)
    path = f"/v1/cases/{world.case_ref('camhs', 'EH-1')}/extract"

    def ask() -> tuple[int, list[str], dict[str, object], list[str]]:
        with statements() as sent:
            answer = client.get(path)
        body = {
            name: value
            for name, value in json.loads(answer.data).items()
            if name not in {"extract_id", "issued_at", "use_until", "receipt"}
        }
        return answer.status_code, sorted(answer.headers.keys()), body, sent

    ask()  # the first request of a process starts the log, too
    before = ask()
    pull(world, times=VOLUME)
    assert 2 == watch(world)
    assert before == ask()


def test_the_watch_changes_no_gate_and_writes_no_entry(world: World) -> None:
    """It runs every five minutes: a gate that moved would make every release decide again."""
    pull(world, times=VOLUME)
    evidence = (
        "SELECT size, (SELECT sum(version) FROM gateway.family_gate), (SELECT sum(version) FROM gateway.agency_gate)"
        " FROM gateway.log_head"
    )
    before = rows(world, evidence)
    watch(world)
    assert before == rows(world, evidence)
    assert isinstance(world.release("camhs", "EH-1"), Released)
