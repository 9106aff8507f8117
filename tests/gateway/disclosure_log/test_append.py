"""The one writer of evidence, its grants, and the gates it re-checks."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from certs.envelope import unseal
from extract_client.log.merkle import leaf_hash
from gateway.database import open_engine
from gateway.disclosure_log import repository
from gateway.disclosure_log.errors import UnrecordedActError
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring
from tests.support.throwaway import Database

LOCK_HEAD = text("SELECT size FROM gateway.log_head FOR UPDATE")
EVIDENCE = ("log_head", "log_entry", "log_payload", "log_deferred")


def pending(family: UUID, *, version: int | None = None, agency: str | None = None) -> PendingEntry:
    entry_id = uuid4()
    return PendingEntry(entry_id, b"body " + entry_id.bytes, b"sealed", family, version, agency)


@pytest.fixture
def head_holder(database: Database) -> Iterator[sqlalchemy.Connection]:
    """The owner's connection, on which a test holds the log head."""
    engine = open_engine(database.owner_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def new_family(wiring: Wiring) -> UUID:
    family = uuid4()
    with act(wiring, families=(family,)) as change:
        wiring.keyring.create_family(change.connection, family)
        change.record(kind="case.import", actor="test", family_id=family)
    return family


def family_version(wiring: Wiring, family: UUID) -> int:
    with wiring.engine.connect() as connection:
        version: int = connection.execute(
            text("SELECT version FROM gateway.family_gate WHERE family_id = :f"), {"f": family}
        ).scalar_one()
    return version


def leaves(wiring: Wiring) -> list[sqlalchemy.Row[Any]]:
    with wiring.engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM gateway.log_entry ORDER BY leaf_index")))


@pytest.mark.parametrize("role", ["app_url", "eraser_url"])
def test_no_role_of_the_process_writes_evidence_itself(database: Database, role: str) -> None:
    engine = open_engine(getattr(database, role))
    statements = [
        "INSERT INTO gateway.{table} DEFAULT VALUES",
        "DELETE FROM gateway.{table}",
        "TRUNCATE gateway.{table} CASCADE",
        "ALTER TABLE gateway.{table} DISABLE TRIGGER ALL",
        "DROP TABLE gateway.{table} CASCADE",
    ]
    for statement, table in itertools.product(statements, EVIDENCE):
        with (
            engine.connect() as connection,
            pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
        ):
            connection.execute(text(statement.format(table=table)))
    engine.dispose()


@pytest.mark.parametrize(
    ("table", "column"), [("log_head", "size"), ("log_entry", "body"), ("log_payload", "sealed")]
)
def test_the_app_role_cannot_update_evidence(wiring: Wiring, table: str, column: str) -> None:
    with wiring.engine.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text(f"UPDATE gateway.{table} SET {column} = {column}"))


def test_the_app_role_cannot_move_a_gate_by_hand(wiring: Wiring) -> None:
    """Else a writer could claim the gate of a change it never announced, or turn a version back."""
    with wiring.engine.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("UPDATE gateway.family_gate SET version = 1"))


@pytest.mark.parametrize("role", ["gateway_owner", "gateway_eraser", "postgres", "pg_write_all_data"])
def test_the_app_role_cannot_become_another(wiring: Wiring, role: str) -> None:
    with (
        wiring.engine.connect() as connection,
        pytest.raises(DBAPIError, match=r"permission denied|does not exist"),
    ):
        connection.execute(text(f"SET ROLE {role}"))


@pytest.mark.parametrize(
    "setting", ["session_replication_role = replica", "session_authorization = gateway_owner"]
)
def test_the_app_role_cannot_switch_the_guards_off(wiring: Wiring, setting: str) -> None:
    with wiring.engine.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text(f"SET {setting}"))


def test_append_writes_a_gap_free_run_of_leaves(wiring: Wiring) -> None:
    family = new_family(wiring)
    before = len(leaves(wiring))
    batch = [pending(family) for _ in range(3)]
    with wiring.autocommit.connect() as connection:
        landed = repository.append(connection, batch)
    rows = leaves(wiring)
    assert (before, before + 3, ()) == (landed.first, landed.size, landed.moved)
    assert list(range(len(rows))) == [row.leaf_index for row in rows]
    assert [e.entry_id for e in batch] == [row.entry_id for row in rows[before:]]
    assert [leaf_hash(e.body) for e in batch] == [row.leaf_hash for row in rows[before:]]


def test_append_returns_the_moved_and_writes_the_rest(wiring: Wiring) -> None:
    family, moved = new_family(wiring), new_family(wiring)
    batch = [
        pending(moved, version=family_version(wiring, moved)),
        pending(family, version=family_version(wiring, family)),
    ]
    with act(wiring, families=(moved,), closes=True) as change:
        change.record(kind="consent.withdraw", actor="test", family_id=moved)
    with wiring.autocommit.connect() as connection:
        landed = repository.append(connection, batch)
    assert landed.moved == (0,)
    written = {row.entry_id for row in leaves(wiring)}
    assert {batch[1].entry_id} == {e.entry_id for e in batch} & written


