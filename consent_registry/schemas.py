"""The consent decision document: read whole, every fault with its place.

Invariants:
- An unknown member, an unknown code or a missing member refuses the whole document; every fault is told at once.
- An act that closes needs only who, which case, which act and who records it; nothing more can be demanded of it.
  Where anything else in it is at fault, it is read as a hold of everything: nobody who says stop is turned away.
- A fault holds a JSON pointer and a stable reason, never a value.
- A date turns at 00:00 Europe/London; an instant carries its zone.

Sources: RFC 3339 §5.6, RFC 6901, BCP 47; GDPR Art. 7(1) (what must be provable), 7(3) (as easy to withdraw as to give).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from marshmallow import EXCLUDE, INCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from consent_registry.birthdays import LONDON
from consent_registry.errors import Fault, InvalidDocumentError
from consent_registry.model import (
    NOT_ASKED,
    OTHER,
    REASONS,
    Act,
    Capacity,
    DecisionId,
    JsonObject,
    Notice,
    Purpose,
)

EVERY_AGENCY: Final = "all"
KIND_PREFIX: Final = "kind:"

_CAPACITIES: Final = tuple(sorted(capacity.value for capacity in Capacity))
_INTERPRETED: Final = "interpreter_mediated"
_EVIDENCE_OF: Final[Mapping[str, str]] = {
    Capacity.COMPETENT_CHILD: "competence",
    Capacity.PARENTAL_RESPONSIBILITY: "parental_responsibility",
    Capacity.REPRESENTATIVE: "representative",
}
"""What has to be evidenced of a speaker who is not simply an adult for themself."""
_ANSWERS: Final = ("yes", "no", "unknown")
_REFERENCES: Final = ("case_ref", "source_ref")
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
    """The codes that a document may name; they belong to the field catalogue, so the caller brings them.

    Attributes:
        parental_bases: on which somebody can hold parental responsibility.
    """

    categories: frozenset[str]
    fields: frozenset[str]
    parental_bases: frozenset[str] = frozenset()


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
        faults: what was wrong with an act that closes; then it is a hold of everything.
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
    method: str | None
    alone_and_safe: str | None
    evidence: JsonObject
    faults: tuple[Fault, ...]
    received: JsonObject


def load_decision(document: object, *, vocabulary: Vocabulary) -> DecisionRequest:
    """Read one consent decision document.

    Args:
        document: a JSON value, as a strict parser gave it.
        vocabulary: the codes that exist.
    Returns: the request; of an act that closes whose core can be read and something else cannot, a hold of everything.
    Raises: InvalidDocumentError, with every fault found.
    """
    if not isinstance(document, dict):
        raise InvalidDocumentError([Fault("", "The document is not a JSON object.")])
    schema = GiveSchema() if document.get("act") == Act.GIVE else DecisionSchema()
    faults = list(_unknown_codes(document, vocabulary))
    loaded: Mapping[str, Any] = {}
    try:
        loaded = cast("Mapping[str, Any]", schema.load(document))
    except ValidationError as error:
        faults += _flatten(cast("_Messages", error.messages), pointer="")
    if not faults:
        return _request(loaded, received=document)
    core = _core_of(document)
    if core is None:
        raise InvalidDocumentError(_sorted(faults))
    return _request({**core, "act": Act.HOLD.value}, received=document, faults=_sorted(faults))


def _core_of(document: JsonObject) -> Mapping[str, Any] | None:
    """The few members that an act that closes needs; absent: it opens, or one of them cannot be read.

    A reference that is null names no case, so the other one is the case.
    """
    named = {name: value for name, value in document.items() if name not in _REFERENCES or value is not None}
    try:
        core = cast("Mapping[str, Any]", CoreSchema(unknown=EXCLUDE).load(named))
    except ValidationError:
        return None
    return None if Act(core["act"]).opens else core


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
_REPRESENTATIONS: Final = (
    "best_interests",
    "deputy",
    "independent_advocate",
    "lasting_power_of_attorney",
)
_GROUNDS: Final = ("both_agree", "child_welfare", "court_order", "legal_advice")


class _Closed(Schema):
    error_messages = _CLOSED_MESSAGES

    class Meta:
        unknown = RAISE


class _Evidence(Schema):
    """A part of the evidence: what is known here is checked, what a council adds is kept."""

    class Meta:
        unknown = INCLUDE


class CompetenceSchema(_Evidence):
    """Why a child under 16 was found able to decide this (Gillick)."""

    assessor = _text(required=True)
    assessed_on = _Moment(required=True, metadata=_MOMENT)
    reasons = _text(2000, required=True)
    views = _text(2000)


class ParentalResponsibilitySchema(_Evidence):
    """On what somebody holds parental responsibility, and what was seen of it (Children Act 1989 s.2 to 4A, 12)."""

    basis = _code(required=True)
    seen = _text(500, required=True)


class RepresentativeSchema(_Evidence):
    """By what authority somebody decides for an adult (Mental Capacity Act 2005)."""

    authority = fields.String(required=True, validate=validate.OneOf(_REPRESENTATIONS))
    seen = _text(500, required=True)


class InterpreterSchema(_Evidence):
    """Who interpreted: nobody of the family may."""

    id = _text(required=True)
    relative = fields.Boolean(
        required=True,
        truthy={True},
        falsy={False},
        validate=validate.Equal(comparable=False, error="A relative does not interpret."),
    )


class ResolutionSchema(_Evidence):
    """How a dispute between holders of parental responsibility was resolved."""

    grounds = fields.String(required=True, validate=validate.OneOf(_GROUNDS))
    decided_by = _text(required=True)
    reasons = _text(2000, required=True)


class OnPaperSchema(_Evidence):
    """What the person, alone, asked to have on their receipt."""

    shows_sensitive = fields.Boolean(required=True, truthy={True}, falsy={False})


class EvidenceSchema(_Evidence):
    """What was seen and said."""

    competence = fields.Nested(CompetenceSchema)
    parental_responsibility = fields.Nested(ParentalResponsibilitySchema)
    representative = fields.Nested(RepresentativeSchema)
    interpreter = fields.Nested(InterpreterSchema)
    resolution = fields.Nested(ResolutionSchema)
    receipt = fields.Nested(OnPaperSchema)


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


class CoreSchema(_Closed):
    """All that an act that closes needs."""

    decision_id = _Id(required=True)
    source_ref = _text()
    case_ref = _Id()
    person = _text(required=True)
    act = fields.String(required=True, validate=validate.OneOf([act.value for act in Act]))
    recorded_by = _text(required=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_case(self, _data: object, original: Mapping[str, object], **_kwargs: object) -> None:
        """Exactly one reference names the case."""
        if ("source_ref" in original) == ("case_ref" in original):
            raise ValidationError("Exactly one of source_ref and case_ref is needed.", "source_ref")


class DecisionSchema(CoreSchema):
    """Any act, with everything that may be said of it."""

    given_by = fields.Nested(GivenBySchema)
    agencies = _codes(_AGENCY)
    excluded = _codes(_ALL_IS_NO_EXCLUSION + _AGENCY, member="exclude")
    categories = _codes(r"[a-z][a-z0-9_]{1,39}")
    field_names = _codes(r"[a-z][a-z0-9_]{1,39}", member="fields")
    purposes = _codes(r"P[1-6]")
    valid_from = _Moment(metadata=_MOMENT)
    valid_until = _Moment(metadata=_MOMENT)
    method = _code()
    evidence = fields.Nested(EvidenceSchema)
    alone_and_safe = fields.String(validate=validate.OneOf(_ANSWERS))
    notice = fields.Nested(NoticeSchema)
    profiles_shown = fields.Dict(keys=_code(), values=_Count())
    reason = _text(500)


class GiveSchema(DecisionSchema):
    """The act that opens: what must be provable later has to be there now (GDPR Art. 7(1))."""

    given_by = fields.Nested(GivenBySchema, required=True)
    agencies = _codes(_AGENCY, minimum=1)
    purposes = _codes(r"P[1-6]", minimum=1)
    method = _code(required=True)
    notice = fields.Nested(NoticeSchema, required=True)
    profiles_shown = fields.Dict(
        required=True,
        keys=_code(),
        values=_Count(),
        validate=validate.Length(min=1, error="The versions of the profiles that were shown are needed."),
    )

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
        if Capacity(speaker["capacity"]).is_own != (speaker["person"] == data["person"]):
            raise ValidationError({"given_by": {"capacity": ["The capacity does not fit the speaker."]}})

    @validates_schema(skip_on_field_errors=True)
    def check_evidence(self, data: Mapping[str, Any], **_kwargs: object) -> None:
        """What the capacity and the method call for was seen."""
        evidence = data.get("evidence", {})
        needed = {_EVIDENCE_OF.get(data["given_by"]["capacity"])}
        needed |= {"interpreter"} if data["method"] == _INTERPRETED else set()
        missing = sorted(part for part in needed if part is not None and part not in evidence)
        if missing:
            raise ValidationError({"evidence": {part: ["This evidence is needed."] for part in missing}})


def _request(
    loaded: Mapping[str, Any], *, received: JsonObject, faults: Sequence[Fault] = ()
) -> DecisionRequest:
    speaker, notice, reason = loaded.get("given_by"), loaded.get("notice"), loaded.get("reason", NOT_ASKED)
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
        reason=reason if reason in REASONS else OTHER,
        method=loaded.get("method"),
        alone_and_safe=loaded.get("alone_and_safe"),
        evidence=loaded.get("evidence", {}),
        faults=tuple(faults),
        received=received,
    )


def _unknown_codes(document: JsonObject, vocabulary: Vocabulary) -> Iterator[Fault]:
    known = {"categories": vocabulary.categories, "fields": vocabulary.fields}
    for member, codes in known.items():
        sent = document.get(member)
        for place, code in enumerate(sent if isinstance(sent, list) else ()):
            if isinstance(code, str) and code not in codes:
                yield Fault(f"/{member}/{place}", "There is no such code.")
    evidence = document.get("evidence")
    parental = evidence.get("parental_responsibility") if isinstance(evidence, dict) else None
    basis = parental.get("basis") if isinstance(parental, dict) else None
    if isinstance(basis, str) and basis not in vocabulary.parental_bases:
        yield Fault("/evidence/parental_responsibility/basis", "There is no such code.")


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
