"""What the release path passes from step to step. Pure: frozen values, no clock, no I/O.

INVARIANTS
- A decision is a value with reasons: ``Permit`` or ``Refuse``, never a bare boolean.
- What is absent from a ``Permit`` is withheld: no grant for a field, or a person not in it.
- Reasons go to the log; none of them ever reaches a recipient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from msgspec import Struct

from agencies.model import (
    AgencyCode,
    AgencyKind,
    Condition,
    FieldName,
    JsonObject,
    Level,
    Profile,
    Rows,
    Stage,
)
from consent_registry.birthdays import Birthdays
from consent_registry.model import DecisionId, Standing
from gateway.caller import Caller
from gateway.cases.model import Shield
from gateway.release.redaction import Cut


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """One item of a batch: who asks, and for which case by that agency's own reference.

    ``case_ref`` is absent when what was sent cannot be a reference at all; it takes the same path.
    """

    caller: Caller
    case_ref: UUID | None


class RefusalReason(StrEnum):
    """Why nothing is released; in the order in which they are tested."""

    UNKNOWN_REF = "unknown_ref"
    CALLER_NOT_SERVED = "caller_not_served"
    CLIENT_REVOKED = "client_revoked"
    PRACTITIONER_INACTIVE = "practitioner_inactive"
    AGENCY_INACTIVE = "agency_inactive"
    NO_AGREEMENT = "no_agreement"
    NO_PROFILE = "no_profile"
    CASE_STATE = "case_state"
    RESTRICTED = "restricted"
    CONFLICT = "conflict"
    NOT_ENTITLED = "not_entitled"
    NO_CONSENT = "no_consent"
    NOTHING_TO_RELEASE = "nothing_to_release"
    SHIELD_SURVIVED = "shield_survived"
    """A shielded value could be recognised in the record, and not be placed in an item."""


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One person of the case as the decision sees them.

    Attributes:
        person_id: the internal id, as text; never released.
        ref: the pairwise id this agency sees; absent: the person cannot be named to it.
        standing: what the person's consent decisions add up to.
        birthdays: on which what a parent agreed for this person lapses, by the council's policy.
    """

    person_id: str
    ref: str | None
    role: str
    shield: Shield
    standing: Standing
    birthdays: Birthdays


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """The asking agency now.

    Attributes:
        agreement_until: instant at which the agreement in force ends; absent: none is in force.
        profile: the effective version; absent: none.
        shown: by number, each version on which somebody of the case agreed; one that cannot be had is missing.
    """

    code: AgencyCode
    kind: AgencyKind
    state: str
    agreement_until: datetime | None
    profile: Profile | None
    client_state: str | None
    practitioner_active: bool
    shown: Mapping[int, Profile]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The case now, its entitlements for the asking agency, and what must not be mentioned.

    Attributes:
        panel_until: end of the open panel window of a meeting this agency sits on; absent: none open.
        has_offer: an offer to this agency was accepted and has not ended.
        offer_until: when that offer ends; absent while no end is known.
        named_workers: practitioner and staff ids working this case today.
        refuges: codes of every agency that is a refuge.
        hosting_refuge: code of the agency that houses the family.
        in_conflict: the asking agency or practitioner has an interest in the family.
        has_conflicts: somebody has.
        signed_off: the stages for which somebody read what this agency is told by these very versions.
    """

    threshold_level: int
    status: str
    seals: frozenset[str]
    people: tuple[PersonFacts, ...]
    panel_until: datetime | None
    has_offer: bool
    named_workers: frozenset[str]
    refuges: frozenset[str]
    offer_until: datetime | None = None
    hosting_refuge: str | None = None
    in_conflict: bool = False
    has_conflicts: bool = False
    signed_off: frozenset[Stage] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one decision rests on, from one snapshot; ``case`` is absent for an unknown ref."""

    now: datetime
    agency: AgencyFacts | None
    case: CaseFacts | None


WITHHELD = Rows(Level.W, Level.W)
"""What is given by a profile version that cannot be had, and by whoever did not agree."""


class FieldGrant(NamedTuple):
    """What may be released of one field.

    Attributes:
        level: the row's level after every condition of the request and every subject flag.
        attended: the level instead for an item recording a meeting this agency attended.
        people: by the internal id of each person whose consent covers this field, the rows that were shown to them.
    """

    level: Level
    attended: Level
    people: Mapping[str, Rows]


@dataclass(frozen=True, slots=True)
class Permit:
    """A release is permitted, to this extent and until then.

    Attributes:
        grants: by field; a field without a grant is withheld.
        hidden_agencies: refuges whose involvement this caller must not learn.
        shielded: this caller must not learn where the family is.
        narrative: free text may go, redacted.
        decisions: the consent decisions it rests on.
    """

    stage: Stage
    profile: Profile
    kind: AgencyKind
    grants: Mapping[FieldName, FieldGrant]
    conditions: frozenset[Condition]
    hidden_agencies: frozenset[str]
    shielded: bool
    narrative: bool
    use_until: datetime
    decisions: frozenset[DecisionId]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing is released; the reasons are for the log."""

    reasons: tuple[RefusalReason, ...]


Decision: TypeAlias = Permit | Refuse


class Item(Struct, frozen=True):
    """One decrypted item of a case document, read straight from its JSON; ``value`` keeps its field's shape.

    Attributes:
        about: internal person ids; empty: untagged, hence withheld.
        protects: the adult whom a risk flag protects.
        as_of: ISO 8601 date.
    """

    field: FieldName
    about: tuple[str, ...]
    source_agency: str
    as_of: str
    kind: str
    value: dict[str, Any]
    protects: str | None = None


class PermittedItem(NamedTuple):
    """An item above W, with the level decided for it alone."""

    item: Item
    level: Level


@dataclass(frozen=True, slots=True)
class Redacted:
    """One narrative member as it goes, and what was cut from it.

    Attributes:
        item: as it is recorded.
    """

    item: Item
    member: str
    text: str
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a permit comes to for one record.

    Attributes:
        items: those that are told of.
        record: as the recipient gets it.
        redacted: every narrative member that was looked at, for whoever shows it.
        kept_back: the fields of items that were kept back because a shielded value survived in them.
        survived: one did in what was left, so that nothing is told.
    """

    items: Sequence[PermittedItem]
    record: JsonObject
    redacted: Sequence[Redacted] = ()
    kept_back: Sequence[FieldName] = ()
    survived: bool = False


NOTHING = Told((), {})


@dataclass(frozen=True, slots=True)
class Released:
    """The answer that may leave: its bytes, and the entry that records it."""

    extract_id: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The constant absence."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing could be recorded, so nothing leaves; the caller may try again."""


Outcome: TypeAlias = Released | Refused | Unavailable
