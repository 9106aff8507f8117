"""The whole log checked against itself: every entry, tile, checkpoint and payload, from the database alone.

INVARIANTS
- Everything is derived again from the entries' bodies and compared with what is stored; nothing stored is believed.
- One snapshot, read only, in pieces: the log may grow meanwhile, and its size does not matter.
- What is told of a finding is where it is, never what the entry is about.

Whoever holds the database and the signing key passes all of this; what catches them is outside (monitors, witnesses,
receipts). Source: RFC 6962 section 2.1; c2sp.org/tlog-tiles.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, Row, text

from extract_client.errors import NoteError, ProofError
from extract_client.log.audit import GrowingTree, log_id, read_entry
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Hash, leaf_hash
from extract_client.log.note import VerifierKey, add_lines, open_note
from extract_client.log.policy import Policy
from extract_client.log.tiles import TILE_WIDTH
from gateway.disclosure_log.mark import Mark
from gateway.disclosure_log.openings import Openings
from gateway.keyring import Keyring

CHUNK: Final = 4096
"""Entries that are read at once."""
TOLD: Final = 5
"""Findings of one kind that are told one by one; the rest is counted."""

Step: TypeAlias = Callable[[int], None]
"""Told how many entries were checked since the last call."""

_ENTRIES: Final = text(
    "SELECT e.leaf_index, e.entry_id, e.body, e.leaf_hash, p.sealed, t.family_id,"
    " coalesce(k.wrapped, x.wrapped) AS wrapped FROM ("
    "SELECT * FROM gateway.log_entry WHERE leaf_index > :after ORDER BY leaf_index LIMIT :count) e"
    " LEFT JOIN gateway.log_payload p USING (entry_id) LEFT JOIN gateway.log_trace t USING (entry_id)"
    " LEFT JOIN gateway.family_key k USING (family_id) LEFT JOIN gateway.log_erasure x USING (family_id)"
    " ORDER BY e.leaf_index"
)
_CHECKPOINTS: Final = text(
    "SELECT size, root, note FROM gateway.log_checkpoint WHERE size > :after AND size <= :end ORDER BY size"
)
_COSIGNATURES: Final = text(
    "SELECT size, witness, line FROM gateway.log_cosignature WHERE size > :after AND size <= :end"
)
_QUORUMS: Final = text(
    "SELECT size FROM gateway.log_quorum WHERE size > :after AND size <= :end ORDER BY size"
)
_TILE: Final = text("SELECT hashes, root FROM gateway.log_tile WHERE level = :level AND tile_index = :index")
_HEAD: Final = text("SELECT size, peaks, root FROM gateway.log_head")
_COUNTS: Final = text(
    "SELECT (SELECT count(*) FROM gateway.log_entry) AS entries,"
    " (SELECT count(*) FROM gateway.log_tile) AS tiles,"
    " (SELECT count(*) FROM gateway.log_deferred) AS deferred,"
    " (SELECT coalesce(max(size), 0) FROM gateway.log_checkpoint) AS published,"
    " (SELECT count(*) FROM (SELECT FROM gateway.log_entry GROUP BY entry_id HAVING count(*) > 1) d) AS doubled,"
    " (SELECT count(*) FROM gateway.log_payload p WHERE NOT EXISTS"
    "  (SELECT FROM gateway.log_entry e WHERE e.entry_id = p.entry_id)) AS stray_payloads,"
    " (SELECT count(*) FROM gateway.log_trace t WHERE NOT EXISTS"
    "  (SELECT FROM gateway.log_entry e WHERE e.entry_id = t.entry_id)) AS stray_traces"
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        size: entries in the log.
        published: of which so many are covered by a published checkpoint.
        checkpoints: published, all verified.
        cosignatures: of witnesses, verified.
        unknown_witnesses: cosignatures of witnesses that the policy does not have; not verified.
        opened: payloads that open and are what their entry commits to.
        covers: of which are cover entries.
        unknown_refs: of which are refusals of references that nobody has.
        erased: entries whose payload is gone and accounted for.
        deferred: entries that wait to be integrated.
        findings: what is wrong, a sentence each; empty: nothing.
    """

    size: int
    published: int
    checkpoints: int
    cosignatures: int
    unknown_witnesses: int
    opened: int
    covers: int
    unknown_refs: int
    erased: int
    deferred: int
    findings: tuple[str, ...]


