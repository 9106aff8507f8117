"""Practitioners who come, leave and are confirmed: what the gateway does from that moment on."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from agencies import repository
from agencies.errors import PractitionerFileError, UnknownAgencyError, UnknownPractitionerError
from agencies.model import AgencyCode
from agencies.practitioner_file import format_practitioners
from agencies.register import Attestation, Practitioner, PractitionerPolicy, RegisterChange
from gateway import migrations
from gateway.agency import service
from gateway.agency.attestation import watch_attestation
from gateway.database import open_engine
from gateway.disclosure_log.reading import newest
from gateway.oauth.model import ClientId
from gateway.oauth.repository import practitioner_standing
from gateway.release import repository as release_repository
from gateway.release.model import Refused, Released
from gateway.tasks.model import Task, TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.agencies import onboard
from tests.support.throwaway import Cluster, new_database
from tests.support.world import World, household

CODE = AgencyCode("camhs")
WORKER = Practitioner("worker.one", "Worker One", "worker", date(2020, 1, 1))
OTHER = Practitioner("worker.two", "Worker Two", "worker", date(2020, 1, 1))


@pytest.fixture
def world(wiring: Wiring) -> World:
    """An agency whose one practitioner may see one family."""
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    return made


def gate(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        version: int = connection.execute(
            text("SELECT version FROM gateway.agency_gate WHERE agency_code = :code"), {"code": CODE}
        ).scalar_one()
        return version


def log_size(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        size: int = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
        return size


def kinds(wiring: Wiring, count: int) -> list[str]:
    with wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=wiring.keyring, count=count)]


def may_act(world: World) -> bool:
    """What a token request, and every request with a token, asks of the register."""
    with world.wiring.engine.connect() as connection:
        return practitioner_standing(
            connection,
            ClientId(world.members["camhs"].client_id),
            practitioner="camhs-1",
            believed_days=world.wiring.settings.register_believed_days,
            now=datetime.now(UTC),
        ).may_act


def standing_of(world: World) -> tuple[bool, type[object]]:
    return may_act(world), type(world.release("camhs", "EH-1"))


def replace_with(wiring: Wiring, *people: Practitioner) -> RegisterChange:
    return service.replace_practitioners(wiring, code=CODE, practitioners=people, actor="test")


def test_a_leaver_by_import_is_refused_in_the_same_minute(world: World) -> None:
    """Not tomorrow, and not when the token runs out: the person may be at the door with the laptop."""
    assert (True, Released) == standing_of(world)
    version = gate(world.wiring)
    assert RegisterChange(1, 0, 1, 0) == replace_with(world.wiring, OTHER)
    assert (False, Refused) == standing_of(world)
    assert version + 1 == gate(world.wiring)
    assert ["practitioner.replace", "extract.refuse"] == kinds(world.wiring, 2)


def test_a_practitioner_who_is_ended_is_refused_in_the_same_minute(world: World) -> None:
    assert (True, Released) == standing_of(world)
    version = gate(world.wiring)
    assert service.end_practitioner(world.wiring, code=CODE, practitioner_id="camhs-1", actor="test")
    assert (False, Refused) == standing_of(world)
    assert version + 1 == gate(world.wiring)
    assert ["practitioner.end", "extract.refuse"] == kinds(world.wiring, 2)


def test_a_leaver_who_is_listed_again_may_act_again(world: World) -> None:
    """A wrong file is mended by the right one."""
    with world.wiring.engine.connect() as connection:
        before = repository.practitioners(connection, CODE)
    replace_with(world.wiring)
    assert RegisterChange(0, 1, 0, 0) == replace_with(world.wiring, *before)
    assert (True, Released) == standing_of(world)


def test_a_release_under_way_is_overtaken_by_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided before the end, appended after: the moved gate makes it be decided again, and refused."""
    real, reads = release_repository.read, []

    def read_and_be_overtaken(connection: Connection, batch: Sequence[Any]) -> Any:
        rows = real(connection, batch)
        reads.append(len(batch))
        service.end_practitioner(world.wiring, code=CODE, practitioner_id="camhs-1", actor="test")
        return rows

    monkeypatch.setattr(release_repository, "read", read_and_be_overtaken)
    assert isinstance(world.release("camhs", "EH-1"), Refused)
    assert [1, 1] == reads


def test_an_end_does_not_wait_for_the_log(world: World) -> None:
    """With the head held by somebody else the person is out all the same, and the entry waits."""
    with world.wiring.engine.connect() as holder, holder.begin():
        holder.execute(
            text(
                "SELECT gateway.append('{}','{}','{}','{}','{}','{}','{}','{}', NULL, true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)"
            )
        )
        assert service.end_practitioner(world.wiring, code=CODE, practitioner_id="camhs-1", actor="test")
        assert not may_act(world)
    with world.wiring.engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM gateway.log_deferred")).scalar_one()


