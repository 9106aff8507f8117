"""A log as a folder of files, as it would be served: what our code writes and others read.

``main.go`` says what lies where.
"""

import random
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import (
    Frontier,
    Hash,
    HashReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_reader,
)
from extract_client.log.note import (
    COSIGNATURE,
    NoteSigner,
    VerifierKey,
    add_lines,
    cosignature_line,
    sign_note,
)
from extract_client.log.proof import LogProof
from extract_client.log.tiles import TILE_WIDTH, Tile, bundles_of, encode_bundle, tile_reader, tiles_of

ORIGIN: Final = "gateway.example.org/log/1"
TIME: Final = 1_795_000_000
LOG: Final = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
WITNESSES: Final = {
    f"{name}.example.org": Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("camhs", "advocate"), start=2)
}

_EXTREMES: Final = {3: b"", 4: b"\xff" * 0xFFFF}
_RANDOM_PROOFS: Final = 12
_EDGES: Final = frozenset({0, 1, 254, 255, 256, 257, 65534, 65535, 65536, 65537})


def witness_key(name: str) -> VerifierKey:
    """The key that verifies a witness's cosignatures."""
    return VerifierKey(name, COSIGNATURE, WITNESSES[name].public_key().public_bytes_raw())


def signed(checkpoint: Checkpoint) -> str:
    """The checkpoint with the log's signature and every witness's."""
    lines = [
        cosignature_line(checkpoint.text, name=name, key=key, time=TIME + checkpoint.size)
        for name, key in WITNESSES.items()
    ]
    return add_lines(sign_note(checkpoint.text, [LOG]), lines)


@dataclass(frozen=True, slots=True)
class LogFolder:
    """A folder in the layout of ``main.go``."""

    path: Path

    @classmethod
    def new(cls, path: Path, *, origin: str, keys: Sequence[VerifierKey]) -> "LogFolder":
        """Begin a log whose first key is its own and whose others are witnesses'."""
        log = cls(path)
        log.put("origin", f"{origin}\n")
        log.put("keys", "".join(f"{key}\n" for key in keys))
        return log

    def put(self, name: str, content: str | bytes) -> None:
        """Write one file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def put_consistency(self, first: int, second: int, proof: Sequence[Hash]) -> None:
        """Write the proof that one tree begins with another."""
        self.put(f"consistency/{first}-{second}", "".join(f"{b64encode(one).decode()}\n" for one in proof))

    def count(self, pattern: str) -> int:
        """How many files there are."""
        return sum(file.is_file() for file in self.path.glob(pattern))


def write_log(path: Path, *, bodies: Sequence[bytes], sizes: Sequence[int]) -> LogFolder:
    """Write a log that published these sizes, with everything that anybody could ask of it.

    The roots come from frontiers grown from one size to the next, the proofs of new entries from the frontier and
    the new leaves alone, as the gateway makes them; the other proofs from the tiles, as a monitor makes them.
    """
    log = LogFolder.new(path, origin=ORIGIN, keys=[LOG.verifier, *map(witness_key, WITNESSES)])
    leaves = [leaf_hash(body) for body in bodies]
    whole = range_reader(Frontier(), leaves)
    tiles: dict[Tile, bytes] = {}
    heads: dict[int, str] = {}
    frontier = Frontier()
    for size in sizes:
        fresh = leaves[frontier.size : size]
        tiles |= {tile: _hashes(tile, whole) for tile in tiles_of(size) if tile not in tiles}
        old_entries, new_entries = tile_reader(size, tiles.__getitem__), range_reader(frontier, fresh)
        known, frontier = frontier.size, frontier.grown(fresh)
        heads[size] = note = signed(Checkpoint(ORIGIN, size, frontier.root))
        log.put(f"checkpoints/{size:06}", note)
        for index in sorted(_indexes(size)):
            hashes = inclusion_proof(index, size=size, read=new_entries if index >= known else old_entries)
            log.put(f"proofs/{size:06}-{index:06}", str(LogProof(index, tuple(hashes), note)))
        for first in heads:
            log.put_consistency(first, size, consistency_proof(first, second=size, read=old_entries))
    for tile, data in tiles.items():
        log.put(tile.path, data)
    for bundle in {bundle for size in sizes for bundle in bundles_of(size)}:
        start = bundle.index * TILE_WIDTH
        log.put(bundle.path, encode_bundle(bodies[start : start + bundle.width]))
    return log


def bodies_of(size: int) -> list[bytes]:
    """Entries of many lengths: the empty one and the longest that a bundle takes among them."""
    return [_EXTREMES.get(number, b"%x" % (number * 0x9E3779B1)) for number in range(size)]


def _hashes(tile: Tile, read: HashReader) -> bytes:
    start = tile.index * TILE_WIDTH
    return b"".join(read(8 * tile.level, start + at) for at in range(tile.width))


def _indexes(size: int) -> set[int]:
    """Entries of a tree whose proofs are worth having: its edges, those of its tiles, and some others."""
    some = random.Random(size).choices(range(size), k=_RANDOM_PROOFS)  # noqa: S311 - not a secret
    return {index for index in _EDGES if index < size} | {size // 2, size - 1, *some}
