"""What a superuser of the database does to the log, and who notices.

Edits of the tree are made consistent again and signed with the log's own key: whoever saw the log before notices
all the same. Payloads are outside the tree: ``gateway log verify`` notices, and whoever holds the receipt.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from extract_client.log.history import ContradictionError
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log.publishing import publish_head
from tests.gateway.disclosure_log.evidence import Council, Scene, cover, made_scene
from tests.gateway.disclosure_log.superuser import Superuser
from tests.support.throwaway import Cluster

EDITED = 7


def _edit(root: Superuser) -> None:
    root.change(EDITED, c="0" * 64)


def _drop(root: Superuser) -> None:
    root.drop(EDITED)


def _insert(root: Superuser) -> None:
    root.insert(EDITED)


def _reorder(root: Superuser) -> None:
    root.swap(EDITED, EDITED + 1)


def _back_date(root: Superuser) -> None:
    root.change(EDITED, t=json.loads(root.entry(EDITED).body)["t"] - 3600)


def _cut(root: Superuser) -> None:
    root.truncate(root.size - 2)


TREE_EDITS = [_edit, _drop, _insert, _reorder, _back_date, _cut]
Edit = Callable[[Superuser], None]


def test_an_honest_log_passes_every_check(scene: Scene) -> None:
    """The control: without it, a check that always fails would pass every other test here."""
    found = scene.mirroring().round(now=0)
    assert (scene.root.size, scene.root.size, 3, ()) == (found.size, found.read, found.held, found.warnings)
    cover(scene.wiring, 3)
    publish_head(scene.wiring)
    assert 3 == scene.mirroring().round(now=1).read
    assert () == scene.verify().findings


@pytest.mark.parametrize("edit", TREE_EDITS)
def test_a_signed_edit_is_noticed_by_whoever_saw_the_log_before(scene: Scene, edit: Edit) -> None:
    """At once, and when the log has grown on as after any honest act; and by the node's own mark."""
    scene.mirroring().round(now=0)
    before = scene.root.run("SELECT note FROM gateway.log_checkpoint ORDER BY size DESC LIMIT 1")[0].note
    edit(scene.root)
    scene.root.derive()
    for grown in (0, 5):
        cover(scene.wiring, grown)
        scene.root.sign(scene.signer)
        for monitor in (scene.monitor(), scene.mirroring()):
            with pytest.raises(ContradictionError) as caught:
                monitor.round(now=1)
            assert caught.value.evidence is not None
            assert before == (caught.value.evidence / "this-monitor.checkpoint").read_text()
            assert (caught.value.evidence / "the-log.checkpoint").exists()
        assert any("node published" in finding for finding in scene.verify().findings)


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize("edit", [edit for edit in TREE_EDITS if edit is not _cut])
def test_without_the_signing_key_an_edit_is_noticed_by_verify(kept: Scene, edit: Edit, derived: bool) -> None:
    """By the checkpoints alone; what was cut off with its checkpoints leaves an older log, which the mark tells."""
    with kept.passing() as root:
        edit(root)
        if derived:
            root.derive()
        findings = kept.verify(marked=False, over=root).findings
    assert any("The checkpoint of" in finding for finding in findings)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_restored_backup_is_noticed(
    cluster: Cluster, council: Council, tmp_path: Path, goes_on: bool
) -> None:
    """Everything in it is consistent and signed; it is only not the newest, and then another history."""
    with made_scene(cluster, council, tmp_path) as scene:
        scene.monitor().round(now=0)
    with made_scene(cluster, council, tmp_path, restored=True) as scene:
        assert any("node published" in finding for finding in scene.verify().findings)
        assert () == scene.verify(marked=False).findings
        if goes_on:
            cover(scene.wiring, 20)
            scene.root.sign(scene.signer)
        with pytest.raises(ContradictionError):
            scene.monitor().round(now=1)


PAYLOAD_EDITS = {
    "changed": (
        "UPDATE gateway.log_payload SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))"
        " WHERE entry_id = %s"
    ),
    "another's": (
        "UPDATE gateway.log_payload SET sealed = (SELECT p.sealed FROM gateway.log_payload p"
        " JOIN gateway.log_entry USING (entry_id) WHERE leaf_index = 0) WHERE entry_id = %s"
    ),
    "cut off": "UPDATE gateway.log_payload SET sealed = 'x' WHERE entry_id = %s",
    "deleted": "DELETE FROM gateway.log_payload WHERE entry_id = %s",
    "traced to nobody": "DELETE FROM gateway.log_trace WHERE entry_id = %s",
    "traced to another family": (
        "UPDATE gateway.log_trace SET family_id = '00000000-0000-0000-0000-000000000000' WHERE entry_id = %s"
    ),
}


@pytest.mark.parametrize("name", PAYLOAD_EDITS)
def test_an_edit_of_a_payload_is_noticed_by_verify(kept: Scene, name: str) -> None:
    with kept.passing() as root:
        root.run(PAYLOAD_EDITS[name], root.entry(index_of(kept, 1)).entry_id)
        findings = kept.verify(over=root).findings
    assert any(f"entry {index_of(kept, 1)} " in finding for finding in findings)


DESTROYED = {
    "payloads": ("log_payload",),
    "payloads and traces": ("log_payload", "log_trace"),
    "payloads, traces and key": ("log_payload", "log_trace", "family_key"),
    "the key alone": ("family_key",),
    "traces and key": ("log_trace", "family_key"),
}


def destroy(root: Superuser, family: UUID, tables: Sequence[str]) -> None:
    entries = list(root.entries_of(family))
    assert len(entries) > 5
    for table in tables:
        if table == "family_key":
            root.run("DELETE FROM gateway.family_key WHERE family_id = %s", family)
        else:
            root.run(f"DELETE FROM gateway.{table} WHERE entry_id = ANY(%s)", entries)


@pytest.mark.parametrize("name", DESTROYED)
def test_evidence_destroyed_without_an_erasure_entry_is_noticed_by_verify(kept: Scene, name: str) -> None:
    """A whole family's, as an erasure would take it, but for the entry that says so."""
    with kept.passing() as root:
        destroy(root, kept.council.family, DESTROYED[name])
        assert kept.verify(over=root).findings


def test_whoever_holds_the_receipt_can_show_what_was_destroyed(scene: Scene) -> None:
    """The tree still has the entry, and the receipt opens what it was about."""
    destroy(scene.root, scene.council.family, DESTROYED["payloads, traces and key"])
    found = scene.mirroring().round(now=0)
    assert (3, ()) == (found.held, found.warnings)
    for extract in scene.council.held:
        receipt = verify_receipt(
            extract["receipt"], policy=scene.policy, origin=scene.wiring.log.origin, extract=extract
        )
        assert extract["extract_id"] == receipt.recipient["extract_id"]
        assert scene.root.entry(receipt.index).body == receipt.body


def index_of(scene: Scene, held: int) -> int:
    """Where the log has the entry of an extract that the partner holds."""
    receipt = scene.council.held[held]["receipt"]
    return verify_receipt(receipt, policy=scene.policy, origin=scene.wiring.log.origin).index
