"""Minimise a decrypted record to what a permit lets out. Pure.

INVARIANTS
- Every value in the result comes from an item whose ``item_level`` is above W, told at the lowest
  level among its field's items: nothing raises a level.
- A person appears by the pairwise id of this agency, with at least one field, or not at all.
- What was held back leaves no trace: no key, no empty list, no count, no date of its own.
- A field says how certain it is where it belongs to the case or can hold narrative, and that it comes from the recipient
  itself where all of it does: nobody takes for news what they supplied.
- Free text goes only where the permit lets it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from msgspec import convert
from msgspec.json import Decoder, Encoder

from agencies.ages import released_age, whole_months
from agencies.catalogue import FIELDS
from agencies.ladders import LADDERS, LadderContext, LadderItem
from agencies.model import FieldName, JsonObject, JsonValue, Level, Subject
from consent_registry.birthdays import LONDON
from gateway.cases.model import ItemKind
from gateway.release.model import Item, Permit, PermittedItem, PersonFacts

CERTAINTY: Final = (ItemKind.FACT, ItemKind.FAMILY_REPORT, ItemKind.OPINION, ItemKind.ALLEGATION)
"""From most to least certain: a field made of several items carries the least certain kind."""

_CERTAINTY: Final = {kind.value: place for place, kind in enumerate(CERTAINTY)}
_ORDER: Final = {name: place for place, name in enumerate(FIELDS)}
_OF_PERSON: Final = frozenset(name for name, field in FIELDS.items() if field.subject is Subject.PERSON)
_read: Final = Decoder(list[Item]).decode
_written: Final = Encoder(order="sorted").encode
_BIRTH_FIELDS: Final = frozenset(map(FieldName, ("child_dob", "adult_dob")))
_SEX: Final = FieldName("child_sex")
_HOUSEHOLD: Final = FieldName("household")


def recipient_context(
    permitted: Sequence[PermittedItem], *, permit: Permit, people: Sequence[PersonFacts], now: datetime
) -> LadderContext:
    """Return what this recipient is, and the ages, sexes and relationships it is told anyway.

    Args:
        now: the decision's instant: ages are those of its day in Europe/London.
    """
    today = now.astimezone(LONDON).date()
    months: dict[str, int] = {}
    birth: dict[str, str | int] = {}
    sex: dict[str, str] = {}
    relationships: dict[str, str] = {}
    for name, level, item in ((p.item.field, p.level, p.item) for p in permitted):
        if name in _BIRTH_FIELDS:
            person = item.about[0]
            months[person] = whole_months(date.fromisoformat(str(item.value["date"])), today=today)
            age = released_age(name, level=level, value=item.value, months=months[person])
            birth |= {} if age is None else {person: age}
        elif name == _SEX and level is Level.F:
            sex[item.about[0]] = str(item.value["sex"])
        elif name == _HOUSEHOLD and level > Level.G2:
            relationships[str(item.value["member"])] = str(item.value["relationship"])
    return LadderContext(
        agency=permit.profile.agency,
        kind=permit.kind,
        refs={person.person_id: person.ref for person in people if person.ref is not None},
        roles={person.person_id: person.role for person in people},
        months=months,
        birth=birth,
        sex=sex,
        narrative_allowed=permit.narrative,
        relationships=relationships,
    )


def minimise(
    permitted: Sequence[PermittedItem], *, context: LadderContext, people: Sequence[PersonFacts]
) -> JsonObject:
    """Return the ``record`` of an extract: ``people`` and ``case``, each present only when it holds something.

    Args:
        permitted: the items above W, each with its own level.
        context: what the recipient is told anyway, see ``recipient_context``.
        people: the case's people with their pairwise ids.
    """
    fields: dict[str | None, JsonObject] = {}
    for (person_id, name), group in _by_subject_and_field(permitted):
        level = min([each.level for each in group])
        rung = LADDERS[name].rungs[level]
        if rung is None:
            continue
        items = [LadderItem(each.item.value, each.item.about) for each in group]
        if rung.together is not None:
            told = [rung.together([item], context) for item in items]
            value = [rung.together([i for i, one in zip(items, told, strict=True) if one], context)]
        else:
            told = value = [rung.step(item, context) for item in items] if rung.step else []
        telling = [each.item for each, one in zip(group, told, strict=True) if one]
        if telling:
            with_kind = person_id is None or bool(FIELDS[name].narrative)
            field = _field(level, value, telling, own=context.agency, with_kind=with_kind)
            fields.setdefault(person_id, {})[name] = field

    record: JsonObject = {}
    shown: list[JsonValue] = [
        {"person": person.ref, "role": person.role, "fields": fields[person.person_id]}
        for person in people
        if person.ref is not None and person.person_id in fields
    ]
    if shown:
        record["people"] = shown
    if None in fields:
        record["case"] = fields[None]
    return record


def _by_subject_and_field(
    permitted: Sequence[PermittedItem],
) -> list[tuple[tuple[str | None, FieldName], list[PermittedItem]]]:
    """The items of each person's fields, and of the case's (no person), fields in catalogue order."""
    groups: dict[tuple[str | None, FieldName], list[PermittedItem]] = {}
    for each in permitted:
        item = each.item
        of_person = item.field in _OF_PERSON
        person_id = item.about[0] if of_person and len(item.about) == 1 else None
        if of_person is (person_id is not None):
            groups.setdefault((person_id, item.field), []).append(each)
    return sorted(groups.items(), key=lambda group: _ORDER[group[0][1]])


def _field(
    level: Level,
    value: Sequence[JsonObject | None],
    telling: Sequence[Item],
    *,
    own: str,
    with_kind: bool,
) -> JsonObject:
    """One released field; equal values are told once, so that their number counts nothing held back.

    Args:
        own: the recipient.
    """
    told: list[JsonValue] = [one for one in value if one]
    if len(told) > 1:
        told = [*{_written(one): one for one in told}.values()]
    field: JsonObject = {
        "level": level.name,
        "value": told,
        "as_of": min([item.as_of for item in telling]),
    }
    if with_kind:
        field["kind"] = max([item.kind for item in telling], key=_CERTAINTY.__getitem__)
    if {own}.issuperset([item.source_agency for item in telling]):
        field["supplied_by_you"] = True
    return field


def items_of(parts: Iterable[bytes]) -> list[Item]:
    """Return the items that the opened parts of a case document hold.

    Raises: ValueError, one is not ours.
    """
    return [item for part in parts for item in _read(part)]


def item_of(stored: Mapping[str, object]) -> Item:
    """Return one item that was read already, as ``items_of`` reads it.

    Raises: ValueError.
    """
    return convert(stored, Item)
