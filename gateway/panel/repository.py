"""Meetings, agendas and offers in PostgreSQL: functions over the caller's connection and transaction.

INVARIANT: every writer here needs the gates of the families and agencies it touches moved in the same
transaction; the database refuses a commit that forgot, so call these inside an act.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, text
from sqlalchemy.dialects import postgresql

from agencies.model import AgencyCode
from certs.errors import CertsError
from consent_registry.birthdays import Birthdays, birthdays_of
from consent_registry.errors import StoredStandingError
from consent_registry.model import NOTHING_DECIDED, Standing
from gateway.cases.errors import UnreadablePartError
from gateway.cases.sealing import open_births
from gateway.keyring import Keyring
from gateway.panel.model import CaseState, Meeting, MeetingRow, OfferRow
from gateway.panel.tables import AGENDA_ITEM, OFFER, PANEL_MEETING, PANEL_MEMBER

_LOCK_NAME = "gateway.panel.import"

_CASES = text(
    "SELECT case_id, family_id, threshold_level, status FROM gateway.case_record WHERE case_id = ANY(:cases)"
)
_STANDINGS = text(
    "SELECT p.case_id, p.family_id, p.person_id, p.born, t.body, k.wrapped, f.wrapped AS family_wrapped"
    " FROM gateway.case_person p"
    " JOIN gateway.family_key f ON f.family_id = p.family_id"
    " LEFT JOIN gateway.person_key k ON k.family_id = p.family_id AND k.person_id = p.person_id"
    " JOIN consent_registry.subject s ON s.family_id = p.family_id AND s.person_id = p.person_id"
    " JOIN consent_registry.standing t ON t.subject_id = s.subject_id"
    " WHERE p.case_id = ANY(:cases) AND NOT p.risk_person"
)
_LISTED = text(
    "SELECT w.ref FROM gateway.agenda_item i"
    " JOIN gateway.pairwise w ON w.thing_id = i.case_id AND w.family_id = i.family_id AND w.agency_code = :agency"
    " WHERE i.meeting_id = :meeting"
)


@dataclass(frozen=True, slots=True)
class StoredMeeting:
    """Who is touched when a meeting changes."""

    meeting_id: UUID
    families: frozenset[UUID]
    members: frozenset[AgencyCode]


@dataclass(frozen=True, slots=True)
class ListedCase:
    """One case on the agenda of a meeting.

    Attributes:
        position: place in the file's agenda; absent: it was listed before places were kept.
        not_ready_since: when something was closed after it was listed; absent: nothing was.
    """

    case_id: UUID
    family_id: UUID
    position: int | None
    not_ready_since: datetime | None


@dataclass(frozen=True, slots=True)
class OpenMeeting:
    """A meeting whose packs can still be pulled, or will be."""

    meeting_id: UUID
    ref: str
    title: str
    held_on: date
    members: frozenset[AgencyCode]
    cases: tuple[ListedCase, ...]


@dataclass(frozen=True, slots=True)
class StoredOffer:
    """What of an offer never changes."""

    offer_id: UUID
    case_id: UUID
    agency: AgencyCode


def lock_imports(connection: Connection) -> None:
    """Let no other panel file be stored until this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": _LOCK_NAME})


def case_states(
    connection: Connection, case_ids: Iterable[UUID], *, keyring: Keyring, lapse_at_sixteen: bool
) -> Mapping[UUID, CaseState]:
    """Return what decides whether these cases can be listed, by case id; an erased case is absent.

    Args:
        lapse_at_sixteen: see ``birthdays_of``.

    A person of whom something is damaged agrees to nothing, and every other case is as it is.
    """
    wanted = list(case_ids)
    standings: dict[UUID, list[tuple[Standing, Birthdays]]] = defaultdict(list)
    for row in connection.execute(_STANDINGS, {"cases": wanted}):
        born: date | None = None
        try:
            standing = Standing.from_json(row.body)
            if row.born is not None and row.wrapped is not None:
                family = keyring.open_family(row.family_id, row.family_wrapped)
                person = row.person_id
                born = open_births(family, {person: row.wrapped}, {person: row.born})[person]
        except (CertsError, StoredStandingError, UnreadablePartError):
            standing = NOTHING_DECIDED
        standings[row.case_id].append((standing, birthdays_of(born, lapse_at_sixteen=lapse_at_sixteen)))
    return {
        row.case_id: CaseState(
            case_id=row.case_id,
            family_id=row.family_id,
            level=row.threshold_level,
            is_open=row.status == "open",
            standings=tuple(standings[row.case_id]),
        )
        for row in connection.execute(_CASES, {"cases": wanted})
    }


