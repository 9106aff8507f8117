"""After a restart the log is compared with what lies outside the database; what does not fit stops releases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from extract_client.log.note import write_key
from extract_client.log.policy import Policy
from extract_client.log.witness import Witness
from gateway.database import open_engine
from gateway.disclosure_log.errors import LogNotServedError
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.disclosure_log.startup import check_log
from gateway.disclosure_log.witnessing import collect
from gateway.release.model import Released, Unavailable
from gateway.wiring import Wiring, wire
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.witnesses import listening, port_of
from tests.support.world import World, household


def grow(wiring: Wiring, entries: int) -> None:
    with act(wiring) as change:
        for _ in range(entries):
            change.record(kind="case.import", actor="test")


def published(wiring: Wiring, entries: int) -> None:
    grow(wiring, entries)
    publish_head(wiring)


@contextmanager
def again(wiring: Wiring, **changes: object) -> Iterator[Wiring]:
    """The same parts after a restart: nothing is remembered but what lies on disks."""
    parts = wire(replace(wiring.settings, **changes))  # type: ignore[arg-type] # fields of the settings
    try:
        yield parts
    finally:
        parts.engine.dispose()


@contextmanager
def restored(wiring: Wiring, cluster: Cluster, database: Database, **changes: object) -> Iterator[Wiring]:
    """The same node over a backup of its database that was taken now."""
    wiring.engine.dispose()
    with (
        new_database(cluster, template=database.name) as backup,
        again(wiring, database_url=backup.app_url, **changes) as parts,
    ):
        yield parts


@pytest.mark.parametrize("entries", [0, 1, 255, 256, 257, 700])
def test_a_log_that_was_only_restarted_is_served(wiring: Wiring, entries: int) -> None:
    if entries:
        published(wiring, entries)
    grow(wiring, 3)
    with again(wiring) as restarted:
        check_log(restarted)
        assert entries + 3 == start(restarted).size


def test_an_old_backup_is_not_served(wiring: Wiring, cluster: Cluster, database: Database) -> None:
    published(wiring, 5)
    with restored(wiring, cluster, database) as backup:
        check_log(backup)
        published(wiring, 1)
        with pytest.raises(LogNotServedError, match="rolled back"):
            check_log(backup)


def test_an_old_backup_that_grew_again_is_not_served(
    wiring: Wiring, cluster: Cluster, database: Database
) -> None:
    """As large as before, and larger: other entries stand where published ones stood."""
    published(wiring, 300)
    with restored(wiring, cluster, database) as backup:
        published(wiring, 2)
        for _ in range(2):
            grow(backup, 2)
            with pytest.raises(LogNotServedError, match="rolled back"):
                start(backup)


def test_after_a_rollback_nothing_is_released_and_everything_can_be_closed(
    wiring: Wiring, cluster: Cluster, database: Database
) -> None:
    """Whoever restores a backup must not be able to keep a family from withdrawing."""
    world = World(wiring)
    world.join("camhs")
    household(world, "EH-1")
    assert isinstance(world.release("camhs", "EH-1"), Released)
    with restored(wiring, cluster, database) as backup:
        assert isinstance(world.release("camhs", "EH-1"), Released)
        publish_head(wiring)
        later = World(backup)
        later.members.update(world.members)
        assert isinstance(later.release("camhs", "EH-1"), Unavailable)
        later.withdraw("EH-1", "EH-1-mum")
        with backup.engine.connect() as connection:
            newest = "SELECT act FROM consent_registry.decision ORDER BY sequence DESC LIMIT 1"
            assert "withdraw" == connection.execute(text(newest)).scalar_one()


def forget_tail(connection: Connection) -> None:
    connection.execute(text("DELETE FROM gateway.log_payload"))
    connection.execute(text("DELETE FROM gateway.log_entry WHERE leaf_index = 299"))


def edit_leaf(connection: Connection) -> None:
    connection.execute(text("UPDATE gateway.log_entry SET leaf_hash = sha256('x') WHERE leaf_index = 298"))


def edit_tile(connection: Connection) -> None:
    connection.execute(text("UPDATE gateway.log_tile SET root = sha256('x')"))


def edit_head(connection: Connection) -> None:
    connection.execute(
        text(
            "UPDATE gateway.log_head SET peaks = overlay(peaks PLACING sha256('x') FROM 33), root = sha256('x')"
        )
    )


def shorten(connection: Connection) -> None:
    connection.execute(text("DELETE FROM gateway.log_checkpoint WHERE size > 299"))
    connection.execute(
        text(
            "UPDATE gateway.log_head SET (size, peaks, root) = (SELECT 299, g.p_peaks, g.o_root FROM"
            " (SELECT count(*) FROM gateway.log_tile) t, gateway.grow_log(256, 299, (SELECT root FROM gateway.log_tile)) g)"
        )
    )


@pytest.mark.parametrize("tamper", [forget_tail, edit_leaf, edit_tile, edit_head, shorten])
def test_a_tree_that_was_touched_is_not_served(
    wiring: Wiring, database: Database, tamper: Callable[[Connection], None]
) -> None:
    published(wiring, 299)
    published(wiring, 1)
    superuser = open_engine(database.admin_url)
    with superuser.begin() as connection:
        tamper(connection)
    superuser.dispose()
    with again(wiring) as restarted, pytest.raises(LogNotServedError):
        start(restarted)


def test_a_checkpoint_of_a_key_that_is_not_ours_is_not_served(wiring: Wiring, tmp_path: Path) -> None:
    published(wiring, 2)
    write_key(tmp_path / "other.key")
    with (
        again(wiring, log_key_file=tmp_path / "other.key") as restarted,
        pytest.raises(LogNotServedError, match="GATEWAY_LOG_KEY_FILE"),
    ):
        check_log(restarted)


def test_the_log_of_another_origin_is_not_served(wiring: Wiring) -> None:
    published(wiring, 2)
    with again(wiring, log_origin="gateway.test/log/2") as restarted, pytest.raises(LogNotServedError):
        check_log(restarted)


def test_a_witness_that_saw_more_stops_a_node_that_lost_its_own_memory(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    """The whole machine was set back, its state folder too; only outsiders still know."""
    published(wiring, 5)
    (tmp_path / "witness").mkdir()
    (tmp_path / "lost").mkdir()
    witness = Witness(
        "w.test",
        key=Ed25519PrivateKey.generate(),
        logs=[each.verifier for each in wiring.log.signers],
        folder=tmp_path / "witness",
    )
    with (
        listening(witness) as server,
        restored(wiring, cluster, database, state_dir=tmp_path / "lost") as backup,
    ):
        url = f"http://127.0.0.1:{port_of(server)}"
        policy = Policy.parse(f"witness w {witness.verifier} {url}\nquorum none\n")
        for each in (wiring, backup):
            each.log.policy = policy
        collected(wiring)
        check_log(backup)
        published(wiring, 1)
        collected(wiring)
        with pytest.raises(LogNotServedError, match="witness w confirmed 6 entries"):
            check_log(backup)
        check_log(wiring)


def collected(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection:
        now = database_now(connection)
    assert 1 == collect(wiring, now)


def test_a_database_that_may_lose_what_it_confirmed_is_for_invented_people_only(wiring: Wiring) -> None:
    """The tests' own server does not flush; a real one that does not would lose published entries."""
    with wiring.engine.connect() as connection:
        off = connection.execute(text("SELECT current_setting('fsync')")).scalar_one() == "off"
    if not off:
        pytest.skip("THE SERVER UNDER TEST FLUSHES, SO NOTHING IS REFUSED: use the embedded one")
    check_log(wiring)
    with (
        again(wiring, synthetic_people=False) as real,
        pytest.raises(LogNotServedError, match="fsync off"),
    ):
        check_log(real)


def test_every_publication_is_marked(wiring: Wiring) -> None:
    """A mark that stays behind lets the entries since be rolled back."""
    for size in (1, 3):
        published(wiring, size)
        tree = publish_head(wiring).frontier
        mark = MarkFile(wiring.settings.state_dir).read()
        assert mark is not None
        assert (tree.size, tree.root) == (mark.size, mark.root)
