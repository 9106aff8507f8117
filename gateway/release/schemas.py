"""The JSON Schema of an extract, generated from the field catalogue."""

from typing import Final

from agencies.catalogue import FIELDS, Field
from agencies.ladders import LADDERS
from agencies.model import Level, Subject
from gateway.cases.model import ItemKind, Role
from gateway.strict_json import JsonValue

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

RECEIPT: Final = (
    "Proof that this extract is on record: its entry's inclusion in the disclosure log (c2sp.org/tlog-proof@v1). "
    "Without one that verifies, the extract must not be used."
)

_TEXT: Final[dict[str, JsonValue]] = {"type": "string", "minLength": 1}
_UUID: Final[JsonValue] = {"type": "string", "format": "uuid"}
_INSTANT: Final[JsonValue] = {"type": "string", "format": "date-time"}
_DATE: Final[JsonValue] = {"type": "string", "format": "date"}


def extract_schema() -> JsonValue:
    """Return the schema (JSON Schema 2020-12) that every extract satisfies; unknown members are faults."""
    person = _closed(
        {
            "person": _UUID,
            "role": {"enum": [role.value for role in Role]},
            "fields": _fields(Subject.PERSON),
        }
    )
    record = _closed(
        {"people": {"type": "array", "minItems": 1, "items": person}, "case": _fields(Subject.CASE)},
        required=(),
    )
    extract = _closed(
        {
            "extract_id": _UUID,
            "case_ref": _UUID,
            "agency": _TEXT,
            "purpose": {"enum": ["P1", "P2", "P3"]},
            "stage": {"enum": ["panel", "service"]},
            "issued_at": _INSTANT,
            "use_until": _INSTANT,
            "profile": _closed({"version": {"type": "integer", "minimum": 1}}),
            "basis": _closed({"article6": _TEXT, "article9": _TEXT}, required=("article6",)),
            "handling": {"type": "array", "items": _TEXT, "minItems": 1},
            "record": record,
            "receipt": {**_TEXT, "description": RECEIPT},
        }
    )
    return {"$schema": DIALECT, "title": "Case extract", **extract}


def _fields(subject: Subject) -> JsonValue:
    names = {field.name: field for field in FIELDS.values() if field.subject is subject}
    members: dict[str, JsonValue] = {
        name: _field(field) for name, field in names.items() if field.id != "F01"
    }
    return {**_closed(members, required=()), "minProperties": 1}


def _field(field: Field) -> JsonValue:
    members: dict[str, JsonValue] = {
        "level": {"enum": [level.name for level in _levels(field)]},
        "value": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1}},
        "as_of": _DATE,
    }
    if field.subject is Subject.CASE or field.narrative:
        members["kind"] = {"enum": [kind.value for kind in ItemKind]}
    required = tuple(members)
    members["supplied_by_you"] = {"const": True, "description": "All of it comes from your own agency."}
    return {**_closed(members, required=required), "description": field.description}


def _levels(field: Field) -> list[Level]:
    """The levels at which something of a field is told."""
    rungs = LADDERS[field.name].rungs
    return [level for level in (Level.F, Level.G1, Level.G2) if rungs[level] is not None]


def _closed(
    members: dict[str, JsonValue], *, required: tuple[str, ...] | None = None
) -> dict[str, JsonValue]:
    wanted: list[JsonValue] = list(members if required is None else required)
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": members,
        "additionalProperties": False,
    }
    return {**schema, "required": wanted} if wanted else schema