def stored_meeting(connection: Connection, ref: str) -> StoredMeeting | None:
    """Return the meeting of this council id with everyone it touches; absent when there is none."""
    meeting_id: UUID | None = connection.execute(
        select(PANEL_MEETING.c.meeting_id).where(PANEL_MEETING.c.source_ref == ref)
    ).scalar_one_or_none()
    if meeting_id is None:
        return None
    families = connection.execute(
        select(AGENDA_ITEM.c.family_id).where(AGENDA_ITEM.c.meeting_id == meeting_id)
    ).scalars()
    members = connection.execute(
        select(PANEL_MEMBER.c.agency_code).where(PANEL_MEMBER.c.meeting_id == meeting_id)
    ).scalars()
    return StoredMeeting(meeting_id, frozenset(families), frozenset(AgencyCode(code) for code in members))


def stored_offer(connection: Connection, ref: str) -> StoredOffer | None:
    """Return the offer of this council id; absent when there is none."""
    row = connection.execute(select(OFFER).where(OFFER.c.source_ref == ref)).one_or_none()
    return None if row is None else StoredOffer(row.offer_id, row.case_id, AgencyCode(row.agency_code))


def put_meeting(
    connection: Connection, row: MeetingRow, *, window: tuple[datetime, datetime], cases: Mapping[UUID, UUID]
) -> UUID:
    """Store a meeting, or replace the one of the same ref with its members and agenda; return its id.

    Args:
        window: ``(opens_at, closes_at)``, aware.
        cases: family id by case id, the whole agenda in its order; each is ready from now on.
    """
    values = {"title": row.title, "held_on": row.held_on, "opens_at": window[0], "closes_at": window[1]}
    meeting_id: UUID = connection.execute(
        postgresql.insert(PANEL_MEETING)
        .values(meeting_id=uuid4(), source_ref=row.ref, **values)
        .on_conflict_do_update(index_elements=["source_ref"], set_=values)
        .returning(PANEL_MEETING.c.meeting_id)
    ).scalar_one()
    for table in (PANEL_MEMBER, AGENDA_ITEM):
        connection.execute(delete(table).where(table.c.meeting_id == meeting_id))
    if row.members:
        connection.execute(
            insert(PANEL_MEMBER), [{"meeting_id": meeting_id, "agency_code": code} for code in row.members]
        )
    if cases:
        connection.execute(
            insert(AGENDA_ITEM),
            [
                {"meeting_id": meeting_id, "case_id": case, "family_id": family, "position": position}
                for position, (case, family) in enumerate(cases.items(), start=1)
            ],
        )
    return meeting_id


def put_case(connection: Connection, meeting_id: UUID, *, case_id: UUID, family_id: UUID) -> None:
    """Put a case last on an agenda; one that is there stays in its place, and is ready from now on."""
    last = select(func.coalesce(func.max(AGENDA_ITEM.c.position), 0) + 1).where(
        AGENDA_ITEM.c.meeting_id == meeting_id
    )
    listed = postgresql.insert(AGENDA_ITEM).values(
        meeting_id=meeting_id, case_id=case_id, family_id=family_id, position=last.scalar_subquery()
    )
    connection.execute(
        listed.on_conflict_do_update(index_elements=["meeting_id", "case_id"], set_={"not_ready_since": None})
    )


def take_case(connection: Connection, meeting_id: UUID, *, case_id: UUID) -> bool:
    """Take a case from an agenda; whether it was there."""
    listed = (AGENDA_ITEM.c.meeting_id == meeting_id) & (AGENDA_ITEM.c.case_id == case_id)
    return connection.execute(delete(AGENDA_ITEM).where(listed)).rowcount > 0


