"""Bringing the log back after its database was rolled back: refilled from a mirror, never written anew.

A backup ends at some entry; what was published after it lies with outsiders. Their mirror's entries are put back
at exactly their indexes, after they were checked against a checkpoint that our key signed, the node's mark, every
checkpoint that the database still has, and whatever a witness confirmed. Their payloads are lost: one entry of kind
``log.restore`` says how many. Families that the ledger names are erased again.

DECISION: entries that were appended between the restore and the refill (acts that close never stop; cover entries)
stand at indexes that published entries need. They move behind the refilled ones, in their order, bodies unchanged:
no checkpoint over them was published, because none is before ``check_log`` passes, and no receipt shows where they
stood. One that the mirror has too (it waited in ``log_deferred`` when the backup was taken) stays where the mirror
has it and keeps its payload. If a checkpoint over other entries than the mirror's *was* published, two histories are
signed: nothing is changed, and the log must be closed.

INVARIANTS
- One transaction of the owner role: the log is refilled, moved, erased again and accounted for, or as it was.
- Locks as everywhere: gates first, the head last.

Sources: C2SP tlog-witness and tlog-mirror; RFC 6962 section 2.1.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from extract_client.log.audit import log_id, read_entry
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier
from extract_client.log.note import open_note
from gateway.disclosure_log import repository
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.erasure import Ledger
from gateway.disclosure_log.errors import NotReconciledError
from gateway.disclosure_log.mark import Mark, MarkFile
from gateway.disclosure_log.mirrored import MirroredLog
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.disclosure_log.service import compose_entry
from gateway.disclosure_log.startup import root_at
from gateway.disclosure_log.witnessing import Ahead, ahead
from gateway.wiring import Wiring

EraseAgain = Callable[[Connection, UUID], bool]
"""Erases a family that a backup brought back, in the caller's transaction; tells whether anything of it was there."""

_CHUNK: Final = 4096

_LOCK: Final = text("SELECT size FROM gateway.log_head FOR UPDATE")
_MISSING: Final = text(
    "SELECT (SELECT count(*) FROM gateway.log_entry e WHERE NOT EXISTS"
    " (SELECT FROM gateway.log_payload p WHERE p.entry_id = e.entry_id))"
    " + (SELECT count(*) FROM gateway.log_erasure JOIN gateway.log_trace USING (family_id)"
    " JOIN gateway.log_payload USING (entry_id))"
)
_STRAYS: Final = text(
    "SELECT e.entry_id, e.body, e.leaf_hash, p.sealed, t.family_id, t.agency_code, t.extract_id"
    " FROM gateway.log_entry e LEFT JOIN gateway.log_payload p USING (entry_id)"
    " LEFT JOIN gateway.log_trace t USING (entry_id) WHERE e.leaf_index >= :first ORDER BY e.leaf_index"
)
_CLEAR: Final = (
    text("UPDATE gateway.log_marked SET size = least(size, :first)"),
    text(
        "DELETE FROM gateway.log_payload p USING gateway.log_entry e"
        " WHERE p.entry_id = e.entry_id AND e.leaf_index >= :first"
    ),
    text(
        "DELETE FROM gateway.log_trace t USING gateway.log_entry e"
        " WHERE t.entry_id = e.entry_id AND e.leaf_index >= :first"
    ),
    text("DELETE FROM gateway.log_entry WHERE leaf_index >= :first"),
    text("DELETE FROM gateway.log_tile WHERE (tile_index + 1) << (8 * (level + 1)) > :first"),
)
_ENTRIES: Final = text(
    "INSERT INTO gateway.log_entry (leaf_index, entry_id, body, leaf_hash) SELECT * FROM"
    " unnest(CAST(:indexes AS bigint[]), CAST(:ids AS uuid[]), CAST(:bodies AS bytea[]), CAST(:hashes AS bytea[]))"
)
_PAYLOAD: Final = text("INSERT INTO gateway.log_payload (entry_id, sealed) VALUES (:entry_id, :sealed)")
_TRACE: Final = text(
    "INSERT INTO gateway.log_trace (entry_id, family_id, agency_code, extract_id)"
    " VALUES (:entry_id, :family_id, :agency_code, :extract_id)"
)
_DEFERRED: Final = text(
    "DELETE FROM gateway.log_deferred d USING gateway.log_entry e WHERE e.entry_id = d.entry_id"
    " RETURNING d.entry_id, d.sealed, d.family_id, d.agency_code, NULL AS extract_id"
)
_GROW: Final = text("SELECT p_peaks, o_root FROM gateway.grow_log(:first, :end, CAST(:peaks AS bytea))")
_HEAD: Final = text("UPDATE gateway.log_head SET size = :size, peaks = :peaks, root = :root")
_CHECKPOINT: Final = text(
    "INSERT INTO gateway.log_checkpoint (size, root, note) VALUES (:size, :root, :note) ON CONFLICT DO NOTHING"
)
_HELD: Final = text(
    "SELECT family_id FROM gateway.family_key WHERE family_id = ANY (CAST(:families AS uuid[])) ORDER BY family_id"
)

