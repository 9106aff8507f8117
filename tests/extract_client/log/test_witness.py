"""The witness's rules: what it cosigns, what it refuses, and that it never cosigns two histories."""

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.errors import ConfigurationError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import NoteSigner, add_lines, open_note, sign_note
from extract_client.log.witness import (
    PLAIN,
    SIZE,
    Reply,
    Submission,
    SubmissionError,
    Witness,
    WitnessStateError,
    lines_by,
    origin_digest,
)
from tests.support.small_log import ORIGIN, SmallLog

NOW = 1_795_776_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))


def witness_in(folder: Path, *logs: SmallLog) -> Witness:
    folder.mkdir(exist_ok=True)
    return Witness(
        "witness.test/w1", key=WITNESS_KEY, logs=[log.signer.verifier for log in logs], folder=folder
    )


@pytest.fixture
def log() -> SmallLog:
    return SmallLog(40, key=KEY)


@pytest.fixture
def witness(tmp_path: Path, log: SmallLog) -> Witness:
    return witness_in(tmp_path / "state", log)


def cosigned(witness: Witness, log: SmallLog, reply: Reply) -> Checkpoint:
    """The checkpoint that a reply cosigns; whoever knows both keys can verify it."""
    assert reply.status == 200, reply
    assert reply.content_type == PLAIN
    stored = witness.checkpoint(origin_digest(log.origin))
    assert stored is not None
    opened = open_note(stored, [log.signer.verifier, witness.verifier])
    assert [log.signer.verifier, witness.verifier] == [each.key for each in opened.signatures]
    assert stored.endswith(reply.body)
    return Checkpoint.parse(opened.text)


def test_growth_is_cosigned_step_by_step(witness: Witness, log: SmallLog) -> None:
    for old, size in itertools.pairwise([0, 1, 2, 3, 7, 8, 33, 40]):
        reply = witness.add_checkpoint(log.request(old, size), NOW)
        assert log.checkpoint(size) == cosigned(witness, log, reply)


def test_a_cosignature_carries_its_time(witness: Witness, log: SmallLog) -> None:
    reply = witness.add_checkpoint(log.request(0, 5), NOW + 7)
    note = add_lines(log.note(5), [reply.body.decode()])
    times = [each.time for each in open_note(note, [witness.verifier]).signatures]
    assert [NOW + 7] == times


def test_the_same_tree_again_is_cosigned_with_the_later_time(witness: Witness, log: SmallLog) -> None:
    first = witness.add_checkpoint(log.request(0, 5), NOW)
    second = witness.add_checkpoint(log.request(5, 5), NOW + 600)
    assert log.checkpoint(5) == cosigned(witness, log, second)
    assert first.body != second.body


def test_an_empty_tree_can_be_cosigned_and_grows(witness: Witness, log: SmallLog) -> None:
    for size in (0, 0, 3):
        assert log.checkpoint(size) == cosigned(
            witness, log, witness.add_checkpoint(log.request(0, size), NOW)
        )


def history(log: SmallLog, edit: Callable[[list[bytes]], list[bytes]]) -> SmallLog:
    return log.with_bodies(edit(list(log.bodies)))


REWRITTEN: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edited": lambda bodies: [*bodies[:3], b"another", *bodies[4:]],
    "dropped": lambda bodies: bodies[:3] + bodies[4:],
    "inserted": lambda bodies: [*bodies[:3], b"another", *bodies[3:]],
    "reordered": lambda bodies: [bodies[1], bodies[0], *bodies[2:]],
}


@pytest.mark.parametrize("edit", REWRITTEN.values(), ids=REWRITTEN)
def test_a_rewritten_history_is_not_cosigned(
    witness: Witness, log: SmallLog, edit: Callable[[list[bytes]], list[bytes]]
) -> None:
    witness.add_checkpoint(log.request(0, 20), NOW)
    rewritten = history(log, edit)
    before = witness.checkpoint(origin_digest(ORIGIN))
    assert 422 == witness.add_checkpoint(rewritten.request(20, 30), NOW).status
    # With the proof of the true history instead.
    honest = replace(log.submission(20, 30), note=rewritten.note(30))
    assert 422 == witness.add_checkpoint(bytes(honest), NOW).status
    # Of the very size that was cosigned.
    assert Reply(409, SIZE, b"20\n") == witness.add_checkpoint(rewritten.request(20, 20), NOW)
    assert before == witness.checkpoint(origin_digest(ORIGIN))


