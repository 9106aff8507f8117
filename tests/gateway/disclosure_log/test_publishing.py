"""What is signed, when it becomes visible, and what a database that lies gets."""

import dataclasses
import json
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, leaf_hash, tree_root
from extract_client.log.note import open_note
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log import repository
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.publishing import keep_mark, publish_head, start
from gateway.disclosure_log.service import act
from gateway.log_signer import LogBehindError, LogContradictionError, LogSigner
from gateway.release.model import Refused, Released, Unavailable
from gateway.wiring import Wiring
from tests.support.throwaway import Database
from tests.support.world import World, household


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    return made


@pytest.fixture
def superuser(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield connection


def another_process(wiring: Wiring) -> Wiring:
    """The same parts with a signer that knows nothing yet."""
    return dataclasses.replace(wiring, log=LogSigner.load(wiring.settings))


def record(wiring: Wiring, count: int = 1) -> None:
    for _ in range(count):
        with act(wiring) as change:
            change.record(kind="log.cover", actor="test")


def published(wiring: Wiring) -> Checkpoint:
    with wiring.autocommit.connect() as connection:
        newest = repository.newest_checkpoint(connection)
    assert newest is not None
    opened = open_note(newest.note, [signer.verifier for signer in wiring.log.signers])
    return Checkpoint.parse(opened.text)


def bodies(wiring: Wiring) -> list[bytes]:
    with wiring.engine.connect() as connection:
        return list(
            connection.execute(text("SELECT body FROM gateway.log_entry ORDER BY leaf_index")).scalars()
        )


def test_the_published_root_is_that_of_the_entries(wiring: Wiring) -> None:
    """257 and more entries: a full tile, and a partial one on two levels."""
    start(wiring)
    for count in (1, 2, 254, 3):
        record(wiring, count)
        publish_head(wiring)
        leaves = [leaf_hash(body) for body in bodies(wiring)]
        assert Checkpoint(wiring.log.origin, len(leaves), Frontier().grown(leaves).root) == published(wiring)
    with wiring.autocommit.connect() as connection:
        for size in (1, 255, 256, len(leaves)):
            read = repository.hash_reader(connection, size=size)
            assert Frontier().grown(leaves[:size]).root == tree_root(size, read)


def test_an_extract_leaves_with_a_receipt_that_verifies_offline(world: World) -> None:
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    wiring = world.wiring
    extract = json.loads(outcome.body)
    verified = verify_receipt(
        extract["receipt"],
        policy=Policy.for_log(*wiring.log.vkeys),
        origin=wiring.log.origin,
        extract=extract,
    )
    assert (str(outcome.extract_id), "camhs") == (
        verified.recipient["extract_id"],
        verified.recipient["agency"],
    )
    assert bodies(wiring)[verified.index] == verified.body


def test_processes_that_take_turns_agree(world: World) -> None:
    """Each knows only what it published; what the other appended since comes with the next append."""
    first, second = world.wiring, another_process(world.wiring)
    for wiring in (first, second, first, second, second, first):
        assert isinstance(World.release(_on(world, wiring), "camhs", "EH-1"), Released)
        assert len(bodies(first)) == published(first).size


def test_a_refusal_alone_waits_for_no_checkpoint_and_the_next_one_includes_it(world: World) -> None:
    assert isinstance(world.release("camhs", "EH-1"), Released)
    before = published(world.wiring)
    for person in ("mum", "ada", "ben"):
        world.withdraw("EH-1", f"EH-1-{person}")
    assert isinstance(world.release("camhs", "EH-1"), Refused)
    assert before == published(world.wiring)
    publish_head(world.wiring)
    assert len(bodies(world.wiring)) == published(world.wiring).size


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (
            "UPDATE gateway.log_head SET peaks = sha256('x') || substr(peaks, 33), root = sha256('y')",
            "root and peaks",
        ),
        (
            "UPDATE gateway.log_entry SET leaf_hash = sha256('x') WHERE leaf_index = (SELECT max(leaf_index) FROM gateway.log_entry)",
            "a leaf",
        ),
    ],
)
def test_a_tree_that_its_leaves_do_not_make_is_not_signed(
    world: World, superuser: psycopg.Connection, lie: str, why: str
) -> None:
    assert isinstance(world.release("camhs", "EH-1"), Released), why
    record(world.wiring)
    before = published(world.wiring)
    superuser.execute(lie)
    assert isinstance(world.release("camhs", "EH-1"), Unavailable)
    assert before == published(world.wiring)
    assert world.wiring.log.contradicted


