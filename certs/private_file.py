"""Write a secret to a file that only its owner can read.

Invariants:
- The file never exists with a mode wider than 0600, not even for an instant.
- After return, the bytes and the file's name are on disk (``fsync`` of both file and folder).
- A reader sees the old content or the new, never a part; what could not be written leaves nothing behind.
"""

import contextlib
import os
import secrets
from pathlib import Path

from certs.errors import KeyFileError

_OWNER_ONLY = 0o600


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Put ``data`` at ``path`` with mode 0600, atomically.

    Args:
        path: its folder must exist.
        data: the whole content.
        replace: with ``False`` an existing file is left alone and refused, for secrets whose loss is final.
    Raises: KeyFileError, the file exists and may not be replaced, or the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            _write_new(draft, data)
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)  # fails if the name exists: no check-then-write race
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        sync_folder(path.parent)
    except FileExistsError as error:
        raise KeyFileError("the key file exists already and is never overwritten") from error
    except OSError as error:
        raise KeyFileError("the key file cannot be written") from error


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Let every name in ``folder``, and every name that was taken from it, be on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
