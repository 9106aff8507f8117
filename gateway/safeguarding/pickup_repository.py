"""Reads and writes of pickups; each works in the caller's transaction and commits nothing.

INVARIANT: a try is counted in the statement that finds the pickup, so that however many come at once, no more than
allowed ever find it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

_ADD: Final = text(
    "INSERT INTO gateway.referral_pickup (pickup_id, referral_id, number, sealed, code_hash, expires_at)"
    " VALUES (:pickup, :referral, :number, :sealed, :code_hash, :expires_at)"
)
_TRY: Final = text(
    "UPDATE gateway.referral_pickup p SET tries = p.tries + 1 FROM gateway.referral r"
    " WHERE p.pickup_id = :pickup AND r.referral_id = p.referral_id"
    " AND p.tries < :most AND p.fetched_at IS NULL AND :now < p.expires_at"
    " RETURNING p.referral_id, p.number, p.sealed, p.code_hash, r.family_id"
)
_USE: Final = text(
    "UPDATE gateway.referral_pickup SET fetched_at = :now WHERE pickup_id = :pickup AND fetched_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class StoredPickup:
    """One document that waits for one person.

    Attributes:
        sealed: the person's name.
    """

    referral_id: UUID
    family_id: UUID
    number: int
    sealed: bytes
    code_hash: bytes


def add(
    connection: Connection,
    pickup_id: UUID,
    *,
    referral_id: UUID,
    number: int,
    sealed: bytes,
    code_hash: bytes,
    expires_at: datetime,
) -> None:
    """Store that a document waits for somebody."""
    connection.execute(
        _ADD,
        {
            "pickup": pickup_id,
            "referral": referral_id,
            "number": number,
            "sealed": sealed,
            "code_hash": code_hash,
            "expires_at": expires_at,
        },
    )


def count_try(connection: Connection, pickup_id: UUID, *, most: int, now: datetime) -> StoredPickup | None:
    """Count a try and return what waits; absent: unknown, expired, used, or tried too often."""
    row = connection.execute(_TRY, {"pickup": pickup_id, "most": most, "now": now}).one_or_none()
    if row is None:
        return None
    return StoredPickup(row.referral_id, row.family_id, row.number, bytes(row.sealed), bytes(row.code_hash))


def use(connection: Connection, pickup_id: UUID, *, now: datetime) -> bool:
    """Say that a document was taken; return false where somebody was faster."""
    return connection.execute(_USE, {"pickup": pickup_id, "now": now}).rowcount == 1
