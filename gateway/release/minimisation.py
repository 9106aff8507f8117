"""Minimise a decrypted record to what a permit lets out. Pure.

INVARIANTS
- Every value in the result comes from an item whose ``item_level`` is above W, generalised at the
  lowest level among its field's items: nothing raises a level.
- A person appears by the pairwise id of this agency, with at least one field, or not at all.
- What was held back leaves no trace: no key, no empty list, no count, no date of its own.
- Until redaction exists, narrative text goes to early help only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from agencies.catalogue import FIELDS
from agencies.ladders import LadderContext, LadderItem, generalise, released_age
from agencies.model import AgencyKind, FieldName, JsonObject, JsonValue, Level, Subject
from gateway.cases.model import ItemKind
from gateway.release.decision import item_level
from gateway.release.model import Item, Permit, PersonFacts

CERTAINTY: Final = (ItemKind.FACT, ItemKind.FAMILY_REPORT, ItemKind.OPINION, ItemKind.ALLEGATION)
"""From most to least certain: a field made of several items carries the least certain kind."""

_BIRTH_FIELDS: Final = frozenset(map(FieldName, ("child_dob", "adult_dob")))
_SEX: Final = FieldName("child_sex")
_HOUSEHOLD: Final = FieldName("household")


@dataclass(frozen=True, slots=True)
class _Permitted:
    """An item above W, with the level decided for it alone."""

    item: Item
    level: Level


def minimise(
    items: Iterable[Item], *, permit: Permit, people: Sequence[PersonFacts], today: date
) -> JsonObject:
    """Return the ``record`` of an extract: ``people`` and ``case``, each present only when it holds something.

    Args:
        items: the decrypted case document, every item.
        people: the case's people with their pairwise ids.
        today: the day in Europe/London, for ages.
    """
    permitted = [_Permitted(item, level) for item in items if (level := item_level(permit, item)) > Level.W]
    context = _context(permitted, permit=permit, people=people, today=today)
    record: JsonObject = {}
    shown: list[JsonValue] = []
    for person in people:
        own = (p for p in permitted if _is_of_person(p) and p.item.about == (person.person_id,))
        member = _person(person, _fields(own, context, with_kind=False))
        if member is not None:
            shown.append(member)
    if shown:
        record["people"] = shown
    of_case = (p for p in permitted if not _is_of_person(p))
    case = _fields(of_case, context, with_kind=True)
    if case:
        record["case"] = case
    return record


def _person(person: PersonFacts, fields: JsonObject) -> JsonObject | None:
    """One person of the record; absent without a pairwise id or without a released field."""
    if person.ref is None:
        return None
    return {"person": person.ref, "role": person.role, "fields": fields} if fields else None


def _fields(permitted: Iterable[_Permitted], context: LadderContext, *, with_kind: bool) -> JsonObject:
    """The released fields of one subject, in catalogue order."""
    by_field: dict[FieldName, list[_Permitted]] = {name: [] for name in FIELDS}
    for each in permitted:
        by_field[each.item.field].append(each)
    fields = {
        name: _field(name, group, context, with_kind=with_kind) for name, group in by_field.items() if group
    }
    return {name: field for name, field in fields.items() if field is not None}


def _field(
    name: FieldName, group: Sequence[_Permitted], context: LadderContext, *, with_kind: bool
) -> JsonObject | None:
    """One released field at the lowest level among its items; only items that tell something count."""
    level = min(p.level for p in group)
    telling = [
        item
        for item in (p.item for p in group)
        if generalise(name, level=level, items=[LadderItem(item.value, item.about)], context=context)
    ]
    ladder_items = [LadderItem(item.value, item.about) for item in telling]
    value = generalise(name, level=level, items=ladder_items, context=context)
    if not value:
        return None
    field: JsonObject = {"level": level.name, "value": value, "as_of": min(item.as_of for item in telling)}
    if with_kind:
        field["kind"] = max((ItemKind(item.kind) for item in telling), key=CERTAINTY.index).value
    return field


def _context(
    permitted: Sequence[_Permitted], *, permit: Permit, people: Sequence[PersonFacts], today: date
) -> LadderContext:
    """What this recipient is, and the ages, sexes and relationships it is told anyway."""
    bare = LadderContext(
        today=today,
        agency=permit.profile.agency,
        kind=permit.kind,
        refs={person.person_id: person.ref for person in people if person.ref is not None},
        roles={person.person_id: person.role for person in people},
        birth={},
        sex={},
        narrative_allowed=permit.kind is AgencyKind.EARLY_HELP,
    )
    birth: dict[str, str | int] = {}
    sex: dict[str, str] = {}
    relationships: dict[str, str] = {}
    for name, level, item in ((p.item.field, p.level, p.item) for p in permitted):
        if name in _BIRTH_FIELDS:
            age = released_age(name, level=level, value=item.value, context=bare)
            birth |= {} if age is None else {item.about[0]: age}
        elif name == _SEX and level is Level.F:
            sex[item.about[0]] = str(item.value["sex"])
        elif name == _HOUSEHOLD and level > Level.G2:
            relationships[str(item.value["member"])] = str(item.value["relationship"])
    return replace(bare, birth=birth, sex=sex, relationships=relationships)


def _is_of_person(permitted: _Permitted) -> bool:
    return FIELDS[permitted.item.field].subject is Subject.PERSON


def item_of(stored: Mapping[str, object]) -> Item:
    """Return the item that an opened part of the case document holds.

    Raises: KeyError or TypeError, the stored document is not one of ours.
    """
    value = stored["value"]
    about = stored["about"]
    if not isinstance(value, dict) or not isinstance(about, list):
        raise TypeError("a stored item has another shape")
    protects = stored.get("protects")
    return Item(
        field=FieldName(str(stored["field"])),
        about=tuple(map(str, about)),
        source_agency=str(stored["source_agency"]),
        as_of=str(stored["as_of"]),
        kind=str(stored["kind"]),
        value=value,
        protects=None if protects is None else str(protects),
    )
