"""The break-glass promise: when a referral gets one, what it is, and what happens when it is not kept."""

import dataclasses
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from extract_client.errors import NoteError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import leaf_hash
from extract_client.log.note import NoteSigner, VerifierKey, open_note, read_key, sign_note
from extract_client.log.policy import Policy
from extract_client.log.promise import KEY_SUFFIX, Promise, open_promise
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log.entry import ComposedEntry, compose, log_id
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.promise import INCLUDE_WITHIN, include_or_promise, watch_promises
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import log_size
from gateway.keyring import NULL_FAMILY
from gateway.log_signer import create_log_key
from gateway.tasks.model import Audience, TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.throwaway import Database

APPEND = (
    "gateway.append(uuid[], bytea[], bytea[], uuid[], bigint[], text[], bigint[], uuid[], bigint, boolean)"
)
PUBLISH = "gateway.publish_checkpoint(bigint, bytea, text)"
NOW = datetime(2026, 11, 27, 2, 13, 20, tzinfo=UTC)


@pytest.fixture
def log(wiring: Wiring) -> Wiring:
    """A log that is served, with a key for promises."""
    file = wiring.settings.state_dir / "promise.key"
    create_log_key(file, origin=wiring.log.origin + KEY_SUFFIX)
    with_key = dataclasses.replace(
        wiring, settings=dataclasses.replace(wiring.settings, promise_key_file=file)
    )
    start(with_key)
    return with_key


@pytest.fixture
def unable(log: Wiring, database: Database) -> Iterator[None]:
    """Nothing can be published any more."""
    del log
    with psycopg.connect(database.admin_url, autocommit=True) as superuser:
        superuser.execute(f"REVOKE EXECUTE ON FUNCTION {PUBLISH} FROM gateway_app")
        yield
        superuser.execute(f"GRANT EXECUTE ON FUNCTION {PUBLISH} TO gateway_app")


def an_entry(log: Wiring) -> tuple[ComposedEntry, PendingEntry]:
    entry = compose(
        uuid4(),
        at=NOW,
        log=log_id(log.settings.log_origin),
        tag_key=secrets.token_bytes(32),
        recipient={"referral": "r"},
        internal={"kind": "x"},
        recipient_salt=secrets.token_bytes(32),
        internal_salt=secrets.token_bytes(32),
    )
    return entry, PendingEntry(entry.entry_id, entry.body, b"sealed", NULL_FAMILY)


def record(log: Wiring, *, now: datetime = NOW) -> tuple[ComposedEntry, str | None]:
    entry, pending = an_entry(log)
    return entry, include_or_promise(log, entry=entry, pending=pending, now=now)


def promised(log: Wiring) -> tuple[ComposedEntry, str]:
    entry, note = record(log)
    assert note is not None
    return entry, note


def promise_key(log: Wiring) -> VerifierKey:
    assert log.settings.promise_key_file is not None
    return NoteSigner(log.log.origin + KEY_SUFFIX, read_key(log.settings.promise_key_file)).verifier


def size(log: Wiring) -> int:
    with log.engine.connect() as connection:
        return log_size(connection)


def broken(log: Wiring) -> int:
    with log.engine.connect() as connection:
        tasks = open_tasks(connection, audience=Audience.OPERATOR)
    return sum(task.kind is TaskKind.LOG_PROMISE_BROKEN for task in tasks)


def test_where_the_log_works_a_referral_gets_a_receipt(log: Wiring) -> None:
    entry, receipt = promised(log)
    verified = verify_receipt(receipt, policy=Policy.for_log(*log.log.vkeys), origin=log.log.origin)
    assert (entry.body, {"referral": "r"}) == (verified.body, verified.recipient)


@pytest.mark.usefixtures("unable")
def test_where_it_cannot_publish_the_entry_is_recorded_and_promised(log: Wiring) -> None:
    entry, note = promised(log)
    assert 1 == size(log)
    promise = open_promise(note, key=promise_key(log))
    assert (log.log.origin, entry.leaf) == (promise.origin, promise.leaf)
    assert int((NOW + INCLUDE_WITHIN).timestamp()) == promise.include_by


@pytest.mark.usefixtures("unable")
def test_a_log_that_was_contradicted_promises_too(log: Wiring) -> None:
    """Whatever is wrong with the log, a child at risk does not wait for it."""
    log.log.contradict()
    _, note = promised(log)
    open_promise(note, key=promise_key(log))


