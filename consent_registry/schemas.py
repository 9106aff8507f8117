"""The consent decision document: read whole, every fault with its place.

Invariants:
- An unknown member, an unknown code or a missing member refuses the whole document; every fault is told at once.
- An act that closes needs only who, which case, which act and who records it; nothing more can be demanded of it.
- A fault holds a JSON pointer and a stable reason, never a value.
- A date turns at 00:00 Europe/London; an instant carries its zone.

Sources: RFC 3339 §5.6, RFC 6901, BCP 47; GDPR Art. 7(1) (what must be provable), 7(3) (as easy to withdraw as to give).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeAlias, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from consent_registry.errors import Fault, InvalidDocumentError
from consent_registry.model import Act, DecisionId, JsonObject, Notice, Purpose

LONDON: Final = ZoneInfo("Europe/London")
EVERY_AGENCY: Final = "all"
KIND_PREFIX: Final = "kind:"
NOT_ASKED: Final = "not_asked"

_CAPACITIES: Final = ("self", "competent_child", "parental_responsibility", "representative")
_FOR_ONESELF: Final = frozenset({"self", "competent_child"})
_ANSWERS: Final = ("yes", "no", "unknown")
_LIST_MAXIMUM: Final = 200
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)

_YEARS: Final = (2000, 2200)  # a date outside is a slip of the pen, and would overflow what is added to it

_UNKNOWN: Final = "Unknown member."
_MAP: Final = "/profiles_shown"  # the one member whose names are the sender's

_Messages: TypeAlias = Mapping[str | int, object] | list[str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The codes that a scope may name; they belong to the field catalogue, so the caller brings them."""

    categories: frozenset[str]
    fields: frozenset[str]


@dataclass(frozen=True, slots=True, repr=False)
class GivenBy:
    """Who spoke, by the council's id of the person, and in which capacity."""

    person: str
    capacity: str


@dataclass(frozen=True, slots=True, repr=False)
class DecisionRequest:
    """A consent decision as the council's case system sends it, checked but not yet resolved.

    It names people, so it has no ``repr`` that could end in a log.

    Attributes:
        source_ref, case_ref: exactly one is present.
        person: the council's id of the data subject.
        agencies, exclude: codes, ``kind:`` names and, in ``agencies``, ``all``; as sent.
        valid_from, valid_until: aware UTC instants.
        received: the document as it came, for sealing.
    """

    decision_id: DecisionId
    source_ref: str | None
    case_ref: UUID | None
    person: str
    act: Act
    recorded_by: str
    given_by: GivenBy | None
    agencies: tuple[str, ...]
    exclude: tuple[str, ...]
    categories: frozenset[str]
    fields: frozenset[str]
    purposes: frozenset[str]
    valid_from: datetime | None
    valid_until: datetime | None
    notice: Notice | None
    profiles_shown: Mapping[str, int]
    reason: str
    received: JsonObject


def load_decision(document: object, *, vocabulary: Vocabulary) -> DecisionRequest:
    """Read one consent decision document.

    Args:
        document: a JSON value, as a strict parser gave it.
        vocabulary: the categories and fields that exist.
    Raises: InvalidDocumentError, with every fault found.
    """
    if not isinstance(document, dict):
        raise InvalidDocumentError([Fault("", "The document is not a JSON object.")])
    schema = GiveSchema() if document.get("act") == Act.GIVE else DecisionSchema()
    faults = list(_unknown_codes(document, vocabulary))
    try:
        loaded = cast("Mapping[str, Any]", schema.load(document))
    except ValidationError as error:
        faults += _flatten(cast("_Messages", error.messages), pointer="")
        raise InvalidDocumentError(_sorted(faults)) from None
    if faults:
        raise InvalidDocumentError(_sorted(faults))
    return _request(loaded, received=document)


class _Shape(validate.Regexp):
    """A pattern that the whole text must fit; written with ``^`` and ``$`` so that it can be published."""

    def __call__(self, value: Any) -> Any:
        if not cast("re.Pattern[str]", self.regex).fullmatch(value):
            raise ValidationError(self.error or "")
        return value


