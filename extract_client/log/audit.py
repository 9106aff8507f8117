"""What follows from a log's entries alone: their form, and the tree and tiles that they make. Pure.

INVARIANTS
- Every entry has one length and one form, and tells a whole minute; whatever differs was not made by the log's own
  program.
- What is derived here is compared with what the log serves or stores, never taken from it.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from extract_client.errors import ProofError
from extract_client.log.merkle import Frontier, Hash
from extract_client.log.tiles import TILE_HEIGHT, TILE_WIDTH

MINUTE: Final = 60
_LOG_ID_HEX: Final = 8
_FORM: Final = re.compile(
    rb'\{"c":"(?P<commitment>[0-9a-f]{64})","f":"[0-9a-f]{32}",'
    rb'"id":"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})",'
    rb'"l":"(?P<log>[0-9a-f]{8})","t":(?P<time>[1-9][0-9]{9}),"v":1\}'
)


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """What everybody can read of an entry.

    Attributes:
        minute: seconds since 1970.
        commitment: to the sealed parts, 32 bytes.
    """

    entry_id: UUID
    minute: int
    commitment: bytes


def log_id(origin: str) -> bytes:
    """Return the short id of a log, as its entries name it: 8 hexadecimal digits."""
    return origin_digest(origin)[:_LOG_ID_HEX].encode("ascii")


def origin_digest(origin: str) -> str:
    """Return the name of a log in the paths of witnesses: its origin's SHA-256, in hexadecimal."""
    return hashlib.sha256(origin.encode()).hexdigest()


def read_entry(body: bytes, *, index: int, log: bytes) -> ReadEntry:
    """Return what an entry's body tells.

    Args:
        index: where it stands, for the message.
        log: short id of the log that has it.

    Raises: ProofError, it has not the form and length that every entry has.
    """
    found = _FORM.fullmatch(body)
    if found is None:
        raise ProofError(f"Entry {index} has not the form that every entry has.")
    if found["log"] != log:
        raise ProofError(f"Entry {index} was made for another log.")
    minute = int(found["time"])
    if minute % MINUTE:
        raise ProofError(f"Entry {index} does not tell a whole minute.")
    return ReadEntry(UUID(found["id"].decode()), minute, bytes.fromhex(found["commitment"].decode()))


class GrowingTree:
    """A tree that grows leaf by leaf and tells every hash of its upper tiles as it becomes known."""

    def __init__(self, frontier: Frontier | None = None) -> None:
        """Start from a frontier; absent: from nothing."""
        start = frontier or Frontier()
        self.size = start.size
        self._parts: list[Frontier] = []  # of the incomplete tile of each level
        peaks = list(start.peaks)
        for level in range(-(-start.size.bit_length() // TILE_HEIGHT)):
            width = start.size >> TILE_HEIGHT * level & TILE_WIDTH - 1
            cut = len(peaks) - width.bit_count()
            self._parts.append(Frontier(width, tuple(peaks[cut:])))
            del peaks[cut:]

    @property
    def root(self) -> Hash:
        """Root of the tree as it is now (RFC 6962 section 2.1)."""
        return self.frontier.root

    @property
    def frontier(self) -> Frontier:
        """Frontier of the tree as it is now."""
        return Frontier(self.size, tuple(peak for part in reversed(self._parts) for peak in part.peaks))

    def add(self, leaves: Sequence[Hash]) -> Iterator[tuple[int, int, Hash]]:
        """Add leaf hashes, and yield tile level, index and root of each tile that becomes full.

        Args:
            leaves: at most as many as the tile of level 0 has room for.
        """
        self.size += len(leaves)
        level, hashes = 0, leaves
        while hashes:
            if level == len(self._parts):
                self._parts.append(Frontier())
            part = self._parts[level].grown(hashes)
            full = part.size == TILE_WIDTH
            self._parts[level] = Frontier() if full else part
            hashes = [part.root] if full else []
            if full:
                yield level, (self.size >> TILE_HEIGHT * (level + 1)) - 1, part.root
            level += 1

    @property
    def room(self) -> int:
        """How many leaves the incomplete tile of level 0 has room for, at least one."""
        return TILE_WIDTH - self.size % TILE_WIDTH
