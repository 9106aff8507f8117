"""The folder of notes that wait for the database, one sealed file for each.

INVARIANTS
- A note is there whole or not at all, readable by its owner only, and on disk when ``keep`` returns.
- A note that is there is never written over: a form sent twice is one file.
- What stands readable in a file is whose note it is and when it was sent; nothing of what was typed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from certs.errors import KeyFileError
from certs.private_file import sync_folder, write_private
from gateway.safeguarding.notes import DamagedNoteError, NotKeptError

_FORMAT: Final = 1
_SUFFIX: Final = ".note"
_MOST_BYTES: Final = 128 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptNote:
    """A sealed note, and what is known of it without opening it."""

    note_id: UUID
    staff_id: UUID
    typed_at: datetime
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Spool:
    """One folder of notes. Any number of processes may use it at once."""

    folder: Path

    def keep(self, note: KeptNote) -> None:
        """Put a note on disk; return once it would survive a loss of power.

        Raises: NotKeptError, it is not there.
        """
        content = {
            "format": _FORMAT,
            "note": str(note.note_id),
            "staff": str(note.staff_id),
            "typed_at": note.typed_at.isoformat(),
            "sealed": note.sealed.decode("ascii"),
        }
        try:
            write_private(self._path(note.note_id), json.dumps(content).encode(), replace=False)
        except KeyFileError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise self._not_kept(error) from error
            self._keep_name()

    def waiting(self) -> Iterator[UUID]:
        """Yield the ids of the notes that are there, in no order."""
        for path in self.folder.glob(f"*{_SUFFIX}"):
            try:
                yield UUID(path.stem)
            except ValueError:
                _log.error("emergency.stray_file")

    def read(self, note_id: UUID) -> KeptNote | None:
        """Return one note; absent: another worker took it in.

        Raises: DamagedNoteError, the file does not hold this note.
        """
        try:
            data = self._path(note_id).read_bytes()
            if len(data) > _MOST_BYTES:
                raise DamagedNoteError
            content = json.loads(data)
            if content["format"] != _FORMAT or content["note"] != str(note_id):
                raise DamagedNoteError
            return KeptNote(
                note_id,
                UUID(content["staff"]),
                datetime.fromisoformat(content["typed_at"]),
                content["sealed"].encode("ascii"),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedNoteError from error

    def forget(self, note_id: UUID) -> None:
        """Let the file of a note be gone: it is in the database."""
        self._path(note_id).unlink(missing_ok=True)
        sync_folder(self.folder)

    def _keep_name(self) -> None:
        """Whoever wrote the file first may still be about to make its name durable."""
        try:
            sync_folder(self.folder)
        except OSError as error:
            raise self._not_kept(error) from error

    def _not_kept(self, error: Exception) -> NotKeptError:
        cause = error.__cause__ or error
        _log.error("emergency.not_kept", fault=type(cause).__name__, number=getattr(cause, "errno", None))
        return NotKeptError()

    def _path(self, note_id: UUID) -> Path:
        return self.folder / f"{note_id}{_SUFFIX}"
