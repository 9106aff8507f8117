"""The database side of the log.

CONTRACT of ``append``: atomic (all entries but the moved ones, in order, or none), gap-free leaf
indexes, tree and full tiles with them; durable when the transaction that called it is, or, without
``flush``, when the next checkpoint is published; the head lock is taken inside and, in autocommit,
released when the call returns, so that a release holds no lock across a round trip or a flush. An act
holds the head from its append to its commit; one that stops in between is put out after a second.

CONTRACT of ``publish``: when it returns, the checkpoint and everything appended before it are durable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from extract_client.log.merkle import Frontier, HashReader
from extract_client.log.tiles import TILE_WIDTH, Bundle, Tile, encode_bundle, tile_reader
from gateway.database import Prepared
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.model import Appended, PendingEntry

_APPEND: Final = Prepared(
    "SELECT o_first, o_size, o_moved, o_root, o_between FROM gateway.append("
    "CAST(:ids AS uuid[]), CAST(:bodies AS bytea[]), CAST(:payloads AS bytea[]), "
    "CAST(:families AS uuid[]), CAST(:family_versions AS bigint[]), "
    "CAST(:agencies AS text[]), CAST(:agency_versions AS bigint[]), CAST(:extracts AS uuid[]),"
    "CAST(:known AS bigint), CAST(:flush AS boolean))"
)
_PUBLISH: Final = Prepared("SELECT gateway.publish_checkpoint(:size, :root, :note)")
_HEAD = text("SELECT size, peaks, root FROM gateway.log_head")
_NEWEST = text("SELECT size, root, note FROM gateway.log_checkpoint ORDER BY size DESC LIMIT 1")
_NEWEST_WITNESSED = text(
    "SELECT c.size, c.root, c.note, (SELECT string_agg(s.line, '' ORDER BY s.witness)"
    " FROM gateway.log_cosignature s WHERE s.size = c.size) AS lines"
    " FROM gateway.log_quorum q JOIN gateway.log_checkpoint c USING (size) ORDER BY c.size DESC LIMIT 1"
)
_WITNESSED_AT = text("SELECT witnessed_at FROM gateway.log_quorum ORDER BY size DESC LIMIT 1")
_LEAVES = text(
    "SELECT leaf_hash FROM gateway.log_entry WHERE leaf_index >= :first AND leaf_index < :end ORDER BY leaf_index"
)
_BODIES = text(
    "SELECT body FROM gateway.log_entry WHERE leaf_index >= :first AND leaf_index < :end ORDER BY leaf_index"
)
_TILE = text("SELECT hashes FROM gateway.log_tile WHERE level = :level AND tile_index = :index")
_ROOTS = text(
    "SELECT root FROM gateway.log_tile WHERE level = :level AND tile_index >= :first AND tile_index < :end"
    " ORDER BY tile_index"
)
_DEFER = text("SELECT gateway.defer_entry(:entry_id, :body, :sealed, :family_id, :agency)")
_MOVE = text("SELECT gateway.move_gates(CAST(:families AS uuid[]), CAST(:agencies AS text[]))")


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A published checkpoint: everything in it is durable."""

    size: int
    root: bytes
    note: str


def append(
    connection: Connection, entries: Sequence[PendingEntry], *, known: int | None = None, flush: bool = True
) -> Appended:
    """Append a batch: the one writer of evidence.

    Args:
        known: size of the tree that the caller will sign from; absent: it does not sign.
        flush: false: the caller publishes a checkpoint next, and nothing leaves before.

    Raises: NotAppendedError, the database refused or could not be reached; nothing was written.
    """
    try:
        (row,) = _APPEND.rows(
            connection,
            {
                "ids": [e.entry_id for e in entries],
                "bodies": [e.body for e in entries],
                "payloads": [e.sealed for e in entries],
                "families": [e.family_id for e in entries],
                "family_versions": [e.family_version for e in entries],
                "agencies": [e.agency for e in entries],
                "agency_versions": [e.agency_version for e in entries],
                "extracts": [e.extract_id for e in entries],
                "known": known,
                "flush": flush,
            },
        )
    except OperationalError as error:
        raise NotAppendedError from error
    return Appended(
        row.o_first, row.o_size, tuple(position - 1 for position in row.o_moved), row.o_root, row.o_between
    )


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