def test_a_restored_backup_learns_what_was_cosigned_and_gets_nothing(witness: Witness, log: SmallLog) -> None:
    witness.add_checkpoint(log.request(0, 30), NOW)
    for old, size in ((0, 20), (20, 20), (20, 25), (0, 35), (29, 30)):
        assert Reply(409, SIZE, b"30\n") == witness.add_checkpoint(log.request(old, size), NOW)
    assert log.checkpoint(31) == cosigned(witness, log, witness.add_checkpoint(log.request(30, 31), NOW))


def test_a_proof_where_none_is_needed_is_refused(witness: Witness, log: SmallLog) -> None:
    hashes = log.submission(3, 5).proof
    from_nothing = replace(log.submission(0, 5), proof=hashes)
    assert 422 == witness.add_checkpoint(bytes(from_nothing), NOW).status
    witness.add_checkpoint(log.request(0, 5), NOW)
    same = replace(log.submission(5, 5), proof=hashes)
    assert 422 == witness.add_checkpoint(bytes(same), NOW).status


def test_a_larger_old_size_than_the_checkpoints_is_refused(witness: Witness, log: SmallLog) -> None:
    assert 400 == witness.add_checkpoint(f"old 9\n\n{log.note(8)}".encode(), NOW).status


def test_a_log_that_is_not_configured_is_not_known(witness: Witness) -> None:
    other = SmallLog(5, key=KEY, origin="log.test/2")
    assert 404 == witness.add_checkpoint(other.request(0, 5), NOW).status
    assert witness.checkpoint(origin_digest(other.origin)) is None
    assert witness.checkpoint("../../etc/passwd") is None


def unsigned(log: SmallLog) -> dict[str, str]:
    text, good = log.checkpoint(5).text, log.signer.line(log.checkpoint(5).text)
    other = log.signer.line(log.checkpoint(6).text)
    return {
        "nobody": f"{text}\n",
        "no empty line": f"{text}{good}",
        "another key under the log's name": sign_note(text, [NoteSigner(log.origin, STRANGER)]),
        "the log's key under another name": sign_note(text, [NoteSigner("log.test/2", KEY)]),
        "the log's signature of another tree": f"{text}\n{other}",
        "a good signature and a wrong one": f"{text}\n{good}{other}",
        "a text that was changed": f"{text.replace('5', '6', 1)}\n{good}",
    }


@pytest.mark.parametrize("case", unsigned(SmallLog(8, key=KEY)))
def test_what_the_log_did_not_sign_is_forbidden(witness: Witness, log: SmallLog, case: str) -> None:
    note = unsigned(log)[case]
    assert 403 == witness.add_checkpoint(f"old 0\n\n{note}".encode(), NOW).status
    assert witness.checkpoint(origin_digest(ORIGIN)) is None


def test_unknown_signatures_are_ignored_and_not_kept(witness: Witness, log: SmallLog) -> None:
    text = log.checkpoint(5).text
    others = [NoteSigner("elsewhere.test", STRANGER), NoteSigner(ORIGIN, STRANGER)]
    note = sign_note(text, [others[0], log.signer, others[1]])
    reply = witness.add_checkpoint(f"old 0\n\n{note}".encode(), NOW)
    assert log.checkpoint(5) == cosigned(witness, log, reply)
    stored = witness.checkpoint(origin_digest(ORIGIN))
    assert f"{text}\n{log.signer.line(text)}".encode() + reply.body == stored


def test_a_log_may_rotate_its_key(tmp_path: Path, log: SmallLog) -> None:
    folder = tmp_path / "state"
    witness_in(folder, log).add_checkpoint(log.request(0, 5), NOW)
    new = SmallLog(40, key=STRANGER)
    both = witness_in(folder, log, new)
    assert 200 == both.add_checkpoint(new.request(5, 6), NOW).status
    assert 200 == both.add_checkpoint(log.request(6, 7), NOW).status
    alone = witness_in(folder, new)
    assert 200 == alone.add_checkpoint(new.request(7, 8), NOW).status
    assert 403 == alone.add_checkpoint(log.request(8, 9), NOW).status


