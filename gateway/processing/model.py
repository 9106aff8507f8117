"""What a record of processing says, and which fields an agency's profile gives. Pure.

INVARIANTS
- A field is in the record where an effective profile gives it to some agency at some stage under some condition, and
  nowhere else: the function that a release asks says so.
- What the record says of periods and measures comes from the settings and rules that run.

Sources: UK GDPR article 30(1); Data Protection Act 2018 sections 10 and 11 and schedule 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from agencies.catalogue import FIELDS, Classification
from agencies.model import AgencyKind, Condition, FieldName, Level, Profile, Stage
from agencies.register import AgencyState, Agreement
from gateway.strict_json import JsonValue

FORMAT: Final = 1
_SPECIAL: Final = "Explicit consent: no condition of schedule 1 is needed"
SCHEDULE_1: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "",
        "9(2)(a)": _SPECIAL,
        "9(2)(g)": "Schedule 1 part 2, by the paragraph that the impact assessment names, with the appropriate policy document",
        "9(2)(h)": "Schedule 1 part 1 paragraph 2 (health or social care), under a duty of secrecy (section 11(1))",
    }
)
_OTHER_CONDITION: Final = "By the impact assessment"


@dataclass(frozen=True, slots=True)
class GivenRow:
    """The levels of one field under one condition."""

    when: Condition
    panel: Level
    service: Level


@dataclass(frozen=True, slots=True)
class Given:
    """One field that an agency is given."""

    field: FieldName
    rows: tuple[GivenRow, ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One agency with an effective profile.

    Attributes:
        purposes: codes of those for which it may ask.
        agreement: the one that ends last; absent: there is none.
    """

    code: str
    name: str
    kind: AgencyKind
    state: AgencyState
    purposes: tuple[str, ...]
    profile: Profile
    agreement: Agreement | None

    @property
    def given(self) -> tuple[Given, ...]:
        """What its profile gives it, in the order of the catalogue."""
        return given(self.profile)

    @property
    def schedule1(self) -> str:
        """The condition of schedule 1 in words; empty: it names no article 9."""
        return SCHEDULE_1.get(self.profile.article9, _OTHER_CONDITION)


@dataclass(frozen=True, slots=True)
class Destination:
    """One that receives safeguarding referrals."""

    code: str
    name: str
    function: str


@dataclass(frozen=True, slots=True)
class Period:
    """How long something is kept or used, and what makes that so."""

    what: str
    how_long: str
    rests_on: str


@dataclass(frozen=True, slots=True)
class Record:
    """The record as it is at one instant.

    Attributes:
        made_at: aware instant.
        contact: how the data protection officer is reached; empty: nobody said.
        purposes: words by code, of all that a recipient may ask for.
        policy_document: the appropriate policy document; empty: none is named.
    """

    made_at: datetime
    controller: str
    contact: str
    purposes: Mapping[str, str]
    recipients: Sequence[Recipient]
    destinations: Sequence[Destination]
    people: Sequence[str]
    periods: Sequence[Period]
    measures: Sequence[str]
    transfers: Sequence[str]
    policy_document: str

    def fields(self) -> dict[FieldName, tuple[Recipient, ...]]:
        """Every field that is given to anybody, in the order of the catalogue, with whom it is given to."""
        found: dict[FieldName, list[Recipient]] = {name: [] for name in FIELDS}
        for recipient in self.recipients:
            for each in recipient.given:
                found[each.field].append(recipient)
        return {name: tuple(whom) for name, whom in found.items() if whom}


def given(profile: Profile) -> tuple[Given, ...]:
    """Return what a profile gives, in the order of the catalogue; a level that tells nothing of a field gives nothing.

    Of several conditions that hold the lowest level counts, so each alone shows all that is ever given.
    """
    named = {(row.field, row.when) for row in profile.rows}
    found = []
    for name in FIELDS:
        rows = [_row(profile, name, when) for when in Condition if (name, when) in named]
        told = tuple(row for row in rows if max(row.panel, row.service) > Level.W)
        if told:
            found.append(Given(name, told))
    return tuple(found)


def _row(profile: Profile, name: FieldName, when: Condition) -> GivenRow:
    panel, service = (_told(profile, name, stage, when) for stage in (Stage.PANEL, Stage.SERVICE))
    return GivenRow(when, panel, service)


def _told(profile: Profile, name: FieldName, stage: Stage, when: Condition) -> Level:
    level = profile.level(name, stage=stage, conditions=frozenset({when} - {Condition.ALWAYS}))
    return level if FIELDS[name].ladder.rungs[level] is not None else Level.W


def is_special(name: FieldName) -> bool:
    """True for a field of special categories of data, or of criminal offences (articles 9 and 10)."""
    return FIELDS[name].classification in {Classification.SPECIAL_CATEGORY, Classification.CRIMINAL}


def to_json(record: Record) -> dict[str, JsonValue]:
    """Return the record as a document: days and instants in ISO 8601, levels by their letters."""
    return {
        "format": FORMAT,
        "made_at": record.made_at.isoformat(timespec="seconds"),
        "controller": {"name": record.controller, "data_protection_officer": record.contact},
        "purposes": [{"code": code, "words": words} for code, words in record.purposes.items()],
        "categories_of_data_subjects": list(record.people),
        "categories_of_personal_data": [
            {
                "field": name,
                "words": FIELDS[name].description,
                "category": FIELDS[name].category or "",
                "class": FIELDS[name].classification.value,
                "given_to": [each.code for each in whom],
            }
            for name, whom in record.fields().items()
        ],
        "recipients": [_recipient(each) for each in record.recipients],
        "safeguarding_destinations": [
            {"code": each.code, "name": each.name, "function": each.function} for each in record.destinations
        ],
        "appropriate_policy_document": record.policy_document,
        "transfers_outside_the_uk": list(record.transfers),
        "periods": [
            {"what": each.what, "how_long": each.how_long, "rests_on": each.rests_on}
            for each in record.periods
        ],
        "security_measures": list(record.measures),
    }


def _recipient(each: Recipient) -> JsonValue:
    profile, agreement = each.profile, each.agreement
    return {
        "code": each.code,
        "name": each.name,
        "kind": each.kind.value,
        "state": each.state.value,
        "purposes": list(each.purposes),
        "profile_version": profile.version,
        "review_on": profile.review_on.isoformat(),
        "article6": profile.article6,
        "article9": profile.article9,
        "schedule1": each.schedule1,
        "assessment": profile.assessment,
        "agreement": {}
        if agreement is None
        else {
            "reference": agreement.reference,
            "valid_from": agreement.valid_from.isoformat(),
            "valid_until": agreement.valid_until.isoformat(),
        },
        "fields": [
            {
                "field": told.field,
                "levels": [
                    {"when": row.when.value, "panel": row.panel.name, "service": row.service.name}
                    for row in told.rows
                ],
            }
            for told in each.given
        ],
    }
