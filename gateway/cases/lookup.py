"""Which families a member of staff may look at, and finding them; that somebody looked is on record first.

INVARIANTS
- One's own cases and one's team's are open; another takes a reason, which the team's lead is told with the same commit.
- A sealed family is there for who works on it and for the safeguarding lead; to everybody else it is no match at all.
- A reason opens one family for one session.
- A record of which a part does not open is shown without it: whoever is told to stop has to get there.
- Nothing of a family is shown before its entry is committed. It does not wait for the log: whoever is told to stop
  has to get there while nobody can append, and the entry follows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, text

from consent_registry.birthdays import LONDON
from gateway.cases import repository
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.cases.people import FamilyRecord, read_records
from gateway.cases.search import IndexKind, find_people
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import NULL_FAMILY
from gateway.staff.model import Role, SignedIn
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

MOST: Final = 100
"""The longest list of families that is shown."""


_log = structlog.get_logger(__name__)


class Reach(StrEnum):
    """How near a family is to a member of staff."""

    OPENED = "opened"
    """Another's, opened with a reason in this session."""
    OTHER = "other"
    """Another's: it takes a reason."""
    OWN = "own"
    TEAM = "team"

    @property
    def opens(self) -> bool:
        """True when the family's pages may be shown."""
        return self is not Reach.OTHER


class OpeningReason(StrEnum):
    """Why somebody looks at the family of another team."""

    COVER = "cover"
    DUTY = "duty"
    REQUEST = "request"
    SAFEGUARDING = "safeguarding"
    SUPERVISION = "supervision"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Listed:
    """A family as it is shown to one member of staff."""

    record: FamilyRecord
    reach: Reach


@dataclass(frozen=True, slots=True)
class Match:
    """A family that a search found, as little of it as tells whether it is the right one."""

    family_id: UUID
    reach: Reach
    people: int
    workers: tuple[str, ...]


class ReasonNeededError(Exception):
    """The family is another team's: it takes a reason to look at it."""


_REACH: Final = text(
    "SELECT c.case_id, c.family_id, c.seals,"
    " EXISTS (SELECT FROM gateway.case_worker w WHERE w.case_id = c.case_id AND w.worker = :username"
    "   AND w.from_date <= :today AND (w.to_date IS NULL OR :today < w.to_date)) AS own,"
    " EXISTS (SELECT FROM gateway.case_worker w JOIN gateway.staff s ON s.username = w.worker"
    "   WHERE w.case_id = c.case_id AND s.active AND s.team = :team"
    "   AND w.from_date <= :today AND (w.to_date IS NULL OR :today < w.to_date)) AS team,"
    " EXISTS (SELECT FROM gateway.case_conflict k JOIN agencies.agency a USING (agency_code)"
    "   WHERE k.case_id = c.case_id AND k.practitioner_id = :username AND a.kind = 'early-help') AS conflict,"
    " EXISTS (SELECT FROM gateway.family_opened o WHERE o.family_id = c.family_id AND o.session_id = :session)"
    "   AS opened,"
    " (SELECT count(*) FROM gateway.case_person p WHERE p.case_id = c.case_id) AS people,"
    " ARRAY(SELECT w.worker FROM gateway.case_worker w WHERE w.case_id = c.case_id"
    "   AND w.from_date <= :today AND (w.to_date IS NULL OR :today < w.to_date) ORDER BY w.worker) AS workers"
    " FROM gateway.case_record c WHERE c.family_id = ANY (CAST(:families AS uuid[]))"
)
# What _reach() may find no way to; all others are there for everybody.
_MAY_BE_HIDDEN: Final = text(
    "SELECT c.family_id FROM gateway.case_record c WHERE c.seals <> '{}'"
    " UNION SELECT c.family_id FROM gateway.case_conflict k JOIN gateway.case_record c USING (case_id)"
    " WHERE k.practitioner_id = :username"
)
_LISTED: Final = text(
    "SELECT DISTINCT c.family_id FROM gateway.case_record c JOIN gateway.case_worker w USING (case_id)"
    " LEFT JOIN gateway.staff s ON s.username = w.worker AND s.active"
    " WHERE w.from_date <= :today AND (w.to_date IS NULL OR :today < w.to_date) AND c.status = 'open'"
    " AND (w.worker = :username OR (:team_too AND s.team = :team))"
)


