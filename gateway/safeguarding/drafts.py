"""Notes of an emergency once the database is back: taken in, opened, offered to their author once.

INVARIANTS
- A note is taken in once by its id, in one transaction with the task that says so; its file goes after the commit.
- Nobody but its author is offered a draft, and nobody twice; what was typed goes with the taking. It is no task: a task is seen by
  everybody of a role.
- A note, an unreadable file or an unknown author keeps no other note from being taken in or opened.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, text

from certs.envelope import seal as seal_again
from certs.envelope import unseal
from certs.errors import EnvelopeError
from gateway.disclosure_log.repository import database_now
from gateway.safeguarding.notes import (
    Answers,
    DamagedNoteError,
    Opener,
    answers_from_bytes,
    answers_to_bytes,
)
from gateway.safeguarding.spool import KeptNote, Spool
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish_about, raise_task
from gateway.wiring import Wiring

IN_WRITING: Final = timedelta(hours=24)
"""How long after it was typed a referral follows in writing (Working Together 2023, local practice)."""

_TAKE_IN: Final = text(
    "INSERT INTO gateway.emergency_note (note_id, staff_id, typed_at, received_at, sealed)"
    " VALUES (:note, :staff, :typed, :received, :sealed) ON CONFLICT (note_id) DO NOTHING"
)
_AUTHOR: Final = text("SELECT username FROM gateway.staff WHERE id = :staff")
_CLOSED: Final = text("SELECT note_id FROM gateway.emergency_note WHERE opened_at IS NULL ORDER BY typed_at")
_HOLD: Final = text(
    "SELECT note_id, staff_id, typed_at, sealed FROM gateway.emergency_note"
    " WHERE note_id = :note AND opened_at IS NULL FOR UPDATE"
)
_OPENED: Final = text(
    "UPDATE gateway.emergency_note SET draft = :draft, opened_at = :now WHERE note_id = :note"
)
_DRAFTS: Final = text(
    "SELECT note_id, staff_id, typed_at, received_at, draft FROM gateway.emergency_note"
    " WHERE staff_id = :staff AND draft IS NOT NULL ORDER BY typed_at, note_id"
)
_TAKE: Final = text(
    "UPDATE gateway.emergency_note SET taken_at = :now, draft = NULL, sealed = NULL"
    " WHERE note_id = :note AND staff_id = :staff AND draft IS NOT NULL"
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """What its author is offered as the beginning of a referral.

    Attributes:
        typed_at: when the author sent it, by the clock of the node that kept it.
        received_at: when it came into the database.
    """

    note_id: UUID
    answers: Answers
    typed_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """How many notes were opened, and how many do not open with this key."""

    opened: int
    failed: int


def take_in(wiring: Wiring, now: datetime) -> int:
    """Move the notes that wait on this machine into the database; return how many were new.

    Raises: SQLAlchemyError, the database is gone again; what was committed stays, everything else waits on.
    """
    folder = wiring.settings.emergency.spool
    if folder is None:
        return 0
    spool, taken = Spool(folder), 0
    for note_id in list(spool.waiting()):
        try:
            note = spool.read(note_id)
        except DamagedNoteError:
            _log.error("emergency.unreadable_file", note=str(note_id))
            continue
        if note is not None:
            taken += _take_in_one(wiring, note, now=now)
            spool.forget(note_id)
    return taken


def open_notes(wiring: Wiring, opener: Opener) -> Opening:
    """Open every note that waits, each in a transaction of its own, and offer it to its author.

    Args:
        opener: with the private half of the key, which is kept elsewhere.
    """
    with wiring.engine.connect() as connection:
        waiting = connection.execute(_CLOSED).scalars().all()
    outcomes = [_open_one(wiring, note_id, opener) for note_id in waiting]
    return Opening(outcomes.count(True), outcomes.count(False))


def drafts_of(connection: Connection, wiring: Wiring, staff_id: UUID) -> list[Draft]:
    """Return the drafts that wait for their author, the oldest first."""
    key = wiring.keyring.note_key(connection)
    drafts = []
    for row in connection.execute(_DRAFTS, {"staff": staff_id}):
        try:
            answers = answers_from_bytes(unseal(key, row.draft, aad=_aad(row)))
        except EnvelopeError:
            _log.error("emergency.unreadable_draft", note=str(row.note_id))
            continue
        drafts.append(Draft(row.note_id, answers, row.typed_at, row.received_at))
    return drafts


def take_draft(connection: Connection, note_id: UUID, staff_id: UUID) -> bool:
    """Let a draft be its author's referral, in the caller's transaction; return whether it still waited.

    True afterwards: it is offered no more, its words are nowhere but with the caller, and its task is done.
    """
    now = database_now(connection)
    if not connection.execute(_TAKE, {"note": note_id, "staff": staff_id, "now": now}).rowcount:
        return False
    author = connection.execute(_AUTHOR, {"staff": staff_id}).one()
    finish_about(connection, note_id, kinds=(TaskKind.EMERGENCY_NOTE,), actor=author.username, now=now)
    return True


def _take_in_one(wiring: Wiring, note: KeptNote, *, now: datetime) -> bool:
    """Store one note with the task of whoever opens it; return whether it was new."""
    values = {
        "note": note.note_id,
        "staff": note.staff_id,
        "typed": note.typed_at,
        "received": now,
        "sealed": note.sealed,
    }
    with wiring.engine.begin() as connection:
        if not connection.execute(_TAKE_IN, values).rowcount:
            return False
        author = connection.execute(_AUTHOR, {"staff": note.staff_id}).one_or_none()
        due = note.typed_at + IN_WRITING
        about = "" if author is None else author.username
        raise_task(connection, kind=TaskKind.EMERGENCY_NOTE, due=due, about=about, ref=note.note_id)
    return True


def _open_one(wiring: Wiring, note_id: UUID, opener: Opener) -> bool | None:
    """Open one note; False: it does not open; None: somebody else opened it meanwhile."""
    with wiring.engine.begin() as connection:
        row = connection.execute(_HOLD, {"note": note_id}).one_or_none()
        if row is None:
            return None
        try:
            note = opener.open(row.sealed)
        except DamagedNoteError:
            return False
        if (note.note_id, note.staff_id, note.typed_at) != (row.note_id, row.staff_id, row.typed_at):
            return False
        sealed = seal_again(
            wiring.keyring.note_key(connection), answers_to_bytes(note.answers), aad=_aad(row)
        )
        values = {"note": note_id, "draft": sealed, "now": database_now(connection)}
        connection.execute(_OPENED, values)
    return True


def _aad(row: Row[Any]) -> bytes:
    note_id: UUID = row.note_id
    staff_id: UUID = row.staff_id
    return b"emergency_note:" + note_id.bytes + staff_id.bytes
