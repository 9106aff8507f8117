"""Signed notes and cosignatures (c2sp.org/signed-note, c2sp.org/tlog-cosignature).

INVARIANTS
- A note is opened only if at least one signature by a known key holds, and none by a known key fails.
- A key is known by name and key id together; what unknown keys signed is ignored, never reported.
- One key counts once: a line that is there twice is accepted and reported once, because a log that gathers
  cosignatures may honestly be sent one twice, and it adds nothing.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from extract_client.errors import ConfigurationError, NoteError
from extract_client.log.encoding import MAX_SIZE, decode_base64, encode_base64

ED25519: Final = 1
"""Signature type of a log's own signature."""
COSIGNATURE: Final = 4
"""Signature type of a witness's cosignature: Ed25519 with a time."""

MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_DASH: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4
_PUBLIC_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_TIME_BYTES: Final = 8
_FORBIDDEN: Final = re.compile(r"\A\ufeff|[\x00-\x09\x0b-\x1f]")
"""A byte order mark in front, or a control character that is no newline."""
_KEY_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_OWNER_ONLY: Final = 0o600
_OPEN_TO_OTHERS: Final = 0o027  # a group may read mounted secrets
_KEY_FILE: Final = re.compile(r"[0-9a-f]{64}\n?", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key that signs notes.

    Attributes:
        name: of the signer, without spaces and plus signs.
        algorithm: ``ED25519`` or ``COSIGNATURE``.
        public: Ed25519 public key, 32 bytes.
    """

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise NoteError("A key's name has at least one character and neither spaces nor plus signs.")
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise NoteError("The key is of a type that is not supported.")
        if len(self.public) != _PUBLIC_BYTES:
            raise NoteError("An Ed25519 public key is 32 bytes long.")

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key beside its name."""
        material = bytes([self.algorithm]) + self.public
        return hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:_KEY_ID_BYTES]

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key whose text (a vkey) is exactly ``text``: name, key id and base64 with a plus between.

        Raises: NoteError.
        """
        name, _, rest = text.partition("+")
        key_id, _, material = rest.partition("+")
        try:
            decoded = decode_base64(material)
        except ValueError as error:
            raise NoteError("This is not a verifier key.") from error
        if not decoded:
            raise NoteError("This is not a verifier key.")
        key = cls(name, decoded[0], decoded[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("The verifier key's id does not belong to its name and key.")
        return key

    def __str__(self) -> str:
        material = encode_base64(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{material}"


@dataclass(frozen=True)
class NoteSigner:
    """A key that signs notes under a name."""

    name: str
    key: Ed25519PrivateKey

    @cached_property
    def verifier(self) -> VerifierKey:
        """What others check its signatures with."""
        return VerifierKey(self.name, ED25519, self.key.public_key().public_bytes_raw())

    def line(self, text: str) -> str:
        """Return the signature line over a note's text."""
        return _line(self.verifier, self.key.sign(_signable(text)))


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that holds.

    Attributes:
        time: of a cosignature, seconds since 1970; absent: the key's type has none.
    """

    key: VerifierKey
    time: int | None


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures by known keys hold.

    Attributes:
        text: what was signed, its final newline included.
        signatures: by known keys, in the order of their lines; at least one.
    """

    text: str
    signatures: tuple[Signature, ...]


def sign_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """Return the note of ``text``, signed by each signer in turn.

    Raises: NoteError, the text cannot be a note's.
    """
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def open_note(note: str | bytes, keys: Sequence[VerifierKey]) -> OpenedNote:
    """Return the text of a note and who of the known keys signed it.

    Args:
        note: at most 1,000,000 bytes and 100 signatures.
        keys: the known ones.
    Raises: NoteError, it is malformed, a known key's signature fails, or no known key signed it.
    """
    text, lines = _split(_decoded(note))
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[Signature, None] = {}
    for line in lines:
        name, key_id, signature = _parse_line(line)
        key = known.get((name, key_id))
        if key is not None:
            found[Signature(key, _verify(key, text, signature))] = None
    if not found:
        raise NoteError("No key that is known here signed this note.")
    return OpenedNote(text, tuple(found))


