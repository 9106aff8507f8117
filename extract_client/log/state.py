"""What a monitor keeps in its folder: how far it got, every entry's id and time, and evidence.

INVARIANTS
- A monitor may be killed at any moment: ``state.json`` is replaced whole, after all that it counts on is on the disk.
- Of ``entries`` only the records below the state's size count; what lies beyond is written again.
- A folder of evidence is there whole or not at all, and is never written again.

Source: rename(2).
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from extract_client.errors import ConfigurationError
from extract_client.log.audit import ReadEntry
from extract_client.log.encoding import MAX_SIZE
from extract_client.log.lateness import Witnessed

_FORMAT: Final = 1
_ID_BYTES: Final = 16
_RECORD_BYTES: Final = _ID_BYTES + 8


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a monitor got.

    Attributes:
        note: the newest verified checkpoint, with its signatures.
        size: of its tree.
        at: when it was verified, seconds since 1970.
        witnessed: the newest tree that a quorum is known to have seen; absent: none.
        late: leaf indexes of entries whose time does not fit the witnesses'.
    """

    note: str
    size: int
    at: int
    witnessed: Witnessed | None = None
    late: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Seen":
        """Read what ``str`` wrote; raises ValueError."""
        members = json.loads(text)
        if not isinstance(members, dict) or members.get("format") != _FORMAT:
            raise ValueError("not a monitor's state")
        witnessed = members.get("witnessed")
        try:
            return cls(
                note=str(members["note"]),
                size=_number(members["size"]),
                at=_number(members["at"]),
                witnessed=witnessed and Witnessed(_number(witnessed["size"]), _number(witnessed["time"])),
                late=tuple(map(_number, members["late"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("not a monitor's state") from error

    def __str__(self) -> str:
        members: dict[str, Any] = {"format": _FORMAT, "note": self.note, "size": self.size, "at": self.at}
        if self.witnessed is not None:
            members["witnessed"] = {"size": self.witnessed.size, "time": self.witnessed.time}
        return json.dumps({**members, "late": list(self.late)}, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One monitor's folder of one log."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "StateFolder":
        """Return the folder, made if it is not there.

        Raises: ConfigurationError.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"The folder {path} cannot be made.") from error
        return cls(path)

    def load(self) -> Seen | None:
        """Return how far the monitor got; absent: this is its first round.

        Raises: ConfigurationError, what is there is not its state.
        """
        try:
            return Seen.parse((self.path / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"The state in {self.path} is damaged: restore it.") from error

    def save(self, seen: Seen) -> None:
        """Replace the state; when this returns, it survives a crash."""
        replace_file(self.path / "state.json", str(seen).encode())

    def write_entries(self, first: int, entries: Sequence[ReadEntry]) -> None:
        """Keep id and time of the entries from leaf index ``first`` on; ``sync_entries`` makes them durable.

        Raises: ConfigurationError.
        """
        records = b"".join(entry.entry_id.bytes + entry.minute.to_bytes(8, "big") for entry in entries)
        try:
            self._entries.touch()
            with self._entries.open("r+b") as file:
                file.seek(first * _RECORD_BYTES)
                file.write(records)
        except OSError as error:
            raise ConfigurationError(f"The file {self._entries} cannot be written.") from error

    def sync_entries(self) -> None:
        """Make durable what ``write_entries`` wrote; raises ConfigurationError."""
        try:
            self._entries.touch()
            with self._entries.open("r+b") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigurationError(f"The file {self._entries} cannot be written.") from error

    def ids(self, size: int) -> set[bytes]:
        """Return the ids of the first ``size`` entries, 16 bytes each.

        Raises: ConfigurationError, they are not all there.
        """
        data = self._read(0, size)
        found = {data[at : at + _ID_BYTES] for at in range(0, len(data), _RECORD_BYTES)}
        if len(found) != size:
            raise ConfigurationError(f"The file {self._entries} is damaged: restore it.")
        return found

    def minutes(self, first: int, end: int) -> list[int]:
        """Return the times of the entries from ``first`` up to, not including, ``end``, seconds since 1970.

        Raises: ConfigurationError, they are not all there.
        """
        data = self._read(first, end)
        ends = range(_RECORD_BYTES, len(data) + 1, _RECORD_BYTES)
        return [int.from_bytes(data[at - 8 : at], "big") for at in ends]

    def save_evidence(self, sentence: str, *, files: Mapping[str, bytes], at: int) -> Path:
        """Write what shows a contradiction into a folder of its own and return that folder.

        Args:
            files: contents by relative path.
            at: seconds since 1970.

        Raises: OSError, there is no room for it.
        """
        folder = self.path / "evidence"
        fresh = folder / f".new-{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        for name, data in {"finding.txt": f"{sentence}\n".encode(), **files}.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            _write(fresh / name, data)
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in count(1):
            final = folder / (stamp if number == 1 else f"{stamp}-{number}")
            if not final.exists():
                fresh.rename(final)  # never onto a folder that has files
                break
        _sync_folder(folder)
        return final

    @property
    def _entries(self) -> Path:
        return self.path / "entries"

    def _read(self, first: int, end: int) -> bytes:
        wanted = (end - first) * _RECORD_BYTES
        if not wanted:
            return b""
        try:
            with self._entries.open("rb") as file:
                file.seek(first * _RECORD_BYTES)
                data = file.read(wanted)
        except OSError as error:
            raise ConfigurationError(f"The file {self._entries} cannot be read.") from error
        if len(data) != wanted:
            raise ConfigurationError(f"The file {self._entries} is damaged: restore it.")
        return data


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file whole, in a folder made for it; when this returns, the new one survives a crash.

    Raises: ConfigurationError.
    """
    fresh = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(fresh, data)
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be written.") from error


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise ValueError("not a number of the state")
    return value
