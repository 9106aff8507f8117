"""A note that is accepted in two readings, or unsigned, is a checkpoint nobody stands by."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from extract_client.errors import ConfigurationError, ExtractClientError, NoteError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import (
    COSIGNATURE,
    ED25519,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    NoteSigner,
    Signature,
    VerifierKey,
    add_lines,
    cosignature_line,
    open_note,
    read_key,
    sign_note,
    write_key,
)
from extract_client.log.policy import Policy

VECTORS = json.loads((Path(__file__).parent / "vectors" / "notes.json").read_text("utf-8"))

ORIGIN = "gateway.example/log/1"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
LOG = NoteSigner(ORIGIN, LOG_KEY)
STRANGER = NoteSigner("stranger.example", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)
WITNESS = VerifierKey("witness.example/w", COSIGNATURE, WITNESS_KEY.public_key().public_bytes_raw())
SEEN_AT = 1_790_000_000

HEAD = Checkpoint(ORIGIN, 70123, hashlib.sha256(b"root").digest())
TEXT = HEAD.text
NOTE = sign_note(TEXT, [LOG])
LINE = LOG.line(TEXT)


def _line(name: str, data: bytes) -> str:
    return f"\u2014 {name} {base64.b64encode(data).decode()}\n"


def _key_id(material: bytes) -> bytes:
    return hashlib.sha256(ORIGIN.encode() + b"\n" + material).digest()[:4]


def _signed(text: str) -> str:
    return sign_note(text, [LOG])


PUBLIC = LOG_KEY.public_key()
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
BODY_64 = base64.b64encode(HEAD.root).decode()
ENCODED = LINE.split(" ")[2].strip()
OTHER_LINE = LOG.line("another text\n")

MALFORMED = {
    "carriage returns": NOTE.replace("\n", "\r\n"),
    "no final newline": NOTE[:-1],
    "no blank line": NOTE.replace("\n\n", "\n"),
    "hyphen for the dash": NOTE.replace("\u2014", "-"),
    "signed without the text's final newline": TEXT
    + "\n"
    + _line(ORIGIN, LOG.verifier.key_id + LOG_KEY.sign(TEXT[:-1].encode())),
    "key id without the type": TEXT
    + "\n"
    + _line(ORIGIN, _key_id(PUBLIC.public_bytes_raw()) + LOG_KEY.sign(TEXT.encode())),
    "key id of the DER form": TEXT + "\n" + _line(ORIGIN, _key_id(DER) + LOG_KEY.sign(TEXT.encode())),
    "swapped size": NOTE.replace("70123", "70132"),
    "byte order mark": "\ufeff" + NOTE,
    "size with a leading zero": _signed(f"{ORIGIN}\n070123\n{BODY_64}\n"),
    "negative size": _signed(f"{ORIGIN}\n-1\n{BODY_64}\n"),
    "root in hexadecimal": _signed(f"{ORIGIN}\n70123\n{HEAD.root.hex()}\n"),
    "extension line": _signed(TEXT + "more\n"),
    "another origin, signed by our key": _signed(TEXT.replace(ORIGIN, "gateway.example/log/2")),
    "junk after the signatures": NOTE + "junk\n",
    "unpadded base64": NOTE.replace("=\n", "\n").replace(BODY_64.rstrip("="), BODY_64),
    "URL-safe base64": NOTE.replace(ENCODED, ENCODED.replace("+", "-").replace("/", "_")),
    "blank line between signatures": NOTE + "\n" + STRANGER.line(TEXT),
    "a signature that fails before one that holds": TEXT + "\n" + OTHER_LINE + LINE,
}
"""What careless readers accept: each is refused by reading the note, or the checkpoint in it."""


def _accepted(note: str) -> bool:
    try:
        Policy.for_log(str(LOG.verifier)).check(note, origin=ORIGIN)
    except ExtractClientError:
        return False
    return True


def test_the_control_is_accepted() -> None:
    assert _accepted(NOTE)
    assert "+" in ENCODED or "/" in ENCODED


@pytest.mark.parametrize("note", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_checkpoint_is_refused(note: str) -> None:
    assert note != NOTE
    assert not _accepted(note)


def test_the_same_line_twice_counts_once() -> None:
    """A log that gathers signatures may be sent one twice; it proves no more than one does."""
    opened = open_note(NOTE + LINE, [LOG.verifier])
    assert (Signature(LOG.verifier, None),) == opened.signatures


REFUSED_NOTES = {
    "empty": "",
    "only newlines": "\n\n\n",
    "text alone": TEXT,
    "text and a blank line": TEXT + "\n",
    "no known key": sign_note(TEXT, [STRANGER]),
    "a signature that fails after one that holds": NOTE + OTHER_LINE,
    "a byte order mark that was signed": f"\ufeff{TEXT}\n"
    + _line(ORIGIN, LOG.verifier.key_id + LOG_KEY.sign(f"\ufeff{TEXT}".encode())),
    "tab in the text": _signed(TEXT).replace("70123", "70\t123"),
    "null in a signature line": NOTE + "\u2014 a\x00 AAAAAAA=\n",
    "no key name": NOTE + "\u2014  AAAAAAA=\n",
    "plus in a key name": NOTE + "\u2014 a+b AAAAAAA=\n",
    "no-break space in a key name": NOTE + "\u2014 a\u00a0b AAAAAAA=\n",
    "three parts": NOTE + "\u2014 a b AAAAAAA=\n",
    "no signature": NOTE + "\u2014 a\n",
    "empty signature": NOTE + "\u2014 a \n",
    "only a key id": NOTE + "\u2014 a AAAAAA==\n",
    "unused bits in base64": NOTE + "\u2014 a AAAAAAB=\n",
    "spaces in base64": NOTE + "\u2014 a AAAA AAA=\n",
    "space before the dash": NOTE.replace("\u2014", " \u2014"),
    "no space after the dash": NOTE.replace("\u2014 ", "\u2014"),
    "space at the end": NOTE[:-1] + " \n",
    "a short signature": TEXT + "\n" + _line(ORIGIN, LOG.verifier.key_id + bytes(63)),
    "lone surrogate": NOTE + "\ud800",
    "too many signatures": NOTE + STRANGER.line(TEXT) * MAX_SIGNATURES,
    "too long": sign_note("a" * MAX_NOTE_BYTES + "\n", [LOG]),
}


@pytest.mark.parametrize("note", REFUSED_NOTES.values(), ids=REFUSED_NOTES.keys())
def test_what_is_not_a_signed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [LOG.verifier])


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(NoteError):
        open_note(NOTE.encode() + b"\xff", [LOG.verifier])


def test_as_many_signatures_as_allowed_are_read() -> None:
    note = TEXT + "\n" + STRANGER.line(TEXT) * (MAX_SIGNATURES - 1) + LINE
    assert (Signature(LOG.verifier, None),) == open_note(note, [LOG.verifier]).signatures


def test_unknown_keys_are_ignored_whatever_they_signed() -> None:
    """A new key's line must not break a partner who has only the old one; nor one of another type."""
    other_type = _line(ORIGIN, b"\x06" * 40)
    opened = open_note(TEXT + "\n" + STRANGER.line("other\n") + other_type + LINE, [LOG.verifier, WITNESS])
    assert TEXT == opened.text
    assert (Signature(LOG.verifier, None),) == opened.signatures


