"""Marks by which entries are found without opening them all: keyed hashes of what an entry is about.

INVARIANTS
- They are written after an entry, by the worker: a release waits for none of them.
- A mark only proposes: whoever looks for something opens the entry and sees whether it is there for them.
- Whether an entry exists for the explorer cannot be told by its marks: one that does not (under a restricted tag, of a
  kind that is not shown, or not to be opened) has those of one that does, with the agency that its trace names, and
  never those of a sort that is counted. Only what is no family's has none, unless it is shown.
- They go with the trace of their entry, so with the family.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

_BYTES: Final = 8

_MARKED: Final = text("SELECT size FROM gateway.log_marked")
_TAKE: Final = text("SELECT size FROM gateway.log_marked FOR UPDATE SKIP LOCKED")
_KEEP: Final = text("UPDATE gateway.log_marked SET size = :size")
_NEWEST: Final = {
    "agency": text(
        "SELECT practitioner FROM gateway.log_mark WHERE agency = :like ORDER BY leaf_index DESC LIMIT 1"
    ),
    "sort": text(
        "SELECT practitioner FROM gateway.log_mark WHERE sort = :like ORDER BY leaf_index DESC LIMIT 1"
    ),
}
# Joined, so that an entry whose family was erased since it was read gets no row.
_PUT: Final = text(
    "INSERT INTO gateway.log_mark (entry_id, leaf_index, minute, sort, agency, purpose, practitioner)"
    " SELECT u.* FROM unnest(CAST(:entries AS uuid[]), CAST(:places AS bigint[]), CAST(:minutes AS bigint[]),"
    " CAST(:sorts AS bigint[]), CAST(:agencies AS bigint[]), CAST(:purposes AS bigint[]),"
    " CAST(:practitioners AS bigint[])) AS u (entry_id, leaf_index, minute, sort, agency, purpose, practitioner)"
    " JOIN gateway.log_trace t ON t.entry_id = u.entry_id"
)


class About(NamedTuple):
    """What an entry is about, in codes; empty: nothing of this."""

    sort: str
    agency: str = ""
    purpose: str = ""
    practitioner: str = ""


class Marks(NamedTuple):
    """The marks of an entry, each a signed number of 64 bits."""

    sort: int
    agency: int
    purpose: int
    practitioner: int


@dataclass(frozen=True, slots=True)
class Marked:
    """An entry with its marks.

    Attributes:
        minute: in seconds since 1970.
    """

    entry_id: UUID
    leaf_index: int
    minute: int
    marks: Marks


def mark(key: bytes, name: str, value: str) -> int:
    """Return the mark of one thing that an entry is about: a signed number of 64 bits."""
    digest = hmac.digest(key, f"{name}\0{value}".encode(), "sha256")
    return int.from_bytes(digest[:_BYTES], "big", signed=True)


def marks_of(key: bytes, about: About) -> Marks:
    """Return the marks of an entry."""
    return Marks(**{name: mark(key, name, value) for name, value in about._asdict().items()})


def wanted_marks(key: bytes, wanted: Mapping[str, str | None]) -> dict[str, int]:
    """Return by name the marks of what is looked for; what is absent does not matter."""
    return {name: mark(key, name, value) for name, value in wanted.items() if value is not None}


def marked_size(connection: Connection) -> int:
    """Return the place below which every entry has its marks."""
    size: int = connection.execute(_MARKED).scalar_one()
    return size


def newest_practitioner(connection: Connection, name: str, like: int, otherwise: int) -> int:
    """Return who acted in the newest entry that has this mark of this name."""
    found: int | None = connection.execute(_NEWEST[name], {"like": like}).scalar_one_or_none()
    return otherwise if found is None else found


def take(connection: Connection) -> int | None:
    """Return that place, which nobody else moves until the end of the transaction; absent: somebody else is at it."""
    size: int | None = connection.execute(_TAKE).scalar_one_or_none()
    return size


def keep(connection: Connection, marked: Sequence[Marked], *, size: int) -> None:
    """Store marks; below this place every entry has its own then."""
    connection.execute(
        _PUT,
        {
            "entries": [each.entry_id for each in marked],
            "places": [each.leaf_index for each in marked],
            "minutes": [each.minute for each in marked],
            "sorts": [each.marks.sort for each in marked],
            "agencies": [each.marks.agency for each in marked],
            "purposes": [each.marks.purpose for each in marked],
            "practitioners": [each.marks.practitioner for each in marked],
        },
    )
    connection.execute(_KEEP, {"size": size})
