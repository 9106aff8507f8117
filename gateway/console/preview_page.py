"""What an agency would be told, and what is kept from it and why, in words. Pure.

INVARIANTS
- No value is shown but those that the agency would be told.
- A reason is the rule's that decided, as the release explains itself; where none of a person limits an item, the item does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from agencies.catalogue import FIELDS, ThirdParty
from agencies.model import FieldName, JsonObject, JsonValue, Level, Subject
from consent_registry.model import Reason
from gateway.console.extract_page import Section, sections
from gateway.console.profile_words import LEVEL_WORDS
from gateway.console.words import REASON_WORDS, REFUSED_WORDS, RULE_WORDS
from gateway.release.decision import item_level
from gateway.release.explanation import Line, Rule
from gateway.release.model import Item, Permit, RefusalReason
from gateway.release.preview import Preview

_ABOUT_NOBODY: Final = "it does not say whom it is about"
_FLAG: Final = "more takes the agreement of the person whom it is about"
_ITEM: Final = "it names a sensitive service, a refuge, or where somebody is cared for or taught"
_NO_STEP: Final = "there is nothing to say of it at this step"
_TEXT: Final = "free text does not leave"
_SOMEBODY: Final = {"adult": "An adult", "child": "A child", "other": "Somebody else"}
_FAMILY: Final = "About the family"


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that the record holds and that is withheld or lowered.

    Attributes:
        who: whom it is about, no more of them than the agency is told.
        told: how much of it is.
        why: each reason once.
    """

    who: str
    field: str
    told: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview in words.

    Attributes:
        refused: why nothing of the case would go; empty: something would, or nothing is held.
    """

    refused: tuple[str, ...]
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]
    record: JsonObject


def shown(found: Preview, lines: Iterable[Line], *, only: frozenset[FieldName] | None = None) -> Shown:
    """Return a preview in words.

    Args:
        lines: the explanation of the same facts, person by person and field by field.
        only: of these fields; absent: of all.
    """
    if not isinstance(found.decision, Permit):
        return Shown(tuple(REFUSED_WORDS[reason] for reason in found.decision.reasons), (), (), {})
    record = found.told.record if only is None else _narrowed(found.told.record, only)
    refused = () if found.told.record else (REFUSED_WORDS[RefusalReason.NOTHING_TO_RELEASE],)
    missing = [each for each in _missing(found, found.decision, lines, only=only) if each.why]
    called = _called(found.told.record)
    named = [called.get(ref) for ref in _people(record)]
    told = [
        replace(section, heading=heading or section.heading)
        for section, heading in zip_longest(sections(record), named)
    ]
    return Shown(refused, tuple(told), tuple(missing), record)


def _narrowed(record: JsonObject, only: frozenset[FieldName]) -> JsonObject:
    """A record with these fields alone."""
    people = record.get("people")
    kept: list[JsonValue] = [
        {**person, "fields": _of(person.get("fields"), only)}
        for person in (people if isinstance(people, list) else [])
        if isinstance(person, dict) and _of(person.get("fields"), only)
    ]
    case = _of(record.get("case"), only)
    return {**({"people": kept} if kept else {}), **({"case": case} if case else {})}


def _of(fields: object, only: frozenset[FieldName]) -> JsonObject:
    known = fields if isinstance(fields, dict) else {}
    return {name: told for name, told in known.items() if name in only}


def _missing(
    found: Preview, permit: Permit, lines: Iterable[Line], *, only: frozenset[FieldName] | None
) -> Iterator[Missing]:
    limits = {(line.person_id, line.field): line for line in lines}
    told, called, refs = _told(found.told.record), _called(found.told.record), _refs(found)
    groups: dict[tuple[str | None, FieldName], list[Item]] = {}
    for item in found.items:
        if only is None or item.field in only:
            person = item.about[0] if FIELDS[item.field].subject is Subject.PERSON and item.about else None
            groups.setdefault((person, item.field), []).append(item)
    order = {name: place for place, name in enumerate(FIELDS)}
    for (person, field), items in sorted(groups.items(), key=lambda each: order[each[0][1]]):
        ref, role = refs.get(person or "", ("", "other"))
        answer = told.get(("" if person is None else ref, field))
        yield Missing(
            who=_FAMILY if person is None else called.get(ref, _SOMEBODY[role]),
            field=FIELDS[field].description,
            told=_how_much(items, answer, permit=permit),
            why=tuple(dict.fromkeys(_reasons(items, answer, permit=permit, limits=limits))),
        )


def _reasons(
    items: Sequence[Item],
    answer: JsonObject | None,
    *,
    permit: Permit,
    limits: Mapping[tuple[str, FieldName], Line],
) -> Iterator[str]:
    """Why not all of these items is told in full."""
    levels = [item_level(permit, item) for item in items]
    for item, level in zip(items, levels, strict=True):
        if level < Level.F:
            own = [limits[key] for one in item.about if (key := (one, item.field)) in limits]
            yield _why(item, level, own, permit=permit)
    if answer is None and max(levels) > Level.W:
        yield _NO_STEP
    if _loses_text(items, answer):
        yield _TEXT


def _why(item: Item, level: Level, limits: Sequence[Line], *, permit: Permit) -> str:
    """What keeps an item at its level: the strictest limit of those whom it is about, or the item itself."""
    if not limits:
        return _ABOUT_NOBODY
    strictest = min(limits, key=lambda line: line.level)
    if level < strictest.level:
        return _ITEM
    if (
        level > strictest.level
    ):  # the flag takes the protected adult's agreement alone; who attended has a row of its own
        grant = permit.grants.get(item.field)
        is_flag = FIELDS[item.field].third_party is ThirdParty.FLAG_EXCEPTION
        return _FLAG if is_flag and grant is not None and grant.level > level else RULE_WORDS[Rule.PROFILE]
    if strictest.rule is Rule.CONSENT and strictest.because in set(Reason):
        said = REASON_WORDS[Reason(strictest.because)]
        return f"consent: {said[0].lower()}{said[1:]}"
    return RULE_WORDS[strictest.rule]


def _how_much(items: Sequence[Item], answer: JsonObject | None, *, permit: Permit) -> str:
    if answer is None:
        return LEVEL_WORDS[Level.W]
    words = LEVEL_WORDS[Level[str(answer["level"])]]
    if any(item_level(permit, item) is Level.W for item in items):
        words += ", not all of it"
    return f"{words}, without free text" if _loses_text(items, answer) else words


def _loses_text(items: Sequence[Item], answer: JsonObject | None) -> bool:
    """Whether a field that is told in full lacks the free text that its items have."""
    if answer is None or answer["level"] != Level.F.name:
        return False
    values = answer["value"]
    members = {name for value in (values if isinstance(values, list) else []) for name in _members(value)}
    return any(FIELDS[item.field].narrative & item.value.keys() - members for item in items)


def _members(value: object) -> Iterable[str]:
    return value.keys() if isinstance(value, dict) else ()


def _told(record: JsonObject) -> dict[tuple[str, str], JsonObject]:
    """Every field that is told, by the person's name to the agency, empty for the case."""
    found: dict[tuple[str, str], JsonObject] = {}
    people = record.get("people")
    parts = [
        *(
            (str(each["person"]), each["fields"])
            for each in (people if isinstance(people, list) else [])
            if isinstance(each, dict)
        ),
        ("", record.get("case")),
    ]
    for ref, fields in parts:
        for name, told in (fields if isinstance(fields, dict) else {}).items():
            if isinstance(told, dict):
                found[ref, name] = told
    return found


def _called(record: JsonObject) -> dict[str, str]:
    """What each person of a record is called on the page, by the agency's name for them."""
    return {ref: section.heading for ref, section in zip(_people(record), sections(record), strict=False)}


def _people(record: JsonObject) -> list[str]:
    """The agency's names for the people of a record, in their order; their sections come first."""
    people = record.get("people")
    return [
        str(each["person"]) for each in (people if isinstance(people, list) else []) if isinstance(each, dict)
    ]


def _refs(found: Preview) -> dict[str, tuple[str, str]]:
    """By person, the agency's name for them, and their role."""
    people = () if found.facts.case is None else found.facts.case.people
    return {each.person_id: (each.ref or "", each.role) for each in people}
