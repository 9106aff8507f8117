"""The words of the case room as values: the case document as the council sends it, and its stored parts.

INVARIANT: a CaseDocument was checked whole (``schemas.read_family``); nothing builds one from unchecked input.
INVARIANT: shields are ordered none < restricted < refuge, so that ``max()`` is always the stricter one.

Pure: standard library and other pure modules only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from agencies.model import AgencyCode, FieldName
from gateway.strict_json import JsonValue

ItemValue: TypeAlias = Mapping[str, JsonValue]
"""A value as ``agencies.values.check_value`` accepts it: no null, no floating point number."""


class Role(StrEnum):
    """What a person is in a case. A parent under 18 is an adult with that date of birth."""

    CHILD = "child"
    ADULT = "adult"
    OTHER = "other"


class Status(StrEnum):
    """Whether the case is being worked on."""

    OPEN = "open"
    CLOSED = "closed"


class Seal(StrEnum):
    """What closes a whole case to some or all recipients."""

    PARTY_RESTRICTION = "party_restriction"
    CONFLICT = "conflict"
    ADOPTION = "adoption"


class Shield(StrEnum):
    """How a person's whereabouts are protected."""

    NONE = "none"
    RESTRICTED = "restricted"
    REFUGE = "refuge"

    @property
    def strength(self) -> int:
        """Place in the order none < restricted < refuge."""
        return tuple(Shield).index(self)


class ItemKind(StrEnum):
    """What sort of knowledge an item is."""

    FACT = "fact"
    OPINION = "opinion"
    FAMILY_REPORT = "family_report"
    ALLEGATION = "allegation"


@dataclass(frozen=True, slots=True)
class CasePerson:
    """A person of a case.

    Attributes:
        id: the council's id of this person, the same in every family.
        risk_person: never asked, notified or named on paper, and without a veto over a flag.
    """

    id: str
    role: Role
    risk_person: bool = False
    shield: Shield = Shield.NONE


@dataclass(frozen=True, slots=True)
class CaseWorker:
    """A named worker of the case: practitioner or staff id, from a day until before another."""

    id: str
    from_date: date
    to_date: date | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody with an interest in the family, to whom the case does not exist.

    Attributes:
        practitioner: practitioner or staff id; absent: everybody of the agency.
    """

    agency: AgencyCode
    practitioner: str | None = None


@dataclass(frozen=True, slots=True)
class CaseItem:
    """One statement of the record.

    Attributes:
        about: the council's ids of everyone it says something of; empty: never released.
        source_agency: who knows it.
        as_of: the day for which it was true.
        protects: for F15 and F27 the id of the adult whom the flag protects.
    """

    field: FieldName
    about: tuple[str, ...]
    source_agency: AgencyCode
    as_of: date
    kind: ItemKind
    value: ItemValue
    protects: str | None = None


@dataclass(frozen=True, slots=True)
class CaseDocument:
    """One family's case as the council's case system holds it.

    Attributes:
        hosting_refuge: the agency that houses the family, where one does.
    """

    source_ref: str
    threshold_level: int
    status: Status
    seals: frozenset[Seal]
    people: tuple[CasePerson, ...]
    workers: tuple[CaseWorker, ...]
    items: tuple[CaseItem, ...]
    conflicts: tuple[Conflict, ...] = ()
    hosting_refuge: AgencyCode | None = None


@dataclass(frozen=True, slots=True)
class CaseIdentity:
    """The random ids under which one case is stored."""

    case_id: UUID
    family_id: UUID


@dataclass(frozen=True, slots=True)
class StoredPart:
    """The items about one set of people, sealed under what only all their keys together give.

    Attributes:
        about: the people, sorted; empty: about nobody, sealed under the family's key.
        version: the case's version when it was written; with the ids it is bound to the ciphertext.
    """

    part_id: UUID
    case_id: UUID
    about: tuple[UUID, ...]
    version: int
    sealed: bytes
