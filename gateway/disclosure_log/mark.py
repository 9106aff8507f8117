"""The signer's high-water mark: the newest published tree, kept outside PostgreSQL.

INVARIANTS
- The mark never goes back, and never names two roots for one size.
- It is moved after a checkpoint is durable, so it is never ahead of a database that kept its promises.
- Nobody waits for it: while another process writes, moving it is left to that process or to the next publication.
- A write that is torn by a crash spoils one of two slots; the other holds the mark before it.

The file: two slots, one per 4096 bytes, each ``magic | size | root | SHA-256 of these``. The one with the larger size
counts, the other is written next. Sources: pwrite(2) and fdatasync(2); a disk's sector is 4096 bytes at most.
"""

import fcntl
import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certs.errors import KeyFileError
from certs.private_file import write_private
from gateway.disclosure_log.errors import LogNotServedError
from gateway.log_signer import LogContradictionError

_NAME: Final = "log.mark"
_MAGIC: Final = b"log-mark"
_SLOT: Final = struct.Struct(">8sQ32s32s")
_STRIDE: Final = 4096


@dataclass(frozen=True, slots=True)
class Mark:
    """A tree that was published: its size, and its root of 32 bytes."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class MarkFile:
    """The mark of one node, in a folder that the node's processes share.

    Durability: after ``advance`` the mark is on the disk, unless another process was writing it just then.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """Where the mark is kept."""
        return self.folder / _NAME

    def read(self) -> Mark | None:
        """Return the mark; absent: nothing was ever published from here.

        Raises: LogNotServedError, there is a file and no mark in it can be believed.
        """
        try:
            return _newest(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogNotServedError("The log's mark cannot be read: check GATEWAY_STATE_DIR.") from error

    def advance(self, size: int, root: bytes) -> None:
        """Move the mark to a published tree; a smaller one than it names is passed over.

        True afterwards: the mark is at least this tree, on the disk; or another process was writing it.
        Raises: LogContradictionError, this size was published with another root; LogNotServedError.
        """
        wanted = Mark(size, root)
        mark = self.read()
        if mark is not None and not _is_next(wanted, mark):
            return
        try:
            if mark is None:
                self._create(wanted)
            self._overwrite(wanted)
        except OSError as error:
            raise LogNotServedError("The log's mark cannot be written: check GATEWAY_STATE_DIR.") from error

    def _create(self, mark: Mark) -> None:
        """Let there be a file that holds one mark, whole from its first moment; one that is there is kept."""
        try:
            write_private(self.path, _packed(mark).ljust(2 * _STRIDE, b"\0"), replace=False)
        except KeyFileError as error:
            if not self.path.exists():
                raise OSError(str(error)) from error

    def _overwrite(self, wanted: Mark) -> None:
        # Opened anew each time: a lock belongs to an open file, and a forked process would share it.
        descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            data = os.pread(descriptor, 2 * _STRIDE, 0)
            if _is_next(wanted, _newest(data)):
                os.pwrite(descriptor, _packed(wanted), _older_slot(data) * _STRIDE)
                os.fdatasync(descriptor)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)


def _is_next(wanted: Mark, mark: Mark) -> bool:
    if mark.size == wanted.size and mark.root != wanted.root:
        raise LogContradictionError("the log was published with two different roots for one size")
    return mark.size < wanted.size


def _newest(data: bytes) -> Mark:
    marks = [mark for slot in (0, 1) if (mark := _parsed(data, slot))]
    if not marks:
        raise LogNotServedError("The log's mark is damaged: verify the log, then remove the file log.mark.")
    return max(marks, key=lambda mark: mark.size)


def _older_slot(data: bytes) -> int:
    sizes = [mark.size if (mark := _parsed(data, slot)) else -1 for slot in (0, 1)]
    return sizes.index(min(sizes))


def _parsed(data: bytes, slot: int) -> Mark | None:
    stored = data[slot * _STRIDE : slot * _STRIDE + _SLOT.size]
    if len(stored) < _SLOT.size:
        return None
    _, size, root, _ = _SLOT.unpack(stored)
    mark = Mark(size, root)
    return mark if stored == _packed(mark) else None


def _packed(mark: Mark) -> bytes:
    digest = hashlib.sha256(_MAGIC + mark.size.to_bytes(8, "big") + mark.root).digest()
    return _SLOT.pack(_MAGIC, mark.size, mark.root, digest)
