"""After a backup was restored: what outsiders saw stands where it stood, and the log verifies as a whole."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from certs.envelope import unseal
from extract_client.log.mirror import Mirror
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from extract_client.log.tiles import bundles_of, tiles_of
from gateway.cases.erasure import erase_again
from gateway.cases.service import erase_family
from gateway.database import open_engine
from gateway.disclosure_log import repository
from gateway.disclosure_log.entry_marking import mark_log
from gateway.disclosure_log.entry_marks import mark
from gateway.disclosure_log.errors import LogNotServedError, NotReconciledError
from gateway.disclosure_log.exploring import Sort, Wanted, disclosures
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reconciliation import Reconciled, reconcile
from gateway.disclosure_log.service import act
from gateway.disclosure_log.startup import check_log
from gateway.disclosure_log.verification import snapshot, verify_log
from gateway.ops.log_commands import reconcile as reconcile_command
from gateway.release.model import Released
from gateway.wiring import Wiring, wire
from tests.support.rooms import environment
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import World, household


def published(wiring: Wiring, entries: int) -> None:
    with act(wiring) as change:
        for _ in range(entries):
            change.record(kind="case.import", actor="test")
    publish_head(wiring)


def mirrored(wiring: Wiring, folder: Path) -> Path:
    """What a partner's mirror holds of everything that is published now."""
    mirror = Mirror(folder)
    with wiring.autocommit.connect() as connection:
        newest = repository.newest_checkpoint(connection)
        assert newest is not None
        read = repository.hash_reader(connection, size=newest.size)
        for bundle in bundles_of(newest.size):
            data = repository.bundle(connection, bundle)
            assert data is not None
            mirror.keep(bundle.path, data)
        for tile in tiles_of(newest.size):
            if tile.level == 0:
                hashes = repository.tile(connection, tile)
                assert hashes is not None
                mirror.keep(tile.path, hashes)
        mirror.finish(newest.note, start=0, size=newest.size, read=read)
    return folder


@contextmanager
def restored(
    wiring: Wiring, cluster: Cluster, database: Database
) -> Iterator[tuple[Wiring, Engine, Database]]:
    """The same node over a backup of its database that was taken now, and the owner of that one."""
    wiring.engine.dispose()
    with new_database(cluster, template=database.name) as backup:
        parts = wire(replace(wiring.settings, database_url=backup.app_url))
        owner = open_engine(backup.owner_url)
        try:
            yield parts, owner, backup
        finally:
            owner.dispose()
            parts.engine.dispose()


def leaves(wiring: Wiring, end: int = 2**40) -> list[bytes]:
    with wiring.engine.connect() as connection:
        return repository.leaf_hashes(connection, first=0, end=end)


def findings(wiring: Wiring) -> tuple[str, ...]:
    mark = MarkFile(wiring.settings.state_dir).read()
    with snapshot(wiring.engine) as connection:
        return verify_log(
            connection,
            keyring=wiring.keyring,
            origin=wiring.log.origin,
            keys=[each.verifier for each in wiring.log.signers],
            policy=None,
            mark=mark,
        ).findings


def repaired(wiring: Wiring, owner: Engine, mirror: Path | None) -> Reconciled:
    return reconcile(wiring, owner, mirror=mirror, erase_again=erase_again)


@pytest.mark.parametrize("counts", [(0, 1, 0), (255, 2, 1), (256, 300, 300)])
def test_what_was_published_stands_where_it_stood(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path, counts: tuple[int, int, int]
) -> None:
    kept, lost, strays = counts
    if kept:
        published(wiring, kept)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, lost)
        seen = leaves(wiring)
        if strays:
            with act(backup) as change:
                for _ in range(strays):
                    change.record(kind="case.close", actor="test")
        moved = leaves(backup)[kept:]
        with pytest.raises(LogNotServedError):
            start(backup)
        mirror = mirrored(wiring, tmp_path / "mirror")
        assert Reconciled(lost, strays, lost, 0) == repaired(backup, owner, mirror)
        assert [*seen, *moved] == leaves(backup)[:-1], "then one entry that accounts for what is lost"
        assert kept + lost + strays + 1 == start(backup).size
        assert findings(backup) == ()
        assert Reconciled(0, 0, 0, 0) == repaired(backup, owner, mirror)
        assert findings(backup) == ()


def places(wiring: Wiring, sort: Sort) -> list[int]:
    """Where the entries of a sort are, each looked at."""
    with wiring.engine.connect() as connection:
        found = disclosures(connection, keyring=wiring.keyring, wanted=Wanted(), absent=lambda _families: ())
        return [each.leaf_index for each in found if each.sort is sort]


