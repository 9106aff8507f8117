"""What an erasure does to the log: evidence last, only after the log said so, and no proof is lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from certs.envelope import unseal
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.cases import erasure as case_erasure
from gateway.cases.errors import ErasureRefusedError
from gateway.cases.service import erase_family
from gateway.database import open_engine
from gateway.disclosure_log import erasure, repository
from gateway.disclosure_log.erasure import Ledger
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.service import act
from gateway.disclosure_log.startup import check_log, root_at
from gateway.keyring import NULL_FAMILY
from gateway.ops.log_commands import finish_erasures
from gateway.release.model import Refused, Released
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish, open_tasks, raise_task
from gateway.wiring import Wiring
from tests.support.rooms import environment
from tests.support.throwaway import Database
from tests.support.world import World, household

MAY_DELETE = {
    "consent_registry.standing",
    "consent_registry.subject",
    "gateway.agenda_item",
    "gateway.blind_index",
    "gateway.case_conflict",
    "gateway.case_part",
    "gateway.case_person",
    "gateway.case_record",
    "gateway.case_worker",
    "gateway.dossier_family",
    "gateway.dossier_text",
    "gateway.family_key",
    "gateway.family_opened",
    "gateway.offer",
    "gateway.pack_sign_off",
    "gateway.pairwise",
    "gateway.past",
    "gateway.person",
    "gateway.person_key",
    "gateway.recall",
    "gateway.referral",
    "gateway.referral_document",
    "gateway.referral_fetch",
    "gateway.referral_pickup",
    "gateway.referral_review",
    "gateway.sampled_access",
}
"""Keys, mappings, blind indexes and the erasable rows themselves; evidence goes by a function that checks."""


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    for source_ref in ("EH-1", "EH-2"):
        household(made, source_ref)
    return made


def erase(world: World, eraser: Engine, source_ref: str = "EH-1", **more: Any) -> UUID:
    family = world.family_id(source_ref)
    with world.wiring.engine.begin() as connection:
        told = [task for task in open_tasks(connection) if task.kind is TaskKind.CONSENT_STOPPED]
        for task in told:  # what still waits would keep the family
            finish(connection, task.id, actor="test", now=datetime.now(UTC))
    people = {"requested_by": "dana.dpo", "approved_by": "ola.officer"}
    erase_family(eraser, wiring=world.wiring, family_id=family, **{**people, **more})
    return family


def released(world: World, source_ref: str) -> bytes:
    outcome = world.release("camhs", source_ref)
    assert isinstance(outcome, Released)
    return outcome.body


def rows(world: World, statement: str, **values: object) -> list[Any]:
    with world.wiring.engine.connect() as connection:
        return list(connection.execute(text(statement), values))


def count(world: World, what: str, family: UUID) -> int:
    return int(rows(world, f"SELECT count(*) FROM {what}", f=family)[0][0])


PAYLOADS = "gateway.log_payload JOIN gateway.log_trace USING (entry_id) WHERE family_id = :f"
LOST = (
    "gateway.log_entry e WHERE NOT EXISTS (SELECT FROM gateway.log_payload p WHERE p.entry_id = e.entry_id)"
)


def erasure_entries(world: World) -> list[dict[str, Any]]:
    """The internal parts of every erasure in the log, opened."""
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.reserved(connection)
        found = connection.execute(
            text(
                "SELECT entry_id, body, sealed FROM gateway.log_entry JOIN gateway.log_payload USING (entry_id)"
                " JOIN gateway.log_trace USING (entry_id) WHERE family_id = :f ORDER BY leaf_index"
            ),
            {"f": keys.family_id},
        ).all()
    opened = [json.loads(unsealed(keys.data_key, row))["i"] for row in found]
    return [each for each in opened if each["kind"] == "case.erase"]


def unsealed(key: bytes, row: Any) -> bytes:
    return unseal(key, row.sealed, aad=row.entry_id.bytes + bytes.fromhex(json.loads(row.body)["c"]))


def test_every_receipt_still_verifies_and_no_row_leads_to_the_family(world: World, eraser: Engine) -> None:
    bodies = {ref: released(world, ref) for ref in ("EH-1", "EH-2")}
    size = rows(world, "SELECT size FROM gateway.log_head")[0][0]
    with world.wiring.engine.connect() as connection:
        before = root_at(connection, size)
    family = erase(world, eraser)

    with world.wiring.engine.connect() as connection:
        assert before == root_at(connection, size), "the tree is not touched"
    policy = Policy.for_log(*(str(each.verifier) for each in world.wiring.log.signers))
    for body in bodies.values():
        extract = json.loads(body)
        verify_receipt(extract["receipt"], policy=policy, origin=world.wiring.log.origin, extract=extract)
    assert not rows(world, "SELECT FROM gateway.log_trace WHERE family_id = :f", f=family)
    assert not rows(world, "SELECT FROM gateway.log_erasure")
    assert isinstance(world.release("camhs", "EH-2"), Released)


def test_the_entry_says_how_much_evidence_went(world: World, eraser: Engine) -> None:
    """Whoever audits can tell evidence that was erased from evidence that vanished."""
    released(world, "EH-1")
    entries = count(world, PAYLOADS, world.family_id("EH-1"))
    kept = count(world, PAYLOADS, world.family_id("EH-2"))
    family = erase(world, eraser)
    said = erasure_entries(world)
    assert [(str(family), entries)] == [(each["family_id"], each["entries"]) for each in said]
    assert ["dana.dpo"] == [each["actor"] for each in said]
    assert ["ola.officer"] == [each["approved_by"] for each in said]
    assert entries == count(world, LOST, family)
    assert kept == count(world, PAYLOADS, world.family_id("EH-2"))


def test_entries_that_had_been_waiting_are_counted(world: World, eraser: Engine) -> None:
    """They join the log with the erasure, and their payloads go like the others."""
    with world.wiring.engine.connect() as stuck, stuck.begin():
        repository.append(stuck, [])
        stuck.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        world.withdraw("EH-1", "EH-1-mum")
    assert 1 == len(rows(world, "SELECT FROM gateway.log_deferred"))
    family = erase(world, eraser)
    assert [count(world, LOST, family)] == [each["entries"] for each in erasure_entries(world)]


def test_evidence_goes_only_after_its_entry_was_published(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = erasure.destroy_evidence, []

    def watched(connection: Connection, family_id: UUID) -> None:
        with world.wiring.autocommit.connect() as other:
            published = repository.newest_checkpoint(other)
        assert published is not None
        newest_act = rows(world, "SELECT max(leaf_index) FROM gateway.log_entry")[0][0]
        seen.append(
            (newest_act < published.size, family_id in Ledger(world.wiring.settings.state_dir).read())
        )
        real(connection, family_id)

    monkeypatch.setattr(erasure, "destroy_evidence", watched)
    erase(world, eraser)
    assert [(True, True)] == seen


def unpublished(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_wiring: Wiring) -> None:
        raise error

    for name in ("publish_head", "start"):
        monkeypatch.setattr(case_erasure, name, fail)


def unnamed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_ledger: Ledger, _family_id: UUID) -> None:
        raise error

    monkeypatch.setattr(Ledger, "add", fail)


def half_destroyed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    real = erasure.destroy_evidence

    def fail(connection: Connection, family_id: UUID) -> None:
        real(connection, family_id)
        raise error

    monkeypatch.setattr(erasure, "destroy_evidence", fail)


@pytest.mark.parametrize("break_off", [unpublished, unnamed, half_destroyed])
def test_an_erasure_that_breaks_off_is_finished_later(
    world: World,
    eraser: Engine,
    monkeypatch: pytest.MonkeyPatch,
    break_off: Callable[[pytest.MonkeyPatch, Exception], None],
) -> None:
    """The family is gone for everyone at once; its evidence is whole until it may go."""
    family = world.family_id("EH-1")
    ref = world.case_ref("camhs", "EH-1")
    entries = count(world, PAYLOADS, family)
    with monkeypatch.context() as broken, pytest.raises(NotAppendedError):
        break_off(broken, NotAppendedError())
        erase(world, eraser)
    assert entries == count(world, PAYLOADS, family)
    world.__dict__["case_ref"] = lambda _agency, _source: ref
    assert isinstance(world.release("camhs", "EH-1"), Refused)

    assert 1 == case_erasure.resume_erasures(world.wiring, eraser)
    assert 0 == count(world, PAYLOADS, family)
    assert [entries] == [each["entries"] for each in erasure_entries(world)]
    assert {family} == Ledger(world.wiring.settings.state_dir).read()
    assert 0 == case_erasure.resume_erasures(world.wiring, eraser)


def test_nothing_joins_the_log_under_an_erased_family(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acts about people of the family go on while the log cannot be published; they are recorded as nobody's."""
    family, mum = world.family_id("EH-1"), world.person_id("EH-1", "EH-1-mum")
    with monkeypatch.context() as broken, pytest.raises(NotAppendedError):
        unpublished(broken, NotAppendedError())
        erase(world, eraser)
    before = count(world, PAYLOADS, family)
    household(world, "EH-1", listed=False)
    assert family != world.family_id("EH-1")
    assert mum != world.person_id("EH-1", "EH-1-mum")
    assert before == count(world, PAYLOADS, family)