class _Id(fields.UUID):
    """A UUID in its usual text form, nothing else that the library would take."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> UUID:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise ValidationError("Not a UUID.")
        return UUID(value)


class _Moment(fields.Field[datetime]):
    """A date, which turns at midnight in London, or an instant with its zone; of this century or the next."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> datetime:
        moment = _moment(value if isinstance(value, str) else "")
        if not _YEARS[0] <= moment.year < _YEARS[1]:
            raise ValidationError("There is no such date or time.")
        return moment


def _moment(text: str) -> datetime:
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), LONDON).astimezone(UTC)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationError("There is no such date or time.") from None
    raise ValidationError("Neither a date nor an RFC 3339 instant.")


class _Version(fields.Field[str]):
    """A version: a positive integer, or a short text."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return str(value)
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,40}", value):
            return value
        raise ValidationError("Neither a positive integer nor a short code.")


class _Count(fields.Integer):
    """A positive integer that is not a boolean and not a float."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValidationError("Not a positive integer.")
        return value


def _text(maximum: int = 128, *, required: bool = False) -> fields.String:
    plain = _Shape(rf"^(?=.*\S)[^\x00-\x1f\x7f]{{1,{maximum}}}$", error="Not a short line of text.")
    return fields.String(required=required, validate=plain)


