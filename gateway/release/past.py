"""The facts of a decision as they were at any instant, for whoever has to explain it; the release path never reads here.

INVARIANTS
- A row counts as it was before the first transaction that changed it after that instant.
- Agreements, decisions and profile versions are only ever added: of these, what was there by then.
- Days of birth are those known now, and whoever would have asked is taken for a client and practitioner in good standing
  who has no interest in the family; their whole agency may have one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import parse_profile
from agencies.repository import profile_document
from consent_registry.birthdays import LONDON, UNKNOWN_BIRTHDAYS, birthdays_of, midnight
from consent_registry.model import ConsentDecision
from consent_registry.repository import find_subject, read_history
from consent_registry.standing import fold
from gateway.cases.model import CaseIdentity, Shield
from gateway.cases.repository import family_person_keys
from gateway.cases.sealing import open_births
from gateway.release.model import AgencyFacts, CaseFacts, Facts, PersonFacts
from gateway.wiring import Wiring

Row: TypeAlias = Mapping[str, Any]  # a row as PostgreSQL writes it in JSON: ids and instants as text

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "agencies.agency": ("agency_code",),
    "agencies.effective_profile": ("agency_code",),
    "gateway.agenda_item": ("meeting_id", "case_id"),
    "gateway.case_conflict": ("case_id", "agency_code", "practitioner_id"),
    "gateway.case_person": ("case_id", "person_id"),
    "gateway.case_record": ("case_id",),
    "gateway.case_worker": ("case_id", "worker", "from_date"),
    "gateway.offer": ("offer_id",),
    "gateway.panel_meeting": ("meeting_id",),
    "gateway.panel_member": ("meeting_id", "agency_code"),
}
"""The tables whose past is kept, and what tells their rows apart."""


@dataclass(frozen=True, slots=True)
class Then:
    """Everything that a decision rested on at one instant, and what had been decided by then.

    Attributes:
        histories: by person, as text.
    """

    facts: Facts
    histories: Mapping[str, tuple[ConsentDecision, ...]]


def facts_at(
    wiring: Wiring, connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, at: datetime
) -> Then:
    """Return what a decision about this case and agency rested on at ``at``, an aware instant.

    Raises: ProfileError, KeyErasedError, UnreadablePartError: a stored value cannot be read.
    """
    family: dict[str, Sequence[Row]] = {
        table: rows_at(connection, table, at=at, column="family_id", value=identity.family_id)
        for table in (
            "gateway.case_record",
            "gateway.case_person",
            "gateway.case_worker",
            "gateway.case_conflict",
        )
    }
    people, histories = _people(
        wiring, connection, identity, rows=family["gateway.case_person"], agency=agency, at=at
    )
    records = family["gateway.case_record"]
    found = _agency(connection, agency, histories=histories, at=at)
    if not records or found is None:
        return Then(Facts(now=at, agency=found, case=None), histories)
    record = records[0]
    has_offer, offer_until = _offer(connection, identity, agency=agency, at=at)
    case = CaseFacts(
        threshold_level=record["threshold_level"],
        status=record["status"],
        seals=frozenset(record["seals"]),
        people=people,
        panel_until=_panel(connection, identity, agency=agency, at=at),
        has_offer=has_offer,
        offer_until=offer_until,
        named_workers=frozenset(
            row["worker"]
            for row in family["gateway.case_worker"]
            if _holds(row["from_date"], row["to_date"], on=at.astimezone(LONDON).date())
        ),
        refuges=frozenset(
            connection.execute(
                text("SELECT agency_code FROM agencies.agency WHERE kind = 'refuge'")
            ).scalars()
        ),
        hosting_refuge=record.get("hosted_by"),
        in_conflict=any(
            row["agency_code"] == agency and not row["practitioner_id"]
            for row in family["gateway.case_conflict"]
        ),
        has_conflicts=bool(family["gateway.case_conflict"]),
    )
    return Then(Facts(now=at, agency=found, case=case), histories)


def rows_at(connection: Connection, table: str, *, at: datetime, column: str, value: object) -> Sequence[Row]:
    """Return the rows of a table that were there at an instant.

    Args:
        column: which narrows them, one of the table's own; ``value`` is what it holds.

    Raises: KeyError, the past of this table is not kept.
    """
    keys = _KEYS[table]
    narrowed = {"value": str(value), "column": column, "at": at, "table": table}
    current = connection.execute(
        text(f"SELECT body FROM {table} t, to_jsonb(t) AS body WHERE body ->> :column = :value"),  # noqa: S608 - ours
        narrowed,
    ).scalars()
    rows: dict[tuple[str, ...], Row | None] = {_key(body, keys): body for body in current}
    before = connection.execute(
        text(
            "SELECT DISTINCT ON (key) key, body FROM gateway.past WHERE table_name = :table AND until > :at"
            " AND (key ->> :column = :value OR body ->> :column = :value OR family_id::text = :value)"
            " ORDER BY key, until"
        ),
        narrowed,
    )
    rows |= {_key(row.key, keys): row.body for row in before}
    return [body for _, body in sorted(rows.items()) if body is not None]


def _key(body: Row, keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(body[name]) for name in keys)


def _people(
    wiring: Wiring,
    connection: Connection,
    identity: CaseIdentity,
    *,
    rows: Sequence[Row],
    agency: AgencyCode,
    at: datetime,
) -> tuple[tuple[PersonFacts, ...], dict[str, tuple[ConsentDecision, ...]]]:
    keys = wiring.keyring.family(connection, identity.family_id)
    births = connection.execute(
        text("SELECT person_id, born FROM gateway.case_person WHERE case_id = :case AND born IS NOT NULL"),
        {"case": identity.case_id},
    )
    born = open_births(
        keys,
        family_person_keys(connection, identity.family_id),
        {row.person_id: bytes(row.born) for row in births},
    )
    refs = connection.execute(
        text(
            "SELECT thing_id, ref FROM gateway.pairwise WHERE agency_code = :agency AND family_id = :family"
        ),
        {"agency": agency, "family": identity.family_id},
    )
    known_as = {str(row.thing_id): str(row.ref) for row in refs}
    people, histories = [], {}
    for row in rows:
        person = row["person_id"]
        subject = find_subject(connection, family_id=identity.family_id, person_id=UUID(person))
        history = () if subject is None else read_history(connection, subject)
        histories[person] = tuple(each for each in history if each.recorded_at <= at)
        day = born.get(UUID(person))
        people.append(
            PersonFacts(
                person_id=person,
                ref=known_as.get(person),
                role=row["role"],
                shield=Shield(row["shield"]),
                standing=fold(histories[person]),
                birthdays=UNKNOWN_BIRTHDAYS
                if day is None
                else birthdays_of(day, lapse_at_sixteen=wiring.settings.lapse_at_sixteen),
            )
        )
    return tuple(people), histories


def _agency(
    connection: Connection,
    agency: AgencyCode,
    *,
    histories: Mapping[str, Sequence[ConsentDecision]],
    at: datetime,
) -> AgencyFacts | None:
    found = rows_at(connection, "agencies.agency", at=at, column="agency_code", value=agency)
    if not found:
        return None
    effective = rows_at(connection, "agencies.effective_profile", at=at, column="agency_code", value=agency)
    versions = {
        shown
        for history in histories.values()
        for each in history
        if (shown := each.profiles_shown.get(agency))
    }
    day = at.astimezone(LONDON).date()
    ends: date | None = connection.execute(
        text(
            "SELECT max(valid_until) FROM agencies.agreement"
            " WHERE agency_code = :agency AND valid_from <= :day AND :day < valid_until"
        ),
        {"agency": agency, "day": day},
    ).scalar_one()
    return AgencyFacts(
        code=agency,
        kind=AgencyKind(found[0]["kind"]),
        state=found[0]["state"],
        agreement_until=None if ends is None else midnight(ends),
        profile=_profile(connection, agency, version=effective[0]["version"]) if effective else None,
        client_state="active",
        practitioner_active=True,
        shown={
            version: profile
            for version in versions
            if (profile := _profile(connection, agency, version=version)) is not None
        },
    )


def _profile(connection: Connection, agency: AgencyCode, *, version: int) -> Profile | None:
    document = profile_document(connection, agency, version=version)
    return None if document is None else parse_profile(document)


def _panel(
    connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, at: datetime
) -> datetime | None:
    """The end of the latest window that was open for this agency."""
    ends = []
    for listed in rows_at(connection, "gateway.agenda_item", at=at, column="case_id", value=identity.case_id):
        meeting = listed["meeting_id"]
        members = rows_at(connection, "gateway.panel_member", at=at, column="meeting_id", value=meeting)
        for row in rows_at(connection, "gateway.panel_meeting", at=at, column="meeting_id", value=meeting):
            opens, closes = (datetime.fromisoformat(row[name]) for name in ("opens_at", "closes_at"))
            if agency in {member["agency_code"] for member in members} and opens <= at < closes:
                ends.append(closes)
    return max(ends, default=None)


def _offer(
    connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, at: datetime
) -> tuple[bool, datetime | None]:
    """Whether an offer to this agency stood, and when the last of them ends; absent: no end is known."""
    day = at.astimezone(LONDON).date()
    standing = [
        row["ended_on"]
        for row in rows_at(connection, "gateway.offer", at=at, column="case_id", value=identity.case_id)
        if row["agency_code"] == agency and _holds(row["accepted_on"], row["ended_on"], on=day)
    ]
    if not standing or None in standing:
        return bool(standing), None
    return True, midnight(date.fromisoformat(max(standing)))


def _holds(begins: str, ends: str | None, *, on: date) -> bool:
    """Whether a day lies in a half-open time."""
    return date.fromisoformat(begins) <= on and (ends is None or on < date.fromisoformat(ends))
