"""A witness: cosigns what a log appends to what it showed before, and nothing else.

INVARIANTS
- A witness never cosigns two different trees of one size, nor a tree that does not hold every leaf of the last one.
- What is cosigned is on the disk, flushed, before its cosignature leaves: a witness that dies forgets nothing it said.
- The stored size is compared and replaced under a lock of the file system: two processes over one folder are one
  witness.
- A state that is there and does not verify is a fault, never "nothing cosigned yet".

The log itself is known by its key alone; no request is believed for any other reason. Checkpoints with extension
lines are refused: the logs this witness is made for write none.

Sources: C2SP tlog-witness, tlog-cosignature and tlog-checkpoint.
"""

import base64
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extract_client.errors import ConfigurationError, ExtractClientError, NoteError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.encoding import decode_base64, encode_base64, parse_decimal
from extract_client.log.merkle import EMPTY_ROOT, HASH_BYTES, Hash, verify_consistency
from extract_client.log.note import COSIGNATURE, ED25519, VerifierKey, cosignature_line, open_note

MAX_SUBMISSION_BYTES: Final = 64 * 1024
"""Of one request or answer: 63 hashes and a checkpoint with a few hundred signatures are less."""
MAX_PROOF_LINES: Final = 63
"""C2SP tlog-witness, add-checkpoint."""

PLAIN: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"

_OLD: Final = "old "
_KEY_ID_BYTES: Final = 4


class SubmissionError(ExtractClientError):
    """A request is not in the form of tlog-witness; whoever sent it has to change it."""