def test_a_key_is_known_by_name_and_id_together() -> None:
    """The log's key under another name, and another key under the log's name, are other keys."""
    renamed = NoteSigner("elsewhere.example", LOG_KEY)
    impostor = NoteSigner(ORIGIN, STRANGER.key)
    for signer in (renamed, impostor):
        with pytest.raises(NoteError, match="No key"):
            open_note(sign_note(TEXT, [signer]), [LOG.verifier])


def test_signatures_are_reported_in_the_order_of_their_lines() -> None:
    text = "first\n\nsecond paragraph\n"
    note = sign_note(text, [STRANGER, LOG])
    opened = open_note(note.encode(), [LOG.verifier, STRANGER.verifier])
    assert text == opened.text
    assert [STRANGER.verifier, LOG.verifier] == [signature.key for signature in opened.signatures]


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(at: int, change: int) -> None:
    """The only exception: the signature line may become that of a key that is not known; here none is left."""
    data = bytearray(NOTE.encode())
    data[at] ^= change
    with pytest.raises(NoteError):
        open_note(bytes(data), [LOG.verifier])


def test_a_cosignature_is_opened_with_its_time() -> None:
    note = add_lines(NOTE, [cosignature_line(TEXT, name=WITNESS.name, key=WITNESS_KEY, time=SEEN_AT)])
    opened = open_note(note, [LOG.verifier, WITNESS])
    assert (Signature(LOG.verifier, None), Signature(WITNESS, SEEN_AT)) == opened.signatures