def cosignature_line(text: str, *, name: str, key: Ed25519PrivateKey, time: int) -> str:
    """Return a witness's signature line over a checkpoint's text.

    Args:
        time: seconds since 1970, also signed.
    """
    if not 0 <= time <= MAX_SIZE:
        raise NoteError("The time of a cosignature does not lie before 1970.")
    verifier = VerifierKey(name, COSIGNATURE, key.public_key().public_bytes_raw())
    _signable(text)
    signature = key.sign(_cosigned(text, time))
    return _line(verifier, time.to_bytes(_TIME_BYTES, "big") + signature)


def add_lines(note: str, lines: Iterable[str]) -> str:
    """Return the note with further signature lines, each as ``cosignature_line`` makes it, at its end.

    Raises: NoteError, a line is none.
    """
    added = list(lines)
    for line in added:
        if not line.endswith("\n") or "\n" in line[:-1]:
            raise NoteError("A signature is exactly one line.")
        _parse_line(line[:-1])
    return note + "".join(added)


def write_key(path: Path) -> Ed25519PrivateKey:
    """Make a signing key and write it to ``path``, 64 hexadecimal digits, mode 0600; never over another file.

    Raises: ConfigurationError.
    """
    key = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key.private_bytes_raw().hex().encode("ascii") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise ConfigurationError(f"The key file {path} exists already and is never overwritten.") from error
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be written.") from error
    return key


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a signing key that ``write_key`` wrote.

    Raises: ConfigurationError, there is none, or others than its owner can read or change it.
    """
    try:
        if path.stat().st_mode & _OPEN_TO_OTHERS:
            raise ConfigurationError(f"The key file {path} is open to others; its mode should be 0600.")
        text = path.read_text("ascii")
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be read.") from error
    except UnicodeError:
        text = ""
    if not _KEY_FILE.fullmatch(text):
        # No cause: a codec's own message quotes a part of the file.
        raise ConfigurationError(f"The key file {path} does not hold 64 hexadecimal digits.")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {encode_base64(key.key_id + signature)}\n"


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _signable(text: str) -> bytes:
    if not text.endswith("\n") or _FORBIDDEN.search(text):
        raise NoteError("The text of a note ends with a newline and has no other control characters.")
    return text.encode()


def _decoded(note: str | bytes) -> str:
    try:
        data = note.encode() if isinstance(note, str) else note
        text = data.decode()
    except UnicodeError as error:
        raise NoteError("The note is not UTF-8 text.") from error
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError("The note is too long.")
    if _FORBIDDEN.search(text):
        raise NoteError("The note has a byte order mark, a carriage return or another control character.")
    return text


def _split(note: str) -> tuple[str, list[str]]:
    """The text with its final newline, and the signature lines without theirs: parted at the last empty line."""
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise NoteError("The note has no signatures after an empty line, or its last line is not ended.")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("The note has too many signatures.")
    return text + "\n", lines


def _parse_line(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature of one line."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        data = decode_base64(encoded)
    except ValueError as error:
        raise NoteError("A signature line of the note is malformed.") from error
    if not line.startswith(_DASH) or not _is_key_name(name) or len(data) <= _KEY_ID_BYTES:
        raise NoteError("A signature line of the note is malformed.")
    return name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def _verify(key: VerifierKey, text: str, signature: bytes) -> int | None:
    """The time of a cosignature that holds, or nothing for a signature that holds."""
    time, message = None, text.encode()
    if key.algorithm == COSIGNATURE:
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        signature, message = signature[_TIME_BYTES:], _cosigned(text, time)
    if len(signature) != _SIGNATURE_BYTES or (time or 0) > MAX_SIZE:
        raise NoteError(f"The signature of {key.name} has the wrong form.")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature as error:
        raise NoteError(f"The signature of {key.name} does not hold.") from error
    return time


def _is_key_name(name: str) -> bool:
    return _KEY_NAME.fullmatch(name) is not None
