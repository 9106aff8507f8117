"""What the database keeps of the witnesses: their cosignatures, and which checkpoints met the policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_LAST = text(
    "SELECT asked.name, last.size, last.witnessed_at"
    " FROM unnest(CAST(:names AS text[])) AS asked(name)"
    " CROSS JOIN LATERAL (SELECT size, witnessed_at FROM gateway.log_cosignature"
    "  WHERE witness = asked.name ORDER BY size DESC LIMIT 1) AS last"
)
_OF_SIZE = text("SELECT witness, line, witnessed_at FROM gateway.log_cosignature WHERE size = :size")
_RECORD = text("SELECT gateway.record_cosignature(:size, :witness, :line, :at)")
_RECORD_QUORUM = text("SELECT gateway.record_quorum(:size, :at)")


@dataclass(frozen=True, slots=True)
class LastCosigned:
    """The largest tree that a witness cosigned.

    Attributes:
        at: when we last had its cosignature, aware.
    """

    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredCosignature:
    """One witness's signature line over one checkpoint, its newline included."""

    line: str
    at: datetime


def last_cosigned(connection: Connection, names: Collection[str]) -> Mapping[str, LastCosigned]:
    """Return what each of these witnesses last cosigned; those that never did are absent."""
    rows = connection.execute(_LAST, {"names": sorted(names)})
    return {row.name: LastCosigned(row.size, row.witnessed_at) for row in rows}


def cosignatures(connection: Connection, size: int) -> Mapping[str, StoredCosignature]:
    """Return the cosignatures of the checkpoint of this size, by the witness's name."""
    rows = connection.execute(_OF_SIZE, {"size": size})
    return {row.witness: StoredCosignature(row.line, row.witnessed_at) for row in rows}


def record_cosignature(connection: Connection, *, size: int, witness: str, line: str, at: datetime) -> None:
    """Store a verified cosignature of a published checkpoint; a later one takes the place of an earlier."""
    connection.execute(_RECORD, {"size": size, "witness": witness, "line": line, "at": at})


def record_quorum(connection: Connection, *, size: int, at: datetime) -> None:
    """Store that the checkpoint of this size meets the policy since, or again at, ``at``."""
    connection.execute(_RECORD_QUORUM, {"size": size, "at": at})
