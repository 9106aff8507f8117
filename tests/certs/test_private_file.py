"""A secret is on disk whole, and its owner's alone, or it is not there at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from certs.errors import KeyFileError
from certs.private_file import write_private


@pytest.mark.parametrize("replace", [True, False])
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, replace: bool
) -> None:
    """A full disk that keeps an empty draft for every try is soon out of names, too."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="cannot be written"):
        write_private(tmp_path / "secret", b"x", replace=replace)
    assert [] == list(tmp_path.iterdir())


def test_what_is_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_private(file, b"old", replace=False)
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_private(file, b"new", replace=False)
    assert b"old" == file.read_bytes()
    write_private(file, b"new")
    assert (b"new", 0o600, [file]) == (
        file.read_bytes(),
        stat.S_IMODE(file.stat().st_mode),
        list(tmp_path.iterdir()),
    )