def places_by_marks(wiring: Wiring, sort: Sort) -> list[int]:
    """Where entries have the mark of a sort."""
    asked = text("SELECT leaf_index FROM gateway.log_mark WHERE sort = :sort ORDER BY leaf_index DESC")
    with wiring.engine.connect() as connection:
        key = wiring.keyring.mark_key(connection)
        return list(connection.execute(asked, {"sort": mark(key, "sort", sort)}).scalars())


def test_receipts_of_before_verify_and_what_was_recorded_meanwhile_is_kept(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    world = World(wiring)
    world.join("camhs")
    household(world, "EH-1")
    with restored(wiring, cluster, database) as (backup, owner, _):
        outcome = world.release("camhs", "EH-1")
        assert isinstance(outcome, Released)
        extract = json.loads(outcome.body)
        publish_head(wiring)
        later = World(backup)
        later.members.update(world.members)
        for person in ("mum", "ada", "ben"):
            later.withdraw("EH-1", f"EH-1-{person}")
        mark_log(backup, datetime.now(UTC))
        repaired(backup, owner, mirrored(wiring, tmp_path / "mirror"))
        start(backup)
        mark_log(backup, datetime.now(UTC))
        moved = places(backup, Sort.WITHDRAWAL)
        assert len(moved) > 1, "more moved than was lost"
        assert moved == places_by_marks(backup, Sort.WITHDRAWAL)
        newest = backup.log.known
        assert newest is not None
        policy = Policy.for_log(*backup.log.vkeys)
        receipt = verify_receipt(extract["receipt"], policy=policy, origin=backup.log.origin, extract=extract)
        assert leaves(wiring)[receipt.index] == leaves(backup)[receipt.index]
        with backup.engine.connect() as connection:
            kinds = [each["kind"] for each in opened(connection, backup, later)]
        assert "consent.withdraw" in kinds
        assert findings(backup) == ()


def opened(connection: Any, wiring: Wiring, world: World) -> list[dict[str, Any]]:
    keys = wiring.keyring.family(connection, world.family_id("EH-1"))
    rows = connection.execute(
        text(
            "SELECT entry_id, body, sealed FROM gateway.log_entry JOIN gateway.log_payload USING (entry_id)"
            " JOIN gateway.log_trace USING (entry_id) WHERE family_id = :f"
        ),
        {"f": keys.family_id},
    ).all()
    found = []
    for row in rows:
        aad = row.entry_id.bytes + bytes.fromhex(json.loads(row.body)["c"])
        found.append(json.loads(unseal(keys.data_key, row.sealed, aad=aad))["i"])
    return found


@pytest.mark.parametrize("integrated", [False, True])
def test_an_entry_that_waited_in_the_backup_is_not_recorded_twice(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path, *, integrated: bool
) -> None:
    """It followed an entry that was being appended when the backup was taken; the restored log has it first."""
    published(wiring, 3)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, 2)
        wait_again(wiring, owner)
        if integrated:
            with act(backup) as change:
                change.record(kind="case.close", actor="test")
        done = repaired(backup, owner, mirrored(wiring, tmp_path / "mirror"))
        assert Reconciled(2, int(integrated), 1, 0) == done
        start(backup)
        assert leaves(wiring) == leaves(backup, 5)
        assert findings(backup) == ()


def wait_again(wiring: Wiring, owner: Engine) -> None:
    """Let the newest entry of this log be one that waits in the other database."""
    with wiring.engine.connect() as connection:
        newest = connection.execute(
            text(
                "SELECT entry_id, body, sealed, family_id FROM gateway.log_entry JOIN gateway.log_payload"
                " USING (entry_id) JOIN gateway.log_trace USING (entry_id) ORDER BY leaf_index DESC LIMIT 1"
            )
        ).one()
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO gateway.log_deferred (entry_id, body, sealed, family_id)"
                " VALUES (:entry_id, :body, :sealed, :family_id)"
            ),
            dict(newest._mapping),
        )


