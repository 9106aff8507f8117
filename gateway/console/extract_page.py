"""An extract in words: what an agency was told, as somebody reads it. Pure.

INVARIANT: everything in the record is shown, and nothing else: a member without words of its own is shown by its name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import FieldName, JsonObject, JsonValue

_LEVELS: Final = {"F": "", "G1": "in part", "G2": "in broad terms"}


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field: its heading, how much of it is told, when it was so, and its values in words."""

    heading: str
    level: str
    as_of: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Everything told of one person, or of the case."""

    heading: str
    lines: tuple[FieldLine, ...]


def sections(record: JsonObject) -> list[Section]:
    """Return the record of an extract, person by person, then what is about the case."""
    found = []
    people = record.get("people")
    for number, person in enumerate(people if isinstance(people, list) else [], start=1):
        if isinstance(person, dict):
            fields = person.get("fields")
            lines = tuple(_lines(fields if isinstance(fields, dict) else {}))
            found.append(Section(_who(person, number), lines))
    case = record.get("case")
    if isinstance(case, dict) and case:
        found.append(Section("About the family", tuple(_lines(case))))
    return found


def _who(person: JsonObject, number: int) -> str:
    """What a person is called: their name where it is told."""
    role = str(person.get("role", "person"))
    fields = person.get("fields")
    for name in ("child_name", "adult_name"):
        told = fields.get(name) if isinstance(fields, dict) else None
        values = told.get("value") if isinstance(told, dict) else None
        if isinstance(values, list) and values and isinstance(values[0], dict):
            parts = [str(values[0][part]) for part in ("given", "family") if part in values[0]]
            if parts:
                return f"{' '.join(parts)} ({role})"
    return f"Person {number} ({role})"


def _lines(fields: Mapping[str, JsonValue]) -> Iterator[FieldLine]:
    for name, told in fields.items():
        if not isinstance(told, dict):
            continue
        value = told.get("value")
        values = value if isinstance(value, list) else [value]
        known = FIELDS.get(FieldName(name))
        yield FieldLine(
            known.description if known else _words(name),
            _LEVELS.get(str(told.get("level")), str(told.get("level"))),
            str(told.get("as_of", "")),
            tuple(value_words(each) for each in values),
        )


def value_words(value: object) -> str:
    """Return a value of a record in words, member by member."""
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{_words(name)}: {value_words(each)}" for name, each in value.items())
        case list():
            return ", ".join(value_words(each) for each in value)
        case _:
            return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")
