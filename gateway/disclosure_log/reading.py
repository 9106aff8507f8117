"""Opening entries for those who operate the gateway, and for the watch over unusual pulling.

INVARIANT: an entry under a restricted tag does not exist here; those who may see it have their own way.
INVARIANT: an entry whose family was erased shows as nothing more than that.
"""

import hmac
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Row, text

from certs.envelope import unseal
from certs.errors import EnvelopeError
from gateway.disclosure_log.entry import tag
from gateway.keyring import FamilyKeys, KeyErasedError, Keyring

ERASED = "(erased)"

StoredEntry: TypeAlias = Row[Any]  # the columns of the statements below
"""An entry as it lies in the log, sealed."""

_ENTRY = (
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id FROM gateway.log_entry e "
    "LEFT JOIN gateway.log_payload p USING (entry_id) LEFT JOIN gateway.log_trace t USING (entry_id) "
)
_NEWEST = text(_ENTRY + "ORDER BY e.leaf_index DESC LIMIT :count")
_BETWEEN = text(_ENTRY + "WHERE e.leaf_index >= :first AND e.leaf_index < :end ORDER BY e.leaf_index")
_OF_FAMILY = text(
    _ENTRY + "WHERE t.family_id = :family AND e.leaf_index < :before ORDER BY e.leaf_index DESC LIMIT :count"
)
_ALL_OF_FAMILY = text(_ENTRY + "WHERE t.family_id = :family ORDER BY e.leaf_index")
_BODIES = text("SELECT leaf_index, entry_id, body FROM gateway.log_entry ORDER BY leaf_index")
_NEWEST_BODY = text("SELECT body FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1")
_SIZE = text("SELECT size FROM gateway.log_head")
_AT = text(_ENTRY + "WHERE e.leaf_index = ANY (CAST(:indexes AS bigint[])) ORDER BY e.leaf_index DESC")
_BODY_AT = text("SELECT body FROM gateway.log_entry WHERE leaf_index = :index")
MINUTE: Final = "CAST(convert_from(e.body, 'UTF8')::jsonb ->> 't' AS bigint)"
"""SQL: the minute of the entry ``e``, in seconds, as its body says in public."""
_SINCE = " WHERE e.leaf_index >= :first AND " + MINUTE + " >= :since"
_TRACED = (
    "SELECT e.leaf_index, t.family_id FROM gateway.log_entry e JOIN gateway.log_trace t USING (entry_id)"
)
_RELEASES = text(
    _TRACED + _SINCE + " AND t.agency_code = :agency AND t.extract_id IS NOT NULL ORDER BY e.leaf_index DESC"
)
_COUNT = "SELECT count(*) FROM gateway.log_entry e"
_UNTRACED = text(
    _COUNT + _SINCE + " AND NOT EXISTS (SELECT FROM gateway.log_trace t WHERE t.entry_id = e.entry_id)"
)
_ROWS_AT_ONCE: Final = 1000
DISORDER: Final = timedelta(hours=1)
"""How much earlier than its neighbours an entry may be: one that had to wait for the log keeps its own minute."""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry in words: codes and ids only."""

    leaf_index: int
    minute: datetime
    kind: str
    actor: str
    agency: str
    purpose: str
    reasons: str


@dataclass(frozen=True, slots=True)
class ReleasesSince:
    """Where the releases to one agency are.

    Attributes:
        places: leaf index and family of each, the newest first.
        untraced: entries of that time, whoever's, of which nothing is known any more: their families were erased.
    """

    places: Sequence[tuple[int, UUID]]
    untraced: int


@dataclass(frozen=True, slots=True)
class OpenedEntry:
    """Both parts of one entry under an ordinary tag; codes and ids only.

    Attributes:
        family_id: whose entry it is; the reserved family where it is nobody's.
    """

    family_id: UUID
    internal: Mapping[str, Any]
    recipient: Mapping[str, Any]


def log_size(connection: Connection) -> int:
    """Return how many entries the log has; all of them, and no others, have a smaller leaf index."""
    size: int = connection.execute(_SIZE).scalar_one()
    return size


def entries_between(connection: Connection, *, first: int, end: int) -> Sequence[StoredEntry]:
    """Return the entries with leaf indexes from ``first`` up to, not including, ``end``."""
    return connection.execute(_BETWEEN, {"first": first, "end": end}).all()


def entries_at(connection: Connection, indexes: Sequence[int]) -> Sequence[StoredEntry]:
    """Return the entries with these leaf indexes, the newest first."""
    return connection.execute(_AT, {"indexes": list(indexes)}).all()


def releases_since(connection: Connection, *, agency: str, since: datetime) -> ReleasesSince:
    """Return where the releases to an agency are, from the minute of an aware instant on; nothing is opened."""
    minute = since.replace(second=0, microsecond=0)
    asked = {
        "agency": agency,
        "first": first_since(connection, minute - DISORDER),
        "since": int(minute.timestamp()),
    }
    return ReleasesSince(
        places=[(row.leaf_index, row.family_id) for row in connection.execute(_RELEASES, asked)],
        untraced=connection.execute(_UNTRACED, asked).scalar_one(),
    )


def first_since(connection: Connection, minute: datetime) -> int:
    """Return the first leaf index of a time, found in as many steps as the log's size has digits in base two."""

    def time_at(index: int) -> int:
        body = connection.execute(_BODY_AT, {"index": index}).scalar_one()
        found: int = json.loads(body)["t"]
        return found

    return bisect_left(range(log_size(connection)), int(minute.timestamp()), key=time_at)


