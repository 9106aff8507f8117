"""Putting cases before a panel and recording accepted offers: what gives an agency its entitlement.

INVARIANTS
- A file is stored whole or not at all.
- Rows are judged under the moved gates: a consent that was withdrawn first is seen, and one that is
  withdrawn later moves the gate again.
- The gates of every family that was or is on a meeting move, and each has its entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from agencies.model import AgencyCode, AgencyKind
from agencies.repository import all_agencies
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import entitlement_window
from gateway.cases.repository import case_by_source_ref
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import NULL_FAMILY
from gateway.panel import repository
from gateway.panel.errors import PanelFileError, PanelMovedError
from gateway.panel.model import (
    Agenda,
    CaseState,
    MeetingRow,
    OfferRow,
    PanelFile,
    Refusal,
    agency_refusal,
    listing_refusal,
    readiness,
)
from gateway.panel.repository import StoredMeeting, StoredOffer
from gateway.panel.schemas import read_panel_file
from gateway.problems import PointedFault
from gateway.recall.model import SENSITIVE_KINDS
from gateway.wiring import Wiring

ATTEMPTS = 3
"""How often a file is tried again when its meetings changed under it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many meetings and offers a file held, all of them stored."""

    meetings: int
    offers: int


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything a file is judged by, read in one transaction.

    Attributes:
        cases: by the council's id of the case; a case that does not exist is missing.
        meetings: by the council's id of the meeting; absent for a new one.
        offers: by the council's id of the offer; absent for a new one.
        families: whose gates must move: on an agenda before or after, or with an offer.
        agencies: whose gates must move: members before or after.
    """

    now: datetime
    kinds: dict[AgencyCode, AgencyKind]
    cases: dict[str, CaseState]
    meetings: dict[str, StoredMeeting | None]
    offers: dict[str, StoredOffer | None]
    families: frozenset[UUID]
    agencies: frozenset[AgencyCode]


def import_panel_file(wiring: Wiring, data: bytes, *, actor: str) -> Imported:
    """Store the meetings and offers of a panel file.

    Args:
        data: the file, see ``schemas.read_panel_file``.
        actor: who imports it.

    True afterwards: every meeting has exactly the file's members and agenda; the gates of all families
    that were or are on it have moved; each has its entry.
    Raises: PanelFileError, with every fault found, nothing was stored; PanelMovedError, try again.
    """
    file = read_panel_file(data)
    imported = Imported(len(file.meetings), len(file.offers))
    if imported == Imported(0, 0):
        return imported
    for _ in range(ATTEMPTS):
        with wiring.engine.connect() as connection:
            before = _read(wiring, connection, file)
        _refuse_faulty(file, before)
        if _stored(wiring, file, expected=before, actor=actor):
            return imported
    raise PanelMovedError


def agendas(wiring: Wiring) -> tuple[Agenda, ...]:
    """Return every meeting whose window has not closed, the next first, with what is ready."""
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        meetings = repository.open_meetings(connection, now=now)
        cases = repository.case_states(
            connection,
            {listed.case_id for meeting in meetings for listed in meeting.cases},
            keyring=wiring.keyring,
            lapse_at_sixteen=wiring.settings.lapse_at_sixteen,
        )
    return tuple(
        Agenda(
            meeting.ref,
            meeting.title,
            meeting.held_on,
            tuple(
                (
                    listed.position,
                    readiness(
                        cases[listed.case_id],
                        members=meeting.members,
                        not_ready_since=listed.not_ready_since,
                        now=now,
                    ),
                )
                for listed in meeting.cases
                if listed.case_id in cases
            ),
        )
        for meeting in meetings
    )


def _stored(wiring: Wiring, file: PanelFile, *, expected: _Known, actor: str) -> bool:
    """Store the file unless it touches more than expected by now; return whether it was stored."""
    with act(wiring, families=sorted(expected.families), agencies=sorted(expected.agencies)) as change:
        repository.lock_imports(change.connection)
        known = _read(wiring, change.connection, file)
        if not (known.families <= expected.families and known.agencies <= expected.agencies):
            change.nothing_changed()
            return False
        _refuse_faulty(file, known)
        for meeting in file.meetings:
            _put_meeting(wiring, change, meeting, known=known, actor=actor)
        for offer in file.offers:
            _put_offer(change, offer, known=known, actor=actor)
    return True


