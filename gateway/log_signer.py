"""The signer of the disclosure log: one per process, between what the database says and what we sign.

INVARIANTS
- It signs only what it folded itself: the root is recomputed from the frontier it knew and the leaves since, and
  a database that says otherwise gets no signature.
- What it knows grows only by what was published and flushed; a database that has less, or other, was rolled back
  or rewritten, and this process releases nothing any more.

Sources: c2sp.org/tlog-checkpoint; RFC 6962 section 2.1.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from extract_client.errors import ConfigurationError, NoteError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, Hash, HashReader, inclusion_proof, range_reader
from extract_client.log.note import NoteSigner, read_key, sign_note, write_key
from extract_client.log.policy import Policy
from extract_client.log.proof import LogProof
from extract_client.log.witness_address import is_safe_address
from gateway.settings import Settings, SettingsError

_HASH_BYTES: Final = 32


class LogContradictionError(Exception):
    """The database contradicts what was signed before, or itself: nothing may be signed."""


class LogBehindError(Exception):
    """This process knows too little of the log to sign; it has to catch up first."""


@dataclass(frozen=True, slots=True)
class SignedTree:
    """A tree and our signature over it; nothing of it may leave before it was published.

    Attributes:
        frontier: of the whole tree.
        note: the signed checkpoint.
        read: hashes for inclusion proofs of the leaves that came since the tree was last known.
    """

    frontier: Frontier
    note: str
    read: HashReader

    def proof(self, index: int, *, extra: bytes = b"") -> str:
        """Return the proof that the leaf ``index`` is in this tree (c2sp.org/tlog-proof@v1).

        Args:
            index: one of the leaves that came since the tree was last known.
            extra: what the proof carries along, proving nothing by itself.
        """
        hashes = inclusion_proof(index, size=self.frontier.size, read=self.read)
        return str(LogProof(index, tuple(hashes), self.note, extra))


class LogSigner:
    """Signs checkpoints of one log; safe between threads.

    Attributes:
        policy: who cosigns; None: nobody.
    """

    def __init__(self, origin: str, signers: Sequence[NoteSigner], *, policy: Policy | None = None) -> None:
        self.origin = origin
        self.signers = tuple(signers)
        self.policy = policy
        self._known: Frontier | None = None
        self._contradicted = False
        self._changed = threading.Condition()

    @classmethod
    def load(cls, settings: Settings) -> "LogSigner":
        """Return the signer of the configured log; it knows nothing yet.

        Raises: SettingsError, a key file does not hold a key, or the policy file no policy.
        """
        files = [settings.log_key_file]
        if settings.log_next_key_file is not None:
            files.append(settings.log_next_key_file)
        try:
            signers = [NoteSigner(settings.log_origin, read_key(file)) for file in files]
            policy = _read_policy(settings.witness_policy_file)
        except ConfigurationError as error:
            raise SettingsError(f"The gateway cannot start: {error}") from error
        return cls(settings.log_origin, signers, policy=policy)

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The verifier keys that partners keep, the present one first."""
        return tuple(str(signer.verifier) for signer in self.signers)

    @property
    def known(self) -> Frontier | None:
        """The newest published tree this process saw; absent until it has started, or after a contradiction."""
        return None if self._contradicted else self._known

    @property
    def contradicted(self) -> bool:
        """True once the database contradicted what was signed; only a restart, and its checks, end it."""
        return self._contradicted

    def checkpoint(self, frontier: Frontier) -> str:
        """Return the signed checkpoint of a tree."""
        return sign_note(Checkpoint(self.origin, frontier.size, frontier.root).text, self.signers)

    def sign(
        self, known: Frontier, *, size: int, root: Hash, between: bytes | None, leaves: Sequence[Hash]
    ) -> SignedTree:
        """Return our signature over the tree that the database says it has now.

        Args:
            known: what this process knew when it asked.
            size: of the tree, as the database says; ``root`` likewise.
            between: hashes of the leaves after ``known`` and before ``leaves``, 32 bytes each.
            leaves: hashes of the newest leaves, made here.

        Raises: LogContradictionError, the database's tree is not the one that these leaves make; LogBehindError, it
            forgot what it knew and will catch up at its next use.
        """
        if size < known.size:
            raise self._contradiction("the log is shorter than it was")
        if between is None:
            self.forget()
            raise LogBehindError
        new = [between[i : i + _HASH_BYTES] for i in range(0, len(between), _HASH_BYTES)]
        new += leaves
        frontier = known.grown(new)
        if (frontier.size, frontier.root) != (size, root):
            raise self._contradiction("the log's tree is not the one that its leaves make")
        return SignedTree(frontier, self.checkpoint(frontier), range_reader(known, new))

    def published(self, frontier: Frontier) -> None:
        """Know a tree that was published and flushed.

        Raises: LogContradictionError, another tree of this size was published before.
        """
        with self._changed:
            known = self._known
            if known is not None and known.size == frontier.size and known.root != frontier.root:
                raise self._contradiction("two trees of one size")
            if known is None or known.size < frontier.size:
                self._known = frontier
                self._changed.notify_all()

    def newer_than(self, size: int) -> Frontier:
        """Return the newest published tree once it is larger than ``size``; waits without end."""
        with self._changed:
            self._changed.wait_for(lambda: self._known is not None and self._known.size > size)
            return cast("Frontier", self._known)

    def contradict(self) -> None:
        """Sign nothing any more: something outside the database contradicts it."""
        self._contradicted = True

    def forget(self) -> None:
        """Know nothing any more, so that the next use catches up."""
        with self._changed:
            self._known = None

    def _contradiction(self, what: str) -> LogContradictionError:
        self._contradicted = True
        return LogContradictionError(what)


def create_log_key(path: Path, *, origin: str) -> str:
    """Make a signing key for a log, write it to ``path``, mode 0600, never over another; return its verifier key.

    Raises: SettingsError.
    """
    try:
        return str(NoteSigner(origin, write_key(path)).verifier)
    except (ConfigurationError, NoteError) as error:
        raise SettingsError(str(error)) from error


def _read_policy(file: Path | None) -> Policy | None:
    if file is None:
        return None
    try:
        policy = Policy.parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("The witness policy file cannot be read.") from error
    if policy.has_witnesses and policy.quorum_met(()):
        raise ConfigurationError("The witness policy names witnesses but no quorum of them.")
    reachable = [
        name
        for name, witness in policy.witnesses.items()
        if witness.url is not None and is_safe_address(witness.url)
    ]
    if not policy.quorum_met(reachable):
        raise ConfigurationError(
            "The witnesses with an https:// address are too few for the policy's quorum."
        )
    return policy
