"""Tiles and entry bundles: how a log serves its tree in pieces that never change (c2sp.org/tlog-tiles). Pure.

INVARIANT: one tile has one path; every other spelling is refused.
Whoever reads hashes from tiles trusts none of them: a proof made from them leads to the signed root, or fails.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extract_client.errors import ProofError
from extract_client.log.encoding import MAX_SIZE, parse_decimal
from extract_client.log.merkle import HASH_BYTES, Hash, HashReader, node_hash

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 2**16 - 1

_LENGTH_BYTES: Final = 2
_ELEMENTS: Final = re.compile(r"(?!x000/)((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """Consecutive hashes of one level of the tree.

    Attributes:
        level: 0: leaf hashes; above: roots of the full tiles of the level below.
        index: position among the tiles of its level.
        width: number of hashes, 1 to 256; fewer than 256: a partial tile.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Path below the log's prefix."""
        return f"tile/{self.level}/{_elements(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The entries under one tile of level 0.

    Attributes:
        index: that tile's.
        width: number of entries, 1 to 256.
    """

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Path below the log's prefix."""
        return f"tile/entries/{_elements(self.index, self.width)}"


def parse_tile_path(level: str, rest: str) -> Tile:
    """Return the tile whose path is exactly ``tile/<level>/<rest>``.

    Raises: ValueError.
    """
    number = parse_decimal(level)
    if number > MAX_LEVEL:
        raise ValueError("a tree has no tiles of this level")
    index, width = _parse_elements(rest)
    return Tile(number, index, width)


def parse_bundle_path(rest: str) -> Bundle:
    """Return the bundle whose path is exactly ``tile/entries/<rest>``.

    Raises: ValueError.
    """
    return Bundle(*_parse_elements(rest))


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of a tree of this size: level by level, the partial one last in its level."""
    level = 0
    while hashes := size >> TILE_HEIGHT * level:
        for index, width in _cut(hashes):
            yield Tile(level, index, width)
        level += 1


def bundles_of(size: int) -> Iterator[Bundle]:
    """Yield every bundle of a log of this size, the partial one last."""
    for index, width in _cut(size):
        yield Bundle(index, width)


def encode_bundle(bodies: Sequence[bytes]) -> bytes:
    """Return the entries one after the other, each after its length in two bytes, big-endian.

    Raises: ValueError, an entry is longer than that can say.
    """
    if any(len(body) > MAX_ENTRY_BYTES for body in bodies):
        raise ValueError("an entry of a bundle has at most 65,535 bytes")
    return b"".join(len(body).to_bytes(_LENGTH_BYTES, "big") + body for body in bodies)


def decode_bundle(data: bytes, *, width: int) -> list[bytes]:
    """Return the entries of a bundle that holds exactly ``width``.

    Raises: ProofError.
    """
    bodies, at = [], 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        bodies.append(data[start:at])
    if at != len(data) or len(bodies) != width:
        raise ProofError("The log served a bundle with another number of entries, or one that breaks off.")
    return bodies


def tile_reader(size: int, fetch: Callable[[Tile], bytes]) -> HashReader:
    """Return a reader of the tree of ``size`` leaves; each tile is fetched once, when first needed.

    Args:
        fetch: returns the tile's hashes one after the other; it may raise.

    The reader raises ProofError when a tile has not the length of its width.
    """
    known: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        found = known.get((level, index))
        if found is None:
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
            found = fetch(Tile(level, index, width))
            if len(found) != width * HASH_BYTES:
                raise ProofError("The log served a tile of the wrong length.")
            known[level, index] = found
        return found

    def read(level: int, index: int) -> Hash:
        if index < 0 or (index + 1) << level > size:
            raise LookupError("the tree has no such complete subtree")
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        data = tile(tile_level, first >> TILE_HEIGHT)
        start = (first % TILE_WIDTH) * HASH_BYTES
        return _subtree_root(data[start : start + (HASH_BYTES << height)])

    return read


def _subtree_root(data: bytes) -> Hash:
    """Root over a power of two of hashes."""
    nodes = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [node_hash(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def _cut(count: int) -> Iterator[tuple[int, int]]:
    """Index and width of every tile over ``count`` hashes."""
    full, rest = divmod(count, TILE_WIDTH)
    for index in range(full):
        yield index, TILE_WIDTH
    if rest:
        yield full, rest


def _elements(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial


def _parse_elements(rest: str) -> tuple[int, int]:
    found = _ELEMENTS.fullmatch(rest)
    if not found:
        raise ValueError("not the path of a tile")
    index = int(found[1].replace("x", "").replace("/", ""))
    width = int(found[2]) if found[2] else TILE_WIDTH
    if index > MAX_SIZE >> TILE_HEIGHT or (found[2] and width >= TILE_WIDTH):
        raise ValueError("no tree has this tile")
    return index, width
