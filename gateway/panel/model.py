"""Meetings, agendas and offers as values, and when a case may be put on an agenda.

INVARIANTS
- A case is listed only while it is open, at Level 2, and at least one person's consent to the panel
  discussion stands for at least one member of the meeting.
- Of a listed case a chair learns one word, ready or not ready, and never why.
- Commissioners and the police are never members of a meeting and never accept an offer.

Pure: standard library and other pure modules only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from agencies.model import KINDS_WITHOUT_CASES, AgencyCode, AgencyKind, Purpose
from consent_registry.birthdays import Birthdays
from consent_registry.model import Granted, Standing
from consent_registry.standing import evaluate

PANEL_LEVEL = 2
"""The threshold level of the cases an Early Help Panel discusses."""


class Refusal(StrEnum):
    """Why a row of a panel file cannot be stored; for the council, never for a partner."""

    DUPLICATE = "duplicate"
    ENDS_BEFORE_IT_BEGINS = "ends_before_it_begins"
    KIND_NOT_ADMITTED = "kind_not_admitted"
    MOVED = "moved"
    """Somebody changed the meeting meanwhile."""
    NOT_OPEN_LEVEL_2 = "not_open_level_2"
    NO_STANDING_YES = "no_standing_yes"
    REF_IN_USE = "ref_in_use"
    UNKNOWN_AGENCY = "unknown_agency"
    UNKNOWN_CASE = "unknown_case"
    UNKNOWN_MEETING = "unknown_meeting"


class Readiness(StrEnum):
    """Whether a listed case can be discussed: the one word that a chair gets, whatever the reason."""

    NOT_READY = "not ready"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """One meeting of a panel file.

    Attributes:
        ref: the council's id of this meeting; the same again means the same meeting.
        agenda: the council's ids of the cases.
    """

    ref: str
    title: str
    held_on: date
    members: tuple[AgencyCode, ...]
    agenda: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One offer of a service that a family accepted.

    Attributes:
        ref: the council's id of this offer; the same again means the same offer.
        source_ref: the council's id of the case.
        ended_on: first day on which the service is no longer given; absent while no end is known.
    """

    ref: str
    source_ref: str
    agency: AgencyCode
    service: str
    accepted_on: date
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class PanelFile:
    """A panel file that fits its schema; whether its rows can be stored is another question."""

    meetings: tuple[MeetingRow, ...]
    offers: tuple[OfferRow, ...]


@dataclass(frozen=True, slots=True)
class CaseState:
    """What decides whether a case can be listed.

    Attributes:
        standings: of the people of this case who are asked, that is, without risk persons, with each one's birthdays.
    """

    case_id: UUID
    family_id: UUID
    level: int
    is_open: bool
    standings: tuple[tuple[Standing, Birthdays], ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """One meeting as its chair sees it.

    Attributes:
        ref: the council's id of the meeting.
        cases: place in the panel file's agenda (absent: listed before places were kept) and readiness, in that order.
    """

    ref: str
    title: str
    held_on: date
    cases: tuple[tuple[int | None, Readiness], ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """A stored meeting as its members see it; the window is half-open, aware UTC instants."""

    meeting_id: UUID
    title: str
    held_on: date
    opens_at: datetime
    closes_at: datetime


def listing_refusal(case: CaseState, *, members: Iterable[AgencyCode], now: datetime) -> Refusal | None:
    """Return why a case cannot be put before these members; absent when it can.

    Args:
        members: the agencies at the meeting.
        now: aware instant of the database.
    """
    if not case.is_open or case.level != PANEL_LEVEL:
        return Refusal.NOT_OPEN_LEVEL_2
    agreed = any(
        isinstance(
            evaluate(standing, agency=member, purpose=Purpose.P1, now=now, birthdays=birthdays), Granted
        )
        for member in members
        for standing, birthdays in case.standings
    )
    return None if agreed else Refusal.NO_STANDING_YES


def readiness(
    case: CaseState, *, members: Iterable[AgencyCode], not_ready_since: datetime | None, now: datetime
) -> Readiness:
    """Return whether a listed case can be discussed by these members.

    Args:
        not_ready_since: when something was closed after it was listed; absent: nothing was.
        now: aware instant of the database.
    """
    is_ready = not_ready_since is None and listing_refusal(case, members=members, now=now) is None
    return Readiness.READY if is_ready else Readiness.NOT_READY


def agency_refusal(kind: AgencyKind | None) -> Refusal | None:
    """Return why an agency of this kind (absent: no such agency) cannot be a member or accept an offer."""
    if kind is None:
        return Refusal.UNKNOWN_AGENCY
    return Refusal.KIND_NOT_ADMITTED if kind in KINDS_WITHOUT_CASES else None