def test_two_logs_do_not_touch_each_other(tmp_path: Path, log: SmallLog) -> None:
    other = SmallLog(40, key=STRANGER, origin="log.test/2", name="other")
    witness = witness_in(tmp_path / "state", log, other)
    assert 200 == witness.add_checkpoint(log.request(0, 30), NOW).status
    assert log.checkpoint(30) == cosigned(witness, log, witness.add_checkpoint(log.request(30, 30), NOW))
    assert other.checkpoint(5) == cosigned(witness, other, witness.add_checkpoint(other.request(0, 5), NOW))


HASH = "A" * 43 + "="
MALFORMED = {
    "nothing": b"",
    "no note": b"old 0\n",
    "no old line": b"\n\n{note}",
    "size with a zero before it": b"old 00\n\n{note}",
    "negative size": b"old -1\n\n{note}",
    "size with a sign": b"old +1\n\n{note}",
    "size that is no number": b"old five\n\n{note}",
    "digits of another script": "old ٣\n\n{note}".encode(),
    "size beyond 64 bits": b"old 9223372036854775808\n\n{note}",
    "two spaces": b"old  0\n\n{note}",
    "space after": b"old 0 \n\n{note}",
    "capital": b"Old 0\n\n{note}",
    "carriage returns": b"old 0\r\n\r\n{note}",
    "proof line without padding": b"old 1\n" + HASH[:-1].encode() + b"\n\n{note}",
    "proof line with a space": b"old 1\n" + HASH.encode() + b" \n\n{note}",
    "proof line with unused bits": b"old 1\n" + b"A" * 42 + b"B=\n\n{note}",
    "proof line too short": b"old 1\nAAAA\n\n{note}",
    "url alphabet": b"old 1\n" + b"_" * 42 + b"8=\n\n{note}",
    "64 proof lines": b"old 1\n" + f"{HASH}\n".encode() * 64 + b"\n{note}",
    "not UTF-8": b"old 0\n\n\xff{note}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused(witness: Witness, log: SmallLog, body: bytes) -> None:
    request = body.replace(b"{note}", log.note(5).encode())
    assert 400 == witness.add_checkpoint(request, NOW).status
    with pytest.raises(SubmissionError):
        Submission.parse(request)
    assert witness.checkpoint(origin_digest(ORIGIN)) is None


def test_63_proof_lines_are_read() -> None:
    body = b"old 1\n" + f"{HASH}\n".encode() * 63 + b"\nnote"
    assert body == bytes(Submission.parse(body))


def test_a_signed_text_that_is_no_checkpoint_of_three_lines_is_refused(
    witness: Witness, log: SmallLog
) -> None:
    note = sign_note(f"{log.checkpoint(5).text}extension\n", [log.signer])
    assert 400 == witness.add_checkpoint(f"old 0\n\n{note}".encode(), NOW).status


def test_the_example_of_the_specification_is_read() -> None:
    """C2SP tlog-witness, add-checkpoint, the example of a request."""
    body = (
        "old 20852014\n"
        "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
        "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
        "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
        "\n"
        "example.com/behind-the-sofa\n"
        "20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        "\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
        "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    ).encode()
    submission = Submission.parse(body)
    assert (20852014, 4) == (submission.old, len(submission.proof))
    assert body == bytes(submission)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut": lambda note: note[:-40],
    "other size": lambda note: note.replace(b"\n20\n", b"\n10\n"),
    "signed by nobody we know": lambda note: sign_note(
        note.decode().partition("\n\n")[0] + "\n", [NoteSigner("elsewhere.test", STRANGER)]
    ).encode(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_state_cosigns_nothing(
    witness: Witness, log: SmallLog, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Taking it for "nothing cosigned yet" would let the next request start another history."""
    witness.add_checkpoint(log.request(0, 20), NOW)
    path = tmp_path / "state" / origin_digest(ORIGIN)
    path.write_bytes(damage(path.read_bytes()))
    for old in (0, 20):
        with pytest.raises(WitnessStateError):
            witness.add_checkpoint(log.request(old, 30), NOW)


def test_the_state_of_another_log_is_not_taken_for_ones_own(tmp_path: Path, log: SmallLog) -> None:
    other = SmallLog(5, key=STRANGER, origin="log.test/2")
    witness = witness_in(tmp_path / "state", log, other)
    witness.add_checkpoint(log.request(0, 20), NOW)
    folder = tmp_path / "state"
    (folder / origin_digest(ORIGIN)).rename(folder / origin_digest(other.origin))
    with pytest.raises(WitnessStateError):
        witness.add_checkpoint(other.request(0, 5), NOW)


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_what_cannot_be_stored_is_not_cosigned(
    witness: Witness, log: SmallLog, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    witness.add_checkpoint(log.request(0, 20), NOW)
    before = witness.checkpoint(origin_digest(ORIGIN))
    with monkeypatch.context() as patch:
        patch.setattr(f"os.{fails}" if fails == "fsync" else f"pathlib.Path.{fails}", full)
        with pytest.raises(WitnessStateError):
            witness.add_checkpoint(log.request(20, 30), NOW)
    assert before == witness.checkpoint(origin_digest(ORIGIN))
    assert 200 == witness.add_checkpoint(log.request(20, 30), NOW).status


def test_the_state_is_on_the_disk_before_the_cosignature_exists(
    witness: Witness, log: SmallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is flushed before it takes the old one's place, and the folder after."""
    done: list[str] = []
    fsync, move = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        done.append("flush " + Path(f"/proc/self/fd/{descriptor}").readlink().suffix)
        fsync(descriptor)

    def recorded_replace(path: Path, target: Path) -> Path:
        done.append("replace")
        return move(path, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    assert 200 == witness.add_checkpoint(log.request(0, 20), NOW).status
    assert ["flush .new", "replace", "flush "] == done


def test_racing_requests_never_get_two_trees_of_one_size_cosigned(tmp_path: Path, log: SmallLog) -> None:
    """Two histories, two witnesses over one folder as two processes would be, every request at once.

    All start from the size that is stored, so that exactly one may be cosigned: neither a second tree of one size,
    nor a smaller tree after a larger one.
    """
    fork = log.with_bodies([*log.bodies[:4], *(b"fork " + body for body in log.bodies[4:])])
    requests = [history.request(4, size) for size in (5, 7) for history in (log, fork)]
    for number in range(12):
        folder = tmp_path / f"state-{number}"
        witnesses = [witness_in(folder, log), witness_in(folder, log)] * 2
        assert 200 == witnesses[0].add_checkpoint(log.request(0, 4), NOW).status
        start = threading.Barrier(len(requests))

        def ask(witness: Witness, request: bytes, start: threading.Barrier = start) -> Reply:
            start.wait()
            return witness.add_checkpoint(request, NOW)

        with ThreadPoolExecutor(len(requests)) as pool:
            replies = list(pool.map(ask, witnesses, requests))
        assert [200, 409, 409, 409] == sorted(reply.status for reply in replies)
        stored = witnesses[0].checkpoint(origin_digest(ORIGIN))
        assert stored is not None
        assert [stored.endswith(reply.body) for reply in replies] == [
            reply.status == 200 for reply in replies
        ]


def test_the_holder_of_the_lock_keeps_everybody_else_out(tmp_path: Path, log: SmallLog) -> None:
    folder = tmp_path / "state"
    first, second = witness_in(folder, log), witness_in(folder, log)
    answered = threading.Event()

    def ask() -> None:
        second.add_checkpoint(log.request(0, 5), NOW)
        answered.set()

    with first._state(ORIGIN):
        thread = threading.Thread(target=ask)
        thread.start()
        assert not answered.wait(0.2)
    assert answered.wait(5)
    thread.join()


def test_a_witness_needs_its_folder_and_keys_of_logs(tmp_path: Path, log: SmallLog) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        Witness("w", key=WITNESS_KEY, logs=[log.signer.verifier], folder=tmp_path / "gone")
    with pytest.raises(ConfigurationError, match="0x01"):
        Witness("w", key=WITNESS_KEY, logs=[replace(log.signer.verifier, algorithm=4)], folder=tmp_path)


def test_lines_are_found_by_name_and_key(log: SmallLog) -> None:
    text = log.checkpoint(5).text
    stranger = NoteSigner(ORIGIN, STRANGER)
    note = sign_note(text, [stranger, log.signer])
    assert [log.signer.line(text)] == lines_by(note, [log.signer.verifier])
    assert [] == lines_by(note, [NoteSigner("elsewhere.test", KEY).verifier])
