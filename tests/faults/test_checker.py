"""The checker can fail: each damage to the log, and each lie about what was received, is found and named."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.service import act
from tests.faults.checker import CheckedLog, CheckFailedError, check_log, check_snapshot
from tests.faults.deliveries import Delivery, OpenFamily, check_deliveries
from tests.faults.desk import opened_desk, opener
from tests.support.throwaway import Cluster, Database, new_database

ENTRIES = 300
"""One full tile and a partial one."""


@dataclass(frozen=True)
class Scene:
    """A log at rest, and what its client received."""

    database: Database
    vkey: str
    deliveries: Sequence[Delivery]
    open_family: OpenFamily

    def checked(self) -> CheckedLog:
        return check_log(self.database.admin_url, vkey=self.vkey)


@pytest.fixture(scope="module")
def scene(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("checker")
    with new_database(cluster, template=template_database.name) as database:
        with opened_desk(database, folder) as desk:
            desk.pull(3)
            with act(desk.wiring) as change:
                for _ in range(ENTRIES):
                    change.record(kind="log.cover", actor="test")
            publish_head(desk.wiring)
            desk.pull(2)
            made = Scene(database, desk.wiring.log.vkeys[0], list(desk.deliveries), opener(desk.wiring))
        yield made


@contextmanager
def damaged(scene: Scene, *statements: str) -> Iterator[psycopg.Connection]:
    """Yield a superuser's transaction after these statements; all of it is undone."""
    with psycopg.connect(scene.database.admin_url) as superuser:
        superuser.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            superuser.execute(statement)
        yield superuser
        superuser.rollback()


def test_a_log_that_is_whole_passes(scene: Scene) -> None:
    log = scene.checked()
    balance = check_deliveries(log, scene.deliveries, open_family=scene.open_family, failed=0)
    assert balance.entries > ENTRIES
    assert 6 == balance.delivered
    assert 0 == balance.undelivered


BODY = """overlay(body placing convert_to('z', 'UTF8') from 10)"""
REWRITTEN = (
    "UPDATE gateway.log_payload SET sealed = sealed",
    "UPDATE gateway.log_trace SET extract_id = extract_id",
)
"""Lets all payloads and traces be of one transaction with the entries, as whoever knows of that check would."""

