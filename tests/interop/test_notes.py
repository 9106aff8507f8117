"""Malformed notes, as golang.org/x/mod/sumdb/note with a strict body judges them and as we do.

A verdict is ``accepted`` or the layer that refuses: ``note`` (form, signatures) or ``body`` (the checkpoint's lines).
Wherever Go refuses we refuse. Where we are stricter, the table says so, and the format allows it.
"""

import hashlib
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from extract_client.errors import NoteError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.note import (
    NoteSigner,
    VerifierKey,
    add_lines,
    cosignature_line,
    open_note,
    sign_note,
)
from extract_client.log.policy import Policy
from tests.interop.log_folder import LOG, ORIGIN, TIME, WITNESSES, LogFolder, witness_key
from tests.interop.oracle import FaultFoundError, Oracle

ACCEPTED, NOTE, BODY = "accepted", "note", "body"
SIZE = 70123
ROOT = hashlib.sha256(b"the root of some tree").digest()
TEXT = Checkpoint(ORIGIN, SIZE, ROOT).text
STRANGER = NoteSigner("stranger.example.org", Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
WITNESS, OTHER_WITNESS = WITNESSES
KEYS = (LOG.verifier, *map(witness_key, WITNESSES))
POLICY = Policy.parse(
    "".join([f"log {LOG.verifier}\n", *(f"witness {name} {witness_key(name)}\n" for name in WITNESSES)])
    + "quorum none\n"
)


def by_log(text: str) -> str:
    """A note with the log's signature over any text."""
    return sign_note(text, [LOG])


SOUND = by_log(TEXT)
LINE = SOUND.removeprefix(f"{TEXT}\n")
ENCODED = LINE.split(" ")[-1].rstrip("\n")
SIGNATURE = b64decode(ENCODED)[4:]


def line(signature: bytes, *, key_id: bytes = LOG.verifier.key_id, name: str = ORIGIN) -> str:
    """A signature line of any content."""
    return f"\u2014 {name} {b64encode(key_id + signature).decode()}\n"


def cosigned(name: str, *, time: int = TIME, text: str = TEXT, key: str = "") -> str:
    """A cosignature line, by another witness's key if one is named."""
    return cosignature_line(text, name=name, key=WITNESSES[key or name], time=time)


def cosignature_of(name: str) -> bytes:
    """What a witness's line holds after its key id."""
    return b64decode(cosigned(name).split(" ")[-1])[4:]


def changed(encoded: str, position: int) -> str:
    """A signature line's base64 with one byte of what it holds changed."""
    data = bytearray(b64decode(encoded))
    data[position] ^= 1
    return b64encode(data).decode()


def key_id_of(material: bytes) -> bytes:
    """What a key id would be if it were computed over this."""
    return hashlib.sha256(ORIGIN.encode() + b"\n" + material).digest()[:4]


def vkey(material: bytes) -> str:
    """The text of a key of any type and content, under the id that it would have."""
    return f"{ORIGIN}+{key_id_of(material).hex()}+{b64encode(material).decode()}"


PUBLIC = LOG.key.public_key()
RAW = PUBLIC.public_bytes_raw()
SPKI = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
BAD_LINE = LINE.replace(ENCODED, changed(ENCODED, 20))
UNPADDED = LINE.replace(ENCODED, ENCODED.rstrip("="))
URL_SAFE = LINE.replace(ENCODED, ENCODED.replace("+", "-").replace("/", "_"))
COSIGNATURE = cosigned(WITNESS)
COSIGNED = COSIGNATURE.split(" ")[-1].rstrip("\n")


def loose(encoded: str) -> str:
    """The same bytes in base64 whose unused bits are not all zero: the format's encoders never write it."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    digits = encoded.rstrip("=")
    other = digits[:-1] + alphabet[alphabet.index(digits[-1]) + 1] + "=" * (len(encoded) - len(digits))
    assert b64decode(encoded) == b64decode(other)
    return other


# name: (note, Go's verdict, ours)
MATRIX: dict[str, tuple[str | bytes, str, str]] = {
    "control": (SOUND, ACCEPTED, ACCEPTED),
    "CRLF": (SOUND.replace("\n", "\r\n"), NOTE, NOTE),
    "no final newline": (SOUND[:-1], NOTE, NOTE),
    "no blank line": (TEXT + LINE, NOTE, NOTE),
    "hyphen for em dash": (SOUND.replace("\u2014", "-"), NOTE, NOTE),
    "signed without final newline": (f"{TEXT}\n{line(LOG.key.sign(TEXT[:-1].encode()))}", NOTE, NOTE),
    "key id without type": (
        f"{TEXT}\n{line(SIGNATURE, key_id=key_id_of(RAW))}",
        NOTE,
        NOTE,
    ),
    "key id from SPKI": (f"{TEXT}\n{line(SIGNATURE, key_id=key_id_of(SPKI))}", NOTE, NOTE),
    "swapped size": (SOUND.replace(f"\n{SIZE}\n", "\n70132\n"), NOTE, NOTE),
    "byte order mark": (f"\ufeff{SOUND}", NOTE, NOTE),
    "size with leading zero": (by_log(TEXT.replace(f"{SIZE}", f"0{SIZE}")), BODY, BODY),
    "negative size": (by_log(TEXT.replace(f"{SIZE}", "-1")), BODY, BODY),
    "root in hex": (by_log(TEXT.replace(b64encode(ROOT).decode(), ROOT.hex())), BODY, BODY),
    "extension line": (by_log(f"{TEXT}extension\n"), BODY, BODY),
    "other origin": (by_log(TEXT.replace(ORIGIN, "gateway.example.org/log/2")), BODY, BODY),
    "junk after signatures": (f"{SOUND}junk\n", NOTE, NOTE),
    "unpadded base64": (f"{TEXT}\n{UNPADDED}", NOTE, NOTE),
    "URL-safe base64": (f"{TEXT}\n{URL_SAFE}", NOTE, NOTE),
    "blank line between signatures": (f"{SOUND}\n{COSIGNATURE}", NOTE, NOTE),
    "bad then good of one key": (f"{TEXT}\n{BAD_LINE}{LINE}", NOTE, NOTE),
    "same line twice": (SOUND + LINE, ACCEPTED, ACCEPTED),
}
"""The 20 variants and the control that three other implementations were compared with."""

FURTHER: dict[str, tuple[str | bytes, str, str]] = {
    "another character for the final newline": (f"{SOUND[:-1]}x", NOTE, NOTE),
    # what signatures there may be
    "no signature": (f"{TEXT}\n", NOTE, NOTE),
    "empty": ("", NOTE, NOTE),
    "signed by nobody known": (sign_note(TEXT, [STRANGER]), NOTE, NOTE),
    "signed by a witness alone": (f"{TEXT}\n{COSIGNATURE}", NOTE, NOTE),
    "signed by somebody unknown too": (sign_note(TEXT, [STRANGER, LOG]), ACCEPTED, ACCEPTED),
    "bad signature of somebody unknown": (SOUND + line(b"\1" * 64, name="stranger"), ACCEPTED, ACCEPTED),
    "known id under another name": (SOUND + line(SIGNATURE, name="stranger"), ACCEPTED, ACCEPTED),
    "bad signature alone": (f"{TEXT}\n{BAD_LINE}", NOTE, NOTE),
    "100 signatures": (SOUND + line(b"\1" * 64, name="stranger") * 99, ACCEPTED, ACCEPTED),
    "101 signatures": (SOUND + line(b"\1" * 64, name="stranger") * 100, NOTE, NOTE),
    "signature too short": (f"{TEXT}\n{line(SIGNATURE[:-1])}", NOTE, NOTE),
    "signature too long": (f"{TEXT}\n{line(SIGNATURE + bytes(1))}", NOTE, NOTE),
    "key id alone": (f"{SOUND}{line(b'', name='stranger')}", NOTE, NOTE),
    # cosignatures
    "cosigned": (add_lines(SOUND, [COSIGNATURE, cosigned(OTHER_WITNESS)]), ACCEPTED, ACCEPTED),
    "cosigned twice at other times": (SOUND + COSIGNATURE + cosigned(WITNESS, time=1), ACCEPTED, ACCEPTED),
    "cosigned at another time": (SOUND + COSIGNATURE.replace(COSIGNED, changed(COSIGNED, 11)), NOTE, NOTE),
    "cosigned by an unknown key of a known name": (
        SOUND + cosigned(WITNESS, key=OTHER_WITNESS),
        ACCEPTED,
        ACCEPTED,
    ),
    "cosigned under another witness's key id": (
        SOUND + line(cosignature_of(OTHER_WITNESS), name=WITNESS, key_id=witness_key(WITNESS).key_id),
        NOTE,
        NOTE,
    ),
    "cosignature of another tree": (SOUND + cosigned(WITNESS, text=TEXT.replace("7", "8")), NOTE, NOTE),
    "cosignature without time": (
        SOUND
        + line(WITNESSES[WITNESS].sign(TEXT.encode()), name=WITNESS, key_id=witness_key(WITNESS).key_id),
        NOTE,
        NOTE,
    ),
    # characters
    "not UTF-8": (SOUND.encode().replace(b"gateway", b"\xff\xfe", 1), NOTE, NOTE),
    "surrogates": (SOUND.encode().replace(b"gateway", b"\xed\xa0\x80", 1), NOTE, NOTE),
    "NUL": (SOUND.replace("gateway", "\0", 1), NOTE, NOTE),
    "tab": (by_log(TEXT)[:-1] + "\t\n", NOTE, NOTE),
    "no name": (SOUND + line(SIGNATURE, name=""), NOTE, NOTE),
    "plus in a name": (SOUND + line(SIGNATURE, name="a+b"), NOTE, NOTE),
    "no-break space in a name": (SOUND + line(SIGNATURE, name="a\u00a0b"), NOTE, NOTE),
    "en space in a name": (SOUND + line(SIGNATURE, name="a\u2002b"), NOTE, NOTE),
    "next line in a name": (SOUND + line(SIGNATURE, name="a\u0085b"), NOTE, NOTE),
    "zero-width space in a name": (SOUND + line(SIGNATURE, name="a\u200bb"), ACCEPTED, ACCEPTED),
    "two spaces before the signature": (SOUND.replace(f"{ORIGIN} ", f"{ORIGIN}  "), NOTE, NOTE),
    # the body
    "empty size": (by_log(TEXT.replace(f"{SIZE}", "")), BODY, BODY),
    "size with plus": (by_log(TEXT.replace(f"{SIZE}", f"+{SIZE}")), BODY, BODY),
    "size with underscore": (by_log(TEXT.replace(f"{SIZE}", "70_123")), BODY, BODY),
    "size in Arabic digits": (by_log(TEXT.replace(f"{SIZE}", "\u0667\u0660")), BODY, BODY),
    "size with spaces": (by_log(TEXT.replace(f"{SIZE}", f" {SIZE} ")), BODY, BODY),
    "largest size": (by_log(TEXT.replace(f"{SIZE}", f"{2**63 - 1}")), ACCEPTED, ACCEPTED),
    "size beyond 63 bits": (by_log(TEXT.replace(f"{SIZE}", f"{2**63}")), BODY, BODY),
    "root of 31 bytes": (by_log(Checkpoint(ORIGIN, SIZE, ROOT[:31]).text), BODY, BODY),
    "root unpadded": (by_log(TEXT.replace("=\n", "\n")), BODY, BODY),
    "root with loose bits": (
        by_log(TEXT.replace(b64encode(ROOT).decode(), loose(b64encode(ROOT).decode()))),
        BODY,
        BODY,
    ),
    "no origin": (by_log(TEXT.replace(ORIGIN, "")), BODY, BODY),
    "two lines": (by_log("\n".join(TEXT.split("\n")[:2]) + "\n"), BODY, BODY),
    "empty line at the end": (by_log(f"{TEXT}\n"), BODY, BODY),
}
"""What else a reader of notes may get wrong."""

STRICTER: dict[str, tuple[str | bytes, str, str]] = {
    # Go looks at the first signature of a key only; the format lets a verifier reject a note for any that fails.
    "good then bad of one key": (SOUND + BAD_LINE, ACCEPTED, NOTE),
    "cosigned, then badly": (
        SOUND + COSIGNATURE + COSIGNATURE.replace(COSIGNED, changed(COSIGNED, 30)),
        ACCEPTED,
        NOTE,
    ),
    # Go's decoder does not look at the unused bits; one note would have several texts.
    "signature with loose bits": (SOUND.replace(ENCODED, loose(ENCODED)), ACCEPTED, NOTE),
    # Go's library has no limit of its own; its callers read a million bytes at most.
    "a note too long": (SOUND + line(b"\1" * 750_000, name="stranger"), ACCEPTED, NOTE),
}
"""Where Go accepts and we refuse; there is nothing that Go refuses and we accept."""

NOTES = MATRIX | FURTHER | STRICTER


@pytest.fixture(scope="module")
def go_says(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Go's verdict on every note."""
    folder = LogFolder.new(tmp_path_factory.mktemp("notes"), origin=ORIGIN, keys=KEYS)
    for name, (note, _, _) in NOTES.items():
        folder.put(f"notes/{name}", note)
    return oracle.judge(folder.path)


def we_say(note: str | bytes) -> str:
    """Our verdict: the log's signature is needed, and its origin."""
    try:
        opened = open_note(note, KEYS)
    except NoteError:
        return NOTE
    if LOG.verifier not in {signature.key for signature in opened.signatures}:
        return NOTE
    try:
        return ACCEPTED if Checkpoint.parse(opened.text).origin == ORIGIN else BODY
    except NoteError:
        return BODY


@pytest.mark.parametrize("name", NOTES)
def test_go_and_we_judge_a_note_as_the_table_says(go_says: dict[str, str], name: str) -> None:
    note, go, ours = NOTES[name]
    assert (go, ours) == (go_says[name], we_say(note))


@pytest.mark.parametrize("name", NOTES)
def test_a_policy_accepts_what_we_accept_and_nothing_else(name: str) -> None:
    """The door that a partner's verification goes through holds all of it: signature, origin and body."""
    note, _, ours = NOTES[name]
    try:
        POLICY.check(note, origin=ORIGIN)
    except (NoteError, ProofError):
        assert ours != ACCEPTED
    else:
        assert ours == ACCEPTED


def test_the_matrix_has_every_variant_and_none_twice() -> None:
    """A variant that equals another, or the control, would test nothing."""
    assert (21, len(NOTES)) == (len(MATRIX), len(MATRIX) + len(FURTHER) + len(STRICTER))
    notes = [note if isinstance(note, bytes) else note.encode() for note, _, _ in NOTES.values()]
    assert len(notes) == len(set(notes))


def test_we_accept_nothing_that_go_refuses() -> None:
    """And every refusal of ours that is not Go's stands in its own table, with its reason."""
    assert all(ours != ACCEPTED for _, go, ours in NOTES.values() if go != ACCEPTED)
    assert {*STRICTER} == {name for name, (_, go, ours) in NOTES.items() if go != ours}


MALFORMED_KEYS = {
    "the id of another key": str(LOG.verifier).replace(LOG.verifier.key_id.hex(), "00000000"),
    "the id of another name": f"x{LOG.verifier}",
    "no id": str(LOG.verifier).replace(f"+{LOG.verifier.key_id.hex()}", ""),
    "a type that nobody has": vkey(b"\3" + RAW),
    "a key too short": vkey(b"\1" + RAW[:31]),
    "a witness's key too long": vkey(b"\4" + RAW + b"\0"),
}


@pytest.mark.parametrize("name", MALFORMED_KEYS)
def test_a_malformed_key_is_refused_by_go_and_by_us(oracle: Oracle, tmp_path: Path, name: str) -> None:
    """What a partner is told to trust is read like what it receives; our own keys are read in every other test."""
    folder = LogFolder.new(tmp_path, origin=ORIGIN, keys=[])
    folder.put("keys", MALFORMED_KEYS[name])
    with pytest.raises(FaultFoundError):
        oracle.judge(folder.path)
    with pytest.raises(NoteError):
        VerifierKey.parse(MALFORMED_KEYS[name])