def test_append_notices_an_agency_gate_that_moved(wiring: Wiring) -> None:
    family = new_family(wiring)
    entry = PendingEntry(uuid4(), b"b", b"s", family, agency="camhs", agency_version=1)
    with act(wiring, agencies=("camhs",)) as change:
        change.record(kind="agency.onboard", actor="test", agency="camhs")
    with act(wiring, agencies=("camhs",), closes=True) as change:
        change.record(kind="agency.suspend", actor="test", agency="camhs")
    with wiring.autocommit.connect() as connection:
        assert repository.append(connection, [entry]).moved == (0,)


def test_append_refuses_a_snapshot_older_than_the_head_lock(wiring: Wiring) -> None:
    """Under REPEATABLE READ the re-check would see the world from before the wait: silently racy."""
    family = new_family(wiring)
    engine = wiring.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, pytest.raises(DBAPIError, match="READ COMMITTED"):
        repository.append(connection, [pending(family)])


def test_a_change_that_forgot_its_gate_is_refused_at_commit(wiring: Wiring) -> None:
    family = new_family(wiring)
    with pytest.raises(DBAPIError, match="did not move its gate"), wiring.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO gateway.person_key VALUES (:f, :p, 'x')"), {"f": family, "p": uuid4()}
        )


def test_another_familys_gate_does_not_cover_a_change(wiring: Wiring) -> None:
    family, other = new_family(wiring), new_family(wiring)
    with pytest.raises(DBAPIError, match="did not move its gate"), act(wiring, families=(other,)) as change:
        change.connection.execute(
            text("INSERT INTO gateway.person_key VALUES (:f, :p, 'x')"), {"f": family, "p": uuid4()}
        )
        change.record(kind="case.replace", actor="test", family_id=other)


def test_an_act_that_records_nothing_is_undone(wiring: Wiring) -> None:
    family = new_family(wiring)
    before = family_version(wiring, family)
    with pytest.raises(UnrecordedActError), act(wiring, families=(family,)):
        pass
    assert before == family_version(wiring, family)


def test_an_act_that_closes_commits_without_the_head(
    wiring: Wiring, head_holder: sqlalchemy.Connection
) -> None:
    """A stuck log must not keep a family's withdrawal waiting; the entry follows with the next append."""
    family = new_family(wiring)
    before = family_version(wiring, family)
    head_holder.execute(LOCK_HEAD)
    started = time.monotonic()
    with act(wiring, families=(family,), closes=True) as change:
        change.record(kind="consent.withdraw", actor="test", family_id=family)
    assert time.monotonic() - started < 5
    assert before + 1 == family_version(wiring, family)
    head_holder.rollback()
    size = len(leaves(wiring))
    with wiring.autocommit.connect() as connection:
        later = pending(family)
        landed = repository.append(connection, [later])
    assert (size + 1, size + 2) == (landed.first, landed.size)
    assert list(range(size + 2)) == [row.leaf_index for row in leaves(wiring)]


def test_append_sees_a_gate_that_moved_while_it_waited_for_the_head(
    wiring: Wiring, head_holder: sqlalchemy.Connection
) -> None:
    """The re-check runs on a snapshot taken after the wait, never on the one from before it."""
    family = new_family(wiring)
    entry = pending(family, version=family_version(wiring, family))
    result: list[tuple[int, ...]] = []

    def append_it() -> None:
        with wiring.autocommit.connect() as connection:
            result.append(repository.append(connection, [entry]).moved)

    head_holder.execute(LOCK_HEAD)
    waiter = threading.Thread(target=append_it)
    waiter.start()
    wait_until_blocked(wiring)
    with act(wiring, families=(family,), closes=True) as change:
        change.record(kind="consent.withdraw", actor="test", family_id=family)
    head_holder.rollback()
    waiter.join(timeout=10)
    assert result == [(0,)]


def wait_until_blocked(wiring: Wiring) -> None:
    with wiring.autocommit.connect() as connection:
        for _ in range(500):
            blocked = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%append%'"
                )
            ).scalar_one()
            if blocked:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for the head")


def test_the_sealed_opening_opens_the_commitment(wiring: Wiring) -> None:
    family = new_family(wiring)
    row = leaves(wiring)[-1]
    body = json.loads(row.body)
    with wiring.engine.connect() as connection:
        sealed = connection.execute(
            text("SELECT sealed FROM gateway.log_payload WHERE entry_id = :e"), {"e": row.entry_id}
        ).scalar_one()
        keys = wiring.keyring.family(connection, family)
    opening = json.loads(unseal(keys.data_key, sealed, aad=row.entry_id.bytes + bytes.fromhex(body["c"])))
    assert opening["i"]["kind"] == "case.import"
    assert "case.import" not in row.body.decode()