def put_members(connection: Connection, meeting_id: UUID, members: Iterable[AgencyCode]) -> None:
    """Make these the members of a meeting."""
    connection.execute(delete(PANEL_MEMBER).where(PANEL_MEMBER.c.meeting_id == meeting_id))
    rows = [{"meeting_id": meeting_id, "agency_code": code} for code in members]
    if rows:
        connection.execute(insert(PANEL_MEMBER), rows)


def put_offer(connection: Connection, row: OfferRow, *, case: CaseState) -> UUID:
    """Store an offer, or change service and days of the one of the same ref; return its id."""
    values = {"service": row.service, "accepted_on": row.accepted_on, "ended_on": row.ended_on}
    offer_id: UUID = connection.execute(
        postgresql.insert(OFFER)
        .values(
            offer_id=uuid4(),
            source_ref=row.ref,
            case_id=case.case_id,
            family_id=case.family_id,
            agency_code=row.agency,
            **values,
        )
        .on_conflict_do_update(index_elements=["source_ref"], set_=values)
        .returning(OFFER.c.offer_id)
    ).scalar_one()
    return offer_id


def open_meetings(connection: Connection, *, now: datetime) -> tuple[OpenMeeting, ...]:
    """Return the meetings whose window has not closed, the next first, with their members and agendas."""
    meetings = connection.execute(
        select(PANEL_MEETING)
        .where(PANEL_MEETING.c.closes_at > now)
        .order_by(PANEL_MEETING.c.held_on, PANEL_MEETING.c.source_ref)
    ).all()
    wanted = [row.meeting_id for row in meetings]
    members: dict[UUID, set[AgencyCode]] = defaultdict(set)
    for row in connection.execute(select(PANEL_MEMBER).where(PANEL_MEMBER.c.meeting_id.in_(wanted))):
        members[row.meeting_id].add(AgencyCode(row.agency_code))
    cases: dict[UUID, list[ListedCase]] = defaultdict(list)
    for row in connection.execute(
        select(AGENDA_ITEM)
        .where(AGENDA_ITEM.c.meeting_id.in_(wanted))
        .order_by(AGENDA_ITEM.c.position.nulls_last(), AGENDA_ITEM.c.case_id)
    ):
        cases[row.meeting_id].append(
            ListedCase(row.case_id, row.family_id, row.position, row.not_ready_since)
        )
    return tuple(
        OpenMeeting(
            row.meeting_id,
            row.source_ref,
            row.title,
            row.held_on,
            frozenset(members[row.meeting_id]),
            tuple(cases[row.meeting_id]),
        )
        for row in meetings
    )


def meetings_of(connection: Connection, agency_code: AgencyCode) -> tuple[Meeting, ...]:
    """Return the meetings of which the agency is a member, the latest first."""
    rows = connection.execute(
        _meetings(agency_code).order_by(PANEL_MEETING.c.held_on.desc(), PANEL_MEETING.c.meeting_id)
    )
    return tuple(_meeting(row) for row in rows)


def meeting_of(connection: Connection, agency_code: AgencyCode, *, meeting_id: UUID) -> Meeting | None:
    """Return one meeting if the agency is a member of it; absent otherwise."""
    row = connection.execute(
        _meetings(agency_code).where(PANEL_MEETING.c.meeting_id == meeting_id)
    ).one_or_none()
    return None if row is None else _meeting(row)


def listed_refs(connection: Connection, agency_code: AgencyCode, *, meeting_id: UUID) -> tuple[UUID, ...]:
    """Return the agency's own references of every case on an agenda, permitted or not."""
    return tuple(connection.execute(_LISTED, {"agency": agency_code, "meeting": meeting_id}).scalars())


def _meetings(agency_code: AgencyCode) -> Select[tuple[object, ...]]:
    return (
        select(PANEL_MEETING)
        .join(PANEL_MEMBER, PANEL_MEMBER.c.meeting_id == PANEL_MEETING.c.meeting_id)
        .where(PANEL_MEMBER.c.agency_code == agency_code)
    )


def _meeting(row: Row[tuple[object, ...]]) -> Meeting:
    return Meeting(row.meeting_id, row.title, row.held_on, row.opens_at, row.closes_at)
