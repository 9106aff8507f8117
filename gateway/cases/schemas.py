"""Reading the import file: shapes, then what must fit between people and items.

INVARIANTS
- Closed shapes: a member that is not listed is a fault, so nothing enters the record unread.
- Every fault is a JSON pointer with a stable reason; no fault holds any part of what was sent.
- Sizes are checked before anything is walked: reading takes time in proportion to an accepted file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final, cast

from marshmallow import RAISE, Schema, ValidationError, fields, validate
from marshmallow.types import ErrorMessages

from agencies.catalogue import FIELDS
from agencies.model import AgencyCode, FieldName, JsonObject
from agencies.values import Fault, check_value, normal_form
from gateway.cases.checks import family_faults, item_faults
from gateway.cases.errors import CaseFileError, FamilyRefusedError
from gateway.cases.model import (
    CaseDocument,
    CaseItem,
    CasePerson,
    CaseWorker,
    Conflict,
    ItemKind,
    ItemValue,
    Role,
    Seal,
    Shield,
    Status,
)
from gateway.strict_json import JsonValue, StrictJsonError, parse_json

FORMAT: Final = 1
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_ITEMS: Final = 2_000
MAX_PEOPLE: Final = 40
MAX_WORKERS: Final = 100
MAX_CONFLICTS: Final = 100

_LIMITS: Final = {
    "conflicts": MAX_CONFLICTS,
    "items": MAX_ITEMS,
    "people": MAX_PEOPLE,
    "workers": MAX_WORKERS,
    "seals": len(Seal),
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SOURCE_ID = validate.Regexp(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\Z"),
    error="must have 1 to 64 letters, digits, or _ . : - after the first",
)
_WORKER_ID = validate.Regexp(
    re.compile(r"[A-Za-z0-9._@-]{1,64}\Z"), error="must be the id of a practitioner or of staff"
)
_AGENCY = validate.Regexp(
    re.compile(r"(?=.{2,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*\Z"), error="must be the code of an agency"
)
_UNKNOWN: Final = "has an unknown member"
_HIGHEST_LEVEL: Final = 4


def _messages(invalid: str) -> ErrorMessages:
    return {"required": "is required", "null": "must not be null", "invalid": invalid}


class _Text(fields.String):
    default_error_messages = _messages("must be text")


class _List(fields.List[Any]):
    default_error_messages = _messages("must be a list")


class _Flag(fields.Field[bool]):
    """true or false; marshmallow's own also takes "yes" and 1."""

    default_error_messages = _messages("must be true or false")

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class _Level(fields.Field[int]):
    """A threshold level of the London continuum; not true, not 2.0, not "2"."""

    default_error_messages = _messages("must be 1, 2, 3 or 4")

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _HIGHEST_LEVEL:
            raise self.make_error("invalid")
        return value


class _Day(fields.Field[date]):
    """One ISO form; ``date.fromisoformat`` alone would take week dates and dates without hyphens."""

    default_error_messages = _messages("must be a date, year-month-day")

    def _deserialize(self, value: object, *_: object, **__: object) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error


class _Object(fields.Field[Mapping[str, JsonValue]]):
    """Any object; what it may hold is the catalogue's business."""

    default_error_messages = _messages("must be an object")

    def _deserialize(self, value: object, *_: object, **__: object) -> Mapping[str, JsonValue]:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        return value


def _code(codes: tuple[str, ...], *, required: bool = True) -> _Text:
    return _Text(required=required, validate=validate.OneOf(codes, error="must be one of the listed codes"))


_CLOSED_MESSAGES: Final = {"unknown": _UNKNOWN, "type": "must be an object"}


class _Closed(Schema):
    """A shape that refuses members it does not list."""

    error_messages = _CLOSED_MESSAGES

    class Meta:
        """Unknown members are faults."""

        unknown = RAISE


class PersonSchema(_Closed):
    """One person of a family."""

    id = _Text(required=True, validate=_SOURCE_ID)
    role = _code(tuple(Role))
    risk_person = _Flag()
    shield = _code(tuple(Shield), required=False)


class WorkerSchema(_Closed):
    """One named worker of a case."""

    id = _Text(required=True, validate=_WORKER_ID)
    from_date = _Day(required=True, data_key="from")
    to_date = _Day(data_key="to")


class ConflictSchema(_Closed):
    """Somebody to whom the case does not exist."""

    agency = _Text(required=True, validate=_AGENCY)
    practitioner = _Text(validate=_WORKER_ID)


class ItemSchema(_Closed):
    """One item, apart from what its value may hold."""

    field = _code(tuple(FIELDS))
    about = _List(_Text(), required=True)
    source_agency = _Text(required=True, validate=_AGENCY)
    as_of = _Day(required=True)
    kind = _code(tuple(ItemKind))
    value = _Object(required=True)
    protects = _Text()


class FamilySchema(_Closed):
    """One family; its items are read one by one."""

    source_ref = _Text(required=True, validate=_SOURCE_ID)
    threshold_level = _Level(required=True)
    status = _code(tuple(Status))
    seals = _List(_code(tuple(Seal)), required=True)
    people = _List(fields.Nested(PersonSchema), required=True)
    workers = _List(fields.Nested(WorkerSchema), required=True)
    items = _List(fields.Raw(), required=True)
    conflicts = _List(fields.Nested(ConflictSchema))
    hosting_refuge = _Text(validate=_AGENCY)


