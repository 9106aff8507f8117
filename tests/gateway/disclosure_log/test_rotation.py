"""The log changes its signing key while partners check it, each with the key it has."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from extract_client.errors import NoteError
from extract_client.log.note import VerifierKey, open_note, read_key, write_key
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log import repository
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import entries_between, log_size, open_entry
from gateway.disclosure_log.rotation import record_rotation
from gateway.ops.log_commands import rotate_key
from gateway.release.model import Released
from gateway.wiring import Wiring, wire
from tests.support.rooms import environment
from tests.support.world import World, household


@contextmanager
def signing(wiring: Wiring, key: Path, *, beside: Path | None = None) -> Iterator[Wiring]:
    """A node of the same log, started with these keys."""
    parts = wire(replace(wiring.settings, log_key_file=key, log_next_key_file=beside))
    try:
        yield parts
    finally:
        parts.engine.dispose()


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    return made


def receipt_of(world: World, wiring: Wiring) -> tuple[str, bytes]:
    """An extract that this node released, and its receipt."""
    node = World(wiring)
    node.members.update(world.members)
    outcome = node.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    return json.loads(outcome.body)["receipt"], outcome.body


def accepts(vkey: str, receipt: tuple[str, bytes]) -> bool:
    """Whether a partner who keeps this one verifier key takes the receipt."""
    text, body = receipt
    try:
        verify_receipt(text, policy=Policy.for_log(vkey), origin=VerifierKey.parse(vkey).name, extract=body)
    except NoteError:
        return False
    return True


def test_every_partner_can_check_at_every_step(world: World, tmp_path: Path) -> None:
    old, new = world.wiring.settings.log_key_file, tmp_path / "new.key"
    write_key(new)
    with (
        signing(world.wiring, old) as before,
        signing(world.wiring, old, beside=new) as overlap,
        signing(world.wiring, new) as after,
    ):
        old_key, new_key = before.log.vkeys[0], after.log.vkeys[0]
        assert (old_key, new_key) == overlap.log.vkeys
        receipts = [receipt_of(world, before)]
        record_rotation(overlap, actor="test")
        receipts.append(receipt_of(world, overlap))
        record_rotation(after, actor="test")
        receipts.append(receipt_of(world, after))
    assert [True, True, False] == [accepts(old_key, each) for each in receipts]
    assert [False, True, True] == [accepts(new_key, each) for each in receipts]


def test_the_newest_checkpoint_opens_for_a_node_with_either_key(world: World, tmp_path: Path) -> None:
    """Nodes change one after the other; none may find a checkpoint that it takes for a stranger's."""
    old, new = world.wiring.settings.log_key_file, tmp_path / "new.key"
    write_key(new)
    with signing(world.wiring, old, beside=new) as overlap:
        note = record_rotation(overlap, actor="test")
        assert list(overlap.log.vkeys) == [str(s.key) for s in open_note(note, keys(overlap)).signatures]
    for file in (old, new):
        with signing(world.wiring, file) as node:
            assert start(node).size
            open_note(publish_head(node).note, keys(node))


def keys(wiring: Wiring) -> list[VerifierKey]:
    return [VerifierKey.parse(vkey) for vkey in wiring.log.vkeys]


def test_a_rotation_is_on_record(wiring: Wiring, tmp_path: Path) -> None:
    """Whoever keeps the log can tell from it which keys signed when, and who changed them."""
    write_key(tmp_path / "new.key")
    with signing(wiring, wiring.settings.log_key_file, beside=tmp_path / "new.key") as overlap:
        record_rotation(overlap, actor="ops")
        with overlap.engine.connect() as connection:
            size = log_size(connection)
            (row,) = entries_between(connection, first=size - 1, end=size)
            entry = open_entry(connection, keyring=overlap.keyring, row=row)
            newest = repository.newest_checkpoint(connection)
    assert entry is not None
    assert newest is not None
    assert size == newest.size
    said = {name: entry.internal[name] for name in ("kind", "actor", "vkeys")}
    assert {"kind": "log.rotate_key", "actor": "ops", "vkeys": list(overlap.log.vkeys)} == said
    assert read_key(tmp_path / "new.key").public_key().public_bytes_raw() == keys(overlap)[1].public


def test_the_command_prints_what_partners_are_given(wiring: Wiring, tmp_path: Path) -> None:
    new = tmp_path / "new.key"
    write_key(new)
    done = CliRunner().invoke(
        rotate_key, [], env=environment(wiring) | {"GATEWAY_LOG_NEXT_KEY_FILE": str(new)}
    )
    with signing(wiring, wiring.settings.log_key_file, beside=new) as overlap:
        assert (0, list(overlap.log.vkeys)) == (done.exit_code, done.output.split()[-2:])
        assert 2 == len(open_note(publish_head(overlap).note, keys(overlap)).signatures)
