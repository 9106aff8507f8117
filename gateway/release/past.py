"""The facts of a decision as they were at any instant, for whoever has to explain it; the release path never reads here.

INVARIANTS
- A row counts as it was before the first transaction that changed it after that instant.
- Agreements, decisions and profile versions are only ever added: of these, what was there by then.
- Days of birth are those known now, and whoever would have asked is taken for a client and practitioner in good standing
  who has no interest in the family; their whole agency may have one. Whether free text was signed off is not told.
- What is read of an agency or a case is read once, for every instant that is asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from sqlalchemy import Connection, text

from agencies import repository as register
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import parse_profile
from agencies.register import Agreement
from consent_registry.birthdays import LONDON, UNKNOWN_BIRTHDAYS, Birthdays, birthdays_of, midnight
from consent_registry.model import ConsentDecision
from consent_registry.repository import find_subject, read_history
from consent_registry.standing import fold
from gateway.cases.model import CaseIdentity, Shield
from gateway.cases.repository import family_person_keys
from gateway.cases.sealing import open_births
from gateway.release.model import AgencyFacts, CaseFacts, Facts, PersonFacts
from gateway.release.past_rows import KeptRows, kept_rows, kept_rows_of_case
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Then:
    """Everything that a decision rested on at one instant, and what had been decided by then.

    Attributes:
        histories: by person, as text.
    """

    facts: Facts
    histories: Mapping[str, tuple[ConsentDecision, ...]]


@dataclass(frozen=True, slots=True)
class AgencyPast:
    """One agency and the meetings it was a member of, at every instant until now.

    Attributes:
        documents: the text of each of its profile versions.
        refuges: every agency that is a refuge.
    """

    code: AgencyCode
    agency: KeptRows
    effective: KeptRows
    agreements: Sequence[Agreement]
    documents: Mapping[int, str]
    members: KeptRows
    meetings: KeptRows
    refuges: frozenset[str]

    def profile(self, version: int) -> Profile | None:
        """One of its versions; absent: there is none of this number.

        Raises: ProfileError, the stored text is no profile of this program version any more.
        """
        document = self.documents.get(version)
        return None if document is None else _compiled(document)


@dataclass(frozen=True, slots=True)
class CasePast:
    """One case as one agency meets it, at every instant until now.

    Attributes:
        rows: what belongs to the case, by table.
        histories: every decision of each person who was ever in it, as text.
        birthdays: of each whose day of birth is known.
        refs: what the agency calls each.
    """

    identity: CaseIdentity
    rows: Mapping[str, KeptRows]
    histories: Mapping[str, tuple[ConsentDecision, ...]]
    birthdays: Mapping[str, Birthdays]
    refs: Mapping[str, str]


def facts_at(
    wiring: Wiring, connection: Connection, identity: CaseIdentity, *, agency: AgencyCode, at: datetime
) -> Then:
    """Return what a decision about this case and agency rested on at ``at``, an aware instant.

    Raises: ProfileError, KeyErasedError, UnreadablePartError: a stored value cannot be read.
    """
    return facts_then(
        agency_past(connection, agency), case_past(wiring, connection, identity, agency=agency), at=at
    )


def agency_past(connection: Connection, agency: AgencyCode) -> AgencyPast:
    """Return what is kept of an agency; nothing, of one that there never was."""
    newest = register.latest_version(connection, agency) or 0
    documents = {
        version: document
        for version in range(1, newest + 1)
        if (document := register.profile_document(connection, agency, version=version)) is not None
    }
    refuges = connection.execute(text("SELECT agency_code FROM agencies.agency WHERE kind = 'refuge'"))
    return AgencyPast(
        code=agency,
        agency=kept_rows(connection, "agencies.agency", column="agency_code", value=agency),
        effective=kept_rows(connection, "agencies.effective_profile", column="agency_code", value=agency),
        agreements=register.agreements(connection, agency),
        documents=documents,
        members=kept_rows(connection, "gateway.panel_member", column="agency_code", value=agency),
        meetings=kept_rows(connection, "gateway.panel_meeting"),
        refuges=frozenset(refuges.scalars()),
    )


def case_past(
    wiring: Wiring, connection: Connection, identity: CaseIdentity, *, agency: AgencyCode
) -> CasePast:
    """Return what is kept of a case, as far as an agency's requests rest on it.

    Raises: KeyErasedError, UnreadablePartError: a stored value cannot be read.
    """
    rows = kept_rows_of_case(connection, identity)
    people = rows["gateway.case_person"]
    everybody = {body["person_id"] for body in people.now.values()}
    everybody |= {body["person_id"] for _, body, _ in people.before if body is not None}
    births = connection.execute(
        text("SELECT person_id, born FROM gateway.case_person WHERE case_id = :case AND born IS NOT NULL"),
        {"case": identity.case_id},
    )
    born = open_births(
        wiring.keyring.family(connection, identity.family_id),
        family_person_keys(connection, identity.family_id),
        {row.person_id: bytes(row.born) for row in births},
    )
    refs = connection.execute(
        text(
            "SELECT thing_id, ref FROM gateway.pairwise WHERE agency_code = :agency AND family_id = :family"
        ),
        {"agency": agency, "family": identity.family_id},
    )
    return CasePast(
        identity=identity,
        rows=rows,
        histories={person: _history(connection, identity, UUID(person)) for person in sorted(everybody)},
        birthdays={
            str(person): birthdays_of(day, lapse_at_sixteen=wiring.settings.lapse_at_sixteen)
            for person, day in born.items()
        },
        refs={str(row.thing_id): str(row.ref) for row in refs},
    )


def _history(connection: Connection, identity: CaseIdentity, person_id: UUID) -> tuple[ConsentDecision, ...]:
    subject = find_subject(connection, family_id=identity.family_id, person_id=person_id)
    return () if subject is None else tuple(read_history(connection, subject))


def facts_then(agency: AgencyPast, case: CasePast, *, at: datetime) -> Then:
    """Return what a decision rested on at ``at``, an aware instant; nothing is read for it.

    Raises: ProfileError, a stored profile cannot be read.
    """
    people = case.rows["gateway.case_person"].at(at)
    histories = {
        row["person_id"]: tuple(
            each for each in case.histories.get(row["person_id"], ()) if each.recorded_at <= at
        )
        for row in people
    }
    records = case.rows["gateway.case_record"].at(at)
    found = _agency(agency, histories=histories, at=at)
    if not records or found is None:
        return Then(Facts(now=at, agency=found, case=None), histories)
    record = records[0]
    has_offer, offer_until = _offer(case, agency=agency.code, at=at)
    conflicts = case.rows["gateway.case_conflict"].at(at)
    facts = CaseFacts(
        threshold_level=record["threshold_level"],
        status=record["status"],
        seals=frozenset(record["seals"]),
        people=tuple(
            PersonFacts(
                person_id=row["person_id"],
                ref=case.refs.get(row["person_id"]),
                role=row["role"],
                shield=Shield(row["shield"]),
                standing=fold(histories[row["person_id"]]),
                birthdays=case.birthdays.get(row["person_id"], UNKNOWN_BIRTHDAYS),
            )
            for row in people
        ),
        panel_until=_panel(case, agency=agency, at=at),
        has_offer=has_offer,
        offer_until=offer_until,
        named_workers=frozenset(
            row["worker"]
            for row in case.rows["gateway.case_worker"].at(at)
            if _holds(row["from_date"], row["to_date"], on=at.astimezone(LONDON).date())
        ),
        refuges=agency.refuges,
        hosting_refuge=record.get("hosted_by"),
        in_conflict=any(
            row["agency_code"] == agency.code and not row["practitioner_id"] for row in conflicts
        ),
        has_conflicts=bool(conflicts),
    )
    return Then(Facts(now=at, agency=found, case=facts), histories)


def _agency(
    past: AgencyPast, *, histories: Mapping[str, Sequence[ConsentDecision]], at: datetime
) -> AgencyFacts | None:
    found = past.agency.at(at)
    if not found:
        return None
    effective = past.effective.at(at)
    versions = {
        shown
        for history in histories.values()
        for each in history
        if (shown := each.profiles_shown.get(past.code))
    }
    day = at.astimezone(LONDON).date()
    ends = [each.valid_until for each in past.agreements if each.valid_from <= day < each.valid_until]
    return AgencyFacts(
        code=past.code,
        kind=AgencyKind(found[0]["kind"]),
        state=found[0]["state"],
        agreement_until=midnight(max(ends)) if ends else None,
        profile=past.profile(effective[0]["version"]) if effective else None,
        client_state="active",
        practitioner_active=True,
        shown={version: profile for version in versions if (profile := past.profile(version)) is not None},
    )


@lru_cache(maxsize=256)
def _compiled(document: str) -> Profile:
    """The profile of a stored text; a version never changes, so one reading serves for every instant."""
    return parse_profile(document)


def _panel(case: CasePast, *, agency: AgencyPast, at: datetime) -> datetime | None:
    """The end of the latest window that was open for this agency."""
    listed = {row["meeting_id"] for row in case.rows["gateway.agenda_item"].at(at)}
    attended = listed & {row["meeting_id"] for row in agency.members.at(at)}
    windows = (
        (datetime.fromisoformat(row["opens_at"]), datetime.fromisoformat(row["closes_at"]))
        for row in agency.meetings.at(at)
        if row["meeting_id"] in attended
    )
    return max((closes for opens, closes in windows if opens <= at < closes), default=None)


def _offer(case: CasePast, *, agency: AgencyCode, at: datetime) -> tuple[bool, datetime | None]:
    """Whether an offer to this agency stood, and when the last of them ends; absent: no end is known."""
    day = at.astimezone(LONDON).date()
    standing = [
        row["ended_on"]
        for row in case.rows["gateway.offer"].at(at)
        if row["agency_code"] == agency and _holds(row["accepted_on"], row["ended_on"], on=day)
    ]
    if not standing or None in standing:
        return bool(standing), None
    return True, midnight(date.fromisoformat(max(standing)))


def _holds(begins: str, ends: str | None, *, on: date) -> bool:
    """Whether a day lies in a half-open time."""
    return date.fromisoformat(begins) <= on and (ends is None or on < date.fromisoformat(ends))