_FAMILY = FamilySchema()
_ITEM = ItemSchema()


def read_file(data: bytes) -> list[JsonValue]:
    """Return the unread families of an import file.

    Raises: CaseFileError, this is not an import file of a format we know.
    """
    try:
        document = parse_json(data, max_bytes=MAX_FILE_BYTES)
    except StrictJsonError as error:
        raise CaseFileError(str(error)) from error
    if not isinstance(document, dict) or document.keys() != {"format", "families"}:
        raise CaseFileError("The file must be an object with the members format and families.")
    if type(document["format"]) is not int or document["format"] != FORMAT:
        raise CaseFileError(f"The file's format must be {FORMAT}.")
    families = document["families"]
    if not isinstance(families, list):
        raise CaseFileError("The file's families must be a list.")
    return families


def read_family(raw: JsonValue, *, today: date, synthetic: bool) -> CaseDocument:
    """Return one family's document, checked whole.

    Args:
        raw: an element of the file's families.
        today: the day in Europe/London.
        synthetic: true where only synthetic NHS numbers may be held.

    Raises: FamilyRefusedError, with every fault, pointers relative to the family.
    """
    if faults := list(_size_faults(raw)):
        raise FamilyRefusedError(faults)
    envelope, faults = _load(_FAMILY, raw)
    people = None if envelope is None else [_person(each) for each in envelope["people"]]
    items: list[CaseItem | None] = []
    for place, each in enumerate(_list_of(raw, "items")):
        item, found = _read_item(each, people, today=today, synthetic=synthetic)
        faults += (Fault(f"/items/{place}{fault.pointer}", fault.reason) for fault in found)
        items.append(item)
    if envelope is None or people is None:
        raise FamilyRefusedError(faults)
    document = _document(envelope, people, items)
    faults += family_faults(document)
    if faults:
        raise FamilyRefusedError(faults)
    return document


def _document(
    envelope: Mapping[str, Any], people: list[CasePerson], items: list[CaseItem | None]
) -> CaseDocument:
    return CaseDocument(
        source_ref=envelope["source_ref"],
        threshold_level=envelope["threshold_level"],
        status=Status(envelope["status"]),
        seals=frozenset(Seal(each) for each in envelope["seals"]),
        people=tuple(people),
        workers=tuple(CaseWorker(**each) for each in envelope["workers"]),
        items=tuple(item for item in items if item is not None),
        conflicts=tuple(
            Conflict(AgencyCode(each["agency"]), each.get("practitioner"))
            for each in envelope.get("conflicts", ())
        ),
        hosting_refuge=envelope.get("hosting_refuge"),
    )


def _read_item(
    raw: JsonValue, people: list[CasePerson] | None, *, today: date, synthetic: bool
) -> tuple[CaseItem | None, list[Fault]]:
    """One item and its faults; people that could not be read are not checked against."""
    loaded, faults = _load(_ITEM, raw)
    if loaded is None:
        return None, faults
    item = CaseItem(
        field=FieldName(loaded["field"]),
        about=tuple(loaded["about"]),
        source_agency=AgencyCode(loaded["source_agency"]),
        as_of=loaded["as_of"],
        kind=ItemKind(loaded["kind"]),
        value=loaded["value"],
        protects=loaded.get("protects"),
    )
    found = check_value(item.field, item.value, today=today, synthetic=synthetic)
    faults = [Fault(f"/value{fault.pointer}", fault.reason) for fault in found]
    if item.as_of > today:
        faults.append(Fault("/as_of", "must not be after today"))
    if people is not None:
        faults += item_faults(item, people)
    if found:
        return item, faults
    sound = cast("JsonObject", item.value)  # checked just now: no null, no floating point number
    return replace(item, value=cast("ItemValue", normal_form(item.field, sound))), faults


def _person(loaded: Mapping[str, object]) -> CasePerson:
    return CasePerson(
        id=str(loaded["id"]),
        role=Role(str(loaded["role"])),
        risk_person=loaded.get("risk_person") is True,
        shield=Shield(str(loaded.get("shield", Shield.NONE))),
    )


def _list_of(raw: JsonValue, name: str) -> list[JsonValue]:
    member = raw.get(name) if isinstance(raw, dict) else None
    return member if isinstance(member, list) else []


def _size_faults(raw: JsonValue) -> Iterator[Fault]:
    for name, most in _LIMITS.items():
        if len(_list_of(raw, name)) > most:
            yield Fault(f"/{name}", f"must have at most {most} entries")


def _load(schema: Schema, raw: Any) -> tuple[dict[str, Any] | None, list[Fault]]:
    """What a schema makes of one value, or its faults: what is no object is one."""
    try:
        loaded: dict[str, Any] = schema.load(raw)
    except ValidationError as error:
        return None, list(dict.fromkeys(_flat(error.messages, "")))
    return loaded, []


def _flat(messages: object, pointer: str) -> Iterator[Fault]:
    """Marshmallow's nested messages as faults. An unknown member's name is the sender's text: it is not shown."""
    if isinstance(messages, Mapping):
        for key, inside in messages.items():
            unknown = inside == [_UNKNOWN]
            yield from _flat(inside, pointer if unknown or key == "_schema" else f"{pointer}/{key}")
    elif isinstance(messages, list):
        yield from (Fault(pointer, str(reason)) for reason in dict.fromkeys(messages))
