"""The outside checker: re-derives the whole log from its stored bodies, with nothing of the gateway's tree.

INVARIANTS
- Hashes, notes and tiles are read and made here from their definitions; nothing of the gateway or of the partner's
  client is used.
- It reads as a superuser, in one snapshot, and changes nothing.
- Whatever is wrong ends in ``CheckFailedError`` with a sentence that names the place.

Sources: RFC 6962 section 2.1; c2sp.org/signed-note, tlog-checkpoint and tlog-tiles.
"""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg.rows import namedtuple_row

TILE = 256


class CheckFailedError(AssertionError):
    """The log, or what a client holds of it, is not as it must be."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """The log's public key under its name, as a partner keeps it (``name+id+base64``)."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> "LogKey":
        name, key_id, data = vkey.split("+", 2)
        public = b64decode(data)[1:]
        made = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        require(made == bytes.fromhex(key_id), "the verifier key does not have its own id")
        return cls(name, made, public)


class Tree:
    """The Merkle tree over some leaves (RFC 6962 section 2.1): complete subtrees once, the rest by recursion."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self.levels: list[list[bytes]] = [list(leaves)]
        while len(below := self.levels[-1]) > 1:
            pairs = zip(below[::2], below[1::2], strict=False)
            self.levels.append([node_hash(left, right) for left, right in pairs])

    @property
    def size(self) -> int:
        return len(self.levels[0])

    def root(self, size: int) -> bytes:
        return self._subtree(0, size) if size else hashlib.sha256(b"").digest()

    def peaks(self) -> bytes:
        """The roots of the complete subtrees, largest first."""
        bits = [level for level in range(self.size.bit_length()) if self.size >> level & 1]
        return b"".join(self.levels[level][(self.size >> level) - 1] for level in reversed(bits))

    def _subtree(self, first: int, size: int) -> bytes:
        level = size.bit_length() - 1
        if size == 1 << level:
            return self.levels[level][first >> level]
        split = 1 << level
        return node_hash(self._subtree(first, split), self._subtree(first + split, size - split))


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """A log that is whole.

    Attributes:
        bodies: of the entries, by leaf index.
        published: sizes of the checkpoints.
        released: the leaf index of each extract that the database says was released.
        deferred: ids of entries that wait for the next append.
        newest_act: leaf index of the newest act about a family; -1: there is none.
        acts: how many acts about families are recorded, those that wait included.
        openings: what each released entry commits to, sealed, with the wrapped key that opens it.
    """

    key: LogKey
    tree: Tree
    bodies: Sequence[bytes]
    published: frozenset[int]
    released: dict[UUID, int]
    deferred: frozenset[UUID]
    newest_act: int
    acts: int
    openings: dict[UUID, tuple[UUID, bytes, UUID, bytes]] = field(repr=False)


def check_log(url: str, *, vkey: str) -> CheckedLog:
    """Re-derive everything from the stored bodies and compare it with everything that is stored.

    Args:
        url: of a superuser.

    Raises: CheckFailedError.
    """
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        log = check_snapshot(connection, vkey=vkey)
        connection.rollback()
    return log


def check_snapshot(connection: psycopg.Connection[Any], *, vkey: str) -> CheckedLog:
    """Check the log as one transaction of a superuser sees it, and leave the transaction open.

    Raises: CheckFailedError.
    """
    key = LogKey.parse(vkey)
    rows = _read(connection, _ENTRIES)
    tiles = {(row.level, row.tile_index): row for row in _read(connection, _TILES)}
    (head,) = _read(connection, _HEAD)
    checkpoints = _read(connection, _CHECKPOINTS)
    waiting = _read(connection, _DEFERRED)
    orphans = _read(connection, _ORPHANS)
    tree = _checked_entries(rows, key=key)
    _check_transactions(rows)
    require(not orphans, "a payload or a trace belongs to no entry")
    deferred = frozenset(row.entry_id for row in waiting)
    require(not deferred & {row.entry_id for row in rows}, "an entry is in the log and still waits for it")
    _check_head(head, tree)
    _check_tiles(tiles, tree)
    for row in checkpoints:
        _check_checkpoint(row, tree, key=key)
    acts = [row for row in (*rows, *waiting) if row.agency_code is None and row.family_id.int]
    released = [row for row in rows if row.extract_id is not None]
    indexes = {row.extract_id: row.leaf_index for row in released}
    require(len(indexes) == len(released), "an extract is released twice")
    return CheckedLog(
        key,
        tree,
        [row.body for row in rows],
        frozenset(row.size for row in checkpoints),
        indexes,
        deferred,
        max((row.leaf_index for row in acts if row.entry_id not in deferred), default=-1),
        len(acts),
        {row.extract_id: (row.entry_id, row.sealed, row.family_id, row.wrapped) for row in released},
    )


def _checked_entries(rows: Sequence[Any], *, key: LogKey) -> Tree:
    log_id = hashlib.sha256(key.name.encode()).hexdigest()[:8]
    for index, row in enumerate(rows):
        require(row.leaf_index == index, f"leaf {index} is missing")
        require(row.leaf_hash == leaf_hash(row.body), f"the hash of leaf {index} is not that of its body")
        members = json.loads(row.body)
        require(canonical(members) == row.body, f"the body of leaf {index} is not canonical")
        require(len(row.body) == len(rows[0].body), f"the body of leaf {index} has a length of its own")
        require(members["id"] == str(row.entry_id), f"the body of leaf {index} names another entry")
        require(members["l"] == log_id, f"leaf {index} was made for another log")
        require(row.sealed is not None, f"leaf {index} has no payload")
        require(row.trace_xmin is not None, f"leaf {index} has no trace")
    require(len({row.entry_id for row in rows}) == len(rows), "an entry is in the log twice")
    return Tree(leaf_hash(row.body) for row in rows)


def _check_transactions(rows: Sequence[Any]) -> None:
    """What one append wrote stands together, with its payloads and traces: nothing of it is missing or elsewhere."""
    for row in rows:
        require(
            row.xmin == row.payload_xmin == row.trace_xmin,
            f"leaf {row.leaf_index}, its payload and its trace were not written together",
        )
    runs = [xmin for xmin, _ in groupby(rows, key=lambda row: row.xmin)]
    require(len(set(runs)) == len(runs), "the entries of one batch do not stand together")


def _check_head(head: Any, tree: Tree) -> None:
    require(head.size == tree.size, f"the head says {head.size} entries, there are {tree.size}")
    require(head.peaks == tree.peaks(), "the head's frontier is not that of the entries")
    require(head.root == tree.root(tree.size), "the head's root is not that of the entries")


def _check_tiles(tiles: dict[tuple[int, int], Any], tree: Tree) -> None:
    expected = {
        (height // 8, index): (
            b"".join(level[index * TILE : (index + 1) * TILE]),
            tree.levels[height + 8][index],
        )
        for height, level in enumerate(tree.levels)
        if height % 8 == 0
        for index in range(len(level) // TILE)
    }
    require(tiles.keys() == expected.keys(), "there are other full tiles than the tree has")
    for place, (hashes, root) in expected.items():
        row = tiles[place]
        require((row.hashes, row.root) == (hashes, root), f"tile {place} is not that of the entries")


def _check_checkpoint(row: Any, tree: Tree, *, key: LogKey) -> None:
    require(row.size <= tree.size, f"a checkpoint over {row.size} entries, and there are {tree.size}")
    require(row.root == tree.root(row.size), f"the checkpoint over {row.size} entries has another root")
    size, root = signed_tree(row.note, key)
    require((size, root) == (row.size, row.root), f"the note at {row.size} entries is of another tree")


@lru_cache(maxsize=200_000)
def signed_tree(note: str, key: LogKey) -> tuple[int, bytes]:
    """Size and root that a signed note states; the signature is the log's."""
    text, _, lines = note.partition("\n\n")
    signed = text + "\n"
    for line in lines.splitlines():
        dash, name, data = line.split(" ")
        decoded = b64decode(data, validate=True)
        if dash == "\N{EM DASH}" and name == key.name and decoded[:4] == key.key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(decoded[4:], signed.encode())
            except InvalidSignature as error:
                raise CheckFailedError("a note's signature is not the log's") from error
            break
    else:
        raise CheckFailedError("a note has no signature of the log")
    origin, size, root = text.split("\n")
    require(origin == key.name, "a note is of another log")
    return int(size), b64decode(root, validate=True)


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckFailedError(otherwise)


