"""What the log says about sharing, for those who answer for it: who got what, when and why, the newest first.

INVARIANTS
- An entry under a restricted tag does not exist here, nor one of a family that is absent for whoever asks: neither
  takes anybody's place, and nothing is counted before they are left out.
- An entry that nobody can open any more, because its family was erased, is no line: nobody knows what it was.
- What a line holds are codes and ids.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, text

from certs.errors import EnvelopeError
from consent_registry.birthdays import midnight
from gateway.disclosure_log.entry_marks import (
    About,
    mark,
    marked_size,
    wanted_marks,
)
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import (
    DISORDER,
    OpenedEntry,
    StoredEntry,
    first_since,
    log_size,
    minute_of,
    open_under,
)
from gateway.keyring import FamilyKeys, Keyring

Absent: TypeAlias = Callable[[Collection[UUID]], Collection[UUID]]
"""Tells which of these families do not exist for whoever asks."""

CHUNK: Final = 500
"""Entries that are read at once."""

_COLUMNS: Final = (
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id, t.agency_code, k.wrapped FROM gateway.log_entry e"
    " JOIN gateway.log_payload p USING (entry_id) JOIN gateway.log_trace t USING (entry_id)"
    " JOIN gateway.family_key k USING (family_id)"
)
_BEFORE: Final = text(
    _COLUMNS
    + " WHERE e.leaf_index >= :first AND e.leaf_index < :before ORDER BY e.leaf_index DESC LIMIT :count"
)
_BY_MARKS: Final = {
    names: text(
        _COLUMNS
        + " JOIN gateway.log_mark m USING (entry_id) WHERE m.leaf_index >= :first AND m.leaf_index < :before"
        + "".join(f" AND m.{name} = :{name}" for name in names)
        + " ORDER BY m.leaf_index DESC LIMIT :count"
    )
    for count in range(1, len(About._fields) + 1)
    for names in combinations(About._fields, count)
}
"""By the names of the marks that are asked for, in their order."""
_OF_WEEKS: Final = (
    " WHERE m.leaf_index >= :first AND m.leaf_index < :before AND m.sort = ANY (CAST(:sorts AS bigint[]))"
    " GROUP BY m.sort, m.agency, week"
)
_WEEK: Final = (
    "SELECT m.sort, m.agency, width_bucket(m.minute, CAST(:weeks AS bigint[])) AS week, count(*) AS number"
    " FROM gateway.log_mark m"
)
_BY_WEEK: Final = text(_WEEK + _OF_WEEKS)
_PLANNED: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")
_BY_WEEK_HIDDEN: Final = text(
    _WEEK
    + " JOIN gateway.log_trace t ON t.entry_id = m.entry_id AND t.family_id = ANY (CAST(:hidden AS uuid[]))"
    + _OF_WEEKS
)
_AT: Final = text(_COLUMNS + " WHERE e.leaf_index = :index")
_NAMED: Final = text(_COLUMNS + " WHERE e.entry_id = ANY (CAST(:entries AS uuid[]))")
_OF_EXTRACT: Final = text(
    "SELECT e.leaf_index FROM gateway.log_trace t JOIN gateway.log_entry e USING (entry_id) WHERE t.extract_id = :extract"
)


class Sort(StrEnum):
    """What an entry is about, as somebody looks for it."""

    CONSENT = "consent"
    """Any decision but a withdrawal."""
    PACK = "pack"
    PREVIEW = "preview"
    RECALL = "recall"
    REFUSAL = "refusal"
    RELEASE = "release"
    WITHDRAWAL = "withdrawal"


SORT_OF: Final[Mapping[str, Sort]] = MappingProxyType(
    {
        EntryKind.CONSENT_ENTER_IN_ERROR: Sort.CONSENT,
        EntryKind.CONSENT_GIVE: Sort.CONSENT,
        EntryKind.CONSENT_HOLD: Sort.CONSENT,
        EntryKind.CONSENT_INVALIDATE: Sort.CONSENT,
        EntryKind.CONSENT_REFUSE: Sort.CONSENT,
        EntryKind.CONSENT_WITHDRAW: Sort.WITHDRAWAL,
        EntryKind.EXTRACT_REFUSE: Sort.REFUSAL,
        EntryKind.EXTRACT_RELEASE: Sort.RELEASE,
        EntryKind.PACK_PREVIEW: Sort.PACK,
        EntryKind.PACK_SIGN_OFF: Sort.PACK,
        EntryKind.PACK_WITHDRAW: Sort.PACK,
        EntryKind.PROFILE_PREVIEW: Sort.PREVIEW,
        EntryKind.RECALL_ANSWER: Sort.RECALL,
    }
)
"""Of each kind that is shown; a kind that is not listed is not shown: a new one has to be ruled on."""
COUNTED: Final = (Sort.REFUSAL, Sort.RELEASE)
"""What is counted by its marks; no entry that is not shown passes for one of these."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One line.

    Attributes:
        kind: of the entry; empty: it does not open, and nothing more is known of it than its minute.
        sort: absent where the kind is.
        agency: code; empty: it is about no single one.
        practitioner: id of who asked, or the member of staff who acted.
        reasons: codes: of a refusal, of the answer to a recall, of what a decision brought about.
        recalls: ids of the recalls that a withdrawal set off.
        entry: all of it; absent where the kind is.
    """

    leaf_index: int
    minute: datetime
    family_id: UUID
    kind: str = ""
    sort: Sort | None = None
    agency: str = ""
    practitioner: str = ""
    purpose: str = ""
    reasons: tuple[str, ...] = ()
    recalls: tuple[UUID, ...] = ()
    entry: OpenedEntry | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is absent does not matter.

    Attributes:
        since: aware instant, the first.
        until: aware instant, no more.
    """

    agency: str | None = None
    sort: Sort | None = None
    purpose: str | None = None
    practitioner: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def named(self) -> Mapping[str, str | None]:
        """What marks can find."""
        return {name: getattr(self, name) for name in About._fields}

    def has(self, line: Disclosure) -> bool:
        """True for a line that is looked for."""
        asked = (
            (self.agency, line.agency),
            (self.sort, line.sort),
            (self.purpose, line.purpose),
            (self.practitioner, line.practitioner),
        )
        return (
            all(wanted is None or wanted == told for wanted, told in asked)
            and (self.since is None or self.since <= line.minute)
            and (self.until is None or line.minute < self.until)
        )


