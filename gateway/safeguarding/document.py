"""What a referral tells: chosen item by item from a template, by the functions of a release, and frozen. Pure.

INVARIANTS
- Only what the template admits can be chosen; what it does not select beforehand takes a reason.
- Another child of the family is not in it unless the referral is about that child, in free text neither.
- People appear by ids of this referral alone.
- What only the council has to account for stays here.

Source: UK GDPR article 5(1)(c); Information sharing advice for practitioners 2024, golden rule 6.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from agencies.model import (
    AgencyCode,
    AgencyKind,
    FieldName,
    JsonObject,
    JsonValue,
    Level,
    Mark,
    Profile,
    Stage,
)
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS
from consent_registry.model import NOTHING_DECIDED
from gateway.cases.model import Role, Shield
from gateway.disclosure_log.canonical import canonical
from gateway.release.free_text import tell_with_narrative
from gateway.release.minimisation import recipient_context
from gateway.release.model import Item, Permit, PermittedItem, PersonFacts
from gateway.safeguarding.model import Answers, Destination, Kind
from gateway.safeguarding.questions import BY_NAME, open_questions

SELECTED: Final = frozenset(
    map(
        FieldName,
        (
            "address",
            "adult_dob",
            "adult_name",
            "child_dob",
            "child_name",
            "child_sex",
            "contact",
            "history",
            "household",
            "language",
            "risk_person",
            "school",
        ),
    )
)
"""Identity, whereabouts, household, who may be a risk, and what happened: selected until somebody takes it out."""

TOLD: Final = (
    "fear",
    "danger",
    "number",
    "agreed_by",
    "without",
    "harm",
    "known",
    "source",
    "certainty",
    "told",
    "told_why_not",
    "wishes",
    "recipient",
    "reference",
    "attachments",
    "never_learn",
    "relevance",
    "facilitates",
)
"""Answers that the destination reads; the others are for those who review."""

HANDLING: Final = (
    "Use this only to protect the people it is about.",
    "Keep who told you to yourselves.",
)
DO_NOT_DISCLOSE_ADDRESS: Final = "DO NOT DISCLOSE where anybody in this referral lives, goes to school or can be reached: their address is protected."
NOT_AGREED: Final = "The family may not know of this referral. Ask whoever sent it before you speak to them."

UNTELLABLE: Final = (KeyError, TypeError, ValueError)
"""What an item raises that is not as it should be."""

_HOUSEHOLD: Final = FieldName("household")
_KEY_DIGITS: Final = 24


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the family, by the internal id."""

    person_id: str
    role: Role
    shield: Shield