def _read(connection: psycopg.Connection[Any], statement: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(statement))


_ENTRIES = """
    SELECT e.leaf_index, e.entry_id, e.body, e.leaf_hash, p.sealed, t.family_id, t.agency_code, t.extract_id, k.wrapped,
           e.xmin::text AS xmin, p.xmin::text AS payload_xmin, t.xmin::text AS trace_xmin
      FROM gateway.log_entry e
      LEFT JOIN gateway.log_payload p USING (entry_id)
      LEFT JOIN gateway.log_trace t USING (entry_id)
      LEFT JOIN gateway.family_key k ON k.family_id = t.family_id
     ORDER BY e.leaf_index, e.entry_id
"""
_ORPHANS = """
    SELECT entry_id FROM gateway.log_payload WHERE entry_id NOT IN (SELECT entry_id FROM gateway.log_entry)
    UNION ALL
    SELECT entry_id FROM gateway.log_trace WHERE entry_id NOT IN (SELECT entry_id FROM gateway.log_entry)
"""
_TILES = "SELECT level, tile_index, hashes, root FROM gateway.log_tile"
_HEAD = "SELECT size, peaks, root FROM gateway.log_head"
_CHECKPOINTS = "SELECT size, root, note FROM gateway.log_checkpoint ORDER BY size"
_DEFERRED = "SELECT entry_id, family_id, agency_code FROM gateway.log_deferred"