def test_a_log_that_went_back_under_a_running_process_releases_nothing(
    world: World, superuser: psycopg.Connection
) -> None:
    """A restored backup, or a standby that had not everything: smaller than what this process published."""
    record(world.wiring, 3)
    assert isinstance(world.release("camhs", "EH-1"), Released)
    for table in ("log_cosignature", "log_quorum", "log_checkpoint"):
        superuser.execute(f"DELETE FROM gateway.{table}")
    superuser.execute("UPDATE gateway.log_head SET size = 0, peaks = '', root = sha256('')")
    superuser.execute(
        "TRUNCATE gateway.log_entry, gateway.log_payload, gateway.log_tile, gateway.log_trace, gateway.log_mark"
    )
    assert isinstance(world.release("camhs", "EH-1"), Unavailable)
    with pytest.raises(LogNotServedError):
        start(world.wiring)


def test_a_withdrawal_commits_although_the_log_is_not_served(
    world: World, superuser: psycopg.Connection
) -> None:
    assert isinstance(world.release("camhs", "EH-1"), Released)
    world.wiring.log.contradict()
    for person in ("mum", "ada", "ben"):
        world.withdraw("EH-1", f"EH-1-{person}")
    world_of_another = _on(world, another_process(world.wiring))
    assert isinstance(World.release(world_of_another, "camhs", "EH-1"), Refused)
    del superuser


def test_nothing_leaves_when_the_checkpoint_cannot_be_stored(
    world: World, superuser: psycopg.Connection
) -> None:
    """The entry stays, as prepared and not delivered, and the next checkpoint includes it."""
    assert isinstance(world.release("camhs", "EH-1"), Released)
    signature = "gateway.publish_checkpoint(bigint, bytea, text)"
    superuser.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM gateway_app")
    before = len(bodies(world.wiring))
    assert isinstance(world.release("camhs", "EH-1"), Unavailable)
    superuser.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO gateway_app")
    assert before + 1 == len(bodies(world.wiring))
    assert isinstance(world.release("camhs", "EH-1"), Released)
    assert before + 2 == published(world.wiring).size


def test_a_process_that_is_far_behind_catches_up_at_its_next_request(world: World) -> None:
    """The hashes of more than 65,536 leaves are not sent with an append."""
    wiring = world.wiring
    known = start(wiring)
    with pytest.raises(LogBehindError):
        wiring.log.sign(known, size=known.size + 1, root=b"", between=None, leaves=())
    assert wiring.log.known is None
    assert isinstance(world.release("camhs", "EH-1"), Released)


def test_a_checkpoint_of_a_tree_that_is_not_there_is_refused(wiring: Wiring) -> None:
    start(wiring)
    record(wiring)
    with wiring.autocommit.connect() as connection:
        head = repository.read_head(connection)
        for frontier in (
            head.grown([leaf_hash(b"x")]),
            Frontier(head.size, tuple(leaf_hash(p) for p in head.peaks)),
        ):
            with pytest.raises(NotAppendedError):
                repository.publish(connection, frontier=frontier, note="x")


def test_two_trees_of_one_size_are_a_contradiction(wiring: Wiring) -> None:
    wiring.log.published(Frontier().grown([leaf_hash(b"a")]))
    with pytest.raises(LogContradictionError):
        wiring.log.published(Frontier().grown([leaf_hash(b"b")]))
    assert wiring.log.known is None


def test_a_served_process_marks_what_it_publishes(world: World) -> None:
    keep_mark(world.wiring)
    assert isinstance(world.release("camhs", "EH-1"), Released)
    mark = MarkFile(world.wiring.settings.state_dir)
    for _ in range(200):
        found = mark.read()
        if found is not None and found.size == published(world.wiring).size:
            break
        threading.Event().wait(0.01)
    checkpoint = published(world.wiring)
    assert found is not None
    assert (checkpoint.size, checkpoint.root) == (found.size, found.root)


def _on(world: World, wiring: Wiring) -> World:
    """The same council, asked through another process."""
    other = object.__new__(World)
    other.__dict__.update(world.__dict__, wiring=wiring)
    return other