def families_of(wiring: Wiring, who: SignedIn, *, team: bool) -> list[Listed]:
    """Return the open families that somebody works with, or whose team does, by title; each has its entry.

    Args:
        team: their team's that are not their own, instead of their own.
    """
    found: list[Listed] = []
    reach = Reach.TEAM if team else Reach.OWN
    with act(wiring, closes=True) as change:
        now = database_now(change.connection)
        rows = change.connection.execute(_LISTED, {**_asking(who, now), "team_too": team}).scalars()
        reached = _reached(change.connection, who, list(rows), now=now)
        # Cut only after what is hidden was left out: a family that is not there takes no place.
        shown = sorted(row.family_id for row in reached if _reach(who, row) is reach)[:MOST]
        for record in _records_of(wiring, change.connection, shown, now=now):
            found.append(Listed(record, reach))
            _note(change, who, kind="case.list", family_id=record.identity.family_id)
        if not found:
            change.nothing_changed()
    return sorted(found, key=lambda each: each.record.title.casefold())


def find(wiring: Wiring, who: SignedIn, *, kind: IndexKind, value: str) -> list[Match]:
    """Return the families that a search finds for somebody; that they searched is on record, with what it found.

    Args:
        value: as ``gateway.cases.search.find_people`` takes it.
    """
    return _matches(wiring, who, kind=kind.value, value=value)


def find_by_reference(wiring: Wiring, who: SignedIn, source_ref: str) -> list[Match]:
    """Return the family that the council's system knows by a reference, as ``find`` does."""
    return _matches(wiring, who, kind=repository.SOURCE_REF, value=source_ref)


def open_family(wiring: Wiring, who: SignedIn, family_id: UUID, reason: OpeningReason) -> None:
    """Let somebody look at another's family for the rest of their session, and tell its team's lead.

    Raises: UnknownCaseError, there is no such family for them.
    """
    with act(wiring, closes=True) as change:
        now = database_now(change.connection)
        rows = _reached(change.connection, who, [family_id], now=now)
        reach = _reach(who, rows[0]) if rows else None
        if reach is None:
            raise UnknownCaseError("there is no such family for them")
        if reach.opens:
            change.nothing_changed()
            return
        # Held until the commit: an erasure waits, and then takes this row with it.
        change.connection.execute(
            text("SELECT 1 FROM gateway.case_record WHERE family_id = :family FOR SHARE"),
            {"family": family_id},
        )
        change.connection.execute(
            text(
                "INSERT INTO gateway.family_opened (session_id, family_id, reason, opened_at)"
                " VALUES (:session, :family, :reason, :now) ON CONFLICT DO NOTHING"
            ),
            {"session": who.session.id, "family": family_id, "reason": reason.value, "now": now},
        )
        raise_task(
            change.connection,
            kind=TaskKind.CASE_OPENED,
            due=now,
            about=who.username,
            ref=family_id,
            facts={"reason": reason.value},
            occasion=str(who.session.id),
        )
        _note(change, who, kind="case.open", family_id=family_id, reason=reason.value)


def view(wiring: Wiring, who: SignedIn, family_id: UUID) -> Listed:
    """Return a family for one of its pages; that somebody looked is on record.

    Raises: UnknownCaseError, there is no such family for them; ReasonNeededError.
    """
    with act(wiring, closes=True) as change:
        now = database_now(change.connection)
        rows = _reached(change.connection, who, [family_id], now=now)
        reach = _reach(who, rows[0]) if rows else None
        if reach is None:
            raise UnknownCaseError("there is no such family for them")
        if not reach.opens:
            raise ReasonNeededError
        record = record_of(wiring, change.connection, family_id, now=now)
        _note(change, who, kind="case.view", family_id=family_id, reach=reach.value)
    return Listed(record, reach)


def case_of_worker(
    connection: Connection, who: SignedIn, family_id: UUID, *, now: datetime
) -> CaseIdentity | None:
    """Return the case of a family that somebody works with, or whose team does; absent: it is not theirs to decide."""
    rows = _reached(connection, who, [family_id], now=now)
    if not rows or _reach(who, rows[0]) not in {Reach.OWN, Reach.TEAM}:
        return None
    return CaseIdentity(rows[0].case_id, family_id)


def case_for_agenda(wiring: Wiring, who: SignedIn, source_ref: str) -> CaseIdentity | None:
    """Return the case that a coordinator names by the council's reference; absent: there is none, or it is sealed."""
    with act(wiring, closes=True) as change:
        connection = change.connection
        identity = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
        rows = (
            []
            if identity is None
            else _reached(connection, who, [identity.family_id], now=database_now(connection))
        )
        found = identity if rows and not rows[0].seals else None
        _note(
            change,
            who,
            kind="case.find",
            family_id=NULL_FAMILY if found is None else found.family_id,
            by=repository.SOURCE_REF,
        )
    return found


def case_for_preview(
    wiring: Wiring, connection: Connection, who: SignedIn, source_ref: str, *, now: datetime
) -> CaseIdentity | None:
    """Return the case that an officer names by the council's reference; absent: for them there is none.

    Nothing of it may be shown before whoever asks has recorded that it was looked at.
    """
    identity = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
    rows = [] if identity is None else _reached(connection, who, [identity.family_id], now=now)
    return identity if rows and _reach(who, rows[0]) is not None else None


