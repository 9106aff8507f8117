"""The database side of the log.

CONTRACT of ``append``: atomic (all entries but the moved ones, in order, or none), gap-free leaf
indexes, durable when the transaction that called it is; the head lock is taken inside and, in
autocommit, released when the call returns.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.model import Appended, PendingEntry

_APPEND = text(
    "SELECT o_first, o_size, o_moved FROM gateway.append("
    "CAST(:ids AS uuid[]), CAST(:bodies AS bytea[]), CAST(:payloads AS bytea[]), "
    "CAST(:families AS uuid[]), CAST(:family_versions AS bigint[]), "
    "CAST(:agencies AS text[]), CAST(:agency_versions AS bigint[]), CAST(:extracts AS uuid[]))"
)
_DEFER = text("SELECT gateway.defer_entry(:entry_id, :body, :sealed, :family_id, :agency)")
_MOVE = text("SELECT gateway.move_gates(CAST(:families AS uuid[]), CAST(:agencies AS text[]))")


def append(connection: Connection, entries: Sequence[PendingEntry]) -> Appended:
    """Append a batch: the one writer of evidence.

    Raises: NotAppendedError, the database refused or could not be reached; nothing was written.
    """
    try:
        row = connection.execute(
            _APPEND,
            {
                "ids": [e.entry_id for e in entries],
                "bodies": [e.body for e in entries],
                "payloads": [e.sealed for e in entries],
                "families": [e.family_id for e in entries],
                "family_versions": [e.family_version for e in entries],
                "agencies": [e.agency for e in entries],
                "agency_versions": [e.agency_version for e in entries],
                "extracts": [e.extract_id for e in entries],
            },
        ).one()
    except OperationalError as error:
        raise NotAppendedError from error
    return Appended(row.o_first, row.o_size, tuple(position - 1 for position in row.o_moved))


def defer(connection: Connection, entry: PendingEntry) -> None:
    """Keep the entry in the caller's transaction; the next ``append`` integrates it."""
    connection.execute(
        _DEFER,
        {
            "entry_id": entry.entry_id,
            "body": entry.body,
            "sealed": entry.sealed,
            "family_id": entry.family_id,
            "agency": entry.agency,
        },
    )


def move_gates(connection: Connection, *, families: Sequence[object], agencies: Sequence[str]) -> None:
    """Move the gates of these families and agencies; their rows stay locked until the commit."""
    connection.execute(_MOVE, {"families": list(families), "agencies": list(agencies)})


def database_now(connection: Connection) -> datetime:
    """Return the database's clock, an aware instant."""
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now
