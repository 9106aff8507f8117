"""Watches one log: that it only grows, that it shows everybody the same, and that its entries keep their rules.

INVARIANTS
- What was verified once is the measure of everything later: the saved checkpoint is never replaced by one that is
  not consistent with it.
- A contradiction is saved, with both signed notes and what was fetched, before it is told.
- An entry whose time does not fit is told and kept, never left out.

Sources: c2sp.org/tlog-tiles; c2sp.org/tlog-witness.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from extract_client.errors import ExtractClientError, NoteError, ProofError
from extract_client.log.audit import GrowingTree, log_id, origin_digest, read_entry
from extract_client.log.held import Held, read_held
from extract_client.log.history import ContradictionError, Fetched, Signed, file_name, require_one_history
from extract_client.log.lateness import Witnessed, late_entries, quorum_time
from extract_client.log.merkle import HASH_BYTES, Frontier, HashReader, leaf_hash, tree_root
from extract_client.log.mirror import Mirror
from extract_client.log.policy import NO_QUORUM, Policy
from extract_client.log.source import LogSource, WitnessSource
from extract_client.log.state import Seen, StateFolder
from extract_client.log.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, bundles_of, decode_bundle

Progress: TypeAlias = Callable[[Sequence[Bundle]], AbstractContextManager[Iterable[Bundle]]]
"""Shows how far the reading of these bundles got."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found; contradictions are raised instead.

    Attributes:
        size: entries of the newest verified tree.
        read: entries that were read in this round.
        compared: names of the witnesses that saw the same history.
        held: receipts that were found to hold, those of earlier rounds included.
        late: leaf indexes of entries that were found late in this round.
        warnings: what could not be checked, a sentence each.
    """

    size: int
    read: int
    compared: tuple[str, ...]
    held: int
    late: tuple[int, ...]
    warnings: tuple[str, ...]


@dataclass
class Monitor:
    """One monitor of one log.

    Attributes:
        policy: the keys that are trusted; its quorum decides which checkpoints bound the times of entries.
        witnesses: asked for what they cosigned, where the policy has their addresses.
        mirror: a copy of everything; None: none is kept.
        receipts: folder of receipts and extracts that are held; None: none.
        everything: read every entry again, not the new ones only.
    """

    source: LogSource
    policy: Policy
    origin: str
    folder: StateFolder
    witnesses: WitnessSource
    mirror: Mirror | None = None
    receipts: Path | None = None
    everything: bool = False
    progress: Progress = nullcontext
    _held: set[str] = field(default_factory=set)
    _ids: tuple[int, set[bytes]] | None = None

    def round(self, *, now: int) -> Round:
        """Check everything once and save how far that got.

        Args:
            now: seconds since 1970.

        Raises: ContradictionError, its evidence saved where there was room; ExtractClientError, something could
            not be read.
        """
        fetched = Fetched(self.source)
        try:
            return self._round(fetched, now=now)
        except ProofError as error:
            files = error.files if isinstance(error, ContradictionError) else {}
            found = ContradictionError(str(error), files=files)
            fetches = {f"fetched/{path}": data for path, data in fetched.kept.items()}
            with suppress(OSError):  # a full disk must not hide what was found
                found.evidence = self.folder.save_evidence(str(error), files={**fetches, **files}, at=now)
            raise found from error

    def _round(self, fetched: Fetched, *, now: int) -> Round:
        # 1. What the witnesses cosigned.
        warnings: list[str] = []
        cosigned = self._cosigned(warnings)
        # 2. Signature: the checkpoint is the log's.
        served = self._signed(self.source.checkpoint(), shown_by="the log")
        fetched.kept["checkpoint"] = served.note.encode()
        # 3. Consistency with what was verified before.
        seen = self.folder.load()
        newest = served
        if seen is not None:
            saved = self._signed(seen.note.encode(), shown_by="this monitor")
            self._compare(fetched, saved, served)
            if served.size < saved.size:
                warnings.append(f"The log shows {served.size} of the {saved.size} entries that it has.")
                newest = saved
        # 4. Consistency with what the witnesses saw.
        for witness in cosigned:
            self._compare(fetched, witness, newest)
        # 5. Every new entry, its rules, and the tree that they make.
        read = self._read_entries(fetched, newest, verified=0 if seen is None else seen.size)
        # 6. Times, against the witnesses'.
        witnessed, late = self._late(seen, [served, *cosigned], size=newest.size)
        # 7. The receipts that are held.
        held = self._check_held(fetched, newest, warnings)
        known = () if seen is None else seen.late
        self.folder.save(Seen(newest.note, newest.size, now, witnessed, tuple(sorted({*known, *late}))))
        fresh = tuple(sorted({*late} - {*known}))
        return Round(
            newest.size, read, tuple(each.shown_by for each in cosigned), held, fresh, tuple(warnings)
        )

    def _signed(self, note: bytes, *, shown_by: str) -> Signed:
        """The checkpoint in a note that the log signed, whoever cosigned it; raises NoteError."""
        try:
            checked = replace(self.policy, quorum=NO_QUORUM).check(note, origin=self.origin)
        except (NoteError, ProofError) as error:
            raise NoteError(f"What {shown_by} shows is not the log's checkpoint. {error}") from error
        return Signed(shown_by, note.decode(), checked.checkpoint, checked.times)

    def _cosigned(self, warnings: list[str]) -> list[Signed]:
        """What each witness with an address last cosigned of this log."""
        found = []
        for witness in self.policy.witnesses.values():
            if witness.url is None:
                continue
            url = f"{witness.url.rstrip('/')}/{origin_digest(self.origin)}/checkpoint"
            try:
                note = self.witnesses(url)
                if note is None:
                    warnings.append(f"The witness {witness.name} has not seen this log.")
                else:
                    found.append(self._signed(note, shown_by=witness.name))
            except ExtractClientError as error:
                warnings.append(f"The witness {witness.name} was not compared. {error}")
        return found

    def _compare(self, fetched: Fetched, one: Signed, other: Signed) -> None:
        """Let pass two checkpoints of one history; raises ContradictionError, with what the mirror shows of it."""
        try:
            require_one_history(fetched, one, other)
        except ContradictionError as error:
            if self.mirror is not None:
                size = self._mirrored(self.mirror)
                error.files.update(self.mirror.first_difference(self.source.resource, size=size))
            raise

    def _read_entries(self, fetched: Fetched, newest: Signed, *, verified: int) -> int:
        """Read the entries that were not verified yet, and return how many they are; raises ProofError."""
        start = 0 if self.everything else verified
        if self.mirror is not None:
            start = min(start, self._mirrored(self.mirror))
        read = fetched.reader(newest.size)
        if tree_root(newest.size, read) != newest.checkpoint.root:
            sentence = "The tiles that the log serves do not make the root that it signed."
            raise ContradictionError(sentence, files=newest.file)
        known, self._ids = self._ids, None  # a round that breaks off leaves nothing behind
        ids = known[1] if known is not None and known[0] == start else self.folder.ids(start)
        tree = GrowingTree(Frontier.of(start, read))
        bundles = [bundle for bundle in bundles_of(newest.size) if bundle.index >= start // TILE_WIDTH]
        with self.progress(bundles if start < newest.size else []) as waiting:
            for bundle in waiting:
                self._read_bundle(fetched, bundle, tree=tree, read=read, ids=ids)
        if tree.root != newest.checkpoint.root:
            sentence = "The entries that the log serves do not make the root that it signed."
            raise ContradictionError(sentence, files=newest.file)
        self.folder.sync_entries()
        self._ids = (newest.size, ids)
        if self.mirror is not None:
            self.mirror.finish(newest.note, start=start, size=newest.size, read=read)
        return newest.size - start

    def _read_bundle(
        self, fetched: Fetched, bundle: Bundle, *, tree: GrowingTree, read: HashReader, ids: set[bytes]
    ) -> None:
        """Check one bundle against its tile and its entries' rules, and add it to the tree; raises ProofError."""
        first, tile = bundle.index * TILE_WIDTH, Tile(0, bundle.index, bundle.width)
        data, hashes = fetched.resource(bundle.path), fetched.resource(tile.path)
        bodies = decode_bundle(data, width=bundle.width)
        leaves = [leaf_hash(body) for body in bodies]
        for at, leaf in enumerate(leaves):
            if not hashes.startswith(leaf, at * HASH_BYTES):
                raise ProofError(f"The log does not serve entry {first + at} as it signed it.")
        known = tree.size - first
        for level, index, root in tree.add(leaves[known:]):
            if read(TILE_HEIGHT * (level + 1), index) != root:
                raise ProofError(f"The tiles of level {level + 1} are not those that the entries make.")
        entries = []
        for index, body in enumerate(bodies[known:], start=first + known):
            entry = read_entry(body, index=index, log=log_id(self.origin))
            if entry.entry_id.bytes in ids:
                raise ProofError(f"Entry {index} has the id of an earlier one.")
            ids.add(entry.entry_id.bytes)
            entries.append(entry)
        self.folder.write_entries(first + known, entries)
        if self.mirror is not None:
            self.mirror.keep(bundle.path, data)
            self.mirror.keep(tile.path, hashes)
        fetched.forget(bundle.path, tile.path)

    def _mirrored(self, mirror: Mirror) -> int:
        """How many entries the mirror has."""
        note = mirror.checkpoint()
        return 0 if note is None else self._signed(note.encode(), shown_by="the mirror").size

    def _late(
        self, seen: Seen | None, shown: Sequence[Signed], *, size: int
    ) -> tuple[Witnessed | None, list[int]]:
        """The newest tree that a quorum saw, and the entries whose times do not fit, up to there."""
        before, late = None if seen is None else seen.witnessed, []
        times: dict[int, dict[str, int]] = {}
        for signed in shown:
            times.setdefault(signed.size, {}).update(signed.times)
        for at, cosigned in sorted(times.items()):
            time = quorum_time(self.policy.quorum_met, cosigned)
            first = 0 if before is None else before.size
            if time is None or not first <= at <= size:
                continue
            since = Witnessed(at, time)
            if at > first:
                minutes = self.folder.minutes(first, at)
                late += late_entries(minutes, first=first, before=before, since=since)
            elif before is not None and before.time > time:
                since = before
            before = since
        return before, late

    def _check_held(self, fetched: Fetched, newest: Signed, warnings: list[str]) -> int:
        """Check what was not checked before, and return how many receipts hold; raises ContradictionError."""
        if self.receipts is None:
            return 0
        policy = replace(self.policy, quorum=NO_QUORUM)
        for held in read_held(self.receipts, policy=policy, origin=self.origin, known=self._held):
            if isinstance(held, str):
                warnings.append(held)
                continue
            shown = self._signed(held.note.encode(), shown_by=f"the receipt {held.name}")
            self._compare(fetched, shown, newest)
            _require_served(fetched, held, max(shown, newest, key=lambda signed: signed.size))
            self._held.add(held.digest)
        return len(self._held)


def _require_served(fetched: Fetched, held: Held, newest: Signed) -> None:
    """Let pass a receipt whose entry the log still serves; raises ContradictionError."""
    number, at = divmod(held.receipt.index, TILE_WIDTH)
    bundle = Bundle(number, min(TILE_WIDTH, newest.size - number * TILE_WIDTH))
    if decode_bundle(fetched.resource(bundle.path), width=bundle.width)[at] != held.receipt.body:
        sentence = f"The log does not serve entry {held.receipt.index} as the receipt {held.name} shows it."
        files = {f"{file_name(held.name)}.receipt": held.text.encode()}
        raise ContradictionError(sentence, files={**newest.file, **files})
    fetched.forget(bundle.path)