@dataclass
class Findings:
    """Sentences, by kind; of each kind the first few are kept and the rest is counted."""

    _told: dict[str, list[str]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, sentence: str) -> None:
        """Keep a sentence, or count it where there are enough of its kind."""
        self._counts[kind] += 1
        if self._counts[kind] <= TOLD:
            self._told.setdefault(kind, []).append(sentence)

    def sentences(self) -> tuple[str, ...]:
        """All of them, in the order of their kinds' first appearance."""
        told: list[str] = []
        for kind, sentences in self._told.items():
            told += sentences
            if self._counts[kind] > TOLD:
                told.append(f"{self._counts[kind] - TOLD} more of the same kind ({kind}).")
        return tuple(told)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that reads one state of the database, for as long as it takes, and can write nothing."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            yield connection


def verify_log(
    connection: Connection,
    *,
    keyring: Keyring,
    origin: str,
    keys: Sequence[VerifierKey],
    policy: Policy | None,
    mark: Mark | None,
    step: Step = lambda _: None,
) -> Report:
    """Check everything and return what was found.

    Args:
        connection: in a snapshot (``snapshot``).
        keys: the log's, present and past.
        policy: the witnesses; None: there are none.
        mark: the tree that this node published last, read before the snapshot was taken; None: none.
    """
    findings = Findings()
    tree = _Tree(connection, findings, log_id(origin))
    published = _Published(connection, findings, origin, keys, policy)
    openings = Openings(keyring, findings.add)
    marked = set() if mark is None else {(mark.size, mark.root)}
    published.read(after=-1, end=0)
    after = -(2**63)
    published.check(0, tree.root)
    marked -= {(0, tree.root)}
    while rows := connection.execute(_ENTRIES, {"after": after, "count": CHUNK}).all():
        leaves = [tree.check(row, index) for index, row in enumerate(rows, start=tree.size)]
        published.read(after=tree.size, end=tree.size + len(rows))
        for size in tree.grow(leaves, stops=published.sizes | {size for size, _ in marked}):
            published.check(size, tree.root)
            marked -= {(size, tree.root)}
        for row in rows:
            openings.check(row)
        after = rows[-1].leaf_index
        step(len(rows))
    published.read(after=tree.size, end=2**63 - 1)
    published.refuse()
    for size, _ in marked:
        findings.add("mark", f"The tree of {size} entries that this node published is not there any more.")
    openings.finish(connection)
    counts = connection.execute(_COUNTS).one()
    tree.finish(counts)
    return Report(
        size=tree.size,
        published=counts.published,
        checkpoints=published.verified,
        cosignatures=published.cosigned,
        unknown_witnesses=published.unknown,
        opened=openings.opened,
        covers=openings.covers,
        unknown_refs=openings.unknown_refs,
        erased=openings.missing,
        deferred=counts.deferred,
        findings=findings.sentences(),
    )


class _Tree:
    """The tree that the entries' bodies make, held against the stored hashes, tiles and head."""

    def __init__(self, connection: Connection, findings: Findings, log: bytes) -> None:
        self._connection = connection
        self._findings = findings
        self._log = log
        self._tree = GrowingTree()
        self._hashes: dict[int, list[Hash]] = {}  # of the incomplete tile of each level
        self._tiles = 0

    @property
    def size(self) -> int:
        return self._tree.size

    @property
    def root(self) -> Hash:
        return self._tree.root

    def check(self, row: Row[Any], index: int) -> Hash:
        """Check one entry and return the leaf hash that its body makes."""
        leaf = leaf_hash(row.body)
        if row.leaf_index != index:
            self._findings.add("index", f"Where entry {index} should be is one of index {row.leaf_index}.")
        if row.leaf_hash != leaf:
            self._findings.add("leaf", f"The stored hash of entry {index} is not that of its body.")
        try:
            if read_entry(row.body, index=index, log=self._log).entry_id != row.entry_id:
                self._findings.add("id", f"Entry {index} is stored under another id than its body tells.")
        except ProofError as error:
            self._findings.add("form", str(error))
        return leaf

    def grow(self, leaves: Sequence[Hash], *, stops: set[int]) -> Iterator[int]:
        """Add the leaves, checking each tile as it becomes full; yield the size at each of ``stops``, and at the end."""
        first, at = self.size, 0
        waiting = {stop - first for stop in stops if first < stop < first + len(leaves)}
        for stop in sorted({*waiting, len(leaves)}):
            while at < stop:
                end = min(at + self._tree.room, stop)
                self._add(leaves[at:end])
                at = end
            yield self.size

    def finish(self, counts: Row[Any]) -> None:
        """Check the head, and that nothing is stored beside what the entries make."""
        head, frontier = self._connection.execute(_HEAD).one_or_none(), self._tree.frontier
        stored = None if head is None else (head.size, bytes(head.peaks), bytes(head.root))
        if stored != (frontier.size, b"".join(frontier.peaks), frontier.root):
            self._findings.add("head", "The log's head is not that of the tree that its entries make.")
        for found, expected, sentence in (
            (counts.entries, self.size, "Several entries have one leaf index."),
            (counts.tiles, self._tiles, "There are more or fewer tiles than the entries make."),
            (counts.doubled, 0, "Several entries have one id."),
            (counts.stray_payloads, 0, "There are payloads of entries that are not in the log."),
            (counts.stray_traces, 0, "There are traces of entries that are not in the log."),
        ):
            if found != expected:
                self._findings.add("count", sentence)

    def _add(self, leaves: Sequence[Hash]) -> None:
        self._hashes.setdefault(0, []).extend(leaves)
        for level, index, root in self._tree.add(leaves):
            self._check_tile(level, index, hashes=b"".join(self._hashes.pop(level)), root=root)
            self._hashes.setdefault(level + 1, []).append(root)

    def _check_tile(self, level: int, index: int, *, hashes: bytes, root: Hash) -> None:
        self._tiles += 1
        stored = self._connection.execute(_TILE, {"level": level, "index": index}).one_or_none()
        if stored is None or (stored.hashes, stored.root) != (hashes, root):
            first = index * TILE_WIDTH ** (level + 1)
            self._findings.add(
                "tile", f"The tile of level {level} from entry {first} on is not what they make."
            )