def disclosures(
    connection: Connection,
    *,
    keyring: Keyring,
    wanted: Wanted,
    absent: Absent,
    before: int | None = None,
    since_place: int = 0,
) -> Iterator[Disclosure]:
    """Yield what is looked for, the newest first.

    Args:
        before: only what has a smaller leaf index.
        since_place: only what has none smaller than this.
    """
    keys: dict[UUID, FamilyKeys] = {}
    first = since_place
    if wanted.since is not None:
        first = max(first, first_since(connection, wanted.since - DISORDER))
    end = log_size(connection)
    if wanted.until is not None:
        end = min(end, first_since(connection, wanted.until + DISORDER))
    end = end if before is None else min(end, before)
    for rows in _candidates(connection, keyring, wanted, first=first, end=end):
        lines = [
            line for row in rows if (line := line_of(keyring, keys, row)) is not None and wanted.has(line)
        ]
        hidden = absent({line.family_id for line in lines}) if lines else ()
        yield from (line for line in lines if line.family_id not in hidden)


def _candidates(
    connection: Connection, keyring: Keyring, wanted: Wanted, *, first: int, end: int
) -> Iterator[Sequence[Row[Any]]]:
    """Yield, chunk by chunk, the newest first, what may be looked for: all that has no marks yet, below it by marks."""
    asked = wanted_marks(keyring.mark_key(connection), wanted.named())
    edge = max(first, min(end, marked_size(connection))) if asked else first
    yield from _chunks(connection, _BEFORE, {}, first=edge, end=end)
    if asked:
        yield from _chunks(connection, _BY_MARKS[tuple(asked)], asked, first=first, end=edge)


def _chunks(
    connection: Connection, statement: TextClause, asked: Mapping[str, int], *, first: int, end: int
) -> Iterator[Sequence[Row[Any]]]:
    while first < end:
        rows = connection.execute(statement, {**asked, "first": first, "before": end, "count": CHUNK}).all()
        yield rows
        end = rows[-1].leaf_index if len(rows) == CHUNK else first