DAMAGES = {
    "a body is edited": (
        "hash of leaf 20",
        f"UPDATE gateway.log_entry SET body = {BODY} WHERE leaf_index = 20",
    ),
    "a body is edited with its hash": (
        "the head's frontier",
        (
            f"UPDATE gateway.log_entry SET body = {BODY}, leaf_hash = sha256('\\x00'::bytea || {BODY})"
            " WHERE leaf_index = 20"
        ),
        "UPDATE gateway.log_entry SET body = body",
        *REWRITTEN,
    ),
    "a leaf is dropped": ("leaf 20 is missing", "DELETE FROM gateway.log_entry WHERE leaf_index = 20"),
    "the last leaf is dropped": (
        "belongs to no entry",
        "DELETE FROM gateway.log_entry WHERE leaf_index = (SELECT max(leaf_index) FROM gateway.log_entry)",
    ),
    "the last leaf is dropped with its rows": (
        "the head says",
        *(
            f"DELETE FROM gateway.{table} WHERE entry_id = (SELECT entry_id FROM gateway.log_entry"
            " ORDER BY leaf_index DESC LIMIT 1)"
            for table in ("log_payload", "log_trace", "log_entry")
        ),
    ),
    "an entry is there twice": (
        "names another entry",
        "ALTER TABLE gateway.log_entry DROP CONSTRAINT log_entry_entry_id_key CASCADE",
        (
            "UPDATE gateway.log_entry SET entry_id = (SELECT entry_id FROM gateway.log_entry WHERE leaf_index = 20)"
            " WHERE leaf_index = 21"
        ),
    ),
    "an extract is there twice": (
        "released twice",
        "ALTER TABLE gateway.log_trace DROP CONSTRAINT log_trace_extract_id_key",
        (
            "UPDATE gateway.log_trace SET extract_id = (SELECT min(extract_id::text)::uuid FROM gateway.log_trace)"
            " WHERE extract_id IS NOT NULL"
        ),
        "UPDATE gateway.log_entry SET body = body",
        *REWRITTEN,
    ),
    "a payload is gone": (
        "leaf 20 has no payload",
        (
            "DELETE FROM gateway.log_payload WHERE entry_id ="
            " (SELECT entry_id FROM gateway.log_entry WHERE leaf_index = 20)"
        ),
    ),
    "a trace is gone": (
        "leaf 20 has no trace",
        (
            "DELETE FROM gateway.log_trace WHERE entry_id ="
            " (SELECT entry_id FROM gateway.log_entry WHERE leaf_index = 20)"
        ),
    ),
    "a payload came later than its entry": (
        "leaf 20, its payload and its trace were not written together",
        (
            "UPDATE gateway.log_payload SET sealed = sealed WHERE entry_id ="
            " (SELECT entry_id FROM gateway.log_entry WHERE leaf_index = 20)"
        ),
    ),
    "a batch is torn": (
        "do not stand together",
        (
            "WITH torn AS (SELECT entry_id FROM gateway.log_entry WHERE leaf_index IN (20, 40)), payloads AS"
            " (UPDATE gateway.log_payload SET sealed = sealed WHERE entry_id IN (SELECT entry_id FROM torn)), traces AS"
            " (UPDATE gateway.log_trace SET extract_id = extract_id WHERE entry_id IN (SELECT entry_id FROM torn))"
            " UPDATE gateway.log_entry SET body = body WHERE leaf_index IN (20, 40)"
        ),
    ),
    "the head counts otherwise": ("the head says", "UPDATE gateway.log_head SET size = size + 1"),
    "the head's frontier is another": (
        "frontier",
        "UPDATE gateway.log_head SET peaks = overlay(peaks placing '\\x00'::bytea from 3)",
    ),
    "the head's root is another": ("head's root", "UPDATE gateway.log_head SET root = sha256('')"),
    "a tile is changed": (
        "tile .0, 0. is not",
        "UPDATE gateway.log_tile SET hashes = overlay(hashes placing '\\x00'::bytea from 3)",
    ),
    "a tile's root is changed": ("tile .0, 0. is not", "UPDATE gateway.log_tile SET root = sha256('')"),
    "a tile is gone": ("other full tiles", "DELETE FROM gateway.log_tile"),
    "a tile is there too early": (
        "other full tiles",
        "INSERT INTO gateway.log_tile SELECT 0, 1, hashes, root FROM gateway.log_tile",
    ),
    "a checkpoint has another root": (
        "has another root",
        (
            "UPDATE gateway.log_checkpoint SET root = sha256('')"
            " WHERE size = (SELECT min(size) FROM gateway.log_checkpoint)"
        ),
    ),
    "a note is of another size": (
        "is of another tree",
        "UPDATE gateway.log_checkpoint SET note = (SELECT note FROM gateway.log_checkpoint ORDER BY size LIMIT 1)",
    ),
    "a note's signature is another note's": (
        "signature is not the log's",
        (
            "UPDATE gateway.log_checkpoint SET note = split_part(note, E'\\n\\n', 1) || E'\\n\\n' ||"
            " split_part((SELECT note FROM gateway.log_checkpoint ORDER BY size LIMIT 1), E'\\n\\n', 2)"
        ),
    ),
    "a checkpoint is ahead of the log": (
        "a checkpoint over",
        "INSERT INTO gateway.log_checkpoint SELECT 100000, root, note FROM gateway.log_checkpoint LIMIT 1",
    ),
    "an entry still waits": (
        "still waits",
        (
            "INSERT INTO gateway.log_deferred (entry_id, body, sealed, family_id) SELECT entry_id, body, sealed, family_id"
            " FROM gateway.log_entry JOIN gateway.log_payload USING (entry_id) JOIN gateway.log_trace USING (entry_id)"
            " WHERE leaf_index = 20"
        ),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_is_found(scene: Scene, damage: str) -> None:
    finding, *statements = DAMAGES[damage]
    with damaged(scene, *statements) as superuser, pytest.raises(CheckFailedError, match=finding):
        check_snapshot(superuser, vkey=scene.vkey)


def edited(delivery: Delivery) -> Delivery:
    assert delivery.body.count(b"Calmer mornings.") <= 1
    return Delivery(delivery.body.replace(b"Use only", b"Use 0nly"))


def with_receipt_of(delivery: Delivery, other: Delivery) -> Delivery:
    return Delivery(delivery.body.split(b',"receipt":')[0] + other.body[other.body.index(b',"receipt":') :])


LIES: dict[str, tuple[str, Callable[[Sequence[Delivery]], Sequence[Delivery]]]] = {
    "an extract was received twice": ("received twice", lambda held: [*held, held[0]]),
    "an extract was changed on its way": ("another extract", lambda held: [edited(held[0]), *held[1:]]),
    "a receipt is another extract's": (
        "not on record at leaf",
        lambda held: [with_receipt_of(held[0], held[1]), *held[1:]],
    ),
    "a release reached nobody though no request failed": ("reached nobody", lambda held: held[1:]),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_client_that_holds_something_else_is_found(scene: Scene, lie: str) -> None:
    finding, told = LIES[lie]
    log = scene.checked()
    with pytest.raises(CheckFailedError, match=finding):
        check_deliveries(log, told(scene.deliveries), open_family=scene.open_family, failed=0)


def test_an_extract_that_the_log_lost_is_found(scene: Scene) -> None:
    """The tree may be whole all the same: only who holds the extract knows."""
    log = scene.checked()
    log.released.popitem()
    with pytest.raises(CheckFailedError, match="is not on record"):
        check_deliveries(log, scene.deliveries, open_family=scene.open_family, failed=0)


def test_a_receipt_under_an_unpublished_checkpoint_is_found(scene: Scene) -> None:
    """It left before the flush: the tree fits, and nobody published it."""
    newest = "(SELECT max(size) FROM gateway.log_checkpoint)"
    with damaged(scene, f"DELETE FROM gateway.log_checkpoint WHERE size = {newest}") as superuser:
        log = check_snapshot(superuser, vkey=scene.vkey)
        with pytest.raises(CheckFailedError, match="never published"):
            check_deliveries(log, scene.deliveries, open_family=scene.open_family, failed=0)


def test_a_payload_of_another_entry_is_found(scene: Scene) -> None:
    """Swapped in one transaction with everything that tells: only opening it shows it."""
    swap = (
        "WITH two AS (SELECT entry_id, row_number() OVER (ORDER BY entry_id) AS n FROM gateway.log_trace"
        " WHERE extract_id IS NOT NULL LIMIT 2),"
        " entries AS (UPDATE gateway.log_entry SET body = body),"
        " traces AS (UPDATE gateway.log_trace SET extract_id = extract_id)"
        " UPDATE gateway.log_payload p SET sealed = coalesce((SELECT q.sealed FROM gateway.log_payload q"
        " JOIN two o ON o.entry_id = q.entry_id JOIN two m ON m.n <> o.n WHERE m.entry_id = p.entry_id), sealed)"
    )
    with damaged(scene, swap) as superuser:
        log = check_snapshot(superuser, vkey=scene.vkey)
        with pytest.raises(CheckFailedError, match="does not open"):
            check_deliveries(log, scene.deliveries, open_family=scene.open_family, failed=0)