def newest_minute(connection: Connection) -> datetime | None:
    """Return the minute of the newest entry; absent: the log is empty."""
    body = connection.execute(_NEWEST_BODY).scalar_one_or_none()
    return None if body is None else datetime.fromtimestamp(json.loads(body)["t"], UTC)


def minute_of(row: StoredEntry) -> datetime:
    """Return the minute of an entry, which its body tells without a key."""
    return datetime.fromtimestamp(json.loads(row.body)["t"], UTC)


def open_entry(connection: Connection, *, keyring: Keyring, row: StoredEntry) -> OpenedEntry | None:
    """Open one entry; absent for one under a restricted tag.

    Raises: KeyErasedError, its family was erased; certs.errors.EnvelopeError, it does not open.
    """
    return open_under(keyring.family(connection, row.family_id), row)


def open_under(keys: FamilyKeys, row: StoredEntry) -> OpenedEntry | None:
    """Open one entry with its family's keys; absent for one under a restricted tag.

    Raises: certs.errors.EnvelopeError, it does not open.
    """
    members = json.loads(row.body)
    if not hmac.compare_digest(tag(keys.tag_key, row.entry_id), members["f"]):
        return None
    opening = json.loads(
        unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + bytes.fromhex(members["c"]))
    )
    return OpenedEntry(keys.family_id, internal=opening["i"], recipient=opening["r"])


def of_family(
    connection: Connection, keys: FamilyKeys, *, count: int
) -> Iterator[tuple[datetime, OpenedEntry | None]]:
    """Yield a family's entries under its ordinary tag, the newest first, with their minutes; None: it does not open.

    Args:
        count: of entries that are yielded at most: those under the restricted tag take nobody's place.
    """
    before, left = log_size(connection), count
    while left and before:
        rows = connection.execute(
            _OF_FAMILY, {"family": keys.family_id, "before": before, "count": count}
        ).all()
        for row in rows:
            try:
                entry = open_under(keys, row)
            except EnvelopeError:
                yield minute_of(row), None
            else:
                if entry is None:
                    continue
                yield minute_of(row), entry
            left -= 1
            if not left:
                return
        before = rows[-1].leaf_index if len(rows) == count else 0


def sealed_of_family(connection: Connection, family_id: UUID) -> Sequence[StoredEntry]:
    """Return every entry of a family, whichever its tag, the oldest first, as they lie there: sealed."""
    return connection.execute(_ALL_OF_FAMILY, {"family": family_id}).all()


def tagged(connection: Connection, tag_key: bytes) -> Iterator[StoredEntry]:
    """Yield leaf_index, entry_id and body of each entry that a tag key finds, the oldest first.

    The whole log is read, and nothing but its public bodies: it is how somebody finds a family's entries to whom
    nothing was handed but the key.
    """
    for row in connection.execute(_BODIES, execution_options={"yield_per": _ROWS_AT_ONCE}):
        if hmac.compare_digest(tag(tag_key, row.entry_id), json.loads(row.body)["f"]):
            yield row


def newest(connection: Connection, *, keyring: Keyring, count: int) -> Iterator[EntryLine]:
    """Yield the newest entries, oldest first, opened."""
    for row in reversed(connection.execute(_NEWEST, {"count": count}).all()):
        line = _line(connection, keyring, row)
        if line is not None:
            yield line


def _line(connection: Connection, keyring: Keyring, row: StoredEntry) -> EntryLine | None:
    minute = minute_of(row)
    try:
        entry = open_entry(connection, keyring=keyring, row=row)
    except KeyErasedError:
        return EntryLine(row.leaf_index, minute, ERASED, "", "", "", "")
    if entry is None:
        return None
    internal, recipient = entry.internal, entry.recipient
    return EntryLine(
        leaf_index=row.leaf_index,
        minute=minute,
        kind=internal["kind"],
        actor=internal["actor"],
        agency=internal.get("agency", ""),
        purpose=recipient.get("purpose", internal.get("purpose", "")),
        reasons=",".join(internal.get("reasons", [])),
    )