def counts_by_week(
    connection: Connection,
    *,
    keyring: Keyring,
    mondays: Sequence[date],
    agencies: Collection[str],
    before: int,
    hidden: Collection[UUID],
) -> Mapping[tuple[Sort, str, date], int]:
    """Return how many releases and refusals there were, by agency and by the Monday of their week; nothing is opened.

    Args:
        mondays: of the weeks, in their order, the last one without an end.
        agencies: the codes of all that there are.
        before: only what has a smaller leaf index, all of it marked.
        hidden: families that are absent for whoever asks.
    """
    key = keyring.mark_key(connection)
    sorts = {mark(key, "sort", sort): sort for sort in COUNTED}
    codes = {mark(key, "agency", code): code for code in ("", *agencies)}
    asked = {
        "first": first_since(connection, midnight(mondays[0]) - DISORDER),
        "before": before,
        "weeks": [int(midnight(each).timestamp()) for each in mondays],
        "sorts": list(sorts),
        "hidden": list(hidden),
    }
    # Most of the log is counted: a plan for these very weeks goes through it at once, one for any goes by an index.
    connection.execute(_PLANNED)
    counts: Counter[tuple[Sort, str, date]] = Counter()
    for statement, sign in ((_BY_WEEK, 1), (_BY_WEEK_HIDDEN, -1)):
        for row in connection.execute(statement, asked):
            if row.week:
                counts[sorts[row.sort], codes[row.agency], mondays[row.week - 1]] += sign * row.number
    return +counts


def rows_between(connection: Connection, *, first: int, before: int) -> Sequence[Row[Any]]:
    """Return the entries with leaf indexes from ``first`` up to ``before``, the newest first, as they lie there."""
    return connection.execute(_BEFORE, {"first": first, "before": before, "count": before - first}).all()


def disclosure(
    connection: Connection, index: int, *, keyring: Keyring, absent: Absent
) -> tuple[Disclosure, StoredEntry] | None:
    """Return one line and its entry as it lies in the log; absent: for whoever asks there is none."""
    row = connection.execute(_AT, {"index": index}).one_or_none()
    line = None if row is None else line_of(keyring, {}, row)
    if row is None or line is None or line.family_id in absent({line.family_id}):
        return None
    return line, row


@dataclass(frozen=True, slots=True)
class Named:
    """Entries that somebody named before, as they are now for whoever asks.

    Attributes:
        lines: by entry, what exists for them.
        hidden: what does not; what nobody can open any more is in neither.
    """

    lines: Mapping[UUID, Disclosure]
    hidden: frozenset[UUID]


def named(connection: Connection, entries: Collection[UUID], *, keyring: Keyring, absent: Absent) -> Named:
    """Return what can be told of entries that were named before."""
    rows = connection.execute(_NAMED, {"entries": list(entries)}).all()
    away = absent({row.family_id for row in rows}) if rows else ()
    keys: dict[UUID, FamilyKeys] = {}
    lines = {
        row.entry_id: line
        for row in rows
        if row.family_id not in away and (line := line_of(keyring, keys, row)) is not None
    }
    return Named(lines, frozenset({row.entry_id for row in rows} - lines.keys()))


def place_of_extract(connection: Connection, extract_id: UUID) -> int | None:
    """Return the leaf index of the entry that released an extract; absent: none did, or its family was erased."""
    place: int | None = connection.execute(_OF_EXTRACT, {"extract": extract_id}).scalar_one_or_none()
    return place


def line_of(keyring: Keyring, keys: dict[UUID, FamilyKeys], row: Row[Any]) -> Disclosure | None:
    """Return the line of an entry; absent: it is under a restricted tag, or of a kind that is not shown.

    Args:
        keys: of the families that were met before; the entry's is among them then.
        row: as ``rows_between`` returns them.
    """
    try:
        if row.family_id not in keys:
            keys[row.family_id] = keyring.open_family(row.family_id, row.wrapped)
    except EnvelopeError:  # nobody can tell under which tag it is
        return None
    minute = minute_of(row)
    try:
        entry = open_under(keys[row.family_id], row)
    except EnvelopeError:  # the tag is ordinary: it was looked at first
        return Disclosure(row.leaf_index, minute, row.family_id)
    if entry is None or entry.internal.get("kind") not in SORT_OF:
        return None
    internal, recipient = entry.internal, entry.recipient
    staff = internal.get("recorded_by", internal.get("actor", ""))
    return Disclosure(
        row.leaf_index,
        minute,
        row.family_id,
        kind=internal["kind"],
        sort=SORT_OF[internal["kind"]],
        agency=internal.get("agency") or row.agency_code or "",
        practitioner=internal.get("practitioner", staff),
        purpose=recipient.get("purpose", internal.get("purpose", "")),
        reasons=_reasons(internal),
        recalls=tuple(map(UUID, internal.get("recalls", ()))),
        entry=entry,
    )


def _reasons(internal: Mapping[str, Any]) -> tuple[str, ...]:
    told = (internal.get(name, "") for name in ("answer", "ground", "effect", "stage"))
    return (*internal.get("reasons", ()), *(code for code in told if code))