def publish(connection: Connection, *, frontier: Frontier, note: str) -> None:
    """Store a signed checkpoint with the one flush that makes it and all before it durable.

    Raises: NotAppendedError, the database refused or could not be reached: the note must not leave.
    """
    try:
        _PUBLISH.rows(connection, {"size": frontier.size, "root": frontier.root, "note": note})
    except DBAPIError as error:
        raise NotAppendedError from error


def read_head(connection: Connection) -> Frontier:
    """Return the tree as the database has it now; its newest leaves may not be durable yet."""
    row = connection.execute(_HEAD).one()
    return Frontier.parse(row.size, row.peaks)


def newest_checkpoint(connection: Connection) -> StoredCheckpoint | None:
    """Return the newest published checkpoint; absent: none was ever."""
    row = connection.execute(_NEWEST).one_or_none()
    return None if row is None else StoredCheckpoint(row.size, row.root, row.note)


def newest_witnessed(connection: Connection) -> StoredCheckpoint | None:
    """Return the newest checkpoint that meets the witness policy, with its cosignatures; absent: none yet."""
    row = connection.execute(_NEWEST_WITNESSED).one_or_none()
    return None if row is None else StoredCheckpoint(row.size, row.root, row.note + (row.lines or ""))


def witnessed_at(connection: Connection) -> datetime | None:
    """Return when a checkpoint last met the witness policy; absent: never."""
    found: datetime | None = connection.execute(_WITNESSED_AT).scalar_one_or_none()
    return found


def leaf_hashes(connection: Connection, *, first: int, end: int) -> list[bytes]:
    """Return the hashes of the leaves from ``first`` up to, not including, ``end``."""
    return list(connection.execute(_LEAVES, {"first": first, "end": end}).scalars())


def tile(connection: Connection, wanted: Tile) -> bytes | None:
    """Return the hashes of a tile, full or partial; absent: the tree is not that large."""
    if wanted.width == TILE_WIDTH:
        found: bytes | None = connection.execute(
            _TILE, {"level": wanted.level, "index": wanted.index}
        ).scalar_one_or_none()
        return found
    first, end = wanted.index * TILE_WIDTH, wanted.index * TILE_WIDTH + wanted.width
    if wanted.level == 0:
        hashes = leaf_hashes(connection, first=first, end=end)
    else:
        below = {"level": wanted.level - 1, "first": first, "end": end}
        hashes = list(connection.execute(_ROOTS, below).scalars())
    return b"".join(hashes) if len(hashes) == wanted.width else None


def bundle(connection: Connection, wanted: Bundle) -> bytes | None:
    """Return the entries of a bundle, full or partial, encoded; absent: the tree is not that large."""
    first = wanted.index * TILE_WIDTH
    bodies = list(connection.execute(_BODIES, {"first": first, "end": first + wanted.width}).scalars())
    return encode_bundle(bodies) if len(bodies) == wanted.width else None


def hash_reader(connection: Connection, *, size: int) -> HashReader:
    """Return a reader of the tree of the first ``size`` leaves, which takes each tile from the database once.

    Its calls raise LookupError when a tile is not there.
    """

    def fetch(wanted: Tile) -> bytes:
        found = tile(connection, wanted)
        if found is None:
            raise LookupError
        return found

    return tile_reader(size, fetch)


def move_gates(connection: Connection, *, families: Sequence[object], agencies: Sequence[str]) -> None:
    """Move the gates of these families and agencies; their rows stay locked until the commit."""
    connection.execute(_MOVE, {"families": list(families), "agencies": list(agencies)})


def database_now(connection: Connection) -> datetime:
    """Return the database's clock, an aware instant."""
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now