class WitnessStateError(ExtractClientError):
    """What the witness last cosigned cannot be read, verified or written; it must not cosign anything."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answers to one request."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to cosign.

    Attributes:
        old: size of the tree that the witness last cosigned, as the sender believes; 0: none.
        proof: consistency of that tree with the one of the checkpoint.
        note: the signed checkpoint.
    """

    old: int
    proof: tuple[Hash, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a request's body; only the one way to write it is accepted.

        Raises: SubmissionError.
        Source: C2SP tlog-witness, add-checkpoint.
        """
        try:
            head, gap, note = body.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError as error:
            raise SubmissionError("The request is not UTF-8 text.") from error
        old, *proof = head.split("\n")
        if not gap or not old.startswith(_OLD):
            raise SubmissionError(
                "A request is an old size line, proof lines, an empty line and a checkpoint."
            )
        if len(proof) > MAX_PROOF_LINES:
            raise SubmissionError(f"A proof has at most {MAX_PROOF_LINES} lines.")
        try:
            size, hashes = parse_decimal(old.removeprefix(_OLD)), tuple(map(decode_base64, proof))
        except ValueError as error:
            raise SubmissionError("The old size or a hash is not written in the one form it has.") from error
        if any(len(each) != HASH_BYTES for each in hashes):
            raise SubmissionError("A hash of the proof is not 32 bytes long.")
        return cls(old=size, proof=hashes, note=note)

    def __bytes__(self) -> bytes:
        proof = "".join(f"{encode_base64(each)}\n" for each in self.proof)
        return f"old {self.old}\n{proof}\n{self.note}".encode()


class Witness:
    """One witness, its logs, and what it last cosigned of each."""

    def __init__(
        self, name: str, *, key: Ed25519PrivateKey, logs: Sequence[VerifierKey], folder: Path
    ) -> None:
        """Know the logs by their keys; several keys of one name are one log that rotates.

        Args:
            folder: keeps one file per log; must exist, and must outlive the process.

        Raises: ConfigurationError, the folder is not there or a key is not a log's.
        """
        if not folder.is_dir():
            raise ConfigurationError(f"The folder {folder} for what is cosigned does not exist.")
        if any(each.algorithm != ED25519 for each in logs):
            raise ConfigurationError("A log's key is an Ed25519 verifier key, of type 0x01.")
        self._key = key
        self._folder = folder
        self._logs = {each.name: tuple(key for key in logs if key.name == each.name) for each in logs}
        self.verifier: Final = VerifierKey(name, COSIGNATURE, key.public_key().public_bytes_raw())

    def add_checkpoint(self, body: bytes, now: int) -> Reply:
        """Cosign the checkpoint of a request, if its tree continues the last one of that log.

        Args:
            body: the request's, in the form of ``Submission``.
            now: seconds since 1970, stands in the cosignature.

        Returns:
            200 and the cosignature line. 400: not in form, or older than the request itself says. 403: no key of
            that log signed it. 404: not a log of this witness. 409 and the size last cosigned: the request starts
            from another, or from the same with another root. 422: not consistent with what was cosigned.

        Raises: WitnessStateError.
        Source: C2SP tlog-witness, add-checkpoint.
        """
        try:
            submission = Submission.parse(body)
            keys = self._logs.get(submission.note.partition("\n")[0])
            if keys is None:
                return _refusal(404, "This witness does not know that log.")
            text = open_note(submission.note, keys).text
        except SubmissionError as error:
            return _refusal(400, str(error))
        except NoteError:
            return _refusal(403, "No key of that log signed this checkpoint.")
        try:
            checkpoint = Checkpoint.parse(text)
        except NoteError as error:
            return _refusal(400, str(error))
        if submission.old > checkpoint.size:
            return _refusal(400, "The old size is larger than the checkpoint's.")
        with self._state(checkpoint.origin) as state:
            return self._compare_and_swap(state, submission, checkpoint, now=now)

    def checkpoint(self, digest: str) -> bytes | None:
        """Return the note last cosigned of the log whose origin has this digest; None: none, or not a log of ours.

        Args:
            digest: SHA-256 of the origin, in lower-case hexadecimal.

        Raises: WitnessStateError.
        """
        if digest not in {origin_digest(origin) for origin in self._logs}:
            return None
        try:
            return (self._folder / digest).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WitnessStateError("What this witness cosigned cannot be read.") from error

    def _compare_and_swap(
        self, state: "_State", submission: Submission, checkpoint: Checkpoint, *, now: int
    ) -> Reply:
        """Decide under the lock, and store before anything is answered."""
        last = state.read((*self._logs[checkpoint.origin], self.verifier))
        same_size_other_root = checkpoint.size == last.size and checkpoint.root != last.root
        if submission.old != last.size or same_size_other_root:
            return Reply(409, SIZE, f"{last.size}\n".encode("ascii"))
        try:
            _verify(last, checkpoint, proof=submission.proof)
        except ProofError:
            return _refusal(422, "The checkpoint is not consistent with the last one that was cosigned.")
        line = cosignature_line(checkpoint.text, name=self.verifier.name, key=self._key, time=now)
        signed = "".join(lines_by(submission.note, self._logs[checkpoint.origin]))
        state.write(f"{checkpoint.text}\n{signed}{line}")
        return Reply(200, PLAIN, line.encode())

    @contextmanager
    def _state(self, origin: str) -> Iterator["_State"]:
        """Hold the state of one log: nobody else reads or writes it meanwhile, in this process or another."""
        path = self._folder / origin_digest(origin)
        try:
            descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WitnessStateError("The folder of what is cosigned cannot be written.") from error
        try:
            # Of the open file, not of the process: it excludes other threads as well, and dies with its holder.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield _State(path, origin)
        finally:
            os.close(descriptor)


def origin_digest(origin: str) -> str:
    """Return the SHA-256 of an origin line in hexadecimal: the log's name in paths and files."""
    return hashlib.sha256(origin.encode()).hexdigest()


def lines_by(note: str, keys: Sequence[VerifierKey]) -> list[str]:
    """Return the signature lines of a well-formed note that name one of ``keys``, each with its newline."""
    lines = note.rpartition("\n\n")[2].splitlines(keepends=True)
    return [line for line in lines if any(_names(line, key) for key in keys)]


@dataclass(frozen=True, slots=True)
class _State:
    """What was last cosigned of one log: a note in a file. Used by the holder of its lock only."""

    path: Path
    origin: str

    def read(self, keys: Sequence[VerifierKey]) -> Checkpoint:
        """Return the checkpoint last cosigned; of the empty tree, if there is none.

        Raises: WitnessStateError, the file is not what this witness wrote.
        """
        try:
            checkpoint = Checkpoint.parse(open_note(self.path.read_bytes(), keys).text)
        except FileNotFoundError:
            return Checkpoint(self.origin, 0, EMPTY_ROOT)
        except (OSError, NoteError) as error:
            raise WitnessStateError(
                "What this witness last cosigned cannot be read or was changed."
            ) from error
        if checkpoint.origin != self.origin:
            raise WitnessStateError("What this witness last cosigned is kept under another log's name.")
        return checkpoint

    def write(self, note: str) -> None:
        """Replace the note; when this returns, it survives a crash of the machine.

        Raises: WitnessStateError; the old note or the new one is there whole, and nothing may be answered.
        """
        fresh = self.path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(note.encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise WitnessStateError("What this witness cosigns cannot be stored.") from error


def _verify(last: Checkpoint, checkpoint: Checkpoint, *, proof: Sequence[Hash]) -> None:
    """Let pass what continues ``last``; nothing is to be proved to whoever saw no entry yet. Raises: ProofError."""
    if last.size == 0:
        if proof:
            raise ProofError("A proof from the empty tree has no hashes.")
        return
    verify_consistency(
        first=last.size,
        first_root=last.root,
        second=checkpoint.size,
        second_root=checkpoint.root,
        proof=proof,
    )


def _refusal(status: int, sentence: str) -> Reply:
    return Reply(status, PLAIN, f"{sentence}\n".encode())


def _names(line: str, key: VerifierKey) -> bool:
    mark = f"— {key.name} "
    return line.startswith(mark) and base64.b64decode(line.removeprefix(mark))[:_KEY_ID_BYTES] == key.key_id