def test_a_replay_changes_nothing_and_leaves_no_entry(wiring: Wiring) -> None:
    """The nightly file of an agency whose people stayed must not fill the log or disturb a release."""
    onboard(wiring, CODE)
    replace_with(wiring, OTHER)
    size, version = log_size(wiring), gate(wiring)
    assert RegisterChange(0, 0, 0, 1) == replace_with(wiring, OTHER)
    assert not service.end_practitioner(wiring, code=CODE, practitioner_id=WORKER.id, actor="test")
    assert (size, version) == (log_size(wiring), gate(wiring))


def test_what_is_refused_leaves_no_entry_and_no_gate(wiring: Wiring) -> None:
    """All or nothing; and a slip in a code makes no gate for an agency that is not there."""
    onboard(wiring, CODE)
    size, version, nobody = log_size(wiring), gate(wiring), AgencyCode("nobody")
    with pytest.raises(PractitionerFileError):
        replace_with(wiring, OTHER, OTHER)
    with pytest.raises(UnknownPractitionerError):
        service.end_practitioner(wiring, code=CODE, practitioner_id="worker.none", actor="test")
    with pytest.raises(UnknownAgencyError):
        service.replace_practitioners(wiring, code=nobody, practitioners=[], actor="test")
    with pytest.raises(UnknownAgencyError):
        service.attest(wiring, code=nobody, attested_by="Dr Obi", actor="test")
    assert (size, version) == (log_size(wiring), gate(wiring))
    with wiring.engine.connect() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM gateway.agency_gate")).scalar_one()


