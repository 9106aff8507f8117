"""The key-encryption key can be replaced and destroyed: the living stay readable, the erased do not come back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from certs.envelope import FileKek
from certs.errors import EnvelopeError
from gateway import keyring as key_room
from gateway.cases.service import erase_family
from gateway.cli import gateway
from gateway.database import open_engine
from gateway.disclosure_log.reading import newest
from gateway.keyring import NULL_FAMILY, Keyring, rewrap
from gateway.release.model import Released
from gateway.wiring import Wiring
from tests.gateway.cases.documents import family
from tests.gateway.cases.stored import identity_of, load, opened
from tests.support.rooms import environment
from tests.support.throwaway import Database
from tests.support.world import World, household


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    engine = open_engine(database.owner_url)
    yield engine
    engine.dispose()


def old_and_new(wiring: Wiring, folder: Path) -> tuple[FileKek, FileKek]:
    return FileKek.load(wiring.settings.kek_file), FileKek.create(folder / "next.hex", epoch=2)


def key_rows(engine: Engine) -> dict[UUID, tuple[int, bytes]]:
    with engine.connect() as connection:
        found: list[Any] = list(connection.execute(text("SELECT * FROM gateway.family_key")))
    return {row.family_id: (row.kek_epoch, bytes(row.wrapped)) for row in found}


def test_after_rewrapping_the_new_key_alone_opens_everything(
    wiring: Wiring, owner: Engine, tmp_path: Path
) -> None:
    """The reserved key too, and with it indexes and signing keys: everything hangs below these rows."""
    old, new = old_and_new(wiring, tmp_path)
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    before = [opened(wiring, ref) for ref in ("EH-1001", "EH-1002")]
    with wiring.engine.connect() as connection:
        index_key = wiring.keyring.index_key(connection)

    assert 3 == rewrap(owner, keyring=Keyring(new, others=[old]))
    assert {2} == {epoch for epoch, _ in key_rows(owner).values()}
    later = replace(wiring, keyring=Keyring(new))
    assert before == [opened(later, ref) for ref in ("EH-1001", "EH-1002")]
    with wiring.engine.connect() as connection:
        assert index_key == later.keyring.index_key(connection)
        with pytest.raises(EnvelopeError):
            wiring.keyring.reserved(connection)
    assert 0 == rewrap(owner, keyring=later.keyring)


def test_a_backup_of_an_erased_family_dies_with_the_old_key(
    wiring: Wiring, owner: Engine, eraser: Engine, tmp_path: Path
) -> None:
    old, new = old_and_new(wiring, tmp_path)
    load(wiring, family(), family("EH-1002", child="P-EVE"))
    erased = identity_of(wiring).family_id
    backup = key_rows(owner)
    erase_family(eraser, wiring=wiring, family_id=erased, requested_by="test", approved_by="other")
    assert Keyring(old).open_family(erased, backup[erased][1]), (
        "until the old key is destroyed, a backup opens"
    )
    rewrap(owner, keyring=Keyring(new, others=[old]))
    for family_id, (_, wrapped) in backup.items():
        with pytest.raises(EnvelopeError):
            Keyring(new).open_family(family_id, wrapped)
    assert opened(replace(wiring, keyring=Keyring(new)), "EH-1002")


def test_nodes_that_know_both_keys_serve_before_during_and_after(
    wiring: Wiring, owner: Engine, tmp_path: Path
) -> None:
    """First every node learns the new key, then they seal under it: none meets a row that it cannot open."""
    old, new = old_and_new(wiring, tmp_path)
    ready = replace(wiring, keyring=Keyring(old, others=[new]))
    changed = replace(wiring, keyring=Keyring(new, others=[old]))
    worlds = [World(each) for each in (ready, changed)]
    worlds[0].join("camhs")
    worlds[1].members.update(worlds[0].members)
    household(worlds[0], "EH-1")
    household(worlds[1], "EH-2")
    assert {1, 2} == {epoch for epoch, _ in key_rows(owner).values()}
    for _ in range(2):
        for world in worlds:
            for source_ref in ("EH-1", "EH-2"):
                assert isinstance(world.release("camhs", source_ref), Released)
        rewrap(owner, keyring=changed.keyring)


def test_rewrapping_goes_in_batches_and_can_be_taken_up_again(
    wiring: Wiring, owner: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = old_and_new(wiring, tmp_path)
    load(wiring, family(), family("EH-1002", child="P-EVE"), family("EH-1003", child="P-IDA"))
    monkeypatch.setattr(key_room, "_BATCH", 1)
    damaged = sorted(key_rows(owner))[2]
    whole = key_rows(owner)[damaged][1]
    set_wrapped(owner, damaged, b"x" * len(whole))
    keys = Keyring(new, others=[old])
    with pytest.raises(EnvelopeError):
        rewrap(owner, keyring=keys)
    assert [2, 2, 1, 1] == [epoch for _, (epoch, _) in sorted(key_rows(owner).items())]
    set_wrapped(owner, damaged, whole)
    assert 2 == rewrap(owner, keyring=keys)
    assert {2} == {epoch for epoch, _ in key_rows(owner).values()}


def test_keys_set_aside_are_wrapped_again_too(
    wiring: Wiring, owner: Engine, eraser: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that waits for its publication must not lose its evidence earlier, by the way."""
    old, new = old_and_new(wiring, tmp_path)
    load(wiring, family())
    monkeypatch.setattr("gateway.cases.erasure.resume_erasures", lambda *_: 0)
    family_id = identity_of(wiring).family_id
    erase_family(eraser, wiring=wiring, family_id=family_id, requested_by="test", approved_by="other")
    assert 2 == rewrap(owner, keyring=Keyring(new, others=[old]))
    with owner.connect() as connection:
        row = connection.execute(text("SELECT kek_epoch, wrapped FROM gateway.log_erasure")).one()
    assert 2 == row.kek_epoch
    assert Keyring(new).open_family(family_id, bytes(row.wrapped))