def test_a_family_erased_after_the_backup_is_erased_again(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    world = World(wiring)
    world.join("camhs")
    for source_ref in ("EH-1", "EH-2"):
        household(world, source_ref)
    family = world.family_id("EH-1")
    eraser = open_engine(database.eraser_url)
    with restored(wiring, cluster, database) as (backup, owner, _):
        erase_family(eraser, wiring=wiring, family_id=family, requested_by="test", approved_by="other")
        eraser.dispose()
        assert World(backup).family_id("EH-1") == family, "the backup holds the family"
        done = repaired(backup, owner, mirrored(wiring, tmp_path / "mirror"))
        assert 1 == done.erased
        start(backup)
        assert findings(backup) == ()
        with backup.engine.connect() as connection:
            for table in ("family_key", "log_trace", "blind_index", "pairwise"):
                left = text(f"SELECT count(*) FROM gateway.{table} WHERE family_id = :f")
                assert 0 == connection.execute(left, {"f": family}).scalar_one(), table
        assert World(backup).family_id("EH-2")


def cut_bundle(folder: Path) -> None:
    next((folder / "tile/entries").rglob("*.p/*")).write_bytes(b"")


def other_bundle(folder: Path) -> None:
    file = next((folder / "tile/entries").rglob("*.p/*"))
    file.write_bytes(file.read_bytes().replace(b'"v":1', b'"v":2'))


def no_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").unlink()


def other_checkpoint(folder: Path) -> None:
    file = folder / "checkpoint"
    file.write_text(file.read_text().replace("\n6\n", "\n5\n"))


def test_a_mirror_that_is_not_whole_changes_nothing(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, 2)
        whole = mirrored(wiring, tmp_path / "mirror")
        before = leaves(backup)
        for spoil in (cut_bundle, other_bundle, no_checkpoint, other_checkpoint):
            mirror = tmp_path / spoil.__name__
            shutil.copytree(whole, mirror)
            spoil(mirror)
            with pytest.raises(NotReconciledError, match=spoil.__name__):
                repaired(backup, owner, mirror)
        assert before == leaves(backup)
        assert 2 == repaired(backup, owner, whole).refilled


def test_a_mirror_that_is_behind_what_was_published_changes_nothing(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    """Refilled half way, the rest would be written anew over what outsiders saw."""
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, 2)
        mirror = mirrored(wiring, tmp_path / "mirror")
        published(wiring, 1)
        with pytest.raises(NotReconciledError, match="6 entries, and 7 were published"):
            repaired(backup, owner, mirror)
        with pytest.raises(NotReconciledError, match="--mirror"):
            repaired(backup, owner, None)
        assert 4 == len(leaves(backup))


def test_two_histories_that_were_both_published_are_never_made_one(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    """Somebody served from the backup without its node's memory: no writing makes that undone."""
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, 3)
        mirror = mirrored(wiring, tmp_path / "mirror")
        (tmp_path / "fresh").mkdir()
        fork = wire(replace(backup.settings, state_dir=tmp_path / "fresh"))
        published(fork, 1)
        with pytest.raises(NotReconciledError, match="Other entries were published"):
            repaired(fork, owner, mirror)
        fork.engine.dispose()
        assert 5 == len(leaves(backup))


def test_an_entry_that_was_changed_is_not_taken_for_one_that_came_later(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    """Whoever edits the log and then calls it a rollback must not have the edited entry moved out of sight."""
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, owner, _):
        published(wiring, 2)
        mirror = mirrored(wiring, tmp_path / "mirror")
        with owner.begin() as connection:
            connection.execute(
                text("UPDATE gateway.log_entry SET leaf_hash = sha256('x') WHERE leaf_index = 2")
            )
        with pytest.raises(NotReconciledError, match="Entry 2 is not the one"):
            repaired(backup, owner, mirror)
        assert 4 == len(leaves(backup))


def test_without_anything_missing_only_erasures_are_done_again(
    wiring: Wiring, cluster: Cluster, database: Database
) -> None:
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, owner, _):
        assert Reconciled(0, 0, 0, 0) == repaired(backup, owner, None)
        check_log(backup)
        assert 4 == len(leaves(backup))


def test_the_command_says_what_it_did(
    wiring: Wiring, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    published(wiring, 4)
    with restored(wiring, cluster, database) as (backup, _, again):
        published(wiring, 2)
        mirror = mirrored(wiring, tmp_path / "mirror")
        command = ["--owner-url", again.owner_url]
        refused = CliRunner().invoke(reconcile_command, command, env=environment(backup))
        assert (1, True) == (refused.exit_code, "--mirror" in refused.output)
        done = CliRunner().invoke(
            reconcile_command, [*command, "--mirror", str(mirror)], env=environment(backup)
        )
        assert 0 == done.exit_code, done.output
        assert "2 entries were put back" in done.output
        assert "The log is served again, with 7 entries." in done.output
        check_log(backup)