def test_entries_hold_counts_and_ids_and_no_name(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is kept for longer than the staff of an agency stay."""
    onboard(wiring, CODE)
    from gateway.disclosure_log import service as log  # noqa: PLC0415 - the module whose function is listened to

    said: list[dict[str, object]] = []
    real = log.compose_entry

    def listen(*arguments: Any, **named: Any) -> Any:
        said.append({name: value for name, value in named["internal"].items() if name != "time"})
        return real(*arguments, **named)

    monkeypatch.setattr(log, "compose_entry", listen)
    replace_with(wiring, OTHER)
    service.attest(wiring, code=CODE, attested_by="Dr Obi", actor="test")
    service.end_practitioner(wiring, code=CODE, practitioner_id=OTHER.id, actor="test")
    digest = hashlib.sha256(format_practitioners([OTHER]).encode()).hexdigest()
    common = {"agency": CODE, "actor": "test"}
    assert [
        {**common, "kind": "practitioner.replace", "added": 1, "changed": 0, "ended": 1, "unchanged": 0},
        {**common, "kind": "practitioner.attest", "practitioners": 1, "sha256": digest},
        {**common, "kind": "practitioner.end", "practitioner": OTHER.id},
    ] == said


def test_a_confirmation_is_of_today_moves_the_gate_and_leaves_an_entry(wiring: Wiring) -> None:
    onboard(wiring, CODE)
    version = gate(wiring)
    attestation = service.attest(wiring, code=CODE, attested_by="Dr Obi", actor="test")
    with wiring.engine.connect() as connection:
        assert repository.today(connection) == attestation.attested_on
        assert attestation in repository.attestations(connection, CODE)
    assert (1, version + 1) == (attestation.practitioners, gate(wiring))
    assert ["practitioner.attest"] == kinds(wiring, 1)


@pytest.mark.parametrize("policy", PractitionerPolicy)
def test_onboarding_confirms_in_the_actors_name_whatever_the_policy(
    world: World, policy: PractitionerPolicy
) -> None:
    """An agency that changes from asserted to registered has a day to count from."""
    world.join("housing", policy=policy)
    with world.wiring.engine.connect() as connection:
        (first,) = repository.attestations(connection, AgencyCode("housing"))
    assert ("test", 1, world.today) == (first.attested_by, first.practitioners, first.attested_on)


def tasks(wiring: Wiring) -> list[Task]:
    with wiring.engine.connect() as connection:
        return list(open_tasks(connection))


def bare_agency(wiring: Wiring, *, attested_on: date | None = None) -> None:
    """An active agency with a register, whose list was confirmed on one day or never."""
    with wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        connection.execute(
            text("INSERT INTO agencies.agency VALUES ('camhs', 'camhs', 'CAMHS', 'registered', 'active')")
        )
        if attested_on is not None:
            attestation = Attestation(uuid4(), attested_on, "Dr Obi", 0, bytes(32))
            repository.add_attestation(connection, CODE, attestation=attestation)


def test_a_list_that_is_due_or_lapsed_becomes_a_task(wiring: Wiring) -> None:
    """Somebody calls the agency before its people are refused, and sees by when. The day turns in London."""
    bare_agency(wiring, attested_on=date(2026, 6, 1))
    moments = {
        datetime(2026, 7, 1, 22, 59, tzinfo=UTC): [],
        datetime(2026, 7, 1, 23, 0, tzinfo=UTC): [TaskKind.ATTESTATION_DUE],
        datetime(2026, 7, 15, 22, 59, tzinfo=UTC): [TaskKind.ATTESTATION_DUE],
        datetime(2026, 7, 15, 23, 0, tzinfo=UTC): [TaskKind.ATTESTATION_DUE, TaskKind.ATTESTATION_OVERDUE],
    }
    for now, expected in moments.items():
        new = len(expected) - len(tasks(wiring))
        assert [new, 0] == [watch_attestation(wiring, now), watch_attestation(wiring, now)]
        assert expected == [task.kind for task in tasks(wiring)]
    lapses, facts = max(moments), {"attested_on": "2026-06-01", "lapses_on": "2026-07-16"}
    assert [(CODE, lapses, facts)] * 2 == [(task.about, task.due, task.facts) for task in tasks(wiring)]


def test_the_days_are_settings(wiring: Wiring) -> None:
    """A council may ask for a confirmation every week."""
    onboard(wiring, CODE)
    strict = replace(wiring, settings=replace(wiring.settings, attestation_days=7, attestation_grace_days=0))
    now = datetime.now(UTC)
    assert 0 == watch_attestation(strict, now + timedelta(days=5))
    assert 1 == watch_attestation(strict, now + timedelta(days=8))
    assert [TaskKind.ATTESTATION_OVERDUE] == [task.kind for task in tasks(wiring)]


def test_a_confirmation_ends_its_own_agencys_tasks(wiring: Wiring) -> None:
    """What was asked for was done; what others owe is still owed, and the next cycle can raise it again."""
    for code in (CODE, "housing"):
        onboard(wiring, code)
    late = datetime.now(UTC) + timedelta(days=60)
    assert 2 == watch_attestation(wiring, late)
    service.attest(wiring, code=CODE, attested_by="Dr Obi", actor="test")
    assert ["housing"] == [task.about for task in tasks(wiring)]
    assert 1 == watch_attestation(wiring, late)


def test_only_active_agencies_with_a_register_are_watched(world: World) -> None:
    """A task that asks for something pointless teaches people to close tasks unread."""
    world.join("charity", policy=PractitionerPolicy.ASSERTED)
    onboard(world.wiring, "housing", active=False)
    onboard(world.wiring, "health")
    service.suspend(world.wiring, code=AgencyCode("health"), actor="test")
    assert 1 == watch_attestation(world.wiring, datetime.now(UTC) + timedelta(days=60))
    assert [CODE] == [task.about for task in tasks(world.wiring)]


def test_a_list_that_was_never_confirmed_is_overdue_now(wiring: Wiring) -> None:
    """No row is not a reason to wait."""
    bare_agency(wiring)
    now = datetime.now(UTC)
    assert 1 == watch_attestation(wiring, now)
    (task,) = tasks(wiring)
    assert (TaskKind.ATTESTATION_OVERDUE, now, {}) == (task.kind, task.due, task.facts)


PEOPLE = [
    Practitioner("b", 'Ben "B" Ó Briain', "lead, north", date(2026, 1, 5), date(2999, 1, 1)),
    Practitioner("B", "Zoë", "nurse", date(2999, 1, 5)),
    Practitioner("a", "Ada", "nurse", date(2020, 1, 5)),
]
LEAVERS = [
    Practitioner("c", "Cal", "nurse", date(2020, 1, 5), date(2026, 1, 1)),
    Practitioner("d", "Dee", "nurse", date(2999, 1, 5), date(2999, 1, 5)),
]


def test_the_upgrade_confirms_every_list_that_was_there(cluster: Cluster) -> None:
    """An upgrade must refuse nobody; its digest, made in SQL, is that of the one text of the list."""
    with new_database(cluster) as database:
        migrations.upgrade(database.owner_url, revision="0009_tasks")
        engine = open_engine(database.owner_url)
        with engine.begin() as connection:
            connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs', 'empty'])"))
            for code, policy in (("camhs", "registered"), ("empty", "asserted")):
                connection.execute(
                    text("INSERT INTO agencies.agency VALUES (:code, 'camhs', 'x', :policy, 'active')"),
                    {"code": code, "policy": policy},
                )
            repository.store_practitioners(connection, CODE, practitioners=[*PEOPLE, *LEAVERS])
        migrations.upgrade(database.owner_url)
        with engine.connect() as connection:
            today = repository.today(connection)
            (camhs,) = repository.attestations(connection, CODE)
            (empty,) = repository.attestations(connection, AgencyCode("empty"))
        engine.dispose()
    expected = [hashlib.sha256(format_practitioners(people).encode()).digest() for people in (PEOPLE, [])]
    assert [(today, "migration", 3), (today, "migration", 0)] == [
        (one.attested_on, one.attested_by, one.practitioners) for one in (camhs, empty)
    ]
    assert expected == [camhs.register_sha256, empty.register_sha256]