@pytest.mark.usefixtures("unable")
def test_without_a_key_for_promises_there_is_none(log: Wiring) -> None:
    bare = dataclasses.replace(log, settings=dataclasses.replace(log.settings, promise_key_file=None))
    _, note = record(bare)
    assert note is None
    assert 1 == size(log)


def test_a_promise_passes_for_no_checkpoint_and_no_checkpoint_for_a_promise(log: Wiring) -> None:
    """Not even under one key: the forms differ, and so do the names."""
    promise = Promise(log.log.origin, leaf_hash(b"x"), 1_800_000_000)
    checkpoint = Checkpoint(log.log.origin, 7, leaf_hash(b"x"))
    with pytest.raises(NoteError):
        Checkpoint.parse(promise.text)
    with pytest.raises(NoteError):
        Promise.parse(checkpoint.text)
    (signer,) = log.log.signers
    with pytest.raises(NoteError):
        open_promise(sign_note(promise.text, [signer]), key=signer.verifier)
    assert promise.text == open_note(sign_note(promise.text, [signer]), [signer.verifier]).text


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("Promise", "Order"),
        lambda text: text + "more\n",
        lambda text: text[:-1],
        lambda text: text.replace("1800000000", "01800000000"),
        lambda text: text.replace("1800000000", "soon"),
        lambda text: text.replace("\ngateway", "\n\ngateway"),
        lambda text: text.replace("=\n", "\n"),
    ],
)
def test_a_malformed_promise_is_refused(log: Wiring, change: object) -> None:
    assert callable(change)
    text = Promise(log.log.origin, leaf_hash(b"x"), 1_800_000_000).text
    assert Promise(log.log.origin, leaf_hash(b"x"), 1_800_000_000) == Promise.parse(text)
    with pytest.raises(NoteError):
        Promise.parse(change(text))


def test_a_promise_that_was_not_kept_is_the_operators_task_once(log: Wiring, unable: None) -> None:
    del unable
    record(log)
    late = NOW + INCLUDE_WITHIN + timedelta(seconds=1)
    assert (0, 1, 0) == (
        watch_promises(log, NOW + INCLUDE_WITHIN),
        watch_promises(log, late),
        watch_promises(log, late),
    )
    assert 1 == broken(log)


def test_a_promise_that_was_kept_is_nobodys_task(log: Wiring, database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as superuser:
        superuser.execute(f"REVOKE EXECUTE ON FUNCTION {PUBLISH} FROM gateway_app")
        entry, _ = record(log)
        superuser.execute(f"GRANT EXECUTE ON FUNCTION {PUBLISH} TO gateway_app")
    tree = publish_head(log)
    assert 0 == watch_promises(log, NOW + timedelta(days=1))
    assert entry.leaf == tree.read(0, 0)


def test_nothing_is_promised_that_is_not_recorded(log: Wiring, database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as superuser:
        superuser.execute("ALTER TABLE gateway.log_head RENAME TO gone")
        superuser.execute("ALTER TABLE gateway.log_deferred RENAME TO gone_too")
        entry, pending = an_entry(log)
        with pytest.raises(SQLAlchemyError):
            include_or_promise(log, entry=entry, pending=pending, now=NOW)
        superuser.execute("ALTER TABLE gateway.gone_too RENAME TO log_deferred")
        superuser.execute("ALTER TABLE gateway.gone RENAME TO log_head")
    assert 0 == size(log)


def test_an_entry_that_the_log_cannot_take_is_kept_and_promised(log: Wiring, database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as superuser:
        superuser.execute(f"REVOKE EXECUTE ON FUNCTION {APPEND} FROM gateway_app")
        entry, note = promised(log)
        superuser.execute(f"GRANT EXECUTE ON FUNCTION {APPEND} TO gateway_app")
    assert entry.leaf == open_promise(note, key=promise_key(log)).leaf
    assert 0 == size(log)
    record(log)
    assert 2 == size(log)


def test_what_is_kept_with_an_entry_stands_or_falls_with_it(log: Wiring) -> None:
    def fail(connection: Connection) -> None:
        del connection
        raise LookupError

    entry, pending = an_entry(log)
    with pytest.raises(LookupError):
        include_or_promise(log, entry=entry, pending=pending, now=NOW, keep=fail)
    assert 0 == size(log)
