"""Reads and writes of the consent registry's tables; no rule lives here.

Invariants:
- Every function works inside the caller's transaction and commits nothing.
- A write is accepted only in a transaction that moved the family's gate (the database checks at commit);
  the gate's row lock makes the writers of one family queue, so a history read here is complete.
- Decisions are inserted, never changed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from consent_registry.model import (
    NOT_ASKED,
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    JsonObject,
    Notice,
    Scope,
    Standing,
    SubjectId,
)
from consent_registry.tables import DECISION, STANDING, SUBJECT


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision to append; its sequence is the database's to give.

    Attributes:
        via: the client or command that sent it.
        sealed: the whole document, under the family's key.
        digest: keyed digest of the document as received.
    """

    decision: ConsentDecision
    subject_id: SubjectId
    via: str
    sealed: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as stored, with what tells a replay from a conflict."""

    decision: ConsentDecision
    subject_id: SubjectId
    digest: bytes


def ensure_subject(connection: Connection, *, family_id: UUID, person_id: UUID) -> SubjectId:
    """The random id under which this person's decisions in this family are kept; made at first use."""
    fresh = {"subject_id": uuid4(), "family_id": family_id, "person_id": person_id}
    connection.execute(insert(SUBJECT).values(fresh).on_conflict_do_nothing())
    return SubjectId(connection.execute(_subject_of(family_id, person_id)).scalar_one())


def find_subject(connection: Connection, *, family_id: UUID, person_id: UUID) -> SubjectId | None:
    """The id under which this person's decisions in this family are kept; absent before they are first named."""
    found = connection.execute(_subject_of(family_id, person_id)).scalar_one_or_none()
    return None if found is None else SubjectId(found)


def subjects_of(connection: Connection, family_id: UUID) -> list[SubjectId]:
    """The ids under which the decisions of a family's people are kept, in order of id."""
    mine = select(SUBJECT.c.subject_id).where(SUBJECT.c.family_id == family_id)
    return [SubjectId(each) for each in connection.execute(mine.order_by(SUBJECT.c.subject_id)).scalars()]


def find_decision(connection: Connection, decision_id: DecisionId) -> StoredDecision | None:
    """The decision of this id, whosever it is."""
    wanted = select(DECISION).where(DECISION.c.decision_id == decision_id)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else StoredDecision(_decision(row), row.subject_id, row.digest)


def append_decision(connection: Connection, new: NewDecision) -> bool:
    """Add one decision to its subject's history; ``False`` when the id is taken, and then nothing is written.

    Waits for another transaction that is inserting the same id.
    """
    decision = new.decision
    values = {
        "decision_id": decision.decision_id,
        "subject_id": new.subject_id,
        "act": decision.act.value,
        "scope": _scope_column(decision, via=new.via),
        "valid_from": decision.valid_from,
        "valid_until": decision.valid_until,
        "recorded_at": decision.recorded_at,
        "sealed": new.sealed,
        "digest": new.digest,
    }
    statement = insert(DECISION).values(values).on_conflict_do_nothing(index_elements=["decision_id"])
    return connection.execute(statement.returning(DECISION.c.sequence)).one_or_none() is not None


def read_history(connection: Connection, subject_id: SubjectId) -> list[ConsentDecision]:
    """Every decision of one subject, oldest first."""
    mine = select(DECISION).where(DECISION.c.subject_id == subject_id)
    return [_decision(row) for row in connection.execute(mine.order_by(DECISION.c.sequence))]


def count_until(connection: Connection, stored: StoredDecision) -> int:
    """How many decisions the subject had once this one was recorded: the standing's version then."""
    own = DECISION.c.subject_id == stored.subject_id
    earlier = DECISION.c.sequence <= stored.decision.sequence
    return connection.execute(select(func.count()).select_from(DECISION).where(own & earlier)).scalar_one()


def count_sent(
    connection: Connection, *, via: str, act: Act | None = None, since: datetime, until: datetime
) -> int:
    """How many decisions one client or command sent in a time, half-open; of one act alone where one is named."""
    query = (
        select(func.count())
        .select_from(DECISION)
        .where(
            DECISION.c.scope["via"].astext == via,
            DECISION.c.recorded_at >= since,
            DECISION.c.recorded_at < until,
        )
    )
    if act is not None:
        query = query.where(DECISION.c.act == act.value)
    return connection.execute(query).scalar_one()


def write_standing(
    connection: Connection, *, subject_id: SubjectId, family_id: UUID, version: int, standing: Standing
) -> None:
    """Replace the subject's standing."""
    body = {"version": version, "body": standing.to_json()}
    statement = insert(STANDING).values(subject_id=subject_id, family_id=family_id, **body)
    connection.execute(statement.on_conflict_do_update(index_elements=["subject_id"], set_=body))


def read_standing(connection: Connection, subject_id: SubjectId) -> tuple[int, Standing] | None:
    """Version and standing of one subject; ``None`` before the first decision."""
    wanted = select(STANDING.c.version, STANDING.c.body).where(STANDING.c.subject_id == subject_id)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else (row.version, Standing.from_json(row.body))


def family_standings(connection: Connection, family_id: UUID) -> dict[UUID, Standing]:
    """The standing of every person of one family who ever decided, by person id."""
    joined = STANDING.join(SUBJECT, SUBJECT.c.subject_id == STANDING.c.subject_id)
    wanted = (
        select(SUBJECT.c.person_id, STANDING.c.body)
        .select_from(joined)
        .where(STANDING.c.family_id == family_id)
    )
    return {row.person_id: Standing.from_json(row.body) for row in connection.execute(wanted)}


def _subject_of(family_id: UUID, person_id: UUID) -> Select[Any]:
    mine = (SUBJECT.c.family_id == family_id) & (SUBJECT.c.person_id == person_id)
    return select(SUBJECT.c.subject_id).where(mine)


def _scope_column(decision: ConsentDecision, *, via: str) -> JsonObject:
    """Codes and random ids; what is at its default is left out."""
    column: JsonObject = {**decision.scope.to_json(), "reason": decision.reason, "via": via}
    if decision.notice is not None:
        notice = decision.notice
        column["notice"] = {"id": notice.id, "version": notice.version, "language": notice.language}
    if decision.profiles_shown:
        column["profiles_shown"] = dict(decision.profiles_shown)
    if decision.speaker is not None:
        column["speaker"] = str(decision.speaker)
    if decision.capacity is not None:
        column["capacity"] = decision.capacity.value
    if decision.authority is not Authority.ESTABLISHED:
        column["authority"] = decision.authority.value
    if decision.resolves:
        column["resolves"] = True
    return column


def _decision(row: Row[Any]) -> ConsentDecision:
    scope = row.scope
    notice, speaker, capacity = (scope.get(name) for name in ("notice", "speaker", "capacity"))
    return ConsentDecision(
        decision_id=DecisionId(row.decision_id),
        sequence=row.sequence,
        act=Act(row.act),
        scope=Scope.from_json(scope),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        recorded_at=row.recorded_at,
        reason=scope.get("reason", NOT_ASKED),
        notice=Notice(**notice) if notice else None,
        profiles_shown=scope.get("profiles_shown", {}),
        speaker=SubjectId(UUID(speaker)) if speaker else None,
        capacity=Capacity(capacity) if capacity else None,
        authority=Authority(scope.get("authority", Authority.ESTABLISHED)),
        resolves=scope.get("resolves", False) is True,
    )
