"""Holding what the product answered against what the oracle allows.

INVARIANT: a world is judged in both directions: nothing beyond the oracle's levels, and nothing less.
INVARIANT: what leaked is searched for twice: member by member in the record, and as bare text in its bytes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from agencies.ages import released_age, whole_months
from agencies.catalogue import FIELDS
from agencies.ladders import LadderContext, LadderItem
from agencies.model import AgencyCode, AgencyKind, FieldName, JsonObject, JsonValue, Level
from gateway.disclosure_log.canonical import canonical
from gateway.release.model import Permit
from tests.release import oracle
from tests.release.oracle import Item, World
from tests.release.product import Answer
from tests.release.worlds import day_of
from tests.support.ladders import generalise

CUT = "[detail]"
"""What stands in free text for what was cut from it."""
UNCERTAIN = ("fact", "family_report", "opinion", "allegation")


@dataclass(frozen=True)
class Leaf:
    """One traceable text of an item: the member that holds it, and the agency that owns that action, if any."""

    member: str
    text: str
    owner: str | None = None


def faults(world: World, answer: Answer, allowed: str | Mapping[int, str]) -> list[str]:
    """Every way in which an answer deviates from the rules; empty when it keeps all of them."""
    permit = answer.decision
    if isinstance(allowed, str):
        return ["permitted, and must not be"] if isinstance(permit, Permit) or answer.record else []
    if not isinstance(permit, Permit):
        return ["refused, and must not be"]
    text = canonical(answer.record).decode()
    return [
        *_leaks(world, allowed, text),
        *_strange_ids(world, text),
        *_empty(answer.record, ""),
        *_end_faults(world, permit),
        *_differences(expected_record(world, allowed), answer.record, ""),
    ]


def squeezed(text: str) -> str:
    """Text without capitals and white space."""
    return "".join(text.casefold().split())


def leaves(world: World, item: Item) -> Iterator[Leaf]:
    """Every text, number and day of an item that occurs nowhere else in its world."""
    for member, held in item["value"].items():
        for text, owner in _texts(held, item["value"].get("owner")):
            if squeezed(text) in world["issued"]:
                yield Leaf(member, text, owner)


def _texts(held: object, owner: str | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(held, dict):
        for each in held.values():
            yield from _texts(each, held.get("owner", owner))
    elif isinstance(held, list):
        for each in held:
            yield from _texts(each, owner)
    else:
        yield str(held), owner


def _leaks(world: World, allowed: Mapping[int, str], text: str) -> Iterator[str]:
    """Texts in the record that no rule lets out, in whatever place they stand."""
    bare = squeezed(text)
    for place, item in enumerate(world["items"]):
        level = allowed[place]
        for leaf in leaves(world, item):
            if oracle.may_carry(world, item, level, leaf.member, leaf.owner):
                continue
            if leaf.text in text or squeezed(leaf.text) in bare:
                yield f"leak: {item['field']}.{leaf.member} at {level}"
        if level == "W" and item["as_of"] in text:
            yield f"leak: {item['field']}.as_of at {level}"
    for code in oracle.hidden_refuges(world):
        if f'"{code}"' in text:
            yield "leak: a refuge is named"


def _strange_ids(world: World, text: str) -> Iterator[str]:
    for person in world["people"]:
        if f'"{person["id"]}"' in text:
            yield "leak: an internal id"


def _empty(value: JsonValue, pointer: str) -> Iterator[str]:
    """Places that hold nothing: a null, an empty list or an empty object says that something was there."""
    if value is None or value in ([], {}, ""):
        if pointer:
            yield f"{pointer}: holds nothing"
    elif isinstance(value, dict):
        for name, held in value.items():
            yield from _empty(held, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from _empty(held, f"{pointer}/{place}")


def _end_faults(world: World, permit: Permit) -> Iterator[str]:
    if permit.use_until != oracle.last_use(world):
        yield f"use_until: expected {oracle.last_use(world)}, actual {permit.use_until}"
    if permit.use_until <= world["now"]:
        yield "use_until: is over already"


def _differences(expected: JsonValue, actual: JsonValue, pointer: str) -> Iterator[str]:
    """Where two records differ; only places, so that a long record stays readable."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in sorted(expected.keys() | actual.keys()):
            if name not in actual:
                yield f"{pointer}/{name}: should be there"
            elif name not in expected:
                yield f"{pointer}/{name}: should not be there"
            else:
                yield from _differences(expected[name], actual[name], f"{pointer}/{name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for place, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(one, other, f"{pointer}/{place}")
    elif isinstance(expected, str) and isinstance(actual, str) and _is_cut_from(actual, expected):
        return
    elif expected != actual or type(expected) is not type(actual):
        yield f"{pointer}: expected {expected!r}, actual {actual!r}"


def _is_cut_from(actual: str, expected: str) -> bool:
    """True where a text is the other one with pieces of it cut: something, and nothing put in but the noun."""
    kept = [re.escape(piece) for piece in actual.split(CUT)]
    return len(kept) > 1 and re.fullmatch(".+".join(kept), expected, re.DOTALL) is not None


# --- The record that the oracle's levels lead to --------------------------------------------------------------


def expected_record(world: World, allowed: Mapping[int, str]) -> JsonObject:
    """The record of every allowed item at its field's lowest level; the catalogue's ladders tell the values."""
    released = [
        (item, Level[allowed[place]]) for place, item in enumerate(world["items"]) if allowed[place] != "W"
    ]
    context = _context(world, released)
    record: JsonObject = {}
    people: list[JsonValue] = []
    for person in world["people"]:
        own = [(item, level) for item, level in released if _is_of(item, person["id"])]
        fields = _fields(own, context)
        if fields and person["ref"] is not None:
            people.append({"person": person["ref"], "role": person["role"], "fields": fields})
    if people:
        record["people"] = people
    case = _fields([pair for pair in released if oracle.SUBJECTS[pair[0]["field"]] == "case"], context)
    return record | ({"case": case} if case else {})


def _is_of(item: Item, person: str) -> bool:
    return oracle.SUBJECTS[item["field"]] == "person" and item["about"] == [person]


def _fields(released: Sequence[tuple[Item, Level]], context: LadderContext) -> JsonObject:
    fields: JsonObject = {}
    for name in FIELDS:
        group = [(item, level) for item, level in released if item["field"] == name]
        level = min((level for _, level in group), default=Level.W)
        telling = [item for item, _ in group if _told(name, level, [item], context)]
        if telling:
            field: JsonObject = {"level": level.name, "value": _told(name, level, telling, context)}
            field["as_of"] = min(item["as_of"] for item in telling)
            if oracle.SUBJECTS[name] == "case" or any(name == field for field, _ in oracle.NARRATIVE):
                field["kind"] = max((item["kind"] for item in telling), key=UNCERTAIN.index)
            if {item["source_agency"] for item in telling} == {context.agency}:
                field["supplied_by_you"] = True
            fields[name] = field
    return fields


def _told(name: FieldName, level: Level, items: Sequence[Item], context: LadderContext) -> list[JsonValue]:
    ladder_items = [LadderItem(item["value"], tuple(item["about"])) for item in items]
    return generalise(name, level=level, items=ladder_items, context=context)


def _context(world: World, released: Sequence[tuple[Item, Level]]) -> LadderContext:
    """What the recipient is told of people besides one field: only what it is told anyway."""
    told: dict[str, dict[str, Any]] = {"months": {}, "birth": {}, "sex": {}, "relationships": {}}
    code = world["caller"]["agency"]
    bare = LadderContext(
        agency=AgencyCode(code),
        kind=AgencyKind(world["agencies"][code]),
        refs={person["id"]: person["ref"] for person in world["people"] if person["ref"] is not None},
        roles={person["id"]: person["role"] for person in world["people"]},
        narrative_allowed=oracle.may_tell_stories(world),
        **told,
    )
    for item, level in released:
        name, value = item["field"], item["value"]
        if name in {"child_dob", "adult_dob"}:
            months = whole_months(date.fromisoformat(value["date"]), today=day_of(world))
            age = released_age(name, level=level, value=value, months=months)
            told["months"][item["about"][0]] = months
            told["birth"] |= {} if age is None else {item["about"][0]: age}
        elif name == "child_sex" and level is Level.F:
            told["sex"][item["about"][0]] = value["sex"]
        elif name == "household" and level >= Level.G1:
            told["relationships"][value["member"]] = value["relationship"]
    return bare
