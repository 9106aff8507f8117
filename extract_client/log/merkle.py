"""The Merkle tree of RFC 6962: roots, proofs and their verification. Pure.

INVARIANTS
- A verifier returns only if the proof has exactly the hashes that sizes and index call for, each of
  32 bytes, and they lead to the root given; everything else raises ``ProofError``.
- Complete subtrees never change as the tree grows, so they are all that a reader has to know.

Sources: RFC 6962 section 2.1 (trees and proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (verification).
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from extract_client.errors import ProofError

Hash: TypeAlias = bytes
"""32 bytes."""

HASH_BYTES: Final = 32
EMPTY_ROOT: Final[Hash] = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


class HashReader(Protocol):
    """Knows the complete subtrees of one tree."""

    def __call__(self, level: int, index: int) -> Hash:
        """Return the root of the leaves from ``index << level`` up to, not including, ``(index + 1) << level``.

        Raises: LookupError, the subtree is not complete or not known.
        """
        ...


def leaf_hash(body: bytes) -> Hash:
    """Return the hash of a leaf (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Return the hash of an inner node (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed of a tree in order to grow it.

    Attributes:
        size: number of leaves.
        peaks: roots of the complete subtrees that make up the tree, largest first: one per bit of ``size``.
    """

    size: int = 0
    peaks: tuple[Hash, ...] = ()

    @classmethod
    def parse(cls, size: int, peaks: bytes) -> "Frontier":
        """Return the frontier whose peaks lie one after the other in ``peaks``.

        Raises: ValueError, a tree of this size has another number of peaks.
        """
        if size < 0 or len(peaks) != HASH_BYTES * size.bit_count():
            raise ValueError("a frontier has one peak of 32 bytes per bit of its size")
        return cls(size, tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)))

    @classmethod
    def of(cls, size: int, read: HashReader) -> "Frontier":
        """Return the frontier of the first ``size`` leaves."""
        peaks, start = [], 0
        for level in reversed(list(_bits(size))):
            peaks.append(read(level, start >> level))
            start += 1 << level
        return cls(size, tuple(peaks))

    def grown(self, leaves: Iterable[Hash]) -> "Frontier":
        """Return the frontier after these leaf hashes."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node, carry = leaf, size
            while carry & 1:
                node = node_hash(peaks.pop(), node)
                carry >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))

    @property
    def root(self) -> Hash:
        """Root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def range_reader(frontier: Frontier, leaves: Sequence[Hash]) -> HashReader:
    """Return a reader of the tree that ``frontier`` becomes with ``leaves``; no node is hashed twice.

    It knows what the root, the proof of consistency with the frontier and the inclusion proofs of the new
    leaves need: the frontier's peaks and every complete subtree that reaches beyond it.
    """
    known: dict[tuple[int, int], Hash] = {}
    end = frontier.size
    for level, peak in zip(_bits(frontier.size), reversed(frontier.peaks), strict=True):
        end -= 1 << level
        known[level, end >> level] = peak

    def read(level: int, index: int) -> Hash:
        found = known.get((level, index))
        if found is None:
            first, last = index << level, (index + 1) << level
            if last <= frontier.size:
                raise LookupError("only the frontier's peaks are known of the leaves before it")
            if level == 0:
                found = leaves[first - frontier.size]
            else:
                found = node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
            known[level, index] = found
        return found

    return read


def tree_root(size: int, read: HashReader) -> Hash:
    """Return the root of the first ``size`` leaves (RFC 6962 section 2.1).

    Raises: ValueError, the size is negative.
    """
    if size < 0:
        raise ValueError("a tree has no negative size")
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, *, size: int, read: HashReader) -> list[Hash]:
    """Return the audit path of a leaf, its sibling first (RFC 6962 section 2.1.1).

    Raises: ValueError, a tree of this size has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    path, node = [], index
    for level in range((size - 1).bit_length()):
        sibling = node ^ 1
        start, end = sibling << level, min((sibling + 1) << level, size)
        if start < end:  # else the node is the last of its level, and its parent has its hash
            path.append(_range_root(start, end, read))
        node >>= 1
    return path


def consistency_proof(first: int, *, second: int, read: HashReader) -> list[Hash]:
    """Return the proof that the tree of ``second`` leaves begins with that of ``first`` (RFC 6962 section 2.1.2).

    Raises: ValueError, not 1 <= first <= second.
    """
    if not 1 <= first <= second:
        raise ValueError("a proof of consistency leads from a tree with leaves to one not smaller")
    path, start, end = [], 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start = middle
    if start:  # the verifier has the root of [0, first) already
        path.append(_range_root(start, end, read))
    path.reverse()
    return path


def verify_inclusion(leaf: Hash, *, index: int, size: int, root: Hash, proof: Sequence[Hash]) -> None:
    """Check that the tree of ``size`` leaves with this root has ``leaf`` at ``index``.

    Raises: ProofError.
    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError("The log's tree has no entry at this index.")
    _require_hashes(leaf, root, *proof)
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("The inclusion proof has too many hashes.")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("The inclusion proof has too few hashes.")
    if computed != root:
        raise ProofError("The inclusion proof does not lead to the root of the log's tree.")


def verify_consistency(
    *, first: int, first_root: Hash, second: int, second_root: Hash, proof: Sequence[Hash]
) -> None:
    """Check that the tree of ``second`` leaves begins with the tree of ``first``.

    Raises: ProofError; also for ``first`` = 0, which is consistent with anything and so proves nothing.
    Source: RFC 9162 section 2.1.4.2.
    """
    if not 1 <= first <= second:
        raise ProofError("A consistency proof leads from a tree with entries to one that is not smaller.")
    _require_hashes(first_root, second_root, *proof)
    if first == second:
        if proof or first_root != second_root:
            raise ProofError("Two trees of one size have different roots, or a proof where none is needed.")
        return
    if first & (first - 1) == 0:
        proof = (first_root, *proof)
    if not proof:
        raise ProofError("The consistency proof has too few hashes.")
    _climb(first=first, first_root=first_root, second=second, second_root=second_root, proof=proof)


def _climb(*, first: int, first_root: Hash, second: int, second_root: Hash, proof: Sequence[Hash]) -> None:
    """Compute both roots from the seed ``proof[0]`` upwards and compare them."""
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    computed_first = computed_second = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            raise ProofError("The consistency proof has too many hashes.")
        if node & 1 or node == last:
            computed_first = node_hash(sibling, computed_first)
            computed_second = node_hash(sibling, computed_second)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed_second = node_hash(computed_second, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("The consistency proof has too few hashes.")
    if computed_first != first_root or computed_second != second_root:
        raise ProofError("The consistency proof does not connect the two trees.")


def _require_hashes(*hashes: Hash) -> None:
    if any(len(given) != HASH_BYTES for given in hashes):
        raise ProofError("A hash of the proof is not 32 bytes long.")


def _split(count: int) -> int:
    """The largest power of two smaller than ``count``, at least 2 (RFC 6962 section 2.1)."""
    return 1 << ((count - 1).bit_length() - 1)


def _bits(number: int) -> Iterator[int]:
    """Positions of the bits that are set, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def _range_root(start: int, end: int, read: HashReader) -> Hash:
    """Root of the leaves from ``start``, where a subtree of that many leaves may begin, to ``end``; not empty."""
    count = end - start
    level = count.bit_length() - 1
    if count == 1 << level:
        return read(level, start >> level)
    middle = start + (1 << level)
    return node_hash(read(level, start >> level), _range_root(middle, end, read))
