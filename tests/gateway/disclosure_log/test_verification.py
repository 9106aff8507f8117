"""``gateway log verify``: what is stored is what the entries make, and every payload is there or accounted for."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from certs.envelope import seal, unseal
from extract_client.log.canonical import canonical
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import NoteSigner, write_key
from extract_client.log.policy import Policy
from gateway.cases import erasure as case_erasure
from gateway.cases.service import erase_family
from gateway.cli import gateway
from gateway.database import open_engine
from gateway.disclosure_log import verification
from gateway.disclosure_log.mark import Mark
from gateway.disclosure_log.service import act
from gateway.disclosure_log.verification import snapshot, verify_log
from gateway.settings import environ_of
from tests.extract_client.log.simulated import NOON, SimulatedWitness
from tests.gateway.disclosure_log.evidence import COVERS, Scene


def test_an_honest_log_is_counted(kept: Scene) -> None:
    report = kept.verify()
    size = kept.root.size
    (checkpoints,) = kept.root.run("SELECT count(*) FROM gateway.log_checkpoint")[0]
    assert () == report.findings
    assert (size, size, size, 0, 0) == (
        report.size,
        report.published,
        report.opened,
        report.erased,
        report.deferred,
    )
    assert (checkpoints, COVERS + 9, 1) == (report.checkpoints, report.covers, report.unknown_refs)


@pytest.mark.parametrize("chunk", [1, 100, 256, 257])
def test_the_size_of_the_pieces_does_not_matter(
    kept: Scene, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kept.verify()
    monkeypatch.setattr(verification, "CHUNK", chunk)
    assert whole == kept.verify()


EDITS: Mapping[str, tuple[str, str]] = {
    "a hash": (
        "UPDATE gateway.log_entry SET leaf_hash = sha256('') WHERE leaf_index = 3",
        "The stored hash of entry 3 is not that of its body.",
    ),
    "an id": (
        "UPDATE gateway.log_entry SET entry_id = gen_random_uuid() WHERE leaf_index = 3",
        "Entry 3 is stored under another id than its body tells.",
    ),
    "a gap": (
        "UPDATE gateway.log_entry SET leaf_index = leaf_index + 1 WHERE leaf_index = (SELECT size - 1 FROM gateway.log_head)",
        "should be is one of index",
    ),
    "a length": (
        "UPDATE gateway.log_entry SET body = body || ' ' WHERE leaf_index = 3",
        "Entry 3 has not the form that every entry has.",
    ),
    "a second": (
        "UPDATE gateway.log_entry SET body = set_byte(body, length(body) - 8, ascii('1')) WHERE leaf_index = 3",
        "Entry 3 does not tell a whole minute.",
    ),
    "a tile": (
        "UPDATE gateway.log_tile SET hashes = set_byte(hashes, 9, 255 - get_byte(hashes, 9)) WHERE level = 0",
        "The tile of level 0 from entry 0 on is not what they make.",
    ),
    "a tile's root": (
        "UPDATE gateway.log_tile SET root = sha256('') WHERE level = 0",
        "The tile of level 0 from entry 0 on is not what they make.",
    ),
    "no tile": ("DELETE FROM gateway.log_tile", "The tile of level 0 from entry 0 on is not what they make."),
    "a tile too many": (
        "INSERT INTO gateway.log_tile SELECT 1, 0, hashes, root FROM gateway.log_tile",
        "There are more or fewer tiles than the entries make.",
    ),
    "the head's size": ("UPDATE gateway.log_head SET size = size + 1", "The log's head is not that of"),
    "the head's peaks": ("UPDATE gateway.log_head SET peaks = ''", "The log's head is not that of"),
    "the head's root": ("UPDATE gateway.log_head SET root = sha256('')", "The log's head is not that of"),
    "no head": ("DELETE FROM gateway.log_head", "The log's head is not that of"),
    "a checkpoint's root": (
        "UPDATE gateway.log_checkpoint SET root = sha256('')",
        "is stored under another log, size or root than it tells",
    ),
    "a checkpoint's size": (
        "UPDATE gateway.log_checkpoint SET size = size - 1 WHERE size = (SELECT max(size) FROM gateway.log_checkpoint)",
        "is stored under another log, size or root than it tells",
    ),
    "a checkpoint's signature": (
        "UPDATE gateway.log_checkpoint SET note = left(note, -10) || 'AAAAAAAA=' || chr(10)",
        "is not signed by the log",
    ),
    "a checkpoint's text": ("UPDATE gateway.log_checkpoint SET note = ''", "is not signed by the log"),
    "a payload without an entry": (
        "INSERT INTO gateway.log_payload VALUES (gen_random_uuid(), 'x')",
        "There are payloads of entries that are not in the log.",
    ),
    "a trace without an entry": (
        "INSERT INTO gateway.log_trace VALUES (gen_random_uuid(), gen_random_uuid(), NULL, NULL)",
        "There are traces of entries that are not in the log.",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_is_told_in_one_sentence(kept: Scene, name: str) -> None:
    statement, sentence = EDITS[name]
    with kept.passing() as root:
        root.run(statement)
        findings = kept.verify(marked=False, over=root).findings
    assert any(sentence in finding for finding in findings), findings


def test_a_payload_is_what_its_entry_commits_to_whoever_sealed_it(kept: Scene) -> None:
    """The operator has the keys, and can seal another story under the same entry."""
    with kept.passing() as root:
        row = root.entry(0)
        (trace,) = root.run("SELECT family_id FROM gateway.log_trace WHERE entry_id = %s", row.entry_id)
        (sealed,) = root.run("SELECT sealed FROM gateway.log_payload WHERE entry_id = %s", row.entry_id)
        key = kept.wiring.keyring.family(root.connection, trace.family_id).data_key
        aad = row.entry_id.bytes + bytes.fromhex(json.loads(row.body)["c"])
        opening = json.loads(unseal(key, sealed.sealed, aad=aad))
        for part in ("i", "r"):
            other = {**opening, part: {**opening[part], "actor": "somebody else"}}
            forged = seal(key, canonical(other), aad=aad)
            root.run("UPDATE gateway.log_payload SET sealed = %s WHERE entry_id = %s", forged, row.entry_id)
            findings = kept.verify(over=root).findings
            assert ("The payload of entry 0 is not the one that the entry commits to.",) == findings


def test_an_entry_bears_its_own_familys_tag(kept: Scene) -> None:
    """Else an auditor who lists a family's entries by their tags would not see it."""
    with kept.passing() as root:
        root.change(0, f="0" * 32)
        root.derive()
        root.sign(kept.signer)
        findings = kept.verify(over=root, marked=False).findings
    assert ("The payload of entry 0 is not the one that the entry commits to.",) == findings


