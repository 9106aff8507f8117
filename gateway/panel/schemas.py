"""What a panel file must look like, and what the panel routes answer.

INVARIANTS
- A faulty file is refused with a pointer and a stable reason per fault, never with what stood there:
  a member name that we do not know is not repeated either.
- Whatever is read here is a value of ``model``; nothing untyped goes further.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from agencies.model import AgencyCode
from gateway.panel.errors import PanelFileError
from gateway.panel.model import MeetingRow, OfferRow, PanelFile, Refusal
from gateway.problems import PointedFault
from gateway.strict_json import StrictJsonError, parse_json

FILE_FORMAT = 1
"""The only format of panel file that is read."""

MAX_FILE_BYTES = 1_000_000
"""A year of weekly meetings with forty cases each stays below this."""

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)

_REF = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}"
_LINE = r"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,120}"
_SOURCE_REF = r"[^\x00-\x1f\x7f-\x9f]{1,128}"
_CODE = r"[a-z][a-z0-9-]{1,39}"

_UNKNOWN = "unknown_member"
_REASONS = {"required": "required", "null": "null"}


class _Text(fields.String):
    default_error_messages = {**_REASONS, "invalid": "not_text"}  # noqa: RUF012 - marshmallow's own form


class _List(fields.List[Any]):
    default_error_messages = {**_REASONS, "invalid": "not_a_list"}  # noqa: RUF012 - as above


class _Day(fields.Field[date]):
    """One ISO form, in a year the calendar reaches; ``date.fromisoformat`` alone takes week dates too."""

    default_error_messages = {  # noqa: RUF012 - as above
        **_REASONS,
        "invalid": "not_a_date",
        "range": "date_out_of_range",
    }

    def _deserialize(self, value: object, *_: object, **__: object) -> date:
        if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
            raise self.make_error("invalid")
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise self.make_error("range")
        return day


class _Format(fields.Field[int]):
    """The number of the file format; not true, not 1.0."""

    default_error_messages = {**_REASONS, "invalid": "unknown_format"}  # noqa: RUF012 - as above

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value != FILE_FORMAT:
            raise self.make_error("invalid")
        return value


def _text(pattern: str) -> _Text:
    shape = re.compile(rf"(?:{pattern})\Z")
    return _Text(required=True, validate=validate.Regexp(shape, error="malformed"))


class _Closed(Schema):
    """A shape that refuses members it does not list."""

    error_messages = {"unknown": _UNKNOWN, "type": "not_an_object"}  # noqa: RUF012 - marshmallow's own form

    class Meta:
        """Unknown members are faults."""

        unknown = RAISE


class _MeetingRowSchema(_Closed):
    ref = _text(_REF)
    title = _text(_LINE)
    held_on = _Day(required=True)
    members = _List(_text(_CODE), required=True)
    agenda = _List(_text(_SOURCE_REF), required=True)


class _OfferRowSchema(_Closed):
    ref = _text(_REF)
    source_ref = _text(_SOURCE_REF)
    agency = _text(_CODE)
    service = _text(_LINE)
    accepted_on = _Day(required=True)
    ended_on = _Day()


class _PanelFileSchema(_Closed):
    format = _Format(required=True)
    meetings = _List(fields.Nested(_MeetingRowSchema), load_default=list)
    offers = _List(fields.Nested(_OfferRowSchema), load_default=list)


class MeetingSchema(Schema):
    """One meeting as its members see it."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    held_on = fields.String(required=True, metadata={"format": "date"})
    opens_at = fields.String(required=True, metadata={"format": "date-time"})
    closes_at = fields.String(required=True, metadata={"format": "date-time"})


class MeetingsSchema(Schema):
    """The meetings of the caller's agency."""

    panels = fields.List(fields.Nested(MeetingSchema), required=True)


class ListedCaseSchema(Schema):
    """A case by the reference that only this agency knows it under."""

    case_ref = fields.String(required=True)


class MeetingWithCasesSchema(MeetingSchema):
    """One meeting and the cases that the caller would be permitted now, in random order."""

    cases = fields.List(fields.Nested(ListedCaseSchema), required=True)


def read_panel_file(data: bytes) -> PanelFile:
    """Return the rows of a panel file.

    Args:
        data: JSON in UTF-8, ``{"format": 1, "meetings": [...], "offers": [...]}``.

    Raises: PanelFileError, with every fault of shape, or every duplicate and reversed interval.
    """
    try:
        value = parse_json(data, max_bytes=MAX_FILE_BYTES)
        loaded: dict[str, Any] = _PanelFileSchema().load(value)  # type: ignore[arg-type]  # what is no object is a fault
    except StrictJsonError as error:
        raise PanelFileError([PointedFault("", str(error))]) from error
    except ValidationError as error:
        raise PanelFileError(_schema_faults(error.messages)) from error
    file = PanelFile(
        meetings=tuple(_meeting(row) for row in loaded["meetings"]),
        offers=tuple(_offer(row) for row in loaded["offers"]),
    )
    faults = list(_row_faults(file))
    if faults:
        raise PanelFileError(faults)
    return file


def _meeting(row: Mapping[str, Any]) -> MeetingRow:
    return MeetingRow(
        ref=row["ref"],
        title=row["title"],
        held_on=row["held_on"],
        members=tuple(AgencyCode(code) for code in row["members"]),
        agenda=tuple(row["agenda"]),
    )


def _offer(row: Mapping[str, Any]) -> OfferRow:
    return OfferRow(
        ref=row["ref"],
        source_ref=row["source_ref"],
        agency=AgencyCode(row["agency"]),
        service=row["service"],
        accepted_on=row["accepted_on"],
        ended_on=row.get("ended_on"),
    )


def _schema_faults(messages: object) -> list[PointedFault]:
    """Every fault once, in the order of the file; two unknown members of one object are one fault."""
    return list(dict.fromkeys(_walk(messages, pointer="")))


def _walk(messages: object, *, pointer: str) -> Iterator[PointedFault]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            # A name we do not know is the sender's text: its object is pointed at instead.
            ours = name != "_schema" and inner != [_UNKNOWN]
            yield from _walk(inner, pointer=f"{pointer}/{name}" if ours else pointer)
    elif isinstance(messages, list):
        yield from (PointedFault(pointer, str(reason)) for reason in messages)


def _row_faults(file: PanelFile) -> Iterator[PointedFault]:
    yield from _duplicates([row.ref for row in file.meetings], pointer="/meetings/{}/ref")
    yield from _duplicates([row.ref for row in file.offers], pointer="/offers/{}/ref")
    for number, meeting in enumerate(file.meetings):
        yield from _duplicates(meeting.members, pointer=f"/meetings/{number}/members/{{}}")
        yield from _duplicates(meeting.agenda, pointer=f"/meetings/{number}/agenda/{{}}")
    for number, offer in enumerate(file.offers):
        if offer.ended_on is not None and offer.ended_on < offer.accepted_on:
            yield PointedFault(f"/offers/{number}/ended_on", Refusal.ENDS_BEFORE_IT_BEGINS)


def _duplicates(values: Iterable[str], *, pointer: str) -> Iterator[PointedFault]:
    seen: set[str] = set()
    for place, value in enumerate(values):
        if value in seen:
            yield PointedFault(pointer.format(place), Refusal.DUPLICATE)
        seen.add(value)
