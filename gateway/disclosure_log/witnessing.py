"""Gathering cosignatures: the newest published checkpoint is shown to every witness of the policy.

INVARIANTS
- What is shown was published: a witness never learns of a tree that a crash could take back.
- A cosignature is stored only if the configured key made it, over exactly that checkpoint, at about our time.
- A quorum is as old as the oldest of the newest cosignatures that make it, and is recorded the moment it is there:
  a witness that fails, hangs or lies delays neither the others' cosignatures nor the quorum.
- A witness that contradicts our log is a task for the operator, never an exception; and none is believed to be
  ahead of us unless it shows our own signature over the larger tree.

Sources: C2SP tlog-witness, tlog-cosignature and tlog-policy.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from extract_client.errors import NoteError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.encoding import parse_decimal
from extract_client.log.merkle import Hash, consistency_proof
from extract_client.log.note import VerifierKey, open_note
from extract_client.log.policy import Policy, Witness
from extract_client.log.witness import SIZE, Submission, lines_by, origin_digest
from gateway.disclosure_log import repository, witness_repository
from gateway.disclosure_log.repository import StoredCheckpoint
from gateway.disclosure_log.witness_exchange import Answer, exchange
from gateway.disclosure_log.witness_repository import LastCosigned
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

CRON: Final = "* * * * * */10"
"""Every 10 s: a checkpoint that is newer than the last cosigned one waits at most so long (croniter's sixth field)."""
HEARTBEAT: Final = timedelta(minutes=10)
"""An unchanged checkpoint is cosigned again at least so often; sooner where the lag gate would warn before."""
CLOCK: Final = timedelta(seconds=120)
"""A cosignature's time may differ from ours by this much; it bounds how far an entry could be back-dated."""

_OK: Final = 200
_NO_CODE: Final = re.compile(r"[^A-Za-z0-9._:-]", re.ASCII)
_MAX_CODE: Final = 128

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A witness that cosigned a larger tree than the newest one we published.

    Attributes:
        note: the checkpoint that our own key signed: evidence that ours was rolled back.
    """

    witness: str
    size: int
    note: str


@dataclass(frozen=True, slots=True)
class _Question:
    """A request to a witness.

    Attributes:
        old: size of the tree it is said to have cosigned last.
        learnt: true when the witness itself told ``old`` a moment ago.
    """

    witness: Witness
    old: int
    learnt: bool = False


def collect(wiring: Wiring, now: datetime) -> int:
    """Show the newest published checkpoint to each witness whose turn it is; return how many cosigned it.

    A turn comes with a newer checkpoint, and with the heartbeat. Two workers at once do no harm.

    Args:
        now: the database's, aware.
    """
    policy = wiring.log.policy
    if policy is None or not policy.has_witnesses:
        return 0
    with wiring.engine.connect() as connection:
        last = witness_repository.last_cosigned(connection, policy.witnesses)
        newest = repository.newest_checkpoint(connection)  # second, so that it is not the smaller one
    if newest is None:
        return 0
    heartbeat = heartbeat_of(wiring.settings.witness_warn_seconds)
    turns = [
        _Question(witness, last[name].size if name in last else 0)
        for name, witness in policy.witnesses.items()
        if witness.url is not None and is_due(last.get(name), size=newest.size, now=now, heartbeat=heartbeat)
    ]
    return _Collection(wiring, policy, newest, now).run(turns) if turns else 0


def ahead(wiring: Wiring) -> list[Ahead]:
    """Return the witnesses that saw a larger tree of this log than the newest one that is published.

    A witness that does not answer, or shows nothing that our own key signed, is not among them.
    Source: C2SP tlog-witness (what a witness cosigned last is all it has to remember).
    """
    policy = wiring.log.policy
    witnesses = [] if policy is None else [each for each in policy.witnesses.values() if each.url is not None]
    if not witnesses:
        return []
    path = f"/{origin_digest(wiring.log.origin)}/checkpoint"
    with ThreadPoolExecutor(len(witnesses)) as pool:
        answers = list(pool.map(lambda witness: exchange(witness, "GET", path), witnesses))
    # After the answers: what they show was published before they came.
    size = _published_size(wiring)
    keys = [signer.verifier for signer in wiring.log.signers]
    shown = [
        _shown(witness, answer, keys=keys, origin=wiring.log.origin)
        for witness, answer in zip(witnesses, answers, strict=True)
    ]
    return [each for each in shown if each is not None and each.size > size]


def heartbeat_of(warn_seconds: int) -> timedelta:
    """Return how often an unchanged checkpoint is cosigned again: in time for a gate that warns after so long."""
    return min(HEARTBEAT, timedelta(seconds=warn_seconds) / 2)


def is_due(last: LastCosigned | None, *, size: int, now: datetime, heartbeat: timedelta) -> bool:
    """True when a witness is to be shown the newest checkpoint.

    Args:
        last: what it cosigned last; None: nothing.
        size: of the newest checkpoint.
    """
    return last is None or last.size < size or last.at <= now - heartbeat


def quorum_since(policy: Policy, times: Mapping[str, datetime]) -> datetime | None:
    """Return since when enough witnesses stand behind one checkpoint; None: too few do.

    Args:
        times: when each witness's newest cosignature of that checkpoint came, by its name in the policy.

    Returns: the latest instant such that the cosignatures from then on meet the quorum.
    """
    names: set[str] = set()
    for at, name in sorted(((at, name) for name, at in times.items()), reverse=True):
        names.add(name)
        if policy.quorum_met(names):
            return at
    return None


class _Collection:
    """One checkpoint on its way to the witnesses. The threads only speak to them; all else is done by one."""

    def __init__(self, wiring: Wiring, policy: Policy, newest: StoredCheckpoint, now: datetime) -> None:
        self._wiring = wiring
        self._policy = policy
        self._newest = newest
        self._now = now
        self._text = Checkpoint(wiring.log.origin, newest.size, newest.root).text
        self._proofs: dict[int, tuple[Hash, ...]] = {0: (), newest.size: ()}
        self._stored = 0

    def run(self, turns: Collection[_Question]) -> int:
        """Ask everybody side by side, and take each answer as it comes; return how many were stored."""
        with ThreadPoolExecutor(len(turns)) as pool:
            asked = {self._ask(pool, question): question for question in turns}
            while asked:
                for future in wait(asked, return_when=FIRST_COMPLETED).done:
                    question, answer = asked.pop(future), future.result()
                    again = None if answer is None else self._take(question, answer)
                    if again is not None:
                        asked[self._ask(pool, again)] = again
        return self._stored

    def _ask(self, pool: ThreadPoolExecutor, question: _Question) -> Future[Answer | None]:
        submission = Submission(question.old, self._proof(question.old), self._newest.note)
        return pool.submit(exchange, question.witness, "POST", "/add-checkpoint", body=bytes(submission))

    def _proof(self, old: int) -> tuple[Hash, ...]:
        if old not in self._proofs:
            size = self._newest.size
            with self._wiring.engine.connect() as connection:
                read = repository.hash_reader(connection, size=size)
                self._proofs[old] = tuple(consistency_proof(old, second=size, read=read))
        return self._proofs[old]

    def _take(self, question: _Question, answer: Answer) -> _Question | None:
        """Act on an answer; returns what to ask the same witness instead, if it told what it needs."""
        match answer.status:
            case 200:
                self._cosigned(question.witness, answer)
            case 409:
                return self._conflict(question, answer)
            case 422:
                self._contradicted(question.witness, TaskKind.LOG_FORKED, theirs=question.old)
            case status:
                _log.warning("witness.refused", witness=question.witness.name, status=status)
        return None

    def _conflict(self, question: _Question, answer: Answer) -> _Question | None:
        witness = question.witness
        theirs = _size(answer)
        if theirs is None:
            _log.warning("witness.no_size", witness=witness.name)
        elif theirs == question.old:
            # It agrees on the size, and yet refuses: it has another root. Of a smaller size this means nothing.
            if theirs == self._newest.size:
                self._contradicted(witness, TaskKind.LOG_FORKED, theirs=theirs)
            else:
                _log.warning("witness.contradicts_itself", witness=witness.name)
        elif theirs <= self._newest.size:
            if not question.learnt:
                return replace(question, old=theirs, learnt=True)
            _log.warning("witness.contradicts_itself", witness=witness.name)
        elif theirs > _published_size(self._wiring):
            self._contradicted(witness, TaskKind.LOG_ROLLED_BACK, theirs=theirs)
        return None  # else another worker showed it a newer checkpoint meanwhile

    def _cosigned(self, witness: Witness, answer: Answer) -> None:
        line = _cosignature(self._text, answer, key=witness.key, now=self._now)
        if line is None:
            _log.error("witness.wrong_cosignature", witness=witness.name)
            return
        size = self._newest.size
        with self._wiring.engine.begin() as connection:
            witness_repository.record_cosignature(
                connection, size=size, witness=witness.name, line=line, at=self._now
            )
            since = quorum_since(self._policy, self._times(connection))
            if since is not None:
                witness_repository.record_quorum(connection, size=size, at=since)
        self._stored += 1

    def _times(self, connection: Connection) -> Mapping[str, datetime]:
        """When each witness of the policy cosigned the checkpoint; a line of a key it no longer has does not count."""
        stored = witness_repository.cosignatures(connection, self._newest.size)
        known = {name: self._policy.witnesses[name].key for name in stored if name in self._policy.witnesses}
        return {
            name: stored[name].at
            for name, key in known.items()
            if _cosigned_at(self._text, stored[name].line, key=key) is not None
        }

    def _contradicted(self, witness: Witness, kind: TaskKind, *, theirs: int) -> None:
        """Say that a witness has another history of this log than we do, or a longer one."""
        ours = self._newest.size
        _log.error(f"{kind}", witness=witness.name, ours=ours, theirs=theirs)
        with self._wiring.engine.begin() as connection:
            raise_task(
                connection,
                kind=kind,
                due=self._now,
                about=_NO_CODE.sub("-", witness.name)[:_MAX_CODE],
                facts={"key": witness.key.key_id.hex(), "ours": ours, "theirs": theirs},
            )


def _published_size(wiring: Wiring) -> int:
    with wiring.engine.connect() as connection:
        newest = repository.newest_checkpoint(connection)
    return 0 if newest is None else newest.size


def _size(answer: Answer) -> int | None:
    """The tree size of a conflict's answer; None: it is not in its form."""
    if answer.content_type != SIZE or not answer.body.endswith(b"\n"):
        return None
    try:
        return parse_decimal(answer.body[:-1].decode("ascii"))
    except ValueError:
        return None


def _cosignature(text: str, answer: Answer, *, key: VerifierKey, now: datetime) -> str | None:
    """The line of an answer that cosigns a checkpoint; None: no such line, a wrong one, or of another time."""
    try:
        lines = answer.body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    at = _cosigned_at(text, lines, key=key)
    if at is None or abs(at - now.timestamp()) > CLOCK.total_seconds():
        return None
    return lines_by(f"{text}\n{lines}", [key])[-1]


def _cosigned_at(text: str, lines: str, *, key: VerifierKey) -> int | None:
    """The time of the one signature of ``key`` over a checkpoint among ``lines``; None: there is none that holds."""
    try:
        (signature,) = open_note(f"{text}\n{lines}", [key]).signatures
    except (NoteError, ValueError):
        return None
    return signature.time


def _shown(
    witness: Witness, answer: Answer | None, *, keys: Sequence[VerifierKey], origin: str
) -> Ahead | None:
    """What a witness shows as last cosigned, if our key signed it."""
    if answer is None or answer.status != _OK:
        return None
    try:
        note = answer.body.decode("utf-8")
        checkpoint = Checkpoint.parse(open_note(note, keys).text)
    except (NoteError, UnicodeDecodeError):
        _log.warning("witness.wrong_checkpoint", witness=witness.name)
        return None
    if checkpoint.origin != origin:
        return None
    return Ahead(witness.name, checkpoint.size, note)
