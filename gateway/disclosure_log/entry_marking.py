"""Giving the entries of the log the marks by which the explorer finds them: the worker's part."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from certs.errors import EnvelopeError
from gateway.disclosure_log.entry_marks import About, Marked, Marks, keep, marks_of, newest_practitioner, take
from gateway.disclosure_log.exploring import Sort, line_of, rows_between
from gateway.disclosure_log.reading import log_size, minute_of
from gateway.keyring import NULL_FAMILY, FamilyKeys, Keyring
from gateway.wiring import Wiring

AT_ONCE: Final = 500
"""Entries of one transaction."""
MOST: Final = 100
"""Transactions of one run: the next one goes on."""


def mark_log(wiring: Wiring, _now: datetime) -> int:
    """Give every entry its marks that has none yet, as far as one run goes; return how many were looked at."""
    marked = 0
    for _ in range(MOST):
        with wiring.engine.begin() as connection:
            count = mark_entries(connection, wiring.keyring, most=AT_ONCE)
        if not count:
            break
        marked += count
    return marked


def mark_entries(connection: Connection, keyring: Keyring, *, most: int) -> int:
    """Give the next entries their marks, and return how many were looked at; none where somebody else is at it.

    Raises: certs.errors.EnvelopeError, a key does not open here: then nothing is marked from there on.
    """
    first = take(connection)
    if first is None:
        return 0
    before = min(first + most, log_size(connection))
    key, keys = keyring.mark_key(connection), dict[UUID, FamilyKeys]()
    likeness = _Likeness(connection, key)
    marked: list[Marked] = []
    for row in reversed(rows_between(connection, first=first, before=before)):
        line = line_of(keyring, keys, row)
        if line is not None and line.sort is not None:
            marks = marks_of(key, About(line.sort, line.agency, line.purpose, line.practitioner))
            likeness.saw(marks)
        elif row.family_id not in keys:
            raise EnvelopeError("a family's key does not open: whether its entries are shown is not known")
        elif row.family_id == NULL_FAMILY:
            continue
        else:
            marks = likeness.of(row.agency_code or "")
        minute = int(minute_of(row).timestamp())
        marked.append(Marked(row.entry_id, row.leaf_index, minute, marks))
    keep(connection, marked, size=before)
    return before - first


class _Likeness:
    """What an entry that is not shown passes for: an agency's answer to a recall, or a decision that a worker recorded.

    Whoever is said to have acted is who did so last for that agency, or recorded a decision last.
    """

    def __init__(self, connection: Connection, key: bytes) -> None:
        self._connection, self._key = connection, key
        self._last: dict[int, int] = {}

    def saw(self, marks: Marks) -> None:
        """Keep who acted in an entry that is shown."""
        self._last[marks.sort] = self._last[marks.agency] = marks.practitioner

    def of(self, agency: str) -> Marks:
        """Return the marks of an entry of which the trace says no more than this agency, or none."""
        marks = marks_of(self._key, About(Sort.RECALL if agency else Sort.CONSENT, agency))
        name, like = ("agency", marks.agency) if agency else ("sort", marks.sort)
        if like not in self._last:
            self._last[like] = newest_practitioner(self._connection, name, like, marks.practitioner)
        return marks._replace(practitioner=self._last[like])