class _Published:
    """Every published checkpoint and its cosignatures, held against the tree as it grows."""

    def __init__(
        self,
        connection: Connection,
        findings: Findings,
        origin: str,
        keys: Sequence[VerifierKey],
        policy: Policy | None,
    ) -> None:
        self._connection = connection
        self._findings = findings
        self._origin = origin
        self._keys = keys
        self._policy = policy or Policy()
        self._rows: dict[int, Row[Any]] = {}
        self._cosignatures: dict[int, list[Row[Any]]] = {}
        self._quorums: set[int] = set()
        self.verified = self.cosigned = self.unknown = 0

    def read(self, *, after: int, end: int) -> None:
        """Read what was published of sizes above ``after`` and up to ``end``."""
        between = {"after": after, "end": end}
        self._rows = {row.size: row for row in self._connection.execute(_CHECKPOINTS, between)}
        self._cosignatures = {}
        for row in self._connection.execute(_COSIGNATURES, between):
            self._cosignatures.setdefault(row.size, []).append(row)
        self._quorums = set(self._connection.execute(_QUORUMS, between).scalars())

    @property
    def sizes(self) -> set[int]:
        """Those of which something was published."""
        return {*self._rows, *self._cosignatures, *self._quorums}

    def check(self, size: int, root: Hash) -> None:
        """Check what was published of one size, of which the entries make this root."""
        row = self._rows.get(size)
        if row is not None:
            problem = self._problem(row, root)
            if problem is None:
                self.verified += 1
            else:
                self._findings.add("checkpoint", f"The checkpoint of {size} entries {problem}.")
        note = "" if row is None else row.note
        cosignatures = self._cosignatures.get(size, [])
        known = [each for each in cosignatures if each.witness in self._policy.witnesses]
        self.unknown += len(cosignatures) - len(known)
        names = [each.witness for each in known if self._holds(each, note)]
        if size in self._quorums and len(known) == len(cosignatures) and not self._policy.quorum_met(names):
            self._findings.add("quorum", f"Too few witnesses cosigned the tree of {size} entries.")

    def refuse(self) -> None:
        """Refuse everything that was read: no entries make trees of these sizes."""
        for size in sorted(self.sizes):
            self._findings.add(
                "checkpoint", f"The checkpoint of {size} entries is of a tree that is not there."
            )

    def _problem(self, row: Row[Any], root: Hash) -> str | None:
        try:
            checkpoint = Checkpoint.parse(open_note(row.note, self._keys).text)
        except NoteError:
            return "is not signed by the log"
        if checkpoint != Checkpoint(self._origin, row.size, bytes(row.root)):
            return "is stored under another log, size or root than it tells"
        return None if checkpoint.root == root else "is of another tree than the entries make"

    def _holds(self, row: Row[Any], note: str) -> bool:
        try:
            open_note(add_lines(note, [row.line]), [self._policy.witnesses[row.witness].key])
        except NoteError:
            sentence = f"A cosignature of the tree of {row.size} entries does not hold."
            self._findings.add("cosignature", sentence)
            return False
        self.cosigned += 1
        return True
