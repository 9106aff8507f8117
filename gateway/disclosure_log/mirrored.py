"""What an outsider's mirror holds of the log: read from files, and believed as far as our own key signed it.

Source: c2sp.org/tlog-tiles (entry bundles).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extract_client.errors import ConfigurationError, NoteError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, Hash, leaf_hash
from extract_client.log.mirror import Mirror
from extract_client.log.note import open_note
from extract_client.log.tiles import TILE_WIDTH, Bundle, bundles_of, decode_bundle
from extract_client.log.witness import lines_by
from gateway.disclosure_log.errors import NotReconciledError
from gateway.log_signer import LogSigner

_CHUNK: Final = 4096


@dataclass(frozen=True, slots=True)
class MirroredLog:
    """A copy of the log whose entries make the tree that our key signed.

    Attributes:
        note: the checkpoint, with our own signatures alone.
        leaves: the hash of every entry.
    """

    mirror: Mirror
    checkpoint: Checkpoint
    note: str
    leaves: Sequence[Hash]

    @classmethod
    def read(cls, folder: Path, *, signer: LogSigner) -> "MirroredLog":
        """Read and check every entry of the copy.

        Raises: NotReconciledError, it is not a whole copy of this log.
        """
        mirror = Mirror(folder)
        keys = [each.verifier for each in signer.signers]
        try:
            note = mirror.checkpoint()
            if note is None:
                raise NotReconciledError(f"There is no mirror in {folder}: it has no checkpoint.")
            checkpoint = Checkpoint.parse(open_note(note, keys).text)
            bundles = bundles_of(checkpoint.size)
            leaves = [leaf_hash(body) for bundle in bundles for body in _bodies(mirror, bundle)]
        except (ConfigurationError, NoteError, ProofError) as error:
            raise NotReconciledError(f"The mirror in {folder} cannot be used: {error}") from error
        whole = checkpoint.origin == signer.origin and Frontier().grown(leaves).root == checkpoint.root
        if not whole:
            raise NotReconciledError(f"The entries in {folder} are not those that its checkpoint is over.")
        own = f"{checkpoint.text}\n{''.join(lines_by(note, keys))}"
        return cls(mirror, checkpoint, own, leaves)

    def entries(self, first: int) -> Iterator[tuple[int, bytes, Hash]]:
        """Yield index, body and hash of every entry from ``first`` on, read again and compared with what was checked.

        Raises: NotReconciledError, the files changed meanwhile.
        """
        for bundle in bundles_of(self.checkpoint.size):
            start = bundle.index * TILE_WIDTH
            if start + bundle.width <= first:
                continue
            for index, body in enumerate(_bodies(self.mirror, bundle), start=start):
                if leaf_hash(body) != self.leaves[index]:
                    raise NotReconciledError("The mirror changed while it was read.")
                if index >= first:
                    yield index, body, self.leaves[index]

    def frontiers(self, sizes: Collection[int]) -> dict[int, Frontier]:
        """Return the frontier of the copy's first entries for each of the sizes that it reaches."""
        frontier, found = Frontier(), {}
        for size in sorted(size for size in set(sizes) if size <= self.checkpoint.size):
            for start in range(frontier.size, size, _CHUNK):
                frontier = frontier.grown(self.leaves[start : min(start + _CHUNK, size)])
            found[size] = frontier
        return found


def _bodies(mirror: Mirror, bundle: Bundle) -> list[bytes]:
    data = mirror.read(bundle.path)
    if data is None:
        raise ProofError(f"it lacks {bundle.path}.")
    return decode_bundle(data, width=bundle.width)
