"""RFC 6962 section 2.1 word for word: slow, recursive and easy to compare with the text."""

import hashlib
from collections.abc import Sequence

from extract_client.log.merkle import leaf_hash
from extract_client.log.tiles import Tile


def bodies(count: int) -> list[bytes]:
    """Entries that differ."""
    return [f"entry {number}".encode() for number in range(count)]


def leaves(count: int) -> list[bytes]:
    """Leaf hashes of ``bodies``."""
    return [leaf_hash(body) for body in bodies(count)]


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """MTH(D[n]), given the hashes of the leaves."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = _k(len(hashes))
    return hashlib.sha256(b"\x01" + tree_hash(hashes[:k]) + tree_hash(hashes[k:])).digest()


def path(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(hashes) == 1:
        return []
    k = _k(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), tree_hash(hashes[k:])]
    return [*path(m - k, hashes[k:]), tree_hash(hashes[:k])]


def proof(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return _subproof(m, hashes, whole=True)


def tile_data(hashes: Sequence[bytes], tile: Tile) -> bytes:
    """The tile of a tree with these leaves (c2sp.org/tlog-tiles)."""
    span = 256**tile.level
    first = tile.index * 256
    return b"".join(
        tree_hash(hashes[number * span : (number + 1) * span]) for number in range(first, first + tile.width)
    )


def _subproof(m: int, hashes: Sequence[bytes], *, whole: bool) -> list[bytes]:
    n = len(hashes)
    if m == n:
        return [] if whole else [tree_hash(hashes)]
    k = _k(n)
    if m <= k:
        return [*_subproof(m, hashes[:k], whole=whole), tree_hash(hashes[k:])]
    return [*_subproof(m - k, hashes[k:], whole=False), tree_hash(hashes[:k])]


def _k(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