@dataclass(frozen=True, slots=True)
class Choice:
    """One item that can be in a referral.

    Attributes:
        key: of this very item, as it is recorded now.
        selected: until somebody takes it out; any other takes a reason.
    """

    key: str
    item: Item
    selected: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """A document as it goes.

    Attributes:
        body: canonical JSON, without a receipt.
        about: the internal ids of everybody whom something in it is about.
    """

    body: bytes
    about: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of the body, in hex."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a document.

    Attributes:
        number: 1 for the first; what was answered later is another.
    """

    referral_id: UUID
    number: int
    kind: Kind
    destination: Destination
    council: str
    author: str
    recorded_at: datetime
    sent_at: datetime
    typed_at: datetime | None = None


def admitted(template: Profile) -> frozenset[FieldName]:
    """Return the fields that a profile admits to a referral: those marked B."""
    return frozenset(row.field for row in template.rows if Mark.B in {row.panel, row.service})


def in_scope(people: Sequence[Member], children: Collection[str]) -> frozenset[str]:
    """Return whom a referral about these children may tell of: them, and everybody who is no child."""
    return frozenset(
        person.person_id for person in people if person.role is not Role.CHILD or person.person_id in children
    )


def choices(items: Iterable[Item], *, template: Profile, scope: frozenset[str]) -> list[Choice]:
    """Return what can be chosen of a record.

    Args:
        scope: see ``in_scope``.
    """
    fields = admitted(template)
    return [
        Choice(_key(item), item, item.field in SELECTED)
        for item in items
        if item.field in fields and item.about and _people_of(item) <= scope
    ]


def chosen(offered: Sequence[Choice], keys: Collection[str] | None) -> list[Item]:
    """Return the items that were chosen; without a choice, those that are selected beforehand."""
    return [choice.item for choice in offered if (choice.selected if keys is None else choice.key in keys)]


def freeze(
    heading: Heading,
    answers: Answers,
    *,
    record: Sequence[Item],
    items: Sequence[Item],
    people: Sequence[Member],
    template: Profile,
) -> Frozen:
    """Return the document as it goes.

    Args:
        record: the whole record, for what is cut from free text.
        items: those that were chosen.
        people: everybody of the family.
        template: its bases, and what its kind of recipient is told.
    """
    facts = [
        PersonFacts(
            person.person_id,
            str(uuid5(heading.referral_id, person.person_id)),
            person.role.value,
            person.shield,
            NOTHING_DECIDED,
            UNKNOWN_BIRTHDAYS,
        )
        for person in people
    ]
    permit = _permit(template, heading)
    try:
        told = _tell(items, record, permit=permit, people=facts, now=heading.sent_at)
    except UNTELLABLE:
        # Somebody's safety does not wait for one damaged item: whatever can be told goes.
        record = [
            each for each in record if _can_be_told(each, permit=permit, people=facts, now=heading.sent_at)
        ]
        items = [each for each in items if each in record]
        told = _tell(items, record, permit=permit, people=facts, now=heading.sent_at)
    about = frozenset(person for item in items for person in _people_of(item))
    refs = {each.person_id: each.ref for each in facts}
    body: JsonObject = {
        "referral_id": str(heading.referral_id),
        "number": heading.number,
        "kind": heading.kind.value,
        "to": {"code": heading.destination.code, "name": heading.destination.name},
        "from": heading.council,
        "author": heading.author,
        "times": _times(heading, answers),
        "about": [ref for person in _listed(answers, "people") if (ref := refs.get(person))],
        "answers": _told(answers),
        "record": told,
        "basis": _basis(heading.kind, answers),
        "handling": _handling(heading.kind, people, about),
    }
    follows = open_questions(heading.kind, answers)
    if follows:
        body["follows"] = [name for name in follows if name in TOLD]
        if not body["follows"]:
            del body["follows"]
    return Frozen(canonical(body), tuple(sorted(about)))


def _tell(
    items: Sequence[Item],
    record: Sequence[Item],
    *,
    permit: Permit,
    people: Sequence[PersonFacts],
    now: datetime,
) -> JsonObject:
    """What is told of the chosen items, by the functions of a release."""
    permitted = [PermittedItem(item, Level.F) for item in items]
    context = recipient_context(permitted, permit=permit, people=people, now=now)
    return tell_with_narrative(permit, record, permitted, context=context, people=people).record


def _can_be_told(item: Item, *, permit: Permit, people: Sequence[PersonFacts], now: datetime) -> bool:
    try:
        _tell([item], [item], permit=permit, people=people, now=now)
    except UNTELLABLE:
        return False
    return True


def _permit(template: Profile, heading: Heading) -> Permit:
    """Nothing is decided by it but how the chosen items are told: in full, and who reads them."""
    return Permit(
        stage=Stage.SERVICE,
        profile=replace(template, agency=AgencyCode(heading.destination.code)),
        kind=AgencyKind(template.based_on_kind),
        grants={},
        conditions=frozenset(),
        hidden_agencies=frozenset(),
        shielded=False,
        narrative=True,
        use_until=heading.sent_at,
        decisions=frozenset(),
    )


def _people_of(item: Item) -> frozenset[str]:
    """Everybody whom an item names, in its value too."""
    named = (str(item.value["member"]), str(item.value["to"])) if item.field == _HOUSEHOLD else ()
    return frozenset({*item.about, *named})


def _key(item: Item) -> str:
    said = canonical(
        {
            "about": list(item.about),
            "as_of": item.as_of,
            "field": item.field,
            "kind": item.kind,
            "value": item.value,
        }
    )
    return hashlib.sha256(said).hexdigest()[:_KEY_DIGITS]


def _times(heading: Heading, answers: Answers) -> JsonObject:
    said = {
        name: answer for name in ("concern_at", "called_at") if isinstance(answer := answers.get(name), str)
    }
    if heading.typed_at is not None:
        said["typed_at"] = heading.typed_at.isoformat(timespec="seconds")
    return {
        **said,
        "recorded_at": heading.recorded_at.isoformat(timespec="seconds"),
        "sent_at": heading.sent_at.isoformat(timespec="seconds"),
    }


def _told(answers: Answers) -> JsonObject:
    found: JsonObject = {}
    for name in TOLD:
        answer = answers.get(name)
        if answer:
            found[name] = list(answer) if BY_NAME[name].several else str(answer)
    return found


def _basis(kind: Kind, answers: Answers) -> JsonObject:
    """The legal bases of this one referral (UK GDPR articles 6 and 9; Data Protection Act 2018 schedule 1)."""
    if kind is Kind.AGREED:
        return {"article6": "6(1)(e)", "article9": "9(2)(a)"}
    if kind is Kind.DUTY:
        return {"article6": "6(1)(c)", "article9": "9(2)(g)"}
    return {
        "article6": str(answers.get("basis", "6(1)(e)")),
        "article9": "9(2)(g)",
        "schedule1": "paragraph 18",
    }


def _handling(kind: Kind, people: Sequence[Member], about: frozenset[str]) -> list[JsonValue]:
    lines: list[JsonValue] = [*HANDLING]
    if any(person.shield is not Shield.NONE and person.person_id in about for person in people):
        lines.append(DO_NOT_DISCLOSE_ADDRESS)
    if kind is not Kind.AGREED:
        lines.append(NOT_AGREED)
    return lines


def _listed(answers: Answers, name: str) -> Iterable[str]:
    said = answers.get(name, ())
    return (said,) if isinstance(said, str) else said
