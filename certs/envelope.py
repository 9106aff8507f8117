"""Seal and open values with AES-256-GCM, and wrap keys by other keys.

Invariants:
- Every key is 32 bytes; any other length is refused before use.
- A sealed value is ``nonce || ciphertext || tag``, the nonce 12 random bytes drawn here, never by a caller.
- A value opens only with the same key *and* the same ``aad``; callers put the row's identity and version there.
- Why a value did not open is never told: wrong key, wrong row and damage are one error.
- ``combine`` needs every one of its keys: destroy one, and what was sealed under the combination is gone.
- A key-encryption key wraps, and derives keys that say something; what it derived never wraps and never seals.

Sources: NIST SP 800-38D §8.2.2 (random nonces), RFC 5869 (HKDF), NIST SP 800-57 part 1 §6.2.1 (key wrapping keys).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from certs.errors import EnvelopeError, KeyFileError
from certs.private_file import write_private

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1: the length that GCM is built for
TAG_BYTES = 16
_COMBINE_LABEL = b"early-help-gateway/certs/combine/1"
_DERIVE_LABEL = b"early-help-gateway/certs/derive/1:"
_EPOCH_DIGITS = 9  # an integer of the database
_BAD_KEY = "a key is 32 bytes"
_NOT_OPENED = "the sealed value does not open"
_OPEN_TO_OTHERS = 0o027  # a group may read (mounted secrets), nobody else may, and only the owner writes


def new_key() -> bytes:
    """A fresh random key of 32 bytes from the operating system."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, plaintext: bytes, *, aad: bytes) -> bytes:
    """Encrypt and authenticate ``plaintext``, bound to ``aad``.

    Returns: ``nonce || ciphertext || tag``, 28 bytes longer than the plaintext; different at each call.
    Raises: EnvelopeError, the key is not 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise EnvelopeError(_BAD_KEY)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def unseal(key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    """Return exactly the bytes that ``seal`` was given with the same key and ``aad``.

    Raises: EnvelopeError, the key, the ``aad`` or any bit of ``sealed`` differs.
    """
    if len(key) != KEY_BYTES:
        raise EnvelopeError(_BAD_KEY)
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise EnvelopeError(_NOT_OPENED)
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except InvalidTag as error:
        raise EnvelopeError(_NOT_OPENED) from error


def combine(keys: Iterable[bytes]) -> bytes:
    """Derive the key of what belongs to several people at once: a function of the *set* of their keys.

    HKDF-SHA256 over the keys, sorted and joined: order and repetition do not matter, and without any one
    of the keys the result cannot be found. One key alone gives a derived key too, never itself.

    Raises: EnvelopeError, no key was given or one is not 32 bytes.
    Source: RFC 5869 §2, without salt, which §3.1 allows for uniformly random input.
    """
    distinct = sorted(set(keys))
    if any(len(key) != KEY_BYTES for key in distinct):
        raise EnvelopeError(_BAD_KEY)
    if not distinct:
        raise EnvelopeError("at least one key is needed")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_COMBINE_LABEL).derive(
        b"".join(distinct)
    )


class KeyEncryptionKey(Protocol):
    """What wraps the families' keys: a file here, a key management service in larger places.

    Durability and trust: losing it loses every wrapped key; whoever can call ``unwrap`` can read everything.
    ``wrap`` and ``unwrap`` hold no state and may be called from any thread.
    """

    @property
    def epoch(self) -> int:
        """Number of this key, stored beside what it wrapped; retiring an epoch erases it from backups."""

    def wrap(self, key: bytes, *, aad: bytes) -> bytes:
        """Seal one key, or several joined, bound to the identity of their row; raises EnvelopeError."""

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Open what ``wrap`` made with the same ``aad``; raises EnvelopeError."""

    def derive(self, label: bytes) -> bytes:
        """Return 32 bytes that whoever has this key finds again, and nobody else: for authentication codes."""


@dataclass(frozen=True, slots=True)
class FileKek:
    """A key-encryption key kept in one file: its epoch, a colon and 64 hexadecimal digits, owner-readable only.

    A file of the digits alone is of epoch 1.
    """

    key: bytes = field(repr=False)
    epoch: int = 1

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key from ``path``.

        Raises: KeyFileError, there is no such file, others can read or change it, or it is not 32 bytes in hex.
        """
        try:
            if path.stat().st_mode & _OPEN_TO_OTHERS:
                raise KeyFileError("the key file is open to others; its mode should be 0600")
            first, colon, rest = path.read_text("ascii").strip().rpartition(":")
            key, epoch = bytes.fromhex(rest), _epoch(first) if colon else 1
        except OSError as error:
            raise KeyFileError("the key file cannot be read") from error
        except ValueError:
            # No cause: the codec's own message quotes a part of the file.
            raise KeyFileError("the key file is not hexadecimal") from None
        if len(key) != KEY_BYTES:
            raise KeyFileError("the key file does not hold 32 bytes")
        return cls(key=key, epoch=epoch)

    @classmethod
    def create(cls, path: Path, *, epoch: int = 1) -> Self:
        """Make a fresh key and write it to ``path`` with mode 0600; an existing file is never overwritten.

        Args:
            epoch: 1 or more, one higher than that of the key it will take over from.

        Raises: KeyFileError, the file exists already or cannot be written.
        """
        key = new_key()
        write_private(path, f"{epoch}:{key.hex()}\n".encode("ascii"), replace=False)
        return cls(key=key, epoch=epoch)

    def wrap(self, key: bytes, *, aad: bytes) -> bytes:
        """Seal one key, or several joined, under this one, bound to ``aad`` and to the epoch.

        Raises: EnvelopeError, ``key`` is empty or not a whole number of 32-byte keys.
        """
        if not key or len(key) % KEY_BYTES:
            raise EnvelopeError("only whole keys are wrapped")
        if len(self.key) != KEY_BYTES:
            raise EnvelopeError(_BAD_KEY)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, key, b"kek:%d:" % self.epoch + aad)

    def unwrap(self, wrapped: bytes, *, aad: bytes) -> bytes:
        """Open what ``wrap`` made; raises EnvelopeError, also for a key wrapped in another epoch."""
        if len(self.key) != KEY_BYTES:
            raise EnvelopeError(_BAD_KEY)
        if len(wrapped) < NONCE_BYTES + TAG_BYTES:
            raise EnvelopeError(_NOT_OPENED)
        bound = b"kek:%d:" % self.epoch + aad
        try:
            return AESGCM(self.key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound)
        except InvalidTag as error:
            raise EnvelopeError(_NOT_OPENED) from error

    def derive(self, label: bytes) -> bytes:
        """Derive a key of its own for each label; raises EnvelopeError, this one is not 32 bytes."""
        if len(self.key) != KEY_BYTES:
            raise EnvelopeError(_BAD_KEY)
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_DERIVE_LABEL + label).derive(
            self.key
        )


def _epoch(text: str) -> int:
    if not text.isdigit() or text.startswith("0") or len(text) > _EPOCH_DIGITS:
        raise ValueError
    return int(text)
