"""golang.org/x/mod/sumdb verifies a log that our code wrote: what others read in the formats is what we write.

Tiles, roots, both kinds of proofs, entries, the log's signatures and the witnesses' cosignatures; and whatever is
changed in one place is refused there, by Go and by us.
"""

import shutil
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from extract_client.errors import ExtractClientError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, leaf_hash, tree_root, verify_consistency, verify_inclusion
from extract_client.log.note import VerifierKey, open_note
from extract_client.log.proof import LogProof
from extract_client.log.tiles import (
    Bundle,
    Tile,
    bundles_of,
    decode_bundle,
    parse_bundle_path,
    parse_tile_path,
    tile_reader,
)
from tests.interop.log_folder import ORIGIN, WITNESSES, LogFolder, bodies_of, write_log
from tests.interop.oracle import FaultFoundError, Oracle

SMALL = (1, 2, 255, 256, 257)
LARGE = (*SMALL, 65535, 65536, 65537, 70123, 131071)
"""Both sides of every edge of a tile on three levels, and sizes with many subtrees."""


@pytest.fixture(scope="module")
def small_log(tmp_path_factory: pytest.TempPathFactory) -> LogFolder:
    """A log of 257 entries. Nobody writes to it."""
    return write_log(tmp_path_factory.mktemp("small"), bodies=bodies_of(SMALL[-1]), sizes=SMALL)


def expected(log: LogFolder, sizes: Sequence[int]) -> dict[str, object]:
    """What the oracle must have verified: everything there is."""
    proofs = log.count("proofs/*")
    return {
        "sizes": list(sizes),
        "cosignatures": len(WITNESSES) * (len(sizes) + proofs),
        "unknown": 0,
        "tiles": log.count("tile/**/*"),
        "entries": sum(sizes),
        "inclusion": proofs,
        "consistency": len(sizes) * (len(sizes) + 1) // 2,
        "openings": 0,
    }


def test_go_verifies_everything_we_write(tmp_path: Path, oracle: Oracle, say: Callable[[str], None]) -> None:
    """Every proof is also rebuilt by Go from our tiles and equals ours byte for byte."""
    started = time.monotonic()
    log = write_log(tmp_path, bodies=bodies_of(LARGE[-1]), sizes=LARGE)
    written = time.monotonic()
    assert expected(log, LARGE) == oracle.verify(log.path)
    read = time.monotonic()
    say(f"log of {LARGE[-1]:,} entries: {written - started:.1f} s to write, {read - written:.1f} s in Go")


def test_a_small_log_is_accepted_by_go_and_by_us(small_log: LogFolder, oracle: Oracle) -> None:
    """So that what is refused below is refused for what was changed."""
    assert expected(small_log, SMALL) == oracle.verify(small_log.path)
    verify(small_log.path)


Change = Callable[[bytes], bytes]


