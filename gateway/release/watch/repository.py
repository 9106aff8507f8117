"""The recent pulls in PostgreSQL: functions over the caller's connection and transaction.

INVARIANTS
- The cursor moves in the transaction that stores what lay behind it: nothing is seen twice, nothing is missed.
- A pull that names a family goes with the family's key, even when it is stored while the family is being erased.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from gateway.release.watch.model import Pull, Who

_CURSOR = text("SELECT next_leaf FROM gateway.pull_watch FOR UPDATE SKIP LOCKED")
_MOVE = text("UPDATE gateway.pull_watch SET next_leaf = :next")
_STORE = text(
    "INSERT INTO gateway.recent_pull (leaf_index, at, agency_code, client_id, practitioner, family_id, released)"
    " VALUES (:leaf, :at, :agency, :client, :practitioner, :family, :released)"
)
_FORGET = text("DELETE FROM gateway.recent_pull WHERE at < :before")
_RECENT = text(
    "SELECT at, agency_code, client_id, practitioner, family_id, released FROM gateway.recent_pull"
)
_HOLD = text(
    "SELECT family_id FROM gateway.recent_pull WHERE family_id = ANY (CAST(:families AS uuid[]))"
    " ORDER BY leaf_index FOR KEY SHARE"
)


def take_cursor(connection: Connection) -> int | None:
    """Return the leaf index to read on from, and keep others from watching until the commit; absent: one is at it."""
    cursor: int | None = connection.execute(_CURSOR).scalar_one_or_none()
    return cursor


def move_cursor(connection: Connection, leaf_index: int) -> None:
    """Read on from this leaf index the next time."""
    connection.execute(_MOVE, {"next": leaf_index})


def store(connection: Connection, pulls: Mapping[int, Pull]) -> None:
    """Keep pulls, by leaf index.

    Raises: sqlalchemy.exc.IntegrityError, a family of theirs was erased since its entry was opened.
    """
    rows = [
        {
            "leaf": leaf_index,
            "at": pull.at,
            "agency": pull.who.agency_code,
            "client": pull.who.client_id,
            "practitioner": pull.who.practitioner,
            "family": pull.family_id,
            "released": pull.released,
        }
        for leaf_index, pull in pulls.items()
    ]
    if rows:
        connection.execute(_STORE, rows)


def forget(connection: Connection, *, before: datetime) -> None:
    """Delete what is older than any window needs."""
    connection.execute(_FORGET, {"before": before})


def recent_pulls(connection: Connection) -> list[Pull]:
    """Return every pull that is kept, in the order of the log."""
    return [
        Pull(
            Who(row.agency_code, row.client_id, row.practitioner),
            at=row.at,
            family_id=row.family_id,
            released=row.released,
        )
        for row in connection.execute(_RECENT)
    ]


def hold_families(connection: Connection, families: Collection[UUID]) -> frozenset[UUID]:
    """Keep these families from being erased until the commit; return those that are still there."""
    return frozenset(connection.execute(_HOLD, {"families": list(families)}).scalars())
