"""The mark outlives crashes, keeps its word between processes, and makes nobody wait."""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.disclosure_log.errors import LogNotServedError
from gateway.disclosure_log.mark import Mark, MarkFile
from gateway.log_signer import LogContradictionError

SLOT = 4096


def root(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def marked(folder: Path, *sizes: int) -> MarkFile:
    file = MarkFile(folder)
    for size in sizes:
        file.advance(size, root(size))
    return file


def test_what_was_marked_is_read_again(tmp_path: Path) -> None:
    marked(tmp_path, 1, 2, 70_000)
    assert Mark(70_000, root(70_000)) == MarkFile(tmp_path).read()


def test_nothing_published_is_no_mark(tmp_path: Path) -> None:
    assert MarkFile(tmp_path).read() is None


def test_the_mark_never_goes_back(tmp_path: Path) -> None:
    """Two processes publish side by side; the slower one must not take the mark down."""
    assert Mark(9, root(9)) == marked(tmp_path, 9, 4, 8).read()


def test_one_size_with_two_roots_is_a_contradiction(tmp_path: Path) -> None:
    file = marked(tmp_path, 3, 9)
    with pytest.raises(LogContradictionError):
        file.advance(9, root(10))
    file.advance(9, root(9))
    assert Mark(9, root(9)) == file.read()


def test_a_contradiction_is_seen_while_another_process_writes(tmp_path: Path) -> None:
    file = marked(tmp_path, 9)
    with file.path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LogContradictionError):
            file.advance(9, root(10))


@pytest.mark.parametrize("kept", [0, 1, 8, 15, 16, 17, 47, 48, 79, 80])
def test_a_torn_write_leaves_the_mark_before_it(tmp_path: Path, kept: int) -> None:
    """Power fails after ``kept`` bytes of the newest slot reached the disk; the rest is what was there before."""
    file = marked(tmp_path, 1, 2, 3)
    before = file.path.read_bytes()
    file.advance(4, root(4))
    after = file.path.read_bytes()
    changed = next(slot for slot in (0, SLOT) if before[slot : slot + SLOT] != after[slot : slot + SLOT])
    expected = 4 if kept == 80 else 3
    file.path.write_bytes(
        after[: changed + kept] + before[changed + kept : changed + SLOT] + after[changed + SLOT :]
    )
    assert Mark(expected, root(expected)) == file.read()
    file.advance(5, root(5))
    assert Mark(5, root(5)) == file.read()


def test_a_file_of_which_nothing_holds_is_no_empty_log(tmp_path: Path) -> None:
    """Read as "nothing published", a damaged mark would let any rollback through."""
    file = marked(tmp_path, 1)
    for content in (b"", b"x", bytes(2 * SLOT), os.urandom(2 * SLOT)):
        file.path.write_bytes(content)
        with pytest.raises(LogNotServedError, match="damaged"):
            file.read()
        with pytest.raises(LogNotServedError):
            file.advance(2, root(2))


def test_a_mark_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogNotServedError, match="GATEWAY_STATE_DIR"):
        MarkFile(tmp_path / "absent").advance(1, root(1))


def test_a_frozen_process_stops_nobody(tmp_path: Path) -> None:
    """A process stopped while it writes keeps its lock for as long as it stands still."""
    file = marked(tmp_path, 1)
    holder = subprocess.Popen(  # noqa: S603 - our own words
        [
            sys.executable,
            "-c",
            "import fcntl,sys,time; f=open(sys.argv[1]); fcntl.flock(f,fcntl.LOCK_EX); print(flush=True); time.sleep(60)",
            str(file.path),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        started = time.monotonic()
        file.advance(2, root(2))
        assert time.monotonic() - started < 1
        assert Mark(1, root(1)) == file.read()
    finally:
        holder.kill()
        holder.communicate()
    file.advance(3, root(3))
    assert Mark(3, root(3)) == file.read()


def test_processes_that_write_together_leave_the_highest(tmp_path: Path) -> None:
    """Each skips while another writes; whoever comes last afterwards still finds a whole file to move on."""
    writer = (
        "import hashlib,sys; from pathlib import Path; from gateway.disclosure_log.mark import MarkFile\n"
        "f=MarkFile(Path(sys.argv[1]))\n"
        "for n in range(int(sys.argv[2]), 400, 4): f.advance(n, hashlib.sha256(b'%d' % n).digest())"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", writer, str(tmp_path), str(first)])  # noqa: S603 - our own words
        for first in (1, 2, 3, 4)
    ]
    assert [0, 0, 0, 0] == [each.wait(60) for each in writers]
    file = MarkFile(tmp_path)
    file.advance(400, root(400))
    assert Mark(400, root(400)) == file.read()
    assert 0o600 == file.path.stat().st_mode & 0o777
