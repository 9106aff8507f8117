"""Family keys: made once, kept wrapped, opened where they are needed and never cached.

INVARIANTS
- A family's data key, ordinary tag key and restricted tag key are one wrapped row; destroying the
  row makes everything sealed under them unreadable.
- What belongs to no family is sealed under the reserved null family's key, which is never erased.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from certs.envelope import KeyEncryptionKey, new_key

NULL_FAMILY = UUID(int=0)
"""The reserved family: unknown references, cover entries, acts about agencies only."""

_KEY_BYTES = 32


class KeyErasedError(Exception):
    """The family's key row is gone: its data was erased."""


@dataclass(frozen=True, slots=True)
class FamilyKeys:
    """The open keys of one family. Tag keys never leave the gateway except to an appointed auditor."""

    family_id: UUID
    data_key: bytes
    tag_key: bytes
    restricted_tag_key: bytes


class Keyring:
    """Opens and creates family keys under one key-encryption key."""

    def __init__(self, kek: KeyEncryptionKey) -> None:
        self._kek = kek

    def create_family(self, connection: Connection, family_id: UUID) -> FamilyKeys:
        """Store new keys for a family and return them. The caller moves the family's gate."""
        material = new_key() + new_key() + new_key()
        connection.execute(
            text("INSERT INTO gateway.family_key (family_id, kek_epoch, wrapped) VALUES (:f, :e, :w)"),
            {"f": family_id, "e": self._kek.epoch, "w": self._kek.wrap(material, aad=_aad(family_id))},
        )
        return _split(family_id, material)

    def family(self, connection: Connection, family_id: UUID) -> FamilyKeys:
        """Return the keys of one family.

        Raises: KeyErasedError, there is no such row (any more).
        """
        row = connection.execute(
            text("SELECT wrapped FROM gateway.family_key WHERE family_id = :f"), {"f": family_id}
        ).one_or_none()
        if row is None:
            raise KeyErasedError
        return self.open_family(family_id, row.wrapped)

    def open_family(self, family_id: UUID, wrapped: bytes) -> FamilyKeys:
        """Return the keys in a wrapped row that was read before (no I/O)."""
        return _split(family_id, self._kek.unwrap(wrapped, aad=_aad(family_id)))

    def reserved(self, connection: Connection) -> FamilyKeys:
        """Return the reserved family's keys, which ``gateway migrate`` creates."""
        return self.family(connection, NULL_FAMILY)

    def index_key(self, connection: Connection) -> bytes:
        """Return the key of all blind indexes, derived from the reserved key."""
        return self._derived(connection, b"blind index")

    def nonce_key(self, connection: Connection) -> bytes:
        """Return the key of the nonces for DPoP proofs, the same on every node; it opens nothing."""
        return self._derived(connection, b"dpop nonce")

    def _derived(self, connection: Connection, label: bytes) -> bytes:
        return hmac.digest(self.reserved(connection).data_key, label, hashlib.sha256)


def ensure_reserved(connection: Connection, keyring: Keyring) -> None:
    """Create the reserved family's keys if they do not exist yet; safe to repeat."""
    connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": NULL_FAMILY})
    try:
        keyring.reserved(connection)
    except KeyErasedError:
        keyring.create_family(connection, NULL_FAMILY)


def _aad(family_id: UUID) -> bytes:
    return b"family_key:" + family_id.bytes


def _split(family_id: UUID, material: bytes) -> FamilyKeys:
    data, tag, restricted = (material[i : i + _KEY_BYTES] for i in range(0, 3 * _KEY_BYTES, _KEY_BYTES))
    return FamilyKeys(family_id, data, tag, restricted)