def _read(wiring: Wiring, connection: Connection, file: PanelFile) -> _Known:
    refs = {ref for row in file.meetings for ref in row.agenda} | {row.source_ref for row in file.offers}
    identities = {
        ref: case_by_source_ref(connection, keyring=wiring.keyring, source_ref=ref) for ref in sorted(refs)
    }
    states = repository.case_states(
        connection,
        [one.case_id for one in identities.values() if one],
        keyring=wiring.keyring,
        lapse_at_sixteen=wiring.settings.lapse_at_sixteen,
    )
    cases = {ref: states[one.case_id] for ref, one in identities.items() if one and one.case_id in states}
    meetings = {row.ref: repository.stored_meeting(connection, row.ref) for row in file.meetings}
    offers = {row.ref: repository.stored_offer(connection, row.ref) for row in file.offers}
    touched = [stored for stored in meetings.values() if stored]
    named = frozenset(code for row in file.meetings for code in row.members)
    return _Known(
        now=database_now(connection),
        kinds={one.code: one.kind for one in all_agencies(connection)},
        cases=cases,
        meetings=meetings,
        offers=offers,
        families=frozenset(case.family_id for case in cases.values()).union(*(m.families for m in touched)),
        agencies=named.union(*(meeting.members for meeting in touched)),
    )


def _refuse_faulty(file: PanelFile, known: _Known) -> None:
    faults = [
        *(f for number, row in enumerate(file.meetings) for f in _meeting_faults(row, number, known)),
        *(f for number, row in enumerate(file.offers) for f in _offer_faults(row, number, known)),
    ]
    if faults:
        raise PanelFileError(faults)


def _meeting_faults(row: MeetingRow, number: int, known: _Known) -> Iterator[PointedFault]:
    for place, code in enumerate(row.members):
        refusal = agency_refusal(known.kinds.get(code))
        if refusal is not None:
            yield PointedFault(f"/meetings/{number}/members/{place}", refusal)
    for place, ref in enumerate(row.agenda):
        case = known.cases.get(ref)
        refusal = (
            Refusal.UNKNOWN_CASE
            if case is None
            else listing_refusal(case, members=row.members, now=known.now)
        )
        if refusal is not None:
            yield PointedFault(f"/meetings/{number}/agenda/{place}", refusal)


def _offer_faults(row: OfferRow, number: int, known: _Known) -> Iterator[PointedFault]:
    case, stored = known.cases.get(row.source_ref), known.offers[row.ref]
    refusal = agency_refusal(known.kinds.get(row.agency))
    if refusal is not None:
        yield PointedFault(f"/offers/{number}/agency", refusal)
    if case is None:
        yield PointedFault(f"/offers/{number}/source_ref", Refusal.UNKNOWN_CASE)
    elif stored is not None and (stored.case_id, stored.agency) != (case.case_id, row.agency):
        yield PointedFault(f"/offers/{number}/ref", Refusal.REF_IN_USE)


def _put_meeting(wiring: Wiring, change: Change, row: MeetingRow, *, known: _Known, actor: str) -> None:
    window = entitlement_window(
        row.held_on,
        before=wiring.settings.entitlement_days_before,
        after=wiring.settings.entitlement_days_after,
        holidays=bank_holidays_around(row.held_on),
    )
    cases = [known.cases[ref] for ref in row.agenda]
    listed = {case.family_id for case in cases}
    stored = known.meetings[row.ref]
    meeting_id = repository.put_meeting(
        change.connection, row, window=window, cases={case.case_id: case.family_id for case in cases}
    )
    # A meeting that never had a case still decides who would see one: its entry is nobody's.
    for family_id in sorted(listed.union(stored.families if stored else ())) or [NULL_FAMILY]:
        change.record(
            kind="panel.list",
            actor=actor,
            family_id=family_id,
            internal={
                "meeting": str(meeting_id),
                "held_on": row.held_on.isoformat(),
                "opens_at": window[0].isoformat(),
                "closes_at": window[1].isoformat(),
                "members": sorted(row.members),
                "listed": family_id in listed,
            },
        )


def _put_offer(change: Change, row: OfferRow, *, known: _Known, actor: str) -> None:
    case = known.cases[row.source_ref]
    offer_id = repository.put_offer(change.connection, row, case=case)
    days = {"accepted_on": row.accepted_on.isoformat()}
    if row.ended_on is not None:
        days["ended_on"] = row.ended_on.isoformat()
    change.record(
        kind="offer.accept",
        actor=actor,
        family_id=case.family_id,
        restricted=known.kinds[row.agency] in SENSITIVE_KINDS,
        internal={"offer": str(offer_id), "agency": row.agency, **days},
    )
