"""An agency's list of practitioners as a CSV file: strict reading, and the one text of a list.

INVARIANTS
- Whatever the bytes, the answer is the whole list or PractitionerFileError; half a list is never read.
- A fault names the row, counted as a spreadsheet does (the header is row 1), and the column; never a value.
- One list has one text, and what was written here reads back to equal practitioners.

Sources: RFC 4180; OWASP, CSV Injection.

Pure: standard library only, no clock, no I/O.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NoReturn

from agencies.errors import PractitionerFileError
from agencies.register import ID_RULE, LINE_RULE, Practitioner, is_practitioner_id, is_shown_line

COLUMNS: Final = ("id", "name", "role", "active_from", "active_until")
"""The header, in this order; ``active_until`` alone may be empty below it."""

MAX_BYTES: Final = 2_000_000
MAX_PRACTITIONERS: Final = 10_000

_HEADER: Final = ",".join(COLUMNS)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_practitioners(data: bytes) -> tuple[Practitioner, ...]:
    """Return the practitioners that a file lists, in its order.

    A person who came and left on one day has that day in both columns, and is active at no time: the interval is
    half-open. An end before the beginning is refused. Empty lines are rows without a person.

    Args:
        data: UTF-8, with or without a byte order mark.

    Raises: PractitionerFileError, one sentence.
    """
    if len(data) > MAX_BYTES:
        raise PractitionerFileError(f"The file is longer than {MAX_BYTES} bytes.")
    records = _records(_text(data))
    _check_header(next(records, (1, [])))
    found: list[Practitioner] = []
    rows: dict[str, int] = {}
    for row, record in records:
        if len(found) == MAX_PRACTITIONERS:
            raise PractitionerFileError(f"Row {row}: a list has at most {MAX_PRACTITIONERS} people.")
        one = _practitioner(row, record)
        if one.id in rows:
            _refuse(row, "id", f"is the same as in row {rows[one.id]}")
        rows[one.id] = row
        found.append(one)
    return tuple(found)


def format_practitioners(practitioners: Iterable[Practitioner]) -> str:
    r"""Return the one text of a list: the header, then a row a person by id; every line ends in ``\n``.

    Names and roles stand in quotes, so that the same text is easily made elsewhere. It can be read back by
    ``read_practitioners``, and its SHA-256 in UTF-8 is the digest of the list.
    """
    rows = [_row(one) for one in sorted(practitioners, key=lambda one: one.id)]
    return "\n".join([_HEADER, *rows, ""])


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise PractitionerFileError(f"Row {row}: this is not text in UTF-8.") from None


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not an empty line, with its row; a row is a line, as no value may hold a line end."""
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    row = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error:
            raise PractitionerFileError(f"Row {row}: the line cannot be read as CSV.") from None
        if record is None:
            return
        if record:
            yield row, record
        row += 1


def _check_header(header: tuple[int, list[str]]) -> None:
    row, record = header
    for column, name in enumerate(COLUMNS, start=1):
        if len(record) < column or record[column - 1] != name:
            raise PractitionerFileError(f"Row {row}: the header's column {column} must be {name}.")
    _check_width(row, record)


def _check_width(row: int, record: Sequence[str]) -> None:
    if len(record) > len(COLUMNS):
        raise PractitionerFileError(f"Row {row}: nothing may stand after column {COLUMNS[-1]}.")
    if len(record) < len(COLUMNS):
        raise PractitionerFileError(f"Row {row}: column {COLUMNS[len(record)]} is missing.")


def _practitioner(row: int, record: Sequence[str]) -> Practitioner:
    _check_width(row, record)
    identity, name, role, begins, ends = record
    if not is_practitioner_id(identity):
        _refuse(row, "id", ID_RULE)
    for column, line in (("name", name), ("role", role)):
        if not is_shown_line(line):
            _refuse(row, column, LINE_RULE)
    active_from = _day(row, "active_from", begins)
    active_until = _day(row, "active_until", ends) if ends else None
    if active_until is not None and active_until < active_from:
        _refuse(row, "active_until", "must not be before active_from")
    return Practitioner(identity, name, role, active_from, active_until)


def _day(row: int, column: str, text: str) -> date:
    try:
        # The library alone would take 20261001 and 2026-W40-4 as well.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        _refuse(row, column, "must be a date, for example 2026-10-01")


def _refuse(row: int, column: str, rule: str) -> NoReturn:
    raise PractitionerFileError(f"Row {row}, column {column}: {rule}.") from None


def _row(one: Practitioner) -> str:
    ends = "" if one.active_until is None else one.active_until.isoformat()
    return f"{one.id},{_quoted(one.name)},{_quoted(one.role)},{one.active_from.isoformat()},{ends}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