_CLOSE: Final = "Never write them again: keep the database as evidence, close this log, and open the next under a new origin."


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done.

    Attributes:
        refilled: entries that the mirror gave back.
        moved: entries that stood at their places, and now stand behind them.
        lost: payloads that are gone for good, those of families erased again included.
        erased: families that were erased again.
    """

    refilled: int
    moved: int
    lost: int
    erased: int


def reconcile(wiring: Wiring, owner: Engine, *, mirror: Path | None, erase_again: EraseAgain) -> Reconciled:
    """Bring the log back to what was published, and erase again what was erased.

    Args:
        wiring: of this node; its processes may run, they release nothing.
        owner: an engine of the owner role.
        mirror: a folder in the layout of c2sp.org/tlog-tiles; None: nothing is missing but erasures.

    True afterwards: every published entry stands where it stood; publishing the head and the checks of the start are
    the caller's next step. Running it again changes nothing.
    Raises: NotReconciledError, LogNotServedError: nothing was changed.
    """
    copy = None if mirror is None else MirroredLog.read(mirror, signer=wiring.log)
    outside = ahead(wiring)
    families = Ledger(wiring.settings.state_dir).read()
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        missing = connection.execute(_MISSING).scalar_one()
        held = connection.execute(_HELD, {"families": list(families)}).scalars().all()
        for family_id in held:
            erase_again(connection, family_id)
        size = connection.execute(_LOCK).scalar_one()
        published = _published(wiring, connection, outside, copy)
        refilled, moved = 0, 0
        if not all(tree.size <= size and tree.root == root_at(connection, tree.size) for tree in published):
            refilled, moved = _refill(wiring, connection, _required(copy), size=size, published=published)
        lost = connection.execute(_MISSING).scalar_one() - missing
        done = Reconciled(refilled, moved, lost, len(held))
        if refilled or held:
            _record(wiring, connection, done)
    return done


def _required(copy: MirroredLog | None) -> MirroredLog:
    if copy is None:
        raise NotReconciledError(
            "Entries that were published are missing: give --mirror, the folder that a partner's extract-client"
            f" monitor keeps. If nobody has one: {_CLOSE}"
        )
    return copy


def _refill(
    wiring: Wiring, connection: Connection, copy: MirroredLog, *, size: int, published: Sequence[Mark]
) -> tuple[int, int]:
    """Put back what is missing; returns how many entries were put back, and how many had to move."""
    first = _agreed(connection, copy, size=size)
    frontiers = copy.frontiers([first, *(tree.size for tree in published)])
    _check_published(connection, copy, published, frontiers=frontiers, first=first)

    # 1. What stands there now is taken out, what was published is put in.
    strays = connection.execute(_STRAYS, {"first": first}).all()
    for statement in _CLEAR:
        connection.execute(statement, {"first": first})
    short_id = log_id(wiring.log.origin)
    there = set()
    for chunk in _chunks(copy.entries(first)):
        ids = [read_entry(body, index=index, log=short_id).entry_id for index, body, _ in chunk]
        there.update(ids)
        _insert(
            connection,
            [(index, id_, body, leaf) for (index, body, leaf), id_ in zip(chunk, ids, strict=True)],
        )

    # 2. What stood there follows, but for what the mirror has too.
    behind = [stray for stray in strays if stray.entry_id not in there]
    _insert(
        connection,
        [
            (index, stray.entry_id, stray.body, stray.leaf_hash)
            for index, stray in enumerate(behind, start=copy.checkpoint.size)
        ],
    )
    for row in [*strays, *connection.execute(_DEFERRED).all()]:
        _keep_payload(connection, row)

    # 3. The tree over both, and the checkpoint that was published.
    grown = _grown(connection, frontiers[first], copy.checkpoint.size)
    if grown.root != copy.checkpoint.root:
        raise NotReconciledError("The refilled tree is not the published one.")
    _store_checkpoint(connection, copy.checkpoint, copy.note)
    head = _grown(connection, grown, copy.checkpoint.size + len(behind))
    connection.execute(_HEAD, {"size": head.size, "peaks": b"".join(head.peaks), "root": head.root})
    return copy.checkpoint.size - first, len(behind)


def _agreed(connection: Connection, copy: MirroredLog, *, size: int) -> int:
    """How many entries the database and the mirror have in common, from the first on."""
    end = min(size, copy.checkpoint.size)
    for start in range(0, end, _CHUNK):
        stop = min(start + _CHUNK, end)
        ours = repository.leaf_hashes(connection, first=start, end=stop)
        for index, (one, other) in enumerate(zip(ours, copy.leaves[start:stop], strict=True), start=start):
            if one != other:
                return index
    return end


def _published(
    wiring: Wiring, connection: Connection, outside: Sequence[Ahead], copy: MirroredLog | None
) -> list[Mark]:
    """Every tree that is known to have been published."""
    keys = [each.verifier for each in wiring.log.signers]
    confirmed = [Checkpoint.parse(open_note(each.note, keys).text) for each in outside]
    trees = [
        MarkFile(wiring.settings.state_dir).read(),
        repository.newest_checkpoint(connection),
        None if copy is None else copy.checkpoint,
        *confirmed,
    ]
    return [Mark(tree.size, bytes(tree.root)) for tree in trees if tree is not None]


def _check_published(
    connection: Connection,
    copy: MirroredLog,
    published: Sequence[Mark],
    *,
    frontiers: Mapping[int, Frontier],
    first: int,
) -> None:
    """Everything that was published is in the mirror, and the database published nothing else."""
    largest = max(tree.size for tree in published)
    if largest > copy.checkpoint.size:
        raise NotReconciledError(
            f"The mirror has {copy.checkpoint.size} entries, and {largest} were published: use another mirror."
            f" If nobody has more: {_CLOSE}"
        )
    if any(tree.root != frontiers[tree.size].root for tree in published):
        raise NotReconciledError(f"Other entries were published than those that the mirror has. {_CLOSE}")
    newest = repository.newest_checkpoint(connection)
    if newest is not None and newest.size > first:
        raise NotReconciledError(
            f"Entry {first} is not the one that the database published: it was changed, not rolled back. Keep the"
            " database as evidence, and restore an earlier backup."
        )
    if root_at(connection, first) != frontiers[first].root:
        raise NotReconciledError("The database's tiles are not those of its entries: run gateway log verify.")


def _chunks(entries: Iterable[tuple[int, bytes, bytes]]) -> Iterable[list[tuple[int, bytes, bytes]]]:
    waiting = iter(entries)
    while chunk := list(islice(waiting, _CHUNK)):
        yield chunk


def _insert(connection: Connection, rows: Sequence[tuple[int, UUID, bytes, bytes]]) -> None:
    indexes, ids, bodies, hashes = ([row[place] for row in rows] for place in range(4))
    connection.execute(_ENTRIES, {"indexes": indexes, "ids": ids, "bodies": bodies, "hashes": hashes})


def _keep_payload(connection: Connection, row: Row[Any]) -> None:
    if row.sealed is not None:
        connection.execute(_PAYLOAD, {"entry_id": row.entry_id, "sealed": row.sealed})
    if row.family_id is not None:
        trace = {"family_id": row.family_id, "agency_code": row.agency_code, "extract_id": row.extract_id}
        connection.execute(_TRACE, {"entry_id": row.entry_id, **trace})


def _grown(connection: Connection, frontier: Frontier, size: int) -> Frontier:
    values = {"first": frontier.size, "end": size, "peaks": b"".join(frontier.peaks)}
    row = connection.execute(_GROW, values).one()
    return Frontier.parse(size, bytes(row.p_peaks))


def _store_checkpoint(connection: Connection, checkpoint: Checkpoint, note: str) -> None:
    connection.execute(_CHECKPOINT, {"size": checkpoint.size, "root": checkpoint.root, "note": note})


def _record(wiring: Wiring, connection: Connection, done: Reconciled) -> None:
    """Append the entry that accounts for every payload that is gone."""
    keys = wiring.keyring.reserved(connection)
    now = repository.database_now(connection)
    internal: dict[str, Canonical] = {
        "actor": "reconcile",
        "entries": done.lost,
        "erased": done.erased,
        "kind": str(EntryKind.LOG_RESTORE),
        "moved": done.moved,
        "refilled": done.refilled,
        "time": now.isoformat(timespec="milliseconds"),
    }
    entry, sealed = compose_entry(wiring, keys, at=now, recipient={}, internal=internal)
    repository.append(connection, [PendingEntry(entry.entry_id, entry.body, sealed, keys.family_id)])
