"""Checking one value against the shape of its field.

INVARIANT: shapes are closed: a member that a shape does not have is a fault.
INVARIANT: a fault holds a JSON pointer into the value and a stable reason, never any part of the value;
    an unknown member's name is the caller's text, so its fault points at the object that holds it.
INVARIANT: what is found in a value by its field's shape (agencies, identifiers) is looked up in tables made
    once from the shapes; an object inside a value holds no object, no identifier and no list of agencies.
INVARIANT: no null and no floating point number passes.

Pure: standard library only; the day is passed in.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import assert_never

from agencies import identifiers
from agencies.ages import iso_day
from agencies.errors import UnknownFieldError
from agencies.model import FieldName, JsonObject, JsonValue
from agencies.shapes import (
    SHAPES,
    Agencies,
    Agency,
    Code,
    Codes,
    Count,
    Day,
    Flag,
    Identifier,
    Kind,
    Language,
    Member,
    NhsNumber,
    Objects,
    PersonId,
    Text,
    Texts,
    ValueShape,
)
from agencies.value_rules import RULES, Fault, identifier_fault

__all__ = ["Fault", "check_value", "mentioned_agencies", "normal_form", "shape_of"]

_LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)
_AGENCY = re.compile(r"[a-z][a-z0-9-]{1,39}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_NOBODY: frozenset[str] = frozenset()
_EARLIEST = date(1900, 1, 1)
_MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class _Context:
    """What a check may depend on besides the value."""

    today: date
    synthetic: bool


def check_value(field: FieldName, value: object, *, today: date, synthetic: bool) -> list[Fault]:
    """Every fault of one value; an empty list means that the value may be stored.

    Args:
        field: catalogue name.
        value: parsed JSON.
        today: the day in Europe/London.
        synthetic: True where only synthetic NHS numbers (range 999) may be held.

    Raises: UnknownFieldError.
    """
    shape = shape_of(field)
    if not shape.members:
        return [Fault("", "this field is issued by the gateway and takes no value")]
    context = _Context(today=today, synthetic=synthetic)
    faults = list(_check_object(shape.members, value, "", context))
    rule = RULES.get(field)
    if not faults and rule is not None and isinstance(value, Mapping):
        faults = list(rule(value, today))
    return faults


def mentioned_agencies(field: FieldName, value: Mapping[str, object]) -> frozenset[str]:
    """The agency codes named inside a value: a service's provider, an owner, those at a meeting.

    Raises: UnknownFieldError.
    """
    naming = _NAMING_AGENCIES.get(field)
    if naming is None:
        raise UnknownFieldError("the catalogue has no such field")
    if not (naming.alone or naming.listed):
        return _NOBODY
    found = [value.get(name) for name in naming.alone]
    for name, member in naming.listed:
        entries = value.get(name)
        if isinstance(entries, list):
            found += [entry.get(member) if isinstance(entry, Mapping) else entry for entry in entries]
    return frozenset(code for code in found if isinstance(code, str))


def normal_form(field: FieldName, value: Mapping[str, JsonValue]) -> JsonObject:
    """A sound value with its identifiers as they are stored and told: one spelling for each.

    Args:
        field: catalogue name.
        value: a value that ``check_value`` found sound; it stays as it is.

    Raises: UnknownFieldError; IdentifierError, the value is not sound.
    """
    members = shape_of(field).members
    normal = dict(value)
    for name in members.keys() & value.keys():
        match members[name].kind:
            case Identifier(normalise):
                normal[name] = normalise(str(value[name]))
            case NhsNumber():
                normal[name] = str(value[name]).replace(" ", "").replace("-", "")
            case _:
                continue
    return normal


def shape_of(field: FieldName) -> ValueShape:
    """The shape of a field's value.

    Raises: UnknownFieldError.
    """
    shape = SHAPES.get(field)
    if shape is None:
        raise UnknownFieldError("the catalogue has no such field")
    return shape


@dataclass(frozen=True, slots=True)
class _NamingAgencies:
    """Where a value names agencies.

    Attributes:
        alone: members that are one code.
        listed: members that are lists: of codes (None), or of objects with the code in this member.
    """

    alone: tuple[str, ...]
    listed: tuple[tuple[str, str | None], ...]


def _naming_agencies(shape: ValueShape) -> _NamingAgencies:
    """The members of a shape that are, list or hold codes of agencies."""
    listed: list[tuple[str, str | None]] = []
    for name, member in shape.members.items():
        match member.kind:
            case Agencies():
                listed.append((name, None))
            case Objects(inner):
                listed += [(name, part) for part in inner if isinstance(inner[part].kind, Agency)]
            case _:
                continue
    alone = tuple(name for name, member in shape.members.items() if isinstance(member.kind, Agency))
    return _NamingAgencies(alone=alone, listed=tuple(listed))


_NAMING_AGENCIES: Mapping[FieldName, _NamingAgencies] = MappingProxyType(
    {field: _naming_agencies(shape) for field, shape in SHAPES.items()}
)


def _check_object(
    members: Mapping[str, Member], value: object, pointer: str, context: _Context
) -> Iterator[Fault]:
    """Faults of an object: its type, unknown members, missing members, then each member in order."""
    if not isinstance(value, dict):
        yield Fault(pointer, "must be an object")
        return
    if not value.keys() <= members.keys():
        yield Fault(pointer, f"has an unknown member; it may have: {', '.join(members)}")
    for name, member in members.items():
        if name in value:
            yield from _check(member.kind, value[name], f"{pointer}/{name}", context)
        elif member.required:
            yield Fault(f"{pointer}/{name}", "is required")


def _check(kind: Kind, value: object, pointer: str, context: _Context) -> Iterator[Fault]:
    """Faults of one member's value."""
    match kind:
        case Codes() | Texts() | Agencies() | Objects():
            yield from _check_list(kind, value, pointer, context)
        case Count(most):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
                yield Fault(pointer, f"must be a whole number from 0 to {most}")
        case Flag():
            if not isinstance(value, bool):
                yield Fault(pointer, "must be true or false")
        case _:
            if not isinstance(value, str):
                yield Fault(pointer, "must be text")
            elif reason := _text_fault(kind, value, context):
                yield Fault(pointer, reason)


