"""Who is in a family, in the words of its record: what a page of the council's own staff shows.

INVARIANT: of the record only names, days of birth, languages and who is what to whom are read here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Row, text

from gateway.cases import repository
from gateway.cases.model import CaseIdentity, Role, Shield, Status, StoredPart
from gateway.cases.sealing import births_that_open, parts_that_open
from gateway.keyring import FamilyKeys
from gateway.strict_json import JsonValue

NO_NAME: Final = "Name not recorded"
_NAMES: Final = frozenset({"adult_name", "child_name"})
_READ: Final = _NAMES | {"language", "household"}
_ORDER: Final = {Role.ADULT: 0, Role.CHILD: 1, Role.OTHER: 2}

_CASES: Final = text(
    "SELECT case_id, family_id, threshold_level, status, seals FROM gateway.case_record"
    " WHERE family_id = ANY (CAST(:families AS uuid[]))"
)
_PEOPLE: Final = text(
    "SELECT case_id, person_id, role, risk_person, shield, born FROM gateway.case_person"
    " WHERE case_id = ANY (CAST(:cases AS uuid[]))"
)
_WORKERS: Final = text(
    "SELECT case_id, worker FROM gateway.case_worker WHERE case_id = ANY (CAST(:cases AS uuid[]))"
    " AND from_date <= :today AND (to_date IS NULL OR :today < to_date) ORDER BY worker"
)

_Told: TypeAlias = Sequence[tuple[str, Sequence[UUID], Mapping[str, JsonValue]]]


@dataclass(frozen=True, slots=True)
class PersonOfFamily:
    """One person as the council's own staff see them.

    Attributes:
        given: what they are called; ``name`` is the whole of it.
        born: absent: nobody recorded it.
        language: BCP 47 tag; absent: nobody recorded it.
    """

    person_id: UUID
    name: str
    given: str
    role: Role
    risk_person: bool
    shield: Shield
    born: date | None
    language: str | None
    needs_interpreter: bool

    def age(self, today: date) -> int | None:
        """Whole years on a day; absent before birth, and where nobody recorded it."""
        if self.born is None or self.born > today:
            return None
        return today.year - self.born.year - ((today.month, today.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class Relation:
    """What one person is to another: ``member`` is the ``relationship`` of ``to``.

    Attributes:
        pr_basis: on which the member holds parental responsibility; ``none``: stated not to; absent: not stated.
    """

    member: UUID
    to: UUID
    relationship: str
    pr_basis: str | None


@dataclass(frozen=True, slots=True)
class Members:
    """Everybody of a case, and what they are to each other.

    Attributes:
        people: adults first, then children, the oldest first.
        abuse: the record holds something about domestic abuse.
        damaged: a part of the record or a day of birth does not open: what it says is missing here.
    """

    people: tuple[PersonOfFamily, ...]
    relations: tuple[Relation, ...]
    abuse: bool
    damaged: bool = False

    @property
    def parental(self) -> Mapping[tuple[UUID, UUID], str]:
        """The stated basis of parental responsibility, by (who holds it, for which child)."""
        return {(each.member, each.to): each.pr_basis for each in self.relations if each.pr_basis is not None}

    @property
    def needs_care(self) -> bool:
        """True when whoever is asked must be asked alone: abuse is recorded or may be, or somebody is shielded."""
        return self.abuse or self.damaged or any(each.shield is not Shield.NONE for each in self.people)


@dataclass(frozen=True, slots=True)
class FamilyRecord:
    """A family as its page shows it.

    Attributes:
        workers: who works on the case today: practitioners' ids and usernames.
    """

    identity: CaseIdentity
    level: int
    status: Status
    sealed: bool
    members: Members
    workers: tuple[str, ...]

    @property
    def people(self) -> tuple[PersonOfFamily, ...]:
        """Everybody of the family, in the order of its page."""
        return self.members.people

    @property
    def title(self) -> str:
        """What the family is called in a list: its adults, or else its children."""
        known = [each for each in self.people if not each.risk_person]
        adults = [each.name for each in known if each.role is Role.ADULT]
        return " and ".join(adults or [each.name for each in known][:2]) or NO_NAME

    def person(self, person_id: UUID) -> PersonOfFamily | None:
        """One person of the family."""
        return next((each for each in self.people if each.person_id == person_id), None)


def read_records(
    connection: Connection, families: Sequence[FamilyKeys], *, today: date
) -> dict[UUID, FamilyRecord]:
    """Return by family what its page shows, damaged or not, in as many reads as for one; one without a case is not there."""
    keys = {each.family_id: each for each in families}
    cases = connection.execute(_CASES, {"families": list(keys)}).all()
    members = _read_members(
        connection, {CaseIdentity(case.case_id, case.family_id): keys[case.family_id] for case in cases}
    )
    asked = {"cases": [case.case_id for case in cases], "today": today}
    workers: dict[UUID, list[str]] = {}
    for row in connection.execute(_WORKERS, asked):
        workers.setdefault(row.case_id, []).append(row.worker)
    return {
        case.family_id: FamilyRecord(
            identity=(identity := CaseIdentity(case.case_id, case.family_id)),
            level=case.threshold_level,
            status=Status(case.status),
            sealed=bool(case.seals),
            members=members[identity],
            workers=tuple(workers.get(case.case_id, ())),
        )
        for case in cases
    }


def read_members(connection: Connection, identity: CaseIdentity, keys: FamilyKeys) -> Members:
    """Return who is in a case, and what they are to each other, as far as the record opens."""
    return _read_members(connection, {identity: keys})[identity]


def _read_members(
    connection: Connection, cases: Mapping[CaseIdentity, FamilyKeys]
) -> dict[CaseIdentity, Members]:
    ids = [each.case_id for each in cases]
    sealed = repository.person_keys_of(connection, [each.family_id for each in cases])
    people: dict[UUID, list[Row[Any]]] = {case: [] for case in ids}
    for row in connection.execute(_PEOPLE, {"cases": ids}):
        people[row.case_id].append(row)
    parts: dict[UUID, list[StoredPart]] = {case: [] for case in ids}
    for part in repository.stored_parts(connection, *ids):
        parts[part.case_id].append(part)
    return {
        each: _members(keys, sealed[each.family_id], people[each.case_id], parts[each.case_id])
        for each, keys in cases.items()
    }


def _members(
    keys: FamilyKeys,
    person_keys: Mapping[UUID, bytes],
    rows: Sequence[Row[Any]],
    parts: Iterable[StoredPart],
) -> Members:
    births = {row.person_id: bytes(row.born) for row in rows if row.born is not None}
    born, days_whole = births_that_open(keys, person_keys, births)
    items, parts_whole = parts_that_open(keys, person_keys, parts)
    told = list(_told(items))
    names, spoken = _names(told), _languages(told)
    people = [
        PersonOfFamily(
            person_id=row.person_id,
            name=" ".join(filter(None, names.get(row.person_id, ()))) or NO_NAME,
            given=names.get(row.person_id, (NO_NAME, ""))[0] or NO_NAME,
            role=Role(row.role),
            risk_person=row.risk_person,
            shield=Shield(row.shield),
            born=born.get(row.person_id),
            language=spoken.get(row.person_id, (None, False))[0],
            needs_interpreter=spoken.get(row.person_id, (None, False))[1],
        )
        for row in rows
    ]
    people.sort(key=lambda each: (_ORDER[each.role], each.born or date.max, each.name, each.person_id))
    return Members(
        tuple(people),
        tuple(_relations(told)),
        abuse=any(item["field"] == "domestic_abuse" for item in items),
        damaged=not (days_whole and parts_whole),
    )


def _names(told: _Told) -> dict[UUID, tuple[str, str]]:
    """Given and family name of each person; a legal name wins over any other."""
    found: dict[UUID, tuple[str, str]] = {}
    for field, people, value in told:
        for person in people if field in _NAMES else ():
            if person not in found or value.get("type") == "legal":
                found[person] = (str(value.get("given", "")), str(value.get("family", "")))
    return found


def _languages(told: _Told) -> dict[UUID, tuple[str | None, bool]]:
    """What each person speaks, and whether they need an interpreter."""
    return {
        person: (str(value["language"]), value.get("interpreter") is True)
        for field, people, value in told
        for person in people
        if field == "language"
    }


def _told(
    items: Iterable[Mapping[str, JsonValue]],
) -> Iterator[tuple[str, list[UUID], Mapping[str, JsonValue]]]:
    """Yield of each item that is read here its field, whom it is about and its value."""
    for item in items:
        value, about = item["value"], item["about"]
        if item["field"] in _READ and isinstance(value, dict) and isinstance(about, list):
            yield str(item["field"]), [UUID(str(person)) for person in about], value


def _relations(told: _Told) -> Iterable[Relation]:
    for field, _, value in told:
        if field == "household":
            basis = value.get("pr_basis")
            yield Relation(
                UUID(str(value["member"])),
                UUID(str(value["to"])),
                str(value["relationship"]),
                basis if isinstance(basis, str) else None,
            )
