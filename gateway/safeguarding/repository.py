"""Reads and writes of referrals; each works in the caller's transaction and commits nothing.

INVARIANTS
- Every read by a member of staff is narrowed to what exists for them: their own, or all for who oversees, less those
  of a family in which they have an interest, and those that are kept from them.
- A destination's client reads what was sent to it and nothing else.
- Answers and documents come and go sealed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from gateway.safeguarding.model import (
    Destination,
    Finding,
    Function,
    Kind,
    Outcome,
    Referral,
    Reviewer,
    State,
    Visibility,
)
from gateway.staff.model import Role, SignedIn

OVERSEE: Final = frozenset({Role.SAFEGUARDING_LEAD, Role.DATA_PROTECTION_OFFICER})
"""For whom every referral exists; for all others only their own."""

_COLUMNS: Final = (
    "SELECT r.referral_id, r.family_id, r.case_id, r.author_id, w.username AS author, r.kind, r.state, r.destination,"
    " r.emergency, r.recorded_at, r.typed_at, r.concern_at, r.called_at, r.sent_at, r.completed_at, r.acknowledged_at,"
    " r.decided_at, r.outcome, r.told, r.tell_on, r.hidden_from, r.sampled, r.visibility, r.visible_until, r.sealed,"
    " r.visibility_sealed,"
    " ARRAY(SELECT DISTINCT v.reviewer FROM gateway.referral_review v WHERE v.referral_id = r.referral_id) AS reviewed"
    " FROM gateway.referral r JOIN gateway.staff w ON w.id = r.author_id"
)
_THEIRS: Final = (
    " WHERE (r.author_id = :staff OR (:oversees AND r.state <> 'draft')) AND NOT (:username = ANY (r.hidden_from))"
    " AND NOT EXISTS (SELECT FROM gateway.case_conflict k JOIN agencies.agency a USING (agency_code)"
    "   WHERE k.case_id = r.case_id AND k.practitioner_id = :username AND a.kind = 'early-help')"
)
_SEEN: Final = text(_COLUMNS + _THEIRS + " ORDER BY r.recorded_at DESC, r.referral_id")
_ONE: Final = text(_COLUMNS + _THEIRS + " AND r.referral_id = :referral")
_HELD: Final = text(_COLUMNS + _THEIRS + " AND r.referral_id = :referral FOR UPDATE OF r")
_ANY: Final = text(_COLUMNS + " WHERE r.referral_id = :referral")
_OF_CLIENT: Final = (
    _COLUMNS + " JOIN gateway.referral_destination d ON d.code = r.destination"
    " WHERE d.client_id = :client AND d.active AND r.state IN ('sent', 'acknowledged', 'decided')"
)
LISTED_DAYS: Final = 31
"""How long a referral stays on its destination's list after it was decided; one that waits is never cut off."""
_LISTED_OF_CLIENT: Final = text(
    _OF_CLIENT + " AND (r.decided_at IS NULL OR r.decided_at > now() - make_interval(days => :days))"
    " ORDER BY r.sent_at, r.referral_id"
)
_ONE_OF_CLIENT: Final = text(_OF_CLIENT + " AND r.referral_id = :referral")
_HELD_OF_CLIENT: Final = text(_OF_CLIENT + " AND r.referral_id = :referral FOR UPDATE OF r")
_COUNTS_OF_CLIENT: Final = text(
    "SELECT referral_id, count(*) AS documents FROM gateway.referral_document JOIN gateway.referral USING (referral_id)"
    " JOIN gateway.referral_destination d ON d.code = destination WHERE d.client_id = :client GROUP BY referral_id"
)
_PUT: Final = text(
    "INSERT INTO gateway.referral (referral_id, case_id, family_id, author_id, kind, state, destination, sealed,"
    " recorded_at, typed_at, concern_at, called_at, told, tell_on, hidden_from)"
    " VALUES (:referral, :case, :family, :author, :kind, 'draft', :destination, :sealed, :now, :typed_at, :concern_at, :called_at,"
    " :told, :tell_on, CAST(:hidden_from AS text[]))"
    " ON CONFLICT (referral_id) DO UPDATE SET kind = excluded.kind, destination = excluded.destination,"
    " sealed = excluded.sealed, concern_at = excluded.concern_at, called_at = excluded.called_at,"
    " told = excluded.told, tell_on = excluded.tell_on, hidden_from = excluded.hidden_from"
    " WHERE referral.state = 'draft' AND referral.author_id = excluded.author_id"
    " AND referral.family_id = excluded.family_id"
)
_ANSWERED: Final = text(
    "UPDATE gateway.referral SET sealed = :sealed, concern_at = :concern_at, called_at = :called_at, told = :told,"
    " completed_at = coalesce(completed_at, :completed_at) WHERE referral_id = :referral"
)
_SENT: Final = text(
    "UPDATE gateway.referral SET state = 'sent', emergency = :emergency, sent_at = :now, completed_at = :completed_at,"
    " sampled = :sampled, visibility = CASE kind WHEN 'agreed' THEN 'show' ELSE visibility END"
    " WHERE referral_id = :referral AND state = 'draft'"
)
_RECORDED: Final = text(
    "UPDATE gateway.referral SET state = 'recorded', sent_at = :now, completed_at = :completed_at, sampled = :sampled"
    " WHERE referral_id = :referral AND state = 'draft'"
)
_ADD_DOCUMENT: Final = text(
    "INSERT INTO gateway.referral_document (referral_id, number, sealed, sha256, entry_id, sent_at)"
    " VALUES (:referral, :number, :sealed, :sha256, :entry, :now)"
)
_DOCUMENTS: Final = text(
    "SELECT number, sealed, sha256, entry_id, sent_at, proof FROM gateway.referral_document"
    " WHERE referral_id = :referral ORDER BY number"
)
_FETCHES: Final = text(
    "SELECT number, by_client, practitioner, fetched_at FROM gateway.referral_fetch"
    " WHERE referral_id = :referral ORDER BY fetched_at, fetch_id"
)
_REVIEWS: Final = text(
    "SELECT reviewer, by, at, findings, sealed FROM gateway.referral_review"
    " WHERE referral_id = :referral ORDER BY at, review_id"
)
_DESTINATIONS: Final = text(
    "SELECT code, name, function, phone, client_id, duty_class FROM gateway.referral_destination WHERE active ORDER BY name, code"
)
_PUT_DESTINATION: Final = text(
    "INSERT INTO gateway.referral_destination (code, name, function, phone, client_id, duty_class, active)"
    " VALUES (:code, :name, :function, :phone, :client, :duty, true) ON CONFLICT (code) DO UPDATE SET"
    " name = excluded.name, function = excluded.function, phone = excluded.phone, client_id = excluded.client_id,"
    " duty_class = excluded.duty_class, active = true"
)
_OVERSEERS: Final = text(
    "SELECT username FROM gateway.staff WHERE active AND roles && CAST(:roles AS text[]) ORDER BY username"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A referral with what is sealed of it: its answers, and why it is withheld from a statement."""

    referral: Referral
    sealed: bytes
    visibility_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One document as it lies here, sealed.

    Attributes:
        proof: a receipt or a promise; absent: neither could be had.
    """

    number: int
    sealed: bytes
    sha256: str
    entry_id: UUID
    sent_at: datetime
    proof: str | None


@dataclass(frozen=True, slots=True)
class Fetch:
    """Somebody took a document; by the code of a pickup where no client is named."""

    number: int
    client: str | None
    practitioner: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredReview:
    """What somebody found, its note sealed."""

    reviewer: Reviewer
    by: str
    at: datetime
    findings: tuple[Finding, ...]
    sealed: bytes


def seen_by(connection: Connection, who: SignedIn) -> list[Stored]:
    """Return every referral that exists for a member of staff, the newest first."""
    return [_stored(row) for row in connection.execute(_SEEN, _asking(who))]


def one(connection: Connection, who: SignedIn, referral_id: UUID, *, hold: bool = False) -> Stored | None:
    """Return a referral; absent: for whoever asks there is none.

    Args:
        hold: keep others from changing it until the commit.
    """
    statement = _HELD if hold else _ONE
    row = connection.execute(statement, {**_asking(who), "referral": referral_id}).one_or_none()
    return None if row is None else _stored(row)


def of_client(connection: Connection, client_id: str) -> list[Stored]:
    """Return what waits at the destination whose client this is, and what it decided lately; the oldest first."""
    rows = connection.execute(_LISTED_OF_CLIENT, {"client": client_id, "days": LISTED_DAYS})
    return [_stored(row) for row in rows]


def one_of_client(
    connection: Connection, client_id: str, referral_id: UUID, *, hold: bool = False
) -> Stored | None:
    """Return what was sent to the destination whose client this is; absent: to this client there is none.

    Args:
        hold: keep others from changing it until the commit.
    """
    statement = _HELD_OF_CLIENT if hold else _ONE_OF_CLIENT
    row = connection.execute(statement, {"client": client_id, "referral": referral_id}).one_or_none()
    return None if row is None else _stored(row)


def document_counts(connection: Connection, client_id: str) -> dict[UUID, int]:
    """Return how many documents of each referral went to the destination whose client this is."""
    rows = connection.execute(_COUNTS_OF_CLIENT, {"client": client_id})
    return {row.referral_id: row.documents for row in rows}


def referral(connection: Connection, referral_id: UUID) -> Referral:
    """Return a referral that is known to be there; who may know of it is decided by whoever calls."""
    return _stored(connection.execute(_ANY, {"referral": referral_id}).one()).referral


def put_draft(
    connection: Connection,
    *,
    referral_id: UUID,
    case_id: UUID,
    family_id: UUID,
    who: SignedIn,
    kind: Kind,
    sealed: bytes,
    now: datetime,
    columns: Mapping[str, object],
) -> bool:
    """Store a draft, or what its author changed in it; return false where it is one no more, or somebody else's.

    Args:
        columns: destination, typed_at, concern_at, called_at, told, tell_on and hidden_from, as answered.
    """
    return (
        connection.execute(
            _PUT,
            {
                "referral": referral_id,
                "case": case_id,
                "family": family_id,
                "author": who.staff_id,
                "kind": kind.value,
                "sealed": sealed,
                "now": now,
                **columns,
            },
        ).rowcount
        == 1
    )


def mark_sent(
    connection: Connection,
    referral_id: UUID,
    *,
    emergency: bool,
    complete: bool,
    sampled: bool,
    now: datetime,
) -> bool:
    """Say that a draft went; return false where it is one no more."""
    values = {
        "referral": referral_id,
        "emergency": emergency,
        "completed_at": now if complete else None,
        "sampled": sampled,
        "now": now,
    }
    return connection.execute(_SENT, values).rowcount == 1


def mark_recorded(
    connection: Connection, referral_id: UUID, *, complete: bool, sampled: bool, now: datetime
) -> bool:
    """Say that a draft stands as a decision not to share; return false where it is a draft no more."""
    values = {
        "referral": referral_id,
        "completed_at": now if complete else None,
        "sampled": sampled,
        "now": now,
    }
    return connection.execute(_RECORDED, values).rowcount == 1


def put_answers(
    connection: Connection,
    referral_id: UUID,
    *,
    sealed: bytes,
    concern_at: datetime | None,
    called_at: datetime | None,
    told: bool | None,
    completed_at: datetime | None,
) -> None:
    """Store what was answered after a referral went."""
    connection.execute(
        _ANSWERED,
        {
            "referral": referral_id,
            "sealed": sealed,
            "concern_at": concern_at,
            "called_at": called_at,
            "told": told,
            "completed_at": completed_at,
        },
    )


def add_document(
    connection: Connection,
    referral_id: UUID,
    *,
    number: int,
    sealed: bytes,
    sha256: str,
    entry_id: UUID,
    now: datetime,
) -> None:
    """Store a frozen document."""
    connection.execute(
        _ADD_DOCUMENT,
        {
            "referral": referral_id,
            "number": number,
            "sealed": sealed,
            "sha256": sha256,
            "entry": entry_id,
            "now": now,
        },
    )


def put_proof(connection: Connection, referral_id: UUID, *, number: int, proof: str) -> None:
    """Store the receipt of a document, or the promise of one."""
    connection.execute(
        text(
            "UPDATE gateway.referral_document SET proof = :proof WHERE referral_id = :referral AND number = :number"
        ),
        {"referral": referral_id, "number": number, "proof": proof},
    )


def documents(connection: Connection, referral_id: UUID) -> list[StoredDocument]:
    """Return what went, in order."""
    return [
        StoredDocument(row.number, bytes(row.sealed), row.sha256, row.entry_id, row.sent_at, row.proof)
        for row in connection.execute(_DOCUMENTS, {"referral": referral_id})
    ]


def add_fetch(
    connection: Connection,
    referral_id: UUID,
    *,
    number: int,
    client: str | None,
    practitioner: str | None,
    now: datetime,
) -> None:
    """Store that somebody took a document."""
    connection.execute(
        text(
            "INSERT INTO gateway.referral_fetch (referral_id, number, by_client, practitioner, fetched_at)"
            " VALUES (:referral, :number, :client, :practitioner, :now)"
        ),
        {
            "referral": referral_id,
            "number": number,
            "client": client,
            "practitioner": practitioner,
            "now": now,
        },
    )


def fetches(connection: Connection, referral_id: UUID) -> list[Fetch]:
    """Return who took what, in order."""
    return [
        Fetch(row.number, row.by_client, row.practitioner, row.fetched_at)
        for row in connection.execute(_FETCHES, {"referral": referral_id})
    ]


def acknowledge(connection: Connection, referral_id: UUID, *, now: datetime) -> bool:
    """Say that a referral arrived; return whether that is new."""
    return (
        connection.execute(
            text(
                "UPDATE gateway.referral SET state = 'acknowledged', acknowledged_at = :now"
                " WHERE referral_id = :referral AND state = 'sent'"
            ),
            {"referral": referral_id, "now": now},
        ).rowcount
        == 1
    )


def decide(
    connection: Connection, referral_id: UUID, *, outcome: Outcome, sealed: bytes, now: datetime
) -> bool:
    """Store what the destination decided; return false where it was decided before.

    Args:
        sealed: the answers, with their reference.
    """
    return (
        connection.execute(
            text(
                "UPDATE gateway.referral SET state = 'decided', decided_at = :now, outcome = :outcome, sealed = :sealed,"
                " acknowledged_at = coalesce(acknowledged_at, :now)"
                " WHERE referral_id = :referral AND state IN ('sent', 'acknowledged')"
            ),
            {"referral": referral_id, "outcome": outcome.value, "sealed": sealed, "now": now},
        ).rowcount
        == 1
    )


def add_review(
    connection: Connection,
    referral_id: UUID,
    *,
    reviewer: Reviewer,
    by: str,
    findings: Iterable[Finding],
    sealed: bytes,
    now: datetime,
) -> None:
    """Store what somebody found."""
    connection.execute(
        text(
            "INSERT INTO gateway.referral_review (referral_id, reviewer, by, at, findings, sealed)"
            " VALUES (:referral, :reviewer, :by, :now, CAST(:findings AS text[]), :sealed)"
        ),
        {
            "referral": referral_id,
            "reviewer": reviewer.value,
            "by": by,
            "now": now,
            "findings": sorted(each.value for each in findings),
            "sealed": sealed,
        },
    )


def reviews(connection: Connection, referral_id: UUID) -> list[StoredReview]:
    """Return what was found, in order."""
    return [
        StoredReview(
            Reviewer(row.reviewer), row.by, row.at, tuple(map(Finding, row.findings)), bytes(row.sealed)
        )
        for row in connection.execute(_REVIEWS, {"referral": referral_id})
    ]


def put_visibility(
    connection: Connection,
    referral_id: UUID,
    *,
    visibility: Visibility,
    until: date | None,
    sealed: bytes | None,
) -> None:
    """Store whether a referral may be seen in a statement; where not, why, and when that is looked at again."""
    connection.execute(
        text(
            "UPDATE gateway.referral SET visibility = :visibility, visible_until = :until, visibility_sealed = :sealed"
            " WHERE referral_id = :referral"
        ),
        {"referral": referral_id, "visibility": visibility.value, "until": until, "sealed": sealed},
    )


def put_telling(
    connection: Connection, referral_id: UUID, *, sealed: bytes, told: bool, tell_on: date | None
) -> None:
    """Store whether the family was told, and when that is looked at again."""
    connection.execute(
        text(
            "UPDATE gateway.referral SET told = :told, tell_on = :tell_on, sealed = :sealed"
            " WHERE referral_id = :referral"
        ),
        {"referral": referral_id, "told": told, "tell_on": tell_on, "sealed": sealed},
    )


def destinations(connection: Connection) -> list[Destination]:
    """Return where referrals can go, by name."""
    return [
        Destination(row.code, row.name, Function(row.function), row.phone, row.client_id, row.duty_class)
        for row in connection.execute(_DESTINATIONS)
    ]


def put_destinations(connection: Connection, wanted: Sequence[Destination]) -> None:
    """Make these the destinations: any other receives nothing more."""
    connection.execute(text("UPDATE gateway.referral_destination SET active = false, client_id = NULL"))
    for each in wanted:
        connection.execute(
            _PUT_DESTINATION,
            {
                "code": each.code,
                "name": each.name,
                "function": each.function.value,
                "phone": each.phone,
                "client": each.client_id,
                "duty": each.duty_class,
            },
        )


def overseers(connection: Connection) -> list[str]:
    """Return the usernames of everybody for whom every referral exists."""
    roles = sorted(role.value for role in OVERSEE)
    return list(connection.execute(_OVERSEERS, {"roles": roles}).scalars())


def _asking(who: SignedIn) -> Mapping[str, object]:
    return {
        "staff": who.staff_id,
        "username": who.username,
        "oversees": not who.roles.isdisjoint(OVERSEE),
    }


def _stored(row: Row[Any]) -> Stored:
    referral = Referral(
        id=row.referral_id,
        family_id=row.family_id,
        case_id=row.case_id,
        author_id=row.author_id,
        author=row.author,
        kind=Kind(row.kind),
        state=State(row.state),
        destination=row.destination,
        emergency=row.emergency,
        recorded_at=row.recorded_at,
        typed_at=row.typed_at,
        concern_at=row.concern_at,
        called_at=row.called_at,
        sent_at=row.sent_at,
        completed_at=row.completed_at,
        acknowledged_at=row.acknowledged_at,
        decided_at=row.decided_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        told=row.told,
        tell_on=row.tell_on,
        hidden_from=frozenset(row.hidden_from),
        sampled=row.sampled,
        visibility=Visibility(row.visibility),
        visible_until=row.visible_until,
        reviewed=frozenset(map(Reviewer, row.reviewed)),
    )
    return Stored(
        referral,
        bytes(row.sealed),
        None if row.visibility_sealed is None else bytes(row.visibility_sealed),
    )
