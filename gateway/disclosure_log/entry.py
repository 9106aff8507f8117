"""The log entry: what is committed to, and what it commits to. Pure.

INVARIANTS
- An entry's body has one length, holds no personal data and does not tell its kind.
- The commitment is ``SHA-256(c_r || c_i)``, where ``c_r`` and ``c_i`` are HMAC-SHA256 of the canonical
  recipient and internal part, each under its own 32-byte salt: one part can be opened without the other.
- Times are whole minutes, so that entries do not line up with anybody's clock.
- The tag names the family only to a holder of the family's tag key.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from extract_client.log.merkle import Hash, leaf_hash
from extract_client.log.opening import pack_opening
from gateway.disclosure_log.canonical import Canonical, assembled, canonical

SALT_BYTES = 32
TAG_HEX = 32
LOG_ID_HEX = 8
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class ComposedEntry:
    """One entry ready to be sealed and appended.

    Attributes:
        body: the leaf's bytes, as hashed and stored.
        commitment: 32 bytes, also in the body.
        opening: both parts and both salts in canonical form, to be sealed under the family's key.
        disclosure: opens the recipient part alone, for the recipient's receipt.
    """

    entry_id: UUID
    body: bytes
    commitment: bytes
    opening: bytes
    disclosure: bytes

    @property
    def leaf(self) -> Hash:
        """Its leaf hash (RFC 6962 section 2.1)."""
        return leaf_hash(self.body)

    @property
    def aad(self) -> bytes:
        """What binds the sealed opening to its entry: id and commitment."""
        return self.entry_id.bytes + self.commitment


def log_id(origin: str) -> str:
    """Return the short id of a log: the first 8 hexadecimal digits of its origin's SHA-256."""
    return hashlib.sha256(origin.encode()).hexdigest()[:LOG_ID_HEX]


def tag(key: bytes, entry_id: UUID) -> str:
    """Return the 32 hexadecimal digits by which a holder of a family's tag key finds its entries."""
    return hmac.digest(key, str(entry_id).encode(), hashlib.sha256).hex()[:TAG_HEX]


def commitment_of(part: Mapping[str, Canonical], *, salt: bytes) -> bytes:
    """Return the 32 bytes that commit to one part."""
    return hmac.digest(salt, canonical(part), hashlib.sha256)


def compose(
    entry_id: UUID,
    *,
    at: datetime,
    log: str,
    tag_key: bytes,
    recipient: Mapping[str, Canonical],
    internal: Mapping[str, Canonical],
    recipient_salt: bytes,
    internal_salt: bytes,
) -> ComposedEntry:
    """Return the entry that commits to a recipient part and an internal part.

    Args:
        at: aware instant; the body keeps its whole minute, seconds since 1970 in UTC.
        log: the log's short id (``log_id``).
        tag_key: the family's ordinary or restricted tag key.
        recipient_salt: 32 random bytes, used once.
        internal_salt: 32 other random bytes, used once.
    """
    if len(recipient_salt) != SALT_BYTES or len(internal_salt) != SALT_BYTES:
        raise ValueError("salts are 32 bytes")
    told, kept = canonical(recipient), canonical(internal)
    c_r = hmac.digest(recipient_salt, told, hashlib.sha256)
    c_i = hmac.digest(internal_salt, kept, hashlib.sha256)
    commitment = hashlib.sha256(c_r + c_i).digest()
    body = canonical(
        {
            "c": commitment.hex(),
            "f": tag(tag_key, entry_id),
            "id": str(entry_id),
            "l": log,
            "t": int(at.timestamp()) // _MINUTE * _MINUTE,
            "v": 1,
        }
    )
    opening = assembled(
        {"i": kept, "r": told, "si": canonical(internal_salt.hex()), "sr": canonical(recipient_salt.hex())}
    )
    disclosure = pack_opening(
        recipient_salt=recipient_salt, internal_commitment=c_i, body=body, recipient=told
    )
    return ComposedEntry(entry_id, body, commitment, opening, disclosure)