def test_an_act_about_a_family_without_a_key_is_recorded_as_nobodys(world: World) -> None:
    """Beside one of a family that has its key, which stays that family's."""
    family_id = world.family_id("EH-1")
    with act(world.wiring) as change:
        for about in (uuid4(), family_id):
            change.record(kind="case.view", actor="test", family_id=about)
    with world.wiring.engine.connect() as connection:
        newest = text(
            "SELECT t.family_id FROM gateway.log_trace t JOIN gateway.log_entry USING (entry_id)"
            " ORDER BY leaf_index DESC LIMIT 2"
        )
        assert [family_id, NULL_FAMILY] == list(connection.execute(newest).scalars())


def test_a_refusal_on_its_way_while_its_family_is_erased_is_recorded_as_nobodys(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal re-checks no gate. Sealed under keys that are gone, it would be evidence that vanished."""
    for who in ("mum", "ada", "ben"):
        world.withdraw("EH-1", f"EH-1-{who}")
    real = repository.append
    erased: list[UUID] = []

    def late(connection: Connection, entries: Any, **named: Any) -> Any:
        if not erased:
            erased.append(world.family_id("EH-1"))
            erase(world, eraser)
        return real(connection, entries, **named)

    with monkeypatch.context() as delayed:
        delayed.setattr(repository, "append", late)
        assert isinstance(world.release("camhs", "EH-1"), Refused)
    assert not rows(world, "SELECT FROM gateway.log_trace WHERE family_id = :f", f=erased[0])
    assert [count(world, LOST, erased[0])] == [each["entries"] for each in erasure_entries(world)]


def hold(world: World) -> None:
    world.decide("EH-1", "EH-1-mum", "hold")


def leave_task_open(world: World) -> None:
    with world.wiring.engine.begin() as connection:
        raise_task(
            connection,
            kind=TaskKind.PULLING_FAMILY,
            due=repository.database_now(connection),
            about="ag_1",
            ref=world.family_id("EH-1"),
        )


@pytest.mark.parametrize(("stand", "reason"), [(hold, "consent_hold"), (leave_task_open, "open_task")])
def test_what_is_still_open_stands_against_an_erasure(
    world: World, eraser: Engine, stand: Callable[[World], None], reason: str
) -> None:
    stand(world)
    with pytest.raises(ErasureRefusedError) as refused:
        erase(world, eraser)
    assert (reason,) == refused.value.reasons
    assert not rows(world, "SELECT FROM gateway.log_erasure")
    assert world.family_id("EH-1"), "nothing happened"
    erase(world, eraser, "EH-2")


def test_a_room_above_can_stand_against_an_erasure(world: World, eraser: Engine) -> None:
    with pytest.raises(ErasureRefusedError) as refused:
        erase(world, eraser, obstacles=(lambda _connection, _family: "open_complaint",))
    assert ("open_complaint",) == refused.value.reasons


@pytest.mark.parametrize("approved_by", ["dana.dpo", "Dana.DPO"])
def test_nobody_erases_a_family_alone(world: World, eraser: Engine, approved_by: str) -> None:
    with pytest.raises(ErasureRefusedError):
        erase(world, eraser, approved_by=approved_by)
    assert world.family_id("EH-1")


def test_real_families_wait_for_staff_who_signed_in(world: World, eraser: Engine) -> None:
    real = replace(world.wiring, settings=replace(world.wiring.settings, synthetic_people=False))
    with pytest.raises(ErasureRefusedError):
        erase_family(
            eraser, wiring=real, family_id=world.family_id("EH-1"), requested_by="one", approved_by="two"
        )


def test_the_eraser_deletes_what_an_erasure_needs_and_nothing_else(eraser: Engine) -> None:
    """Whoever takes over that role must not be able to make entries, decisions or checkpoints disappear."""
    with eraser.connect() as connection:
        found = connection.execute(
            text(
                "SELECT n.nspname || '.' || c.relname AS name, has_table_privilege(c.oid, 'DELETE') AS may_delete,"
                " has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate,"
                " has_any_column_privilege(c.oid, 'UPDATE') AS may_update,"
                " has_any_column_privilege(c.oid, 'INSERT') AS may_insert"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('agencies', 'consent_registry', 'gateway', 'jobs')"
            )
        ).all()
    assert len(found) >= 45
    assert MAY_DELETE == {row.name for row in found if row.may_delete}
    assert {"gateway.task"} == {row.name for row in found if row.may_update}
    assert {"gateway.log_erasure"} == {row.name for row in found if row.may_insert}
    assert not [row.name for row in found if row.may_truncate]


def test_the_database_keeps_evidence_whose_destruction_was_not_published(
    world: World, eraser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours must not destroy evidence that nobody outside was told about."""
    family = world.family_id("EH-1")
    with monkeypatch.context() as broken, pytest.raises(NotAppendedError):
        unpublished(broken, NotAppendedError())
        erase(world, eraser)
    with eraser.connect() as connection, pytest.raises(IntegrityError, match="no published checkpoint"):
        erasure.destroy_evidence(connection, family)
    assert count(world, PAYLOADS, family)


def test_a_restored_family_stops_the_log_until_it_is_erased_again(world: World, database: Database) -> None:
    """A backup taken before the erasure holds everything; serving from it would undo a family's right."""
    Ledger(world.wiring.settings.state_dir).add(world.family_id("EH-1"))
    with pytest.raises(LogNotServedError, match="erased"):
        check_log(world.wiring)
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        assert case_erasure.erase_again(connection, world.family_id("EH-1"))
    owner.dispose()
    check_log(world.wiring)
    assert not rows(world, "SELECT FROM gateway.blind_index WHERE family_id <> :f", f=world.family_id("EH-2"))


def test_the_command_finishes_what_was_interrupted(
    world: World, eraser: Engine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken, pytest.raises(NotAppendedError):
        unnamed(broken, NotAppendedError())
        erase(world, eraser)
    for count_ in (1, 0):
        done = CliRunner().invoke(
            finish_erasures, ["--eraser-url", database.eraser_url], env=environment(world.wiring)
        )
        assert (0, f"{count_} erasures were finished.") == (done.exit_code, done.output.splitlines()[-1])


def test_the_ledger_keeps_every_family_it_was_told(tmp_path: Path) -> None:
    families = {uuid4() for _ in range(5)}
    assert Ledger(tmp_path).read() == frozenset()
    for family in families:
        Ledger(tmp_path).add(family)
    assert families == Ledger(tmp_path).read()
    assert 0o600 == Ledger(tmp_path).path.stat().st_mode & 0o777


def test_a_line_cut_off_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    one, two = uuid4(), uuid4()
    ledger = Ledger(tmp_path)
    ledger.add(one)
    with ledger.path.open("a") as file:
        file.write(str(uuid4())[:20])
    ledger.add(two)
    assert {one, two} == ledger.read()


def test_a_ledger_that_cannot_be_written_stops_the_erasure(tmp_path: Path) -> None:
    with pytest.raises(LogNotServedError, match="GATEWAY_STATE_DIR"):
        Ledger(tmp_path / "absent").add(uuid4())