def test_an_id_that_is_used_twice_is_told(kept: Scene) -> None:
    with kept.passing() as root:
        root.run("ALTER TABLE gateway.log_entry DROP CONSTRAINT log_entry_entry_id_key CASCADE")
        first = root.entry(0)
        root.run(
            "UPDATE gateway.log_entry SET entry_id = %s, body = %s WHERE leaf_index = 1",
            first.entry_id,
            first.body,
        )
        assert "Several entries have one id." in kept.verify(over=root).findings


def test_many_findings_of_one_kind_are_counted(kept: Scene) -> None:
    with kept.passing() as root:
        root.run("UPDATE gateway.log_entry SET leaf_hash = sha256('')")
        findings = kept.verify(over=root).findings
    told = [finding for finding in findings if "stored hash" in finding]
    assert verification.TOLD == len(told)
    assert f"{kept.root.size - verification.TOLD} more of the same kind (leaf)." in findings


@pytest.mark.parametrize("what", ["size", "root"])
def test_the_mark_must_be_a_tree_that_was(kept: Scene, what: str) -> None:
    mark = Mark(kept.root.size + 1, bytes(32)) if what == "size" else Mark(5, bytes(32))
    with snapshot(kept.wiring.engine) as connection:
        report = verify_log(
            connection,
            keyring=kept.wiring.keyring,
            origin=kept.wiring.log.origin,
            keys=[kept.signer.verifier],
            policy=None,
            mark=mark,
        )
    sentence = f"The tree of {mark.size} entries that this node published is not there any more."
    assert (sentence,) == report.findings