def _code(*, required: bool = False) -> fields.String:
    shape = _Shape(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$", error="Not a code.")
    return fields.String(required=required, validate=shape)


def _codes(pattern: str, *, minimum: int = 0, member: str | None = None) -> fields.List[str]:
    item = fields.String(validate=_Shape(f"^{pattern}$", error="Not a code of this list."))
    length = validate.Length(min=minimum, max=_LIST_MAXIMUM, error="The list is too short or too long.")
    return fields.List(item, required=minimum > 0, validate=length, data_key=member)


_MOMENT: Final = {"type": "string", "description": "A date, or an RFC 3339 instant."}
_AGENCY: Final = r"(kind:[a-z][a-z0-9-]{1,39}|[a-z][a-z0-9-]{1,39})"
_CLOSED_MESSAGES: Final = {"unknown": _UNKNOWN}
_ALL_IS_NO_EXCLUSION: Final = r"(?!all$)"


class _Closed(Schema):
    error_messages = _CLOSED_MESSAGES

    class Meta:
        unknown = RAISE


class GivenBySchema(_Closed):
    """Who spoke."""

    person = _text(required=True)
    capacity = fields.String(required=True, validate=validate.OneOf(_CAPACITIES))


class NoticeSchema(_Closed):
    """The privacy notice that was shown."""

    id = _code(required=True)
    version = _Version(required=True, metadata={"type": ["integer", "string"]})
    language = fields.String(
        required=True,
        validate=_Shape(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$", error="Not a BCP 47 tag."),
    )


class DecisionSchema(_Closed):
    """Any act; enough for one that closes."""

    decision_id = _Id(required=True)
    source_ref = _text()
    case_ref = _Id()
    person = _text(required=True)
    act = fields.String(required=True, validate=validate.OneOf([act.value for act in Act]))
    recorded_by = _text(required=True)
    given_by = fields.Nested(GivenBySchema)
    agencies = _codes(_AGENCY)
    excluded = _codes(_ALL_IS_NO_EXCLUSION + _AGENCY, member="exclude")
    categories = _codes(r"[a-z][a-z0-9_]{1,39}")
    field_names = _codes(r"[a-z][a-z0-9_]{1,39}", member="fields")
    purposes = _codes(r"P[1-6]")
    valid_from = _Moment(metadata=_MOMENT)
    valid_until = _Moment(metadata=_MOMENT)
    method = _code()
    evidence = fields.Dict(keys=fields.String())
    alone_and_safe = fields.String(validate=validate.OneOf(_ANSWERS))
    notice = fields.Nested(NoticeSchema)
    profiles_shown = fields.Dict(keys=_code(), values=_Count())
    reason = _code()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_case(self, _data: object, original: Mapping[str, object], **_kwargs: object) -> None:
        """Exactly one reference names the case."""
        if ("source_ref" in original) == ("case_ref" in original):
            raise ValidationError("Exactly one of source_ref and case_ref is needed.", "source_ref")


class GiveSchema(DecisionSchema):
    """The act that opens: what must be provable later has to be there now (GDPR Art. 7(1))."""

    given_by = fields.Nested(GivenBySchema, required=True)
    agencies = _codes(_AGENCY, minimum=1)
    purposes = _codes(r"P[1-6]", minimum=1)
    method = _code(required=True)
    notice = fields.Nested(NoticeSchema, required=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_data(self, _data: object, original: Mapping[str, object], **_kwargs: object) -> None:
        """Something has to be given."""
        if not original.get("categories") and not original.get("fields"):
            raise ValidationError("At least one category or field is needed.", "categories")

    @validates_schema(skip_on_field_errors=True)
    def check_validity(self, data: Mapping[str, Any], **_kwargs: object) -> None:
        """An end comes after its beginning."""
        if "valid_from" in data and "valid_until" in data and data["valid_until"] <= data["valid_from"]:
            raise ValidationError("The end is not after the beginning.", "valid_until")

    @validates_schema(skip_on_field_errors=True)
    def check_speaker(self, data: Mapping[str, Any], **_kwargs: object) -> None:
        """A person speaks for themself, or somebody else for them: the capacity says which."""
        speaker = data["given_by"]
        if (speaker["capacity"] in _FOR_ONESELF) != (speaker["person"] == data["person"]):
            raise ValidationError({"given_by": {"capacity": ["The capacity does not fit the speaker."]}})


def _request(loaded: Mapping[str, Any], *, received: JsonObject) -> DecisionRequest:
    speaker, notice = loaded.get("given_by"), loaded.get("notice")
    return DecisionRequest(
        decision_id=DecisionId(loaded["decision_id"]),
        source_ref=loaded.get("source_ref"),
        case_ref=loaded.get("case_ref"),
        person=loaded["person"],
        act=Act(loaded["act"]),
        recorded_by=loaded["recorded_by"],
        given_by=GivenBy(**speaker) if speaker else None,
        agencies=tuple(loaded.get("agencies", ())),
        exclude=tuple(loaded.get("excluded", ())),
        categories=frozenset(loaded.get("categories", ())),
        fields=frozenset(loaded.get("field_names", ())),
        purposes=frozenset(Purpose(code).value for code in loaded.get("purposes", ())),
        valid_from=loaded.get("valid_from"),
        valid_until=loaded.get("valid_until"),
        notice=Notice(**notice) if notice else None,
        profiles_shown=dict(loaded.get("profiles_shown", {})),
        reason=loaded.get("reason", NOT_ASKED),
        received=received,
    )


def _unknown_codes(document: JsonObject, vocabulary: Vocabulary) -> Iterator[Fault]:
    known = {"categories": vocabulary.categories, "fields": vocabulary.fields}
    for member, codes in known.items():
        sent = document.get(member)
        for place, code in enumerate(sent if isinstance(sent, list) else ()):
            if isinstance(code, str) and code not in codes:
                yield Fault(f"/{member}/{place}", "There is no such code.")


def _flatten(messages: _Messages, *, pointer: str) -> Iterator[Fault]:
    """One fault per message. A member name that we do not know is the sender's text: its object is pointed at."""
    if not isinstance(messages, Mapping):
        yield from (Fault(pointer, reason) for reason in messages)
        return
    for member, nested in messages.items():
        theirs = member == "_schema" or nested == [_UNKNOWN] or pointer.startswith(_MAP)
        yield from _flatten(cast("_Messages", nested), pointer=pointer if theirs else f"{pointer}/{member}")


def _sorted(faults: list[Fault]) -> list[Fault]:
    return sorted(set(faults), key=lambda fault: (fault.pointer, fault.reason))
