"""What an officer looks for in the log, as it is typed, kept and carried from page to page. Pure.

INVARIANTS
- What is not one of the choices, no day that exists, or no place that a page named, is a fault, never ignored.
- A fault repeats nothing that was typed.
"""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from agencies.register import is_practitioner_id
from consent_registry.birthdays import midnight
from gateway.console.consent_form import Form, typed_date
from gateway.disclosure_log.exploring import Sort, Wanted

DISCLOSURES: Final = "/console/disclosures"
PURPOSES: Final = ("P1", "P2", "P3")
CURSOR: Final = "cursor"
_DAYS: Final = ("from", "to")
_PARTS: Final = ("day", "month", "year")
_FIELDS: Final = (
    "agency",
    "kind",
    "purpose",
    "practitioner",
    *(f"{name}-{part}" for name in _DAYS for part in _PARTS),
)
_INDEX_BYTES: Final = 8
_LARGEST: Final = 2**63 - 1
_YEARS: Final = range(2000, 2200)


class FaultyQueryError(Exception):
    """Something is not as it has to be.

    Attributes:
        field: id of the element.
        sentence: what is wrong.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for.

    Attributes:
        typed: fields of the form that were filled in, without where to go on.
        before: only what has a smaller leaf index; absent: from the newest.
    """

    wanted: Wanted
    typed: Mapping[str, str]
    before: int | None


def sound_fields(form: Form, *, agencies: Collection[str]) -> dict[str, str]:
    """Return what was chosen of lists, and no text that was typed: in the wrong place it may be a child's name."""
    choices: Mapping[str, Collection[str]] = {"agency": agencies, "kind": set(Sort), "purpose": PURPOSES}
    return {name: value for name, valid in choices.items() if (value := form.one(name)) in valid}


def read_query(form: Form, *, agencies: Collection[str]) -> Query:
    """Return what a form asks for.

    Args:
        agencies: codes that can be chosen.

    Raises: FaultyQueryError.
    """
    agency = _chosen(form, "agency", agencies, "Choose an agency of the list.")
    sort = _chosen(form, "kind", set(Sort), "Choose a kind of the list.")
    purpose = _chosen(form, "purpose", PURPOSES, "Choose a purpose of the list.")
    practitioner = form.one("practitioner")
    if practitioner and not is_practitioner_id(practitioner):
        raise FaultyQueryError("practitioner", "Enter the id of one practitioner.")
    first, last = (_day(form, name) for name in _DAYS)
    if first is not None and last is not None and last < first:
        raise FaultyQueryError("to-day", "The last day is before the first.")
    wanted = Wanted(
        agency=agency,
        sort=None if sort is None else Sort(sort),
        purpose=purpose,
        practitioner=practitioner or None,
        since=None if first is None else midnight(first),
        until=None if last is None else midnight(last + timedelta(days=1)),
    )
    typed = {name: value for name in _FIELDS if (value := form.one(name))}
    return Query(wanted, typed, _place(form.one(CURSOR)))


def cursor_of(index: int) -> str:
    """Return what leads to the lines older than one; it says nothing to a reader."""
    return base64.urlsafe_b64encode(index.to_bytes(_INDEX_BYTES)).rstrip(b"=").decode()


def _place(cursor: str) -> int | None:
    if not cursor:
        return None
    try:
        index = int.from_bytes(base64.urlsafe_b64decode(cursor + "="))
    except (ValueError, binascii.Error):
        index = _LARGEST + 1
    if index > _LARGEST or cursor_of(index) != cursor:
        raise FaultyQueryError("main-content", "This is no place in the list: begin again from the newest.")
    return index


def _chosen(form: Form, name: str, choices: Collection[str], sentence: str) -> str | None:
    value = form.one(name)
    if value and value not in choices:
        raise FaultyQueryError(name, sentence)
    return value or None


def _day(form: Form, name: str) -> date | None:
    day = typed_date(form, name)
    if isinstance(day, str):
        raise FaultyQueryError(f"{name}-{day}", "Enter a day that exists, or leave it empty.")
    if day is not None and day.year not in _YEARS:
        raise FaultyQueryError(f"{name}-year", f"Enter a year from {_YEARS[0]} to {_YEARS[-1]}.")
    return day