def _text_fault(
    kind: Text | Code | Day | NhsNumber | Identifier | Language | Agency | PersonId,
    value: str,
    context: _Context,
) -> str | None:
    """What is wrong with a text, as a stable reason; None when nothing is."""
    reason: str | None
    match kind:
        case Text(most):
            reason = _free_text_fault(value, most)
        case Code(allowed):
            reason = None if value in allowed else "is not in the closed list of codes"
        case Day(past):
            reason = _day_fault(value, latest=context.today if past else None)
        case NhsNumber():
            reason = identifier_fault(partial(identifiers.nhs_number, synthetic=context.synthetic), value)
        case Identifier(normalise):
            reason = identifier_fault(normalise, value)
        case Language():
            reason = None if _LANGUAGE.fullmatch(value) else "must be a BCP 47 language tag"
        case Agency():
            reason = None if _AGENCY.fullmatch(value) else "must be the code of an agency"
        case PersonId():
            reason = None if _PERSON.fullmatch(value) else "must be the id of a person of this case"
        case _:
            assert_never(kind)
    return reason


def _check_list(
    kind: Codes | Texts | Agencies | Objects, value: object, pointer: str, context: _Context
) -> Iterator[Fault]:
    """Faults of a list and of its entries."""
    least, most, distinct = _list_limits(kind)
    if not isinstance(value, list):
        yield Fault(pointer, "must be a list")
        return
    if not least <= len(value) <= most:
        yield Fault(pointer, f"must have {least} to {most} entries")
        return
    if distinct and any(entry in value[:place] for place, entry in enumerate(value)):
        yield Fault(pointer, "must not repeat an entry")
    for place, entry in enumerate(value):
        inside = f"{pointer}/{place}"
        match kind:
            case Objects(members):
                yield from _check_object(members, entry, inside, context)
            case Texts(each):
                yield from _check(each, entry, inside, context)
            case Agencies():
                yield from _check(Agency(), entry, inside, context)
            case Codes(allowed):
                yield from _check(Code(allowed), entry, inside, context)
            case _:
                assert_never(kind)


def _list_limits(kind: Codes | Texts | Agencies | Objects) -> tuple[int, int, bool]:
    """Least and most entries, and whether they must differ."""
    match kind:
        case Codes(_, least):
            return least, _MOST_ENTRIES, True
        case Texts(_, least, most):
            return least, most, False
        case Agencies():
            return 1, _MOST_ENTRIES, True
        case Objects():
            return 1, _MOST_ENTRIES, False
        case _:
            assert_never(kind)


def _free_text_fault(value: str, most: int) -> str | None:
    if not value.strip():
        return "must not be blank"
    if len(value) > most:
        return f"must have at most {most} characters"
    if any(unicodedata.category(symbol) in {"Cc", "Cs"} and symbol not in "\n\t" for symbol in value):
        return "must not have control characters"
    return None


def _day_fault(value: str, *, latest: date | None) -> str | None:
    day = iso_day(value)
    if day is None or day < _EARLIEST:
        return "must be a date, year-month-day, from 1900 on"
    if latest is not None and day > latest:
        return "must not be after today"
    return None