def test_a_cosignature_is_refused_for_another_text_time_or_type() -> None:
    """Time is what a witness vouches for; one that can be changed afterwards back-dates the log."""
    line = cosignature_line(TEXT, name=WITNESS.name, key=WITNESS_KEY, time=SEEN_AT)
    blob = base64.b64decode(line.split(" ")[2])
    moved = blob[:4] + (SEEN_AT + 1).to_bytes(8, "big") + blob[12:]
    plain = blob[:4] + WITNESS_KEY.sign(TEXT.encode())
    signed_late = WITNESS_KEY.sign(f"cosignature/v1\ntime {2**63}\n{TEXT}".encode())
    too_late = blob[:4] + (2**63).to_bytes(8, "big") + signed_late
    lines = [
        f"\u2014 {WITNESS.name} {base64.b64encode(data).decode()}\n" for data in (moved, plain, too_late)
    ]
    lines.append(cosignature_line(TEXT.replace("3", "4"), name=WITNESS.name, key=WITNESS_KEY, time=SEEN_AT))
    for wrong in lines:
        with pytest.raises(NoteError):
            open_note(NOTE + wrong, [LOG.verifier, WITNESS])


def test_a_cosignature_is_no_signature_of_the_same_key() -> None:
    """What a witness signs must never pass as what a log signs, even with one key for both."""
    line = cosignature_line(TEXT, name=ORIGIN, key=LOG_KEY, time=SEEN_AT)
    with pytest.raises(NoteError, match="No key"):
        open_note(TEXT + "\n" + line, [LOG.verifier])


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_that_cannot_be_written_is_not_signed(time: int) -> None:
    with pytest.raises(NoteError):
        cosignature_line(TEXT, name=WITNESS.name, key=WITNESS_KEY, time=time)


@pytest.mark.parametrize("text", ["", "no newline", "carriage\r\n", "null\x00\n", "tab\t\n", "\ufeffmark\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, [LOG])
    with pytest.raises(NoteError):
        cosignature_line(text, name=WITNESS.name, key=WITNESS_KEY, time=SEEN_AT)


@pytest.mark.parametrize("line", ["", "\n", LINE[:-1], LINE + LINE, "junk\n", LINE.replace("\u2014", "-")])
def test_what_is_not_one_signature_line_is_not_added(line: str) -> None:
    """A witness that answers rubbish must not spoil the log's checkpoint for everybody."""
    with pytest.raises(NoteError):
        add_lines(NOTE, [line])


@pytest.mark.parametrize("vector", VECTORS["notes"], ids=lambda vector: vector["name"])
def test_notes_of_the_specification(vector: dict[str, str]) -> None:
    key = VerifierKey.parse(vector["key"])
    assert vector["key"] == str(key)
    assert vector["text"] == open_note(vector["note"], [key]).text
    with pytest.raises(NoteError):
        open_note(vector["note"].replace("example message", "exemplary message"), [key])


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: vector["name"])
def test_verifier_keys_of_others_are_read(vector: dict[str, Any]) -> None:
    key = VerifierKey.parse(vector["key"])
    assert (vector["algorithm"], vector["key"]) == (key.algorithm, str(key))


@pytest.mark.parametrize("vector", VECTORS["refused_keys"], ids=lambda vector: vector["name"])
def test_malformed_verifier_keys_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(vector["key"])


@pytest.mark.parametrize(
    ("name", "algorithm", "public"),
    [
        ("", ED25519, bytes(32)),
        ("a b", ED25519, bytes(32)),
        ("a+b", ED25519, bytes(32)),
        ("a\nb", ED25519, bytes(32)),
        ("a\x00b", ED25519, bytes(32)),
        ("a\u2003b", ED25519, bytes(32)),
        ("a\ud800b", ED25519, bytes(32)),
        ("a", 6, bytes(32)),
        ("a", ED25519, bytes(31)),
    ],
)
def test_a_key_that_no_line_can_name_is_refused(name: str, algorithm: int, public: bytes) -> None:
    with pytest.raises(NoteError):
        VerifierKey(name, algorithm, public)


def test_a_key_file_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    """A signing key that is written over is a log that nobody can extend."""
    path = tmp_path / "log.key"
    key = write_key(path)
    assert 0o600 == path.stat().st_mode & 0o777
    assert key.private_bytes_raw() == read_key(path).private_bytes_raw()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="exists already"):
        write_key(path)
    assert before == path.read_bytes()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_key(tmp_path / "no folder" / "log.key")


@pytest.mark.parametrize(
    "content", [b"", b"ab\n", b"g" * 64, b"a" * 65, b"A" * 64, b"\xff" * 64, b"a" * 64 + b"\n\n"]
)
def test_a_file_without_a_key_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        read_key(path)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_key(path)
    write_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="0600"):
        read_key(path)