def set_wrapped(owner: Engine, family_id: UUID, wrapped: bytes) -> None:
    with owner.begin() as connection:
        values = {"f": family_id, "w": wrapped}
        connection.execute(text("SELECT gateway.move_gates(ARRAY[CAST(:f AS uuid)], '{}')"), values)
        connection.execute(text("UPDATE gateway.family_key SET wrapped = :w WHERE family_id = :f"), values)


def test_the_reserved_key_is_wrapped_again_but_never_taken_away(wiring: Wiring, owner: Engine) -> None:
    for statement in (
        "DELETE FROM gateway.family_key WHERE family_id = :f",
        "UPDATE gateway.family_key SET family_id = gen_random_uuid() WHERE family_id = :f",
    ):
        with owner.connect() as connection, pytest.raises(Exception, match="never erased"):
            connection.execute(text(statement), {"f": NULL_FAMILY})
    assert NULL_FAMILY in key_rows(wiring.engine)


def test_the_command_moves_a_gateway_to_its_next_key(
    wiring: Wiring, database: Database, tmp_path: Path
) -> None:
    old, new = wiring.settings.kek_file, tmp_path / "next.hex"
    FileKek.create(new, epoch=2)
    load(wiring, family())
    later = replace(wiring, settings=replace(wiring.settings, kek_file=new))
    command = ["keys", "rewrap", "--owner-url", database.owner_url]
    same = CliRunner().invoke(gateway, [*command, "--old", str(new)], env=environment(later))
    assert (1, True) == (same.exit_code, "one epoch" in same.output)
    for count in (2, 0):
        done = CliRunner().invoke(gateway, [*command, "--old", str(old)], env=environment(later))
        assert (0, f"{count} families' keys were wrapped in epoch 2.\n") == (done.exit_code, done.output)
    with wiring.engine.connect() as connection:
        keys = Keyring(FileKek.load(new))
        assert ["key.rotate"] * 2 == [line.kind for line in newest(connection, keyring=keys, count=2)]


def test_two_keys_of_one_epoch_are_refused(tmp_path: Path) -> None:
    """Rows name their epoch; if two keys answered to it, one could be destroyed while rows still need it."""
    with pytest.raises(ValueError, match="one epoch"):
        Keyring(FileKek.create(tmp_path / "a"), others=[FileKek.create(tmp_path / "b")])
