"""Family keys: made once, kept wrapped, opened where they are needed and never cached.

INVARIANTS
- A family's data key, ordinary tag key and restricted tag key are one wrapped row; destroying the
  row makes everything sealed under them unreadable.
- What belongs to no family is sealed under the reserved null family's key, which is never erased.
- Family keys are the only thing that a key-encryption key wraps. Once all are wrapped under the next epoch, the key
  of the last one can be destroyed, and with it whatever old backups hold of families that were erased since.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, TableClause, bindparam, column, select, table, text, update

from certs.envelope import FileKek, KeyEncryptionKey, new_key
from certs.errors import EnvelopeError, KeyFileError
from gateway.settings import Settings, SettingsError

NULL_FAMILY = UUID(int=0)
"""The reserved family: unknown references, cover entries, acts about agencies only."""

_KEY_BYTES = 32
_BATCH: Final = 500
"""Families whose gates are held together while their keys are wrapped again."""

_WRAPPED_IN: Final = tuple(
    table(name, column("family_id"), column("kek_epoch"), column("wrapped"), schema="gateway")
    for name in ("family_key", "log_erasure")
)
"""Where wrapped keys are: in use, and set aside until an erasure is finished."""
_WRAPPED: Final = text(
    "SELECT family_id, wrapped FROM gateway.family_key WHERE family_id = ANY (CAST(:families AS uuid[]))"
)


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
    """Opens and creates family keys under one key-encryption key.

    Args:
        kek: wraps every key from now on.
        others: keys of other epochs that open what they wrapped, while a node, or the rows, change over.

    Raises: ValueError, two of them are of one epoch.
    """

    def __init__(self, kek: KeyEncryptionKey, *, others: Sequence[KeyEncryptionKey] = ()) -> None:
        if len({each.epoch for each in (kek, *others)}) <= len(others):
            raise ValueError("two key-encryption keys are of one epoch")
        self._kek = kek
        self._others = tuple(others)

    @property
    def epoch(self) -> int:
        """The epoch under which keys are wrapped."""
        return self._kek.epoch

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
        found = self.families(connection, [family_id])
        if family_id not in found:
            raise KeyErasedError
        return found[family_id]

    def families(self, connection: Connection, family_ids: Iterable[UUID]) -> dict[UUID, FamilyKeys]:
        """Return the keys of each family that has a row (still), in one read."""
        rows = connection.execute(_WRAPPED, {"families": list(family_ids)})
        return {row.family_id: self.open_family(row.family_id, row.wrapped) for row in rows}

    def open_family(self, family_id: UUID, wrapped: bytes) -> FamilyKeys:
        """Return the keys in a wrapped row that was read before (no I/O).

        Raises: certs.errors.EnvelopeError, none of our key-encryption keys opens them.
        """
        for kek in (self._kek, *self._others):
            with suppress(EnvelopeError):
                return _split(family_id, kek.unwrap(wrapped, aad=_aad(family_id)))
        raise EnvelopeError("the wrapped keys open with no key-encryption key that is here")

    def wrapped_again(self, family_id: UUID, wrapped: bytes) -> bytes:
        """Return the same keys, wrapped under the present epoch (no I/O).

        Raises: certs.errors.EnvelopeError, none of our key-encryption keys opens them.
        """
        keys = self.open_family(family_id, wrapped)
        return self._kek.wrap(keys.data_key + keys.tag_key + keys.restricted_tag_key, aad=_aad(family_id))

    def reserved(self, connection: Connection) -> FamilyKeys:
        """Return the reserved family's keys, which ``gateway migrate`` creates."""
        return self.family(connection, NULL_FAMILY)

    def index_key(self, connection: Connection) -> bytes:
        """Return the key of all blind indexes, derived from the reserved key."""
        return self._derived(connection, b"blind index")

    def mark_key(self, connection: Connection) -> bytes:
        """Return the key of the marks by which entries of the log are found."""
        return self._derived(connection, b"log mark")

    def nonce_key(self, connection: Connection) -> bytes:
        """Return the key of the nonces for DPoP proofs, the same on every node; it opens nothing."""
        return self._derived(connection, b"dpop nonce")

    def note_key(self, connection: Connection) -> bytes:
        """Return the key of notes of emergencies that nobody has made a referral of yet."""
        return self._derived(connection, b"emergency note")

    def dossier_key(self, connection: Connection) -> bytes:
        """Return the key of what is written of incidents and complaints that are no family's."""
        return self._derived(connection, b"dossier")

    def node_keys(self, label: bytes) -> tuple[bytes, ...]:
        """Return the keys of one label that every node has without a database, that of the present epoch first.

        What is made, is made with the first; what comes back may be of any of them.
        """
        return tuple(kek.derive(label) for kek in (self._kek, *self._others))

    def _derived(self, connection: Connection, label: bytes) -> bytes:
        return hmac.digest(self.reserved(connection).data_key, label, hashlib.sha256)


