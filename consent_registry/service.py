"""Record a decision and, in the same transaction, what now stands.

Invariants:
- Recording is idempotent by ``decision_id``: a replay writes nothing and answers the same.
- An act that opens under a used id is refused; an act that closes is always recorded, if need be under an id
  derived from the one sent, so that its own replays are recognised.
- An act that opens says on which standing it was decided, and is refused when that moved, when the child's own
  answer governs, or when another parent's no stands unresolved; none of this is ever asked of an act that closes.
- The standing is always the fold of the whole history, and its version the number of decisions in it.
- The whole document is sealed under the family's key, bound to subject and decision.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection

from certs.envelope import seal
from consent_registry import repository
from consent_registry.birthdays import LONDON
from consent_registry.errors import (
    ConflictingReplayError,
    ContestedError,
    OverruledError,
    StandingMovedError,
    StandingRequiredError,
)
from consent_registry.model import (
    CASE_CLOSED,
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Exit,
    JsonObject,
    Scope,
    Standing,
    SubjectId,
)
from consent_registry.repository import NewDecision
from consent_registry.schemas import DecisionRequest
from consent_registry.standing import (
    child_governs,
    exit_of,
    fold,
    follow,
    in_effect_at,
    is_dispute,
    is_noted,
    narrowed,
)

DEFAULT_MONTHS = 6
"""Calendar months a give lasts when it names no end."""

_MONTHS_A_YEAR = 12
_DIGEST_LABEL = b"early-help-gateway/consent-registry/digest/1"


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals and digests documents under one family's data key."""

    _key: bytes = field(repr=False)
    _digest_key: bytes = field(repr=False)

    @classmethod
    def under(cls, data_key: bytes) -> Self:
        """The sealing of one family; the digest key is derived, so it dies with the data key."""
        return cls(data_key, hmac.digest(data_key, _DIGEST_LABEL, "sha256"))

    def seal(self, document: JsonObject, *, subject_id: SubjectId, decision_id: DecisionId) -> bytes:
        """The document, readable only with the family's key and only as this decision of this subject."""
        return seal(self._key, _canonical(document), aad=decision_aad(subject_id, decision_id))

    def digest(self, document: JsonObject) -> bytes:
        """32 bytes equal for equal documents of this family; spacing and order of members do not count."""
        return hmac.digest(self._digest_key, _canonical(document), "sha256")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who spoke, as far as the council knows it when it records.

    Attributes:
        speaker: the random id of a person of the family; absent: nobody said, or it is nobody of the family.
        resolves: it ends a dispute by a recorded resolution.
    """

    speaker: SubjectId | None = None
    capacity: Capacity | None = None
    authority: Authority = Authority.ESTABLISHED
    resolves: bool = False


NOBODY_SAID: Final = Spoken()


class Effect(StrEnum):
    """What a decision did."""

    CLOSED = "closed"
    DISPUTED = "disputed"
    HELD = "held"
    NOTED = "noted"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the caseworker is told.

    Attributes:
        decision_id: the id under which the decision is kept.
        in_effect_at: aware instant from which it counts.
        standing_version: version of the person's standing that this decision made.
        effect: what it did when it was recorded; absent for a replay.
        narrowed: of a yes, the agencies to whom it lets less go than the one before.
    """

    decision_id: DecisionId
    in_effect_at: datetime
    standing_version: int
    effect: Effect | None
    narrowed: frozenset[str] = frozenset()

    @property
    def replay(self) -> bool:
        """True when it had been recorded before and nothing was written."""
        return self.effect is None


def record(
    connection: Connection,
    *,
    family_id: UUID,
    person_id: UUID,
    decision: DecisionRequest,
    scope: Scope,
    sealing: Sealing,
    verified: bool,
    now: datetime,
    via: str,
    spoken: Spoken = NOBODY_SAID,
    expected: int | None = None,
    months: int = DEFAULT_MONTHS,
) -> Recorded:
    """Append one decision and write the standing it leads to.

    Args:
        connection: a transaction that has moved the family's gate.
        decision: the checked document.
        scope: its scope, kinds of agencies resolved.
        verified: whether the member of staff who records it is known; kept with the document.
        now: aware instant of the database.
        via: the client or command that sent it.
        spoken: who spoke.
        expected: the version of the standing that an act that opens was decided on, 0 before the first decision.
        months: calendar months a give lasts when it names no end.
    Raises: for an act that opens alone, and then nothing is written: StandingRequiredError, StandingMovedError,
        OverruledError, ContestedError; ConflictingReplayError, its id was used for something else.
    """
    subject_id = repository.ensure_subject(connection, family_id=family_id, person_id=person_id)
    digest = sealing.digest(decision.received)
    document: JsonObject = {"received": decision.received, "recorded_by_verified": verified}
    # The history, not the standing kept for releases: one that is damaged must not keep a stop from being recorded.
    history = repository.read_history(connection, subject_id)
    before = fold(history)
    for decision_id in _ids(decision, digest):
        if repository.find_decision(connection, decision_id) is None:
            made = _decision(
                decision, decision_id=decision_id, scope=scope, now=now, months=months, spoken=spoken
            )
            effect = _effect(before, made, version=len(history), expected=expected)
            new = NewDecision(
                decision=made,
                subject_id=subject_id,
                via=via,
                sealed=sealing.seal(document, subject_id=subject_id, decision_id=decision_id),
                digest=digest,
            )
            if repository.append_decision(connection, new):
                return _stand(
                    connection,
                    new,
                    family_id=family_id,
                    before=before,
                    version=len(history) + 1,
                    effect=effect,
                )
        replay = _replay(connection, decision_id, digest)
        if replay is not None:
            return replay
    raise ConflictingReplayError("the decision id was used before for something else")


