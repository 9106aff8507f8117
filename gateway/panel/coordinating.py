"""What a panel coordinator does by hand: hold a meeting, invite members, list cases, record that a family accepted help.

INVARIANTS
- What a file may not store, nobody stores by hand: the same rules refuse it.
- One case is listed or taken off by itself: the others stay as they are, ready or not.
- Each change is an act with an entry for every family that it touches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection

from agencies.model import AgencyCode
from agencies.repository import all_agencies
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import entitlement_window
from gateway.cases.model import CaseIdentity
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import NULL_FAMILY
from gateway.panel import repository
from gateway.panel.errors import RefusedError
from gateway.panel.model import (
    CaseState,
    MeetingRow,
    OfferRow,
    Readiness,
    Refusal,
    agency_refusal,
    listing_refusal,
    readiness,
)
from gateway.panel.repository import ListedCase, OpenMeeting
from gateway.recall.model import SENSITIVE_KINDS
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class AgendaLine:
    """One case of an agenda, and the one word that the chair gets."""

    listed: ListedCase
    readiness: Readiness


def hold_meeting(
    wiring: Wiring, *, title: str, held_on: date, members: Sequence[AgencyCode], actor: str
) -> UUID:
    """Store a new meeting without cases, and return its id.

    Raises: RefusedError, an agency is never a member.
    """
    row = MeetingRow(uuid4().hex, title, held_on, tuple(dict.fromkeys(members)), ())
    window = entitlement_window(
        held_on,
        before=wiring.settings.entitlement_days_before,
        after=wiring.settings.entitlement_days_after,
        holidays=bank_holidays_around(held_on),
    )
    with act(wiring, agencies=sorted(row.members)) as change:
        _check_members(change.connection, row.members)
        meeting_id = repository.put_meeting(change.connection, row, window=window, cases={})
        _note(change, actor, NULL_FAMILY, meeting_id, held_on=held_on.isoformat(), members=[*row.members])
    return meeting_id


def open_meetings(wiring: Wiring) -> tuple[OpenMeeting, ...]:
    """Return the meetings whose window has not closed, the next first."""
    with wiring.engine.connect() as connection:
        return repository.open_meetings(connection, now=database_now(connection))


def agenda_of(wiring: Wiring, meeting_id: UUID) -> tuple[OpenMeeting, tuple[AgendaLine, ...]] | None:
    """Return a meeting whose window has not closed, with its agenda; absent: there is none such."""
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        meeting = _open(connection, meeting_id, now=now)
        if meeting is None:
            return None
        cases = _states(wiring, connection, [each.case_id for each in meeting.cases])
    lines = (
        AgendaLine(
            each,
            readiness(
                cases[each.case_id],
                members=meeting.members,
                not_ready_since=each.not_ready_since,
                now=now,
            ),
        )
        for each in meeting.cases
        if each.case_id in cases
    )
    return meeting, tuple(lines)


def invite_members(wiring: Wiring, meeting_id: UUID, members: Sequence[AgencyCode], *, actor: str) -> None:
    """Make these the members of a meeting; who is a member no more may ask no more on its account.

    Raises: RefusedError, there is no such meeting, or an agency is never a member.
    """
    wanted = frozenset(members)
    with wiring.engine.connect() as connection:
        before = _open(connection, meeting_id, now=database_now(connection))
    if before is None:
        raise RefusedError(Refusal.UNKNOWN_MEETING)
    families = sorted({each.family_id for each in before.cases})
    with act(wiring, families=families, agencies=sorted(wanted | before.members)) as change:
        repository.lock_imports(change.connection)
        now = _open(change.connection, meeting_id, now=database_now(change.connection))
        if now != before:
            raise RefusedError(Refusal.MOVED)
        _check_members(change.connection, wanted)
        repository.put_members(change.connection, meeting_id, sorted(wanted))
        for family_id in families or [NULL_FAMILY]:
            _note(change, actor, family_id, meeting_id, members=[*sorted(wanted)])


def list_case(wiring: Wiring, meeting_id: UUID, identity: CaseIdentity, *, actor: str) -> None:
    """Put a case last on an agenda; one that is on it is ready from now on, if nothing speaks against it.

    Raises: RefusedError, there is no such meeting, or the case may not be listed before its members.
    """
    with act(wiring, families=(identity.family_id,)) as change:
        connection = change.connection
        repository.lock_imports(connection)
        now = database_now(connection)
        meeting = _open(connection, meeting_id, now=now)
        case = _states(wiring, connection, [identity.case_id]).get(identity.case_id)
        if meeting is None:
            raise RefusedError(Refusal.UNKNOWN_MEETING)
        if case is None:
            raise RefusedError(Refusal.UNKNOWN_CASE)
        refusal = listing_refusal(case, members=meeting.members, now=now)
        if refusal is not None:
            raise RefusedError(refusal)
        repository.put_case(connection, meeting_id, case_id=identity.case_id, family_id=identity.family_id)
        _note(
            change,
            actor,
            identity.family_id,
            meeting_id,
            members=[*sorted(meeting.members)],
            listed=True,
        )


def unlist_case(wiring: Wiring, meeting_id: UUID, case_id: UUID, *, actor: str) -> None:
    """Take a case from an agenda, now; one that is not on it is left alone."""
    with wiring.engine.connect() as connection:
        meeting = _open(connection, meeting_id, now=database_now(connection))
    listed = [each for each in meeting.cases if each.case_id == case_id] if meeting else []
    for each in listed:
        with act(wiring, families=(each.family_id,), closes=True) as change:
            if not repository.take_case(change.connection, meeting_id, case_id=case_id):
                change.nothing_changed()
                return
            _note(change, actor, each.family_id, meeting_id, listed=False)


def accept_offer(
    wiring: Wiring,
    meeting_id: UUID,
    case_id: UUID,
    *,
    agency: AgencyCode,
    service: str,
    accepted_on: date,
    actor: str,
) -> None:
    """Record that a family whose case is on an agenda accepted the help of an agency.

    Raises: RefusedError, there is no such case on it, or the agency's kind accepts none.
    """
    with wiring.engine.connect() as connection:
        meeting = _open(connection, meeting_id, now=database_now(connection))
    listed = [each for each in meeting.cases if each.case_id == case_id] if meeting else []
    if not listed:
        raise RefusedError(Refusal.UNKNOWN_CASE)
    family_id = listed[0].family_id
    with act(wiring, families=(family_id,)) as change:
        kinds = {each.code: each.kind for each in all_agencies(change.connection)}
        refusal = agency_refusal(kinds.get(agency))
        case = _states(wiring, change.connection, [case_id]).get(case_id)
        if refusal is not None or case is None:
            raise RefusedError(refusal or Refusal.UNKNOWN_CASE)
        row = OfferRow(uuid4().hex, "", agency, service, accepted_on, None)
        offer_id = repository.put_offer(change.connection, row, case=case)
        change.record(
            kind="offer.accept",
            actor=actor,
            family_id=family_id,
            restricted=kinds[agency] in SENSITIVE_KINDS,
            internal={"offer": str(offer_id), "agency": agency, "accepted_on": accepted_on.isoformat()},
        )


def _open(connection: Connection, meeting_id: UUID, *, now: datetime) -> OpenMeeting | None:
    found = repository.open_meetings(connection, now=now)
    return next((each for each in found if each.meeting_id == meeting_id), None)


def _states(wiring: Wiring, connection: Connection, cases: Sequence[UUID]) -> dict[UUID, CaseState]:
    found = repository.case_states(
        connection, cases, keyring=wiring.keyring, lapse_at_sixteen=wiring.settings.lapse_at_sixteen
    )
    return dict(found)


def _check_members(connection: Connection, members: Sequence[AgencyCode] | frozenset[AgencyCode]) -> None:
    """Let those be members who may.

    Raises: RefusedError.
    """
    kinds = {each.code: each.kind for each in all_agencies(connection)}
    for code in members:
        refusal = agency_refusal(kinds.get(code))
        if refusal is not None:
            raise RefusedError(refusal)


def _note(change: Change, actor: str, family_id: UUID, meeting_id: UUID, **more: Canonical) -> None:
    internal = {"meeting": str(meeting_id), **more}
    change.record(kind="panel.list", actor=actor, family_id=family_id, internal=internal)
