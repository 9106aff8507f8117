"""Whose word counts: the logs, the witnesses and the quorum that a checkpoint needs (c2sp.org/tlog-policy).

INVARIANTS
- A checkpoint is accepted only if a listed log signed it under its own origin and the quorum witnessed it.
- Each witness counts in one way only: a name is a member of at most one group.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from extract_client.errors import ConfigurationError, NoteError, NotWitnessedError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.encoding import parse_decimal
from extract_client.log.note import COSIGNATURE, ED25519, VerifierKey, open_note

NO_QUORUM: Final = "none"
"""Predefined quorum: no cosignature is needed."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Who vouches that it saw one history only.

    Attributes:
        name: within the policy.
        key: for cosignatures.
        url: where a log submits checkpoints; absent: not told.
    """

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which ``threshold`` have to witness a checkpoint."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedCheckpoint:
    """A checkpoint that meets the policy.

    Attributes:
        witnessed: names of the policy's witnesses whose cosignatures hold, in the order of their lines.
        times: when each of them witnessed it, seconds since 1970; the latest where one did so twice.
    """

    checkpoint: Checkpoint
    witnessed: tuple[str, ...]
    times: Mapping[str, int]


@dataclass(frozen=True)
class Policy:
    """The logs and witnesses that are known, and how many of them are enough.

    Attributes:
        quorum: name of a witness or group, or ``none``.
    """

    logs: tuple[VerifierKey, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NO_QUORUM

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Return the policy that a file states.

        Raises: ConfigurationError, naming the line.
        """
        reading = _Reading()
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                reading.take(line)
            except (ValueError, NoteError) as error:
                raise ConfigurationError(f"Line {number} of the policy is wrong: {error}") from error
        if reading.quorum is None:
            raise ConfigurationError("The policy has no quorum line.")
        return cls(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)

    @classmethod
    def for_log(cls, *vkeys: str) -> "Policy":
        """Return the policy of one who knows the log's keys and no witness.

        Raises: ConfigurationError.
        """
        return cls.parse("".join(f"log {vkey}\n" for vkey in vkeys) + f"quorum {NO_QUORUM}\n")

    @property
    def has_witnesses(self) -> bool:
        """True where a witness is configured, whether or not the quorum needs one."""
        return bool(self.witnesses)

    def quorum_met(self, names: Collection[str]) -> bool:
        """True when the witnesses of these names are enough."""
        return self.quorum == NO_QUORUM or self._witnessed(self.quorum, names)

    def check(self, note: str | bytes, *, origin: str) -> CheckedCheckpoint:
        """Return the checkpoint of the log ``origin`` that the note holds.

        Raises: NoteError, the note is malformed or the log did not sign it; ProofError, it is of another
            log; NotWitnessedError, too few witnesses cosigned it.
        """
        logs = [key for key in self.logs if key.name == origin]
        if not logs:
            raise NoteError("The policy does not have the key of this log.")
        witnesses = {witness.key: name for name, witness in self.witnesses.items()}
        opened = open_note(note, [*logs, *witnesses])
        if not any(signature.key in logs for signature in opened.signatures):
            raise NoteError("The log did not sign this checkpoint.")
        checkpoint = Checkpoint.parse(opened.text)
        if checkpoint.origin != origin:
            raise ProofError("The checkpoint is of another log.")
        times: dict[str, int] = {}
        for signature in opened.signatures:
            if signature.time is not None:
                name = witnesses[signature.key]
                times[name] = max(signature.time, times.get(name, 0))
        if not self.quorum_met(times):
            raise NotWitnessedError("Too few witnesses have cosigned this checkpoint.")
        return CheckedCheckpoint(checkpoint, tuple(times), times)

    def _witnessed(self, name: str, names: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return group.threshold <= sum(self._witnessed(member, names) for member in group.members)


class _Reading:
    """A policy, line by line; the methods raise ValueError or NoteError."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, line: str) -> None:
        """Read one line, its newline removed."""
        if any(char < " " and char != "\t" for char in line):
            raise ValueError("it has a control character")
        items = line.replace("\t", " ").split(" ")
        match [item for item in items if item]:
            case []:
                pass
            case [first, *_] if first.startswith("#"):
                pass
            case ["log", vkey] | ["log", vkey, _]:
                self._log(vkey)
            case ["witness", name, vkey]:
                self._witness(name, vkey, url=None)
            case ["witness", name, vkey, url]:
                self._witness(name, vkey, url=url)
            case ["group", name, threshold, *members]:
                self._group(name, threshold, members)
            case ["quorum", name]:
                self._quorum(name)
            case _:
                raise ValueError("it is neither a log, a witness, a group, a quorum nor a comment")

    def _log(self, vkey: str) -> None:
        key = VerifierKey.parse(vkey)
        if key.algorithm != ED25519:
            raise ValueError("a log's key is of type 1 (Ed25519)")
        if any(key.public == other.public for other in self.logs):
            raise ValueError("this log's key is listed already")
        self.logs.append(key)

    def _witness(self, name: str, vkey: str, *, url: str | None) -> None:
        key = VerifierKey.parse(vkey)
        if key.algorithm != COSIGNATURE:
            raise ValueError("a witness's key is of type 4 (cosignature)")
        if any(key.public == other.key.public for other in self.witnesses.values()):
            raise ValueError("this witness's key is listed already")
        self._require_new(name)
        self.witnesses[name] = Witness(name, key, url)

    def _group(self, name: str, threshold: str, members: Sequence[str]) -> None:
        self._require_new(name)
        for member in members:
            self._require_defined(member)
            if member in self._members:
                raise ValueError(f"{member} is a member of a group already")
            self._members.add(member)
        least = {"any": 1, "all": len(members)}.get(threshold)
        least = parse_decimal(threshold) if least is None else least
        if not 1 <= least <= len(members):
            raise ValueError("the group's threshold does not fit the number of its members")
        self.groups[name] = Group(name, least, tuple(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise ValueError("the quorum is set already")
        if name != NO_QUORUM:
            self._require_defined(name)
        self.quorum = name

    def _require_new(self, name: str) -> None:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name} is taken")

    def _require_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError(f"{name} is not defined on an earlier line")
