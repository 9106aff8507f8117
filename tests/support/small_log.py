"""A log in memory: real tree, real signatures, no database; what witnesses are tried with."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, consistency_proof, leaf_hash, range_reader, tree_root
from extract_client.log.note import NoteSigner, sign_note
from extract_client.log.witness import Submission

ORIGIN = "log.test/1"


class SmallLog:
    """Entries, and a key that signs whatever tree they make."""

    def __init__(
        self, size: int, *, key: Ed25519PrivateKey, name: str = "entry", origin: str = ORIGIN
    ) -> None:
        self.bodies = [f"{name} {index}".encode() for index in range(size)]
        self.origin = origin
        self.signer = NoteSigner(origin, key)

    def with_bodies(self, bodies: Sequence[bytes]) -> "SmallLog":
        """The same log, of the same key, with another history."""
        other = SmallLog(0, key=self.signer.key, origin=self.origin)
        other.bodies = list(bodies)
        return other

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, tree_root(size, self._read))

    def note(self, size: int) -> str:
        return sign_note(self.checkpoint(size).text, [self.signer])

    def submission(self, old: int, size: int) -> Submission:
        """A request that claims the witness last cosigned ``old`` entries of this history."""
        proof = () if old == 0 else tuple(consistency_proof(old, second=size, read=self._read))
        return Submission(old, proof, self.note(size))

    def request(self, old: int, size: int) -> bytes:
        return bytes(self.submission(old, size))

    def _read(self, level: int, index: int) -> bytes:
        return range_reader(Frontier(), [leaf_hash(body) for body in self.bodies])(level, index)
