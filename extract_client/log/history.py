"""Checkpoints that somebody showed, and the proof by the log's own tiles that they are of one history.

INVARIANT: what the log serves is kept as evidence until it is proved.

Source: RFC 6962 section 2.1.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from extract_client.errors import NotAvailableError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import EMPTY_ROOT, HashReader, consistency_proof, verify_consistency
from extract_client.log.source import LogSource
from extract_client.log.tiles import tile_reader


class ContradictionError(ProofError):
    """The log contradicts what it signed, or somebody holds its signature on another history.

    Attributes:
        files: what shows it, by relative path: the signed notes, and whatever else belongs to it.
        evidence: the folder where it was saved; absent: nowhere yet.
    """

    def __init__(self, message: str, *, files: Mapping[str, bytes] | None = None) -> None:
        super().__init__(message)
        self.files = dict(files or {})
        self.evidence: Path | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that the log signed, and who showed it.

    Attributes:
        times: when each witness cosigned it, seconds since 1970.
    """

    shown_by: str
    note: str
    checkpoint: Checkpoint
    times: Mapping[str, int]

    @property
    def size(self) -> int:
        """Number of entries of its tree."""
        return self.checkpoint.size

    @property
    def file(self) -> dict[str, bytes]:
        """The signed note, as a file of evidence."""
        return {f"{file_name(self.shown_by)}.checkpoint": self.note.encode()}


@dataclass
class Fetched:
    """Reads from the log and keeps what was read, as evidence, until it is proved."""

    source: LogSource
    kept: dict[str, bytes] = field(default_factory=dict)

    def resource(self, path: str) -> bytes:
        """Return a tile or bundle that the log signed for.

        Raises: ProofError, the log does not have it; ExtractClientError.
        """
        try:
            self.kept[path] = self.source.resource(path)
        except NotAvailableError as error:
            raise ProofError(f"The log does not serve {path}, a part of what it signed.") from error
        return self.kept[path]

    def reader(self, size: int) -> HashReader:
        """Return a reader of the tree of this size."""
        return tile_reader(size, lambda tile: self.resource(tile.path))

    def forget(self, *paths: str) -> None:
        """Drop what was proved."""
        for path in paths:
            self.kept.pop(path, None)


def require_one_history(fetched: Fetched, one: Signed, other: Signed) -> None:
    """Let pass two checkpoints of one history, proved by the log's tiles.

    Raises: ContradictionError, with both notes; ExtractClientError, the tiles could not be read.
    """
    earlier, later = sorted((one, other), key=lambda signed: signed.size)
    what = f"{one.shown_by} has {one.size} entries, {other.shown_by} has {other.size}"
    if earlier.size == later.size and earlier.checkpoint.root != later.checkpoint.root:
        sentence = f"The log signed two trees of one size: {what}."
        raise ContradictionError(sentence, files={**one.file, **other.file})
    try:
        _require_prefix(earlier.checkpoint, later.checkpoint, read=fetched.reader(later.size))
    except ProofError as error:
        sentence = f"The log signed two histories, or lost one: {what}. {error}"
        raise ContradictionError(sentence, files={**one.file, **other.file}) from error


def file_name(words: str) -> str:
    """Return a file name that says ``words``."""
    return "".join(char if char.isalnum() or char in ".-" else "-" for char in words)


def _require_prefix(earlier: Checkpoint, later: Checkpoint, *, read: HashReader) -> None:
    """Let pass a later tree that begins with the earlier one; raises ProofError."""
    if earlier.size == 0:
        if earlier.root != EMPTY_ROOT:
            raise ProofError("The empty tree has one root only.")
        return
    verify_consistency(
        first=earlier.size,
        first_root=earlier.root,
        second=later.size,
        second_root=later.root,
        proof=consistency_proof(earlier.size, second=later.size, read=read),
    )