def flip(position: int) -> Change:
    """Flips the lowest bit of one byte, counted from the end if negative."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[position] ^= 1
        return bytes(changed)

    return change


def swap_lines(one: int, other: int) -> Change:
    """Exchanges two lines, counted from the end if negative; every line is ended."""

    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[one], lines[other] = lines[other], lines[one]
        return b"".join(lines)

    return change


def replace(old: bytes, new: bytes) -> Change:
    """Replaces what must be there once."""

    def change(data: bytes) -> bytes:
        assert 1 == data.count(old)
        return data.replace(old, new)

    return change


LOG_LINE, WITNESS_LINE = "\u2014 gateway".encode(), "\u2014 camhs".encode()
TAMPERED: dict[str, tuple[str, Change, str]] = {
    "a leaf hash": ("tile/0/000", flip(7 * 32), "inconsistent tile"),
    "a leaf hash of a partial tile": ("tile/0/000.p/255", flip(-1), "inconsistent tile"),
    "a hash above the leaves": ("tile/1/000.p/1", flip(0), "inconsistent tile"),
    "two leaf hashes exchanged": ("tile/0/000", lambda d: d[32:64] + d[:32] + d[64:], "inconsistent tile"),
    "a tile too short": ("tile/0/000", lambda d: d[:-32], "len=8160, want 8192"),
    "a tile too long": ("tile/0/000", lambda d: d + d[:32], "len=8224, want 8192"),
    "an entry": ("tile/entries/000", flip(-1), "entry 255 is not the leaf"),
    "an entry of a partial bundle": ("tile/entries/001.p/1", flip(-1), "entry 256 is not the leaf"),
    "an entry's length": ("tile/entries/000", flip(1), "entries/000"),
    "an entry too many": ("tile/entries/001.p/1", lambda d: d + b"\0\1x", "has 2 entries"),
    "an entry missing": ("tile/entries/001.p/1", lambda _: b"", "has 0 entries"),
    "a root": ("checkpoints/000257", swap_lines(1, 2), "invalid signature"),
    "an origin": ("checkpoints/000257", flip(0), "invalid signature"),
    "a size": ("checkpoints/000257", replace(b"\n257\n", b"\n256\n"), "invalid signature"),
    "the log's signature": ("checkpoints/000257", replace(LOG_LINE, WITNESS_LINE), "log did not sign"),
    "a witness's signature": ("proofs/000257-000256", flip(-10), "invalid signature for key advocate"),
    "a hash of an inclusion proof": ("proofs/000257-000001", flip(60), "invalid transparency proof"),
    "the order of an inclusion proof": ("proofs/000257-000001", swap_lines(2, 3), "invalid transparency"),
    "the index of an inclusion proof": (
        "proofs/000257-000001",
        replace(b"index 1\n", b"index 2\n"),
        "invalid transparency proof",
    ),
    "an index beyond the tree": (
        "proofs/000257-000001",
        replace(b"index 1\n", b"index 257\n"),
        "not in a tree",
    ),
    "the index written otherwise": (
        "proofs/000257-000001",
        replace(b"index 1\n", b"index 01\n"),
        "not a canonical number",
    ),
    "an inclusion proof cut short": (
        "proofs/000257-000256",
        lambda d: d.replace(d.splitlines(keepends=True)[2], b"", 1),
        "invalid transparency proof",
    ),
    "the version of a proof": (
        "proofs/000257-000001",
        replace(b"@v1", b"@v2"),
        "not a proof of this version",
    ),
    "a hash of a consistency proof": ("consistency/255-257", flip(3), "invalid transparency proof"),
    "the order of a consistency proof": ("consistency/255-257", swap_lines(0, 1), "invalid transparency"),
    "a consistency proof cut short": ("consistency/255-257", lambda d: d[45:], "invalid transparency proof"),
    "a consistency proof too long": ("consistency/256-257", lambda d: d + d[:45], "invalid transparency"),
}


@pytest.mark.parametrize("tampered", TAMPERED)
def test_what_is_changed_in_one_place_is_refused_there(
    tmp_path: Path, small_log: LogFolder, oracle: Oracle, tampered: str
) -> None:
    name, change, reason = TAMPERED[tampered]
    copy = tmp_path / "log"
    shutil.copytree(small_log.path, copy)
    before = (copy / name).read_bytes()
    (copy / name).write_bytes(change(before))
    assert before != (copy / name).read_bytes()
    with pytest.raises(FaultFoundError, match=reason):
        oracle.verify(copy)
    with pytest.raises(ExtractClientError):
        verify(copy)


def test_a_tile_of_no_checkpoint_is_noticed(tmp_path: Path, oracle: Oracle) -> None:
    """A tile under another path or width than the format gives it is one that nobody asks for."""
    log = write_log(tmp_path, bodies=bodies_of(2), sizes=[2])
    log.put("tile/8/0/000.p/2", (tmp_path / "tile/0/000.p/2").read_bytes())
    with pytest.raises(FaultFoundError, match="no checkpoint needs this file"):
        oracle.verify(tmp_path)


def test_a_tile_that_is_not_served_is_noticed(tmp_path: Path, oracle: Oracle) -> None:
    write_log(tmp_path, bodies=bodies_of(2), sizes=[2])
    (tmp_path / "tile/0/000.p/2").unlink()
    with pytest.raises(FaultFoundError, match=r"000\.p/2: no such file"):
        oracle.verify(tmp_path)


INDEXES = (0, 9, 99, 999, 1000, 1001, 10_000, 999_999, 1_000_000, 1_234_067, 999_999_999, 10**12, 2**53)


def test_a_tile_lies_where_go_looks_for_it(tmp_path: Path, oracle: Oracle) -> None:
    """Also far beyond the trees that a test can make, where the path has more elements."""
    tiles = [
        Tile(level, index, width) for level in (0, 1, 7) for index in INDEXES for width in (1, 9, 255, 256)
    ]
    bundles = [Bundle(index, width) for index in INDEXES for width in (1, 10, 256)]
    lines = [f"{tile.level} {tile.index} {tile.width}\n" for tile in tiles]
    lines += [f"-1 {bundle.index} {bundle.width}\n" for bundle in bundles]
    (tmp_path / "tiles").write_text("".join(lines))
    paths = oracle.paths(tmp_path)
    assert paths == [tile.path for tile in tiles] + [bundle.path for bundle in bundles]
    assert tiles == [parse_tile_path(*path.split("/", 2)[1:]) for path in paths[: len(tiles)]]
    assert bundles == [parse_bundle_path(path.split("/", 2)[2]) for path in paths[len(tiles) :]]


def verify(folder: Path) -> None:
    """Verify the same folder with our own code.

    Raises: ExtractClientError.
    """
    keys = [VerifierKey.parse(line) for line in (folder / "keys").read_text().splitlines()]
    heads: dict[int, Checkpoint] = {}
    entries: list[bytes] = []
    for file in sorted(folder.glob("checkpoints/*")):
        head = _opened(file.read_text(), keys)
        entries = _entries(folder, head.size)
        read = tile_reader(head.size, lambda tile: (folder / tile.path).read_bytes())
        leaves = [leaf_hash(entry) for entry in entries]
        if leaves != [read(0, index) for index in range(head.size)]:
            raise ProofError("The entries are not the tiles' leaves.")
        if not head.root == tree_root(head.size, read) == Frontier().grown(leaves).root:
            raise ProofError("The tiles and the entries do not lead to the signed root.")
        heads[head.size] = head
    for file in folder.glob("proofs/*"):
        proof = LogProof.parse(file.read_text())
        head = _opened(proof.checkpoint, keys)
        leaf = leaf_hash(entries[proof.index]) if proof.index < len(entries) else b""
        verify_inclusion(leaf, index=proof.index, size=head.size, root=head.root, proof=proof.hashes)
    for file in folder.glob("consistency/*"):
        first, second = (heads[int(size)] for size in file.name.split("-"))
        verify_consistency(
            first=first.size,
            first_root=first.root,
            second=second.size,
            second_root=second.root,
            proof=[b64decode(line) for line in file.read_text().splitlines()],
        )


def _entries(folder: Path, size: int) -> list[bytes]:
    return [
        entry
        for bundle in bundles_of(size)
        for entry in decode_bundle((folder / bundle.path).read_bytes(), width=bundle.width)
    ]


def _opened(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that the log, whose key is the first, signed."""
    opened = open_note(note, keys)
    head = Checkpoint.parse(opened.text)
    if keys[0] not in {signature.key for signature in opened.signatures} or ORIGIN != head.origin:
        raise ProofError("This is no checkpoint of the log.")
    return head
