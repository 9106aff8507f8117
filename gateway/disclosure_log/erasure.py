"""The log's side of an erasure: a family's evidence goes, and only after the log said so in public.

INVARIANTS
- From the act that records an erasure on, the family's keys are set aside: nothing is released, sealed or opened
  under them any more, and no entry of the family can follow the erasure's own.
- Evidence is destroyed only when a published checkpoint includes the erasure's entry, and after the ledger names
  the family: a backup that brings the family back can be erased again.
- What is under way is a row; whoever finds one can finish it, and finishing twice does no harm.
- Afterwards nothing here maps an entry to the family: its traces are gone with its payloads and its keys.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from gateway.disclosure_log import repository
from gateway.disclosure_log.errors import LogNotServedError

_LEDGER: Final = "erasures"
_OWNER_ONLY: Final = 0o600

_TAKE_KEYS: Final = text(
    "DELETE FROM gateway.family_key WHERE family_id = :family RETURNING family_id, kek_epoch, wrapped"
)
_OWE: Final = text(
    "INSERT INTO gateway.log_erasure (family_id, kek_epoch, wrapped, leaf_index)"
    " VALUES (:family_id, :kek_epoch, :wrapped, :leaf_index)"
)
_COUNT: Final = text("SELECT count(*) FROM gateway.log_trace WHERE family_id = :family")
_UNDER_WAY: Final = text("SELECT family_id FROM gateway.log_erasure ORDER BY family_id")
_DESTROY: Final = text("SELECT gateway.destroy_evidence(:family)")
_DESTROY_AGAIN: Final = (
    text("SELECT FROM gateway.log_marked FOR UPDATE"),
    text(
        "DELETE FROM gateway.log_payload p USING gateway.log_trace t"
        " WHERE t.entry_id = p.entry_id AND t.family_id = :family"
    ),
    text("DELETE FROM gateway.log_trace WHERE family_id = :family"),
    text("DELETE FROM gateway.log_erasure WHERE family_id = :family"),
)


@dataclass(frozen=True, slots=True)
class TakenKeys:
    """A family's keys, wrapped, on their way out of use."""

    family_id: UUID
    kek_epoch: int
    wrapped: bytes = field(repr=False)


def take_keys(connection: Connection, family_id: UUID) -> TakenKeys | None:
    """Take the family's keys out of use, in the act that records its erasure; absent: there are none.

    Waits for whoever holds the family against being erased.
    """
    row = connection.execute(_TAKE_KEYS, {"family": family_id}).one_or_none()
    return None if row is None else TakenKeys(row.family_id, row.kek_epoch, bytes(row.wrapped))


def owe_destruction(connection: Connection, keys: TakenKeys) -> int:
    """Set the keys aside until the act's next entry is published; return how many entries the family has.

    Until the commit no other entry joins the log: those that had been waiting do so first, and count.
    """
    size = repository.append(connection, []).size
    entries: int = connection.execute(_COUNT, {"family": keys.family_id}).scalar_one()
    connection.execute(
        _OWE,
        {
            "family_id": keys.family_id,
            "kek_epoch": keys.kek_epoch,
            "wrapped": keys.wrapped,
            "leaf_index": size,
        },
    )
    return entries


def under_way(connection: Connection) -> list[UUID]:
    """Return the families whose erasure is recorded and not finished; each entry lies below the log's head."""
    return list(connection.execute(_UNDER_WAY).scalars())


def destroy_evidence(connection: Connection, family_id: UUID) -> None:
    """Delete the family's payloads, traces and keys, as the role ``gateway_eraser``; done before: nothing happens.

    Raises: sqlalchemy.exc.IntegrityError, no published checkpoint includes the erasure's entry.
    """
    connection.execute(_DESTROY, {"family": family_id})


def destroy_again(connection: Connection, family_id: UUID) -> None:
    """Delete what a restored backup brought back of the family's evidence, as the owner: the log said so before."""
    for statement in _DESTROY_AGAIN:
        connection.execute(statement, {"family": family_id})


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every family that was erased, one id a line, in a folder outside the database.

    The ids are random and lead nowhere once the erasure is finished; they go into no backup of the database.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """Where the ledger is kept."""
        return self.folder / _LEDGER

    def add(self, family_id: UUID) -> None:
        """Name a family; on the disk afterwards. Naming it twice does no harm.

        Raises: LogNotServedError.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _OWNER_ONLY)
            try:
                size = os.fstat(descriptor).st_size
                cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                os.write(descriptor, b"\n" * cut_off + f"{family_id}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _sync(self.folder)
        except OSError as error:
            raise LogNotServedError(
                "The ledger of erasures cannot be written: check GATEWAY_STATE_DIR."
            ) from error

    def read(self) -> frozenset[UUID]:
        """Return every family named so far; a line that a crash cut off names nobody, and was not relied on.

        Raises: LogNotServedError.
        """
        try:
            lines = self.path.read_text("ascii").split("\n")
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError) as error:
            raise LogNotServedError(
                "The ledger of erasures cannot be read: check GATEWAY_STATE_DIR."
            ) from error
        return frozenset(found for line in lines if (found := _family(line)))


def _family(line: str) -> UUID | None:
    try:
        found = UUID(line)
    except ValueError:
        return None
    return found if str(found) == line else None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