def load_keyring(settings: Settings) -> Keyring:
    """Return the keyring of the configured key-encryption keys.

    Raises: SettingsError, a file does not hold a key, or both hold one of the same epoch.
    """
    other = settings.kek_other_file
    try:
        return Keyring(FileKek.load(settings.kek_file), others=[] if other is None else [FileKek.load(other)])
    except KeyFileError as error:
        raise SettingsError(f"GATEWAY_KEK_FILE or GATEWAY_KEK_OTHER_FILE: {error}.") from error
    except ValueError as error:
        raise SettingsError("GATEWAY_KEK_FILE and GATEWAY_KEK_OTHER_FILE hold keys of one epoch.") from error


def ensure_reserved(connection: Connection, keyring: Keyring) -> None:
    """Create the reserved family's keys if they do not exist yet; safe to repeat."""
    connection.execute(text("SELECT gateway.move_gates(ARRAY[:f]::uuid[], '{}')"), {"f": NULL_FAMILY})
    try:
        keyring.reserved(connection)
    except KeyErasedError:
        keyring.create_family(connection, NULL_FAMILY)


def rewrap(owner: Engine, *, keyring: Keyring) -> int:
    """Wrap every family's keys under the present epoch; return how many were not yet.

    Args:
        owner: an engine of the owner role; nobody else may change a key row.
        keyring: with the key-encryption keys of every epoch that is still in the rows.

    True afterwards: no row needs a key of another epoch. Each batch is a transaction of its own, in which the gates
    of its families move: releases under way are decided again. Stopped anywhere, it is simply run again.
    Raises: certs.errors.EnvelopeError, a row opens with none of the keys; the batches before it stay.
    """
    total = 0
    for keys in _WRAPPED_IN:
        while count := _rewrap_batch(owner, keys, keyring=keyring):
            total += count
    return total


def _rewrap_batch(owner: Engine, keys: TableClause, *, keyring: Keyring) -> int:
    of_others = select(keys.c.family_id).where(keys.c.kek_epoch != keyring.epoch)
    with owner.begin() as connection:
        families = list(connection.execute(of_others.order_by(keys.c.family_id).limit(_BATCH)).scalars())
        connection.execute(
            text("SELECT gateway.move_gates(CAST(:families AS uuid[]), '{}')"), {"families": families}
        )
        # Read once the gates are held: a family may have been erased meanwhile.
        rows = connection.execute(
            select(keys.c.family_id, keys.c.wrapped).where(keys.c.family_id.in_(families))
        ).all()
        if rows:
            connection.execute(
                update(keys)
                .where(keys.c.family_id == bindparam("family"))
                .values(wrapped=bindparam("again"), kek_epoch=keyring.epoch),
                [
                    {"family": row.family_id, "again": keyring.wrapped_again(row.family_id, row.wrapped)}
                    for row in rows
                ],
            )
    return len(families)


def _aad(family_id: UUID) -> bytes:
    return b"family_key:" + family_id.bytes


def _split(family_id: UUID, material: bytes) -> FamilyKeys:
    data, tag, restricted = (material[i : i + _KEY_BYTES] for i in range(0, 3 * _KEY_BYTES, _KEY_BYTES))
    return FamilyKeys(family_id, data, tag, restricted)
