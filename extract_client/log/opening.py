"""What a receipt opens of its entry, and what it says of an extract. Pure.

Layout: ``salt (32) | internal commitment (32) | length of body (2, big-endian) | body | recipient part``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from extract_client.errors import ProofError
from extract_client.log.canonical import canonical
from extract_client.log.merkle import HASH_BYTES

RECEIPT: Final = "receipt"
"""Member of an extract that holds its receipt; the log commits to the extract without it."""

_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Opening:
    """What the extra data of a receipt hold; proved by nothing yet."""

    recipient_salt: bytes
    internal_commitment: bytes
    body: bytes
    recipient: bytes


def pack_opening(
    *, recipient_salt: bytes, internal_commitment: bytes, body: bytes, recipient: bytes
) -> bytes:
    """Return the extra data of a receipt.

    Args:
        recipient_salt: 32 bytes.
        internal_commitment: 32 bytes; hides the internal part.
        recipient: the recipient part in canonical form.
    """
    if len(recipient_salt) != HASH_BYTES or len(internal_commitment) != HASH_BYTES:
        raise ValueError("salt and commitment are 32 bytes")
    return recipient_salt + internal_commitment + len(body).to_bytes(_LENGTH_BYTES, "big") + body + recipient


def unpack_opening(extra: bytes) -> Opening:
    """Return the parts of a receipt's extra data.

    Raises: ProofError.
    """
    start = 2 * HASH_BYTES + _LENGTH_BYTES
    end = start + int.from_bytes(extra[2 * HASH_BYTES : start], "big")
    if not start < end < len(extra):
        raise ProofError("The receipt does not open its entry.")
    return Opening(extra[:HASH_BYTES], extra[HASH_BYTES : 2 * HASH_BYTES], extra[start:end], extra[end:])


def extract_hash(extract: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of an extract's canonical form without its receipt.

    Raises: NotCanonicalError.
    """
    rest = {name: value for name, value in extract.items() if name != RECEIPT}
    return hashlib.sha256(canonical(rest)).hexdigest()