def end_agreements(
    connection: Connection, *, family_id: UUID, sealing: Sealing, now: datetime, via: str
) -> list[DecisionId]:
    """End what stands of everybody of a family, because its case was closed; return the decisions that say so.

    True afterwards: everybody has to be asked again, and opening the case again revives nothing.

    Args:
        connection: a transaction that has moved the family's gate.
        via: the client or command that closed the case.
    """
    ended = []
    for subject_id in repository.subjects_of(connection, family_id):
        history = repository.read_history(connection, subject_id)
        before = fold(history)
        if before.given is None:
            continue
        decision = ConsentDecision(
            DecisionId(uuid4()), 0, Act.HOLD, Scope(), None, None, recorded_at=now, reason=CASE_CLOSED
        )
        document: JsonObject = {"received": {"act": decision.act.value, "reason": decision.reason}}
        new = NewDecision(
            decision=decision,
            subject_id=subject_id,
            via=via,
            sealed=sealing.seal(document, subject_id=subject_id, decision_id=decision.decision_id),
            digest=sealing.digest(document),
        )
        repository.append_decision(connection, new)
        _stand(
            connection,
            new,
            family_id=family_id,
            before=before,
            version=len(history) + 1,
            effect=Effect.CLOSED,
        )
        ended.append(decision.decision_id)
    return ended


def recorded_before(
    connection: Connection, *, decision: DecisionRequest, sealing: Sealing
) -> Recorded | None:
    """What was answered when this very document was recorded in this family; absent when it never was."""
    digest = sealing.digest(decision.received)
    replays = (_replay(connection, decision_id, digest) for decision_id in _ids(decision, digest))
    return next((replay for replay in replays if replay is not None), None)


def decision_aad(subject_id: SubjectId, decision_id: DecisionId) -> bytes:
    """What binds a sealed document to its row."""
    return f"consent_decision:{subject_id}:{decision_id}".encode()


def default_end(valid_from: datetime, *, months: int = DEFAULT_MONTHS) -> datetime:
    """00:00 in London of the day that many calendar months after ``valid_from``, or of the month's last day."""
    start = valid_from.astimezone(LONDON).date()
    month = start.month - 1 + months
    first = start.replace(year=start.year + month // _MONTHS_A_YEAR, month=month % _MONTHS_A_YEAR + 1, day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    last = after - timedelta(days=1)
    end = first.replace(day=min(start.day, last.day))
    return datetime.combine(end, time(), LONDON).astimezone(valid_from.tzinfo)


def _ids(decision: DecisionRequest, digest: bytes) -> Iterator[DecisionId]:
    yield decision.decision_id
    if not decision.act.opens:
        yield DecisionId(uuid5(decision.decision_id, digest.hex()))


def _decision(
    request: DecisionRequest,
    *,
    decision_id: DecisionId,
    scope: Scope,
    now: datetime,
    months: int,
    spoken: Spoken,
) -> ConsentDecision:
    valid_from, valid_until = request.valid_from, request.valid_until
    if request.act.opens:
        valid_from = valid_from or now
        valid_until = valid_until or default_end(valid_from, months=months)
    return ConsentDecision(
        decision_id=decision_id,
        sequence=0,
        act=request.act,
        scope=scope,
        valid_from=valid_from,
        valid_until=valid_until,
        recorded_at=now,
        reason=request.reason,
        notice=request.notice,
        profiles_shown=request.profiles_shown,
        speaker=spoken.speaker,
        capacity=spoken.capacity,
        authority=spoken.authority,
        resolves=spoken.resolves,
    )


def _effect(standing: Standing, decision: ConsentDecision, *, version: int, expected: int | None) -> Effect:
    """What a decision will do to what stands.

    Raises: see ``record``.
    """
    noted = is_noted(standing, decision)
    if not decision.act.opens:
        if noted:
            return Effect.NOTED
        if is_dispute(standing, decision):
            return Effect.DISPUTED
        return Effect.HELD if exit_of(decision) is Exit.HELD else Effect.CLOSED
    if expected is None:
        raise StandingRequiredError("the standing that was decided on is not named")
    if expected != version:
        raise StandingMovedError("somebody decided since")
    if child_governs(standing, now=decision.recorded_at, act=decision.act) and noted:
        raise OverruledError("the child's own answer governs")
    if noted:
        raise ContestedError("another parent's no stands")
    return Effect.OPENED


def _stand(
    connection: Connection,
    new: NewDecision,
    *,
    family_id: UUID,
    before: Standing,
    version: int,
    effect: Effect,
) -> Recorded:
    """Write what stands after a decision, and tell what it did."""
    decision = new.decision
    after = follow(before, decision)
    repository.write_standing(
        connection,
        subject_id=new.subject_id,
        family_id=family_id,
        version=version,
        standing=after,
    )
    return Recorded(
        decision.decision_id,
        in_effect_at(decision),
        version,
        effect,
        narrowed(before, after, now=decision.recorded_at),
    )


def _replay(connection: Connection, decision_id: DecisionId, digest: bytes) -> Recorded | None:
    stored = repository.find_decision(connection, decision_id)
    if stored is None or not hmac.compare_digest(stored.digest, digest):
        return None
    version = repository.count_until(connection, stored)
    return Recorded(stored.decision.decision_id, in_effect_at(stored.decision), version, effect=None)


def _canonical(document: JsonObject) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