def test_nothing_can_be_written_meanwhile(kept: Scene) -> None:
    with pytest.raises(DBAPIError, match="read-only"), snapshot(kept.wiring.engine) as connection:
        connection.execute(text("SELECT gateway.publish_checkpoint(0, '', '')"))


def erase(scene: Scene, eraser: Engine) -> None:
    erase_family(
        eraser,
        wiring=scene.wiring,
        family_id=scene.council.family,
        requested_by="dana.dpo",
        approved_by="ola.officer",
    )


def test_an_erasure_accounts_for_what_it_took(scene: Scene) -> None:
    taken = len(scene.root.entries_of(scene.council.family))
    eraser = open_engine(scene.database.eraser_url)
    erase(scene, eraser)
    eraser.dispose()
    report = scene.verify()
    assert ((), taken) == (report.findings, report.erased)
    # One more payload is one too many.
    scene.root.run("DELETE FROM gateway.log_payload WHERE entry_id = %s", scene.root.entry(0).entry_id)
    assert scene.verify().findings


def test_an_erasure_under_way_accounts_for_what_it_will_take(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    eraser = open_engine(scene.database.eraser_url)
    with monkeypatch.context() as stopped:
        stopped.setattr(case_erasure, "resume_erasures", lambda *_: 0)
        erase(scene, eraser)
    assert ((), 0) == ((report := scene.verify()).findings, report.erased)
    case_erasure.resume_erasures(scene.wiring, eraser)
    eraser.dispose()
    assert () == scene.verify().findings


def test_a_restore_accounts_for_the_payloads_it_lost(scene: Scene) -> None:
    family = scene.council.family
    entries = list(scene.root.entries_of(family))[:2]
    for table in ("log_payload", "log_trace"):
        scene.root.run(f"DELETE FROM gateway.{table} WHERE entry_id = ANY(%s)", entries)
    assert scene.verify().findings
    with act(scene.wiring, families=()) as change:
        change.record(kind="log.restore", actor="test", internal={"entries": 2})
    assert () == scene.verify().findings
    with act(
        scene.wiring, families=()
    ) as change:  # an account in advance would cover what is destroyed later
        change.record(kind="log.restore", actor="test", internal={"entries": 1})
    assert scene.verify().findings


def test_only_the_reserved_family_accounts(scene: Scene) -> None:
    """Else whoever may act on one case could explain a destruction away."""
    scene.root.run("DELETE FROM gateway.log_payload WHERE entry_id = %s", scene.root.entry(0).entry_id)
    scene.root.run("DELETE FROM gateway.log_trace WHERE entry_id = %s", scene.root.entry(0).entry_id)
    family = scene.council.family
    with act(scene.wiring, families=(family,)) as change:
        change.record(kind="case.erase", actor="test", family_id=family, internal={"entries": 1})
    assert scene.verify().findings


def test_entries_that_wait_for_the_head_are_counted(kept: Scene) -> None:
    with kept.passing() as root:
        root.run(
            "INSERT INTO gateway.log_deferred (entry_id, body, sealed, family_id)"
            " VALUES (gen_random_uuid(), 'b', 's', gen_random_uuid())"
        )
        report = kept.verify(over=root)
    assert ((), 1) == (report.findings, report.deferred)


WITNESSED = {  # statements, what is found, cosignatures that hold, cosignatures of unknown witnesses
    "a quorum": (("ada", "{good}", True), None, (1, 0)),
    "another tree's": (("ada", "{other}", False), "A cosignature of the tree of", (0, 0)),
    "another tree's, as a quorum": (("ada", "{other}", True), "Too few witnesses cosigned", (0, 0)),
    "not a line": (("ada", "line", False), "A cosignature of the tree of", (0, 0)),
    "a quorum of nobody": ((None, "", True), "Too few witnesses cosigned", (0, 0)),
    "a witness of an earlier policy": (("zoe", "{good}", True), None, (0, 1)),
}


@pytest.mark.parametrize("name", WITNESSED)
def test_cosignatures_and_quorums_are_checked(kept: Scene, name: str) -> None:
    (witness, line, quorum), sentence, counts = WITNESSED[name]
    ada, size = SimulatedWitness("ada"), kept.root.size
    policy = Policy.parse(f"log {kept.signer.verifier}\nwitness ada {ada.verifier}\nquorum ada\n")
    (note,) = kept.root.run("SELECT note FROM gateway.log_checkpoint WHERE size = %s", size)[0]
    head = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    lines = {"good": ada.line(head, time=NOON), "other": ada.line(replace(head, root=bytes(32)), time=NOON)}
    with kept.passing() as root:
        if witness is not None:
            values = (size, witness, line.format(**lines))
            root.run("INSERT INTO gateway.log_cosignature VALUES (%s, %s, %s, now())", *values)
        if quorum:
            root.run("INSERT INTO gateway.log_quorum VALUES (%s, now())", size)
        report = kept.verify(over=root, policy=policy)
    assert counts == (report.cosignatures, report.unknown_witnesses)
    assert (sentence is None) == (report.findings == ())
    assert sentence is None or any(sentence in finding for finding in report.findings)


def test_a_checkpoint_of_an_earlier_key_needs_that_key(kept: Scene, tmp_path: Path) -> None:
    """After a rotation the old checkpoints are still evidence."""
    earlier = NoteSigner(kept.wiring.log.origin, write_key(tmp_path / "earlier.key"))
    with kept.passing() as root:
        root.sign(earlier)
        assert any("is not signed by the log" in each for each in kept.verify(over=root).findings)
        assert () == kept.verify(over=root, keys=[earlier.verifier]).findings


def run(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(gateway, ["log", *arguments], env=environ_of(scene.wiring.settings))


def test_the_command_says_what_it_checked(kept: Scene) -> None:
    done = run(kept, "verify")
    size = kept.root.size
    assert (0, "") == (done.exit_code, done.stderr)
    assert f"Entries: {size}, of which published: {size}." in done.stdout
    assert f"cover entries: {COVERS + 9}, refusals of unknown references: 1." in done.stdout


def test_the_command_ends_with_1_and_a_sentence_for_each_finding(scene: Scene) -> None:
    """And tells nothing of what the entries are about."""
    scene.root.run("DELETE FROM gateway.log_payload")
    scene.root.change(3, c="0" * 64)
    done = run(scene, "verify")
    assert 1 == done.exit_code
    assert all(line.startswith("WRONG: ") for line in done.stderr.splitlines())
    assert "WRONG: The stored hash of entry 3 is not that of its body." in done.stderr
    assert not any(word in done.output for word in ("EH-1", "camhs", str(scene.council.family)))


def test_the_command_takes_earlier_keys(kept: Scene, tmp_path: Path) -> None:
    earlier = NoteSigner(kept.wiring.log.origin, write_key(tmp_path / "earlier.key"))
    assert 0 == run(kept, "verify", "--log-key", str(earlier.verifier)).exit_code
    refused = run(kept, "verify", "--log-key", "x")
    assert (2, "x is not a verifier key." in refused.stderr) == (refused.exit_code, True)