def titles_for_agenda(wiring: Wiring, who: SignedIn, families: Sequence[UUID]) -> dict[UUID, str]:
    """Return what the families of an agenda are called, without those that are sealed; each has its entry."""
    titles: dict[UUID, str] = {}
    with act(wiring, closes=True) as change:
        now = database_now(change.connection)
        reached = _reached(change.connection, who, list(families), now=now)
        open_ones = [row.family_id for row in reached if not row.seals]
        for record in _records_of(wiring, change.connection, open_ones, now=now):
            titles[record.identity.family_id] = record.title
            _note(change, who, kind="case.list", family_id=record.identity.family_id)
        if not titles:
            change.nothing_changed()
    return titles


def absent_for(connection: Connection, who: SignedIn, families: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these families do not exist for somebody: what is sealed, and where they have an interest."""
    rows = _reached(connection, who, list(families), now=database_now(connection))
    return frozenset(row.family_id for row in rows if _reach(who, row) is None)


def hidden_from(connection: Connection, who: SignedIn) -> frozenset[UUID]:
    """Return every family that does not exist for somebody."""
    rows = connection.execute(_MAY_BE_HIDDEN, {"username": who.username}).scalars()
    return absent_for(connection, who, list(rows))


def case_to_explain(connection: Connection, who: SignedIn, family_id: UUID) -> CaseIdentity | None:
    """Return the case of a family for whoever answers for what was told of it; absent: for them there is none.

    Nothing of it may be shown before whoever asks has recorded that it was looked at.
    """
    rows = _reached(connection, who, [family_id], now=database_now(connection))
    return CaseIdentity(rows[0].case_id, family_id) if rows and _reach(who, rows[0]) is not None else None


def _matches(wiring: Wiring, who: SignedIn, *, kind: str, value: str) -> list[Match]:
    with act(wiring, closes=True) as change:
        connection = change.connection
        now = database_now(connection)
        if kind == repository.SOURCE_REF:
            identity = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=value)
            families = [] if identity is None else [identity.family_id]
        else:
            people = find_people(connection, keyring=wiring.keyring, kind=IndexKind(kind), value=value)
            families = [each.family_id for each in people]
        matches = [
            Match(row.family_id, reach, row.people, tuple(row.workers))
            for row in _reached(connection, who, families, now=now)
            if (reach := _reach(who, row)) is not None
        ]
        # A search that finds nobody, or somebody whom this member cannot see, is nobody's entry.
        for family_id in [each.family_id for each in matches] or [NULL_FAMILY]:
            _note(change, who, kind="case.find", family_id=family_id, by=kind)
    return matches


def _reached(connection: Connection, who: SignedIn, families: list[UUID], *, now: datetime) -> list[Row[Any]]:
    return list(connection.execute(_REACH, {**_asking(who, now), "families": families}))


def _asking(who: SignedIn, now: datetime) -> Mapping[str, object]:
    return {
        "username": who.username,
        "team": who.belonging.team,
        "session": who.session.id,
        "today": now.astimezone(LONDON).date(),
    }


def _reach(who: SignedIn, row: Row[Any]) -> Reach | None:
    """How near a family is; absent: for this member it is not there."""
    if row.conflict:
        return None
    if row.own:
        return Reach.OWN
    if row.seals and Role.SAFEGUARDING_LEAD not in who.roles:
        return None
    if row.team and not row.seals:
        return Reach.TEAM
    return Reach.OPENED if row.opened else Reach.OTHER


def record_of(wiring: Wiring, connection: Connection, family_id: UUID, *, now: datetime) -> FamilyRecord:
    """Return the record of a family to whoever has made sure that it may be looked at, and recorded that it is.

    Raises: UnknownCaseError.
    """
    found = _records_of(wiring, connection, [family_id], now=now)
    if not found:
        raise UnknownCaseError("there is no such case, or the family was erased")
    return found[0]


def _records_of(
    wiring: Wiring, connection: Connection, families: Sequence[UUID], *, now: datetime
) -> list[FamilyRecord]:
    """Return the records of these families in their order, without those that were erased since."""
    keys = wiring.keyring.families(connection, families)
    found = read_records(connection, list(keys.values()), today=now.astimezone(LONDON).date())
    for record in found.values():
        if record.members.damaged:
            _log.error("case.damaged", case=str(record.identity.case_id))
    return [found[family] for family in families if family in found]


def _note(change: Change, who: SignedIn, *, kind: str, family_id: UUID, **more: Canonical) -> None:
    """Record that somebody looked."""
    change.record(kind=kind, actor=who.username, family_id=family_id, internal=more)
