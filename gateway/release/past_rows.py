"""Rows as they were at any instant: what a table holds now, and what triggers kept of it before each change.

INVARIANT: a row counts as it was before the first transaction that changed it after that instant.
INVARIANT: what is read once answers for every instant; asking it again reads nothing more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

from gateway.cases.model import CaseIdentity

Row: TypeAlias = Mapping[str, Any]  # a row as PostgreSQL writes it in JSON: ids and instants as text
Key: TypeAlias = tuple[str, ...]

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "agencies.agency": ("agency_code",),
    "agencies.effective_profile": ("agency_code",),
    "gateway.agenda_item": ("meeting_id", "case_id"),
    "gateway.case_conflict": ("case_id", "agency_code", "practitioner_id"),
    "gateway.case_person": ("case_id", "person_id"),
    "gateway.case_record": ("case_id",),
    "gateway.case_worker": ("case_id", "worker", "from_date"),
    "gateway.offer": ("offer_id",),
    "gateway.panel_meeting": ("meeting_id",),
    "gateway.panel_member": ("meeting_id", "agency_code"),
}
"""The tables whose past is kept, and what tells their rows apart."""

OF_A_CASE: Final = (
    "gateway.agenda_item",
    "gateway.case_conflict",
    "gateway.case_person",
    "gateway.case_record",
    "gateway.case_worker",
    "gateway.offer",
)
"""Those whose rows each belong to one case."""

_CASE_NOW: Final = text(
    " UNION ALL ".join(
        f"SELECT '{table}' AS table_name, to_jsonb(t) AS body FROM {table} t WHERE t.case_id = :case"  # noqa: S608 - a name of OF_A_CASE
        for table in OF_A_CASE
    )
)
_CASE_BEFORE: Final = text(
    "SELECT table_name, key, body, until FROM gateway.past WHERE family_id = :family ORDER BY until DESC"
)
_BEFORE: Final = text(
    "SELECT key, body, until FROM gateway.past WHERE table_name = :table"
    " AND (CAST(:column AS text) IS NULL OR key ->> :column = :value OR body ->> :column = :value"
    " OR family_id::text = :value) ORDER BY until DESC"
)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Some rows of one table, now and at any instant before.

    Attributes:
        now: each row by its key.
        before: key, row (absent: there was none) and until when it was like that, the latest first.
    """

    now: Mapping[Key, Row]
    before: Sequence[tuple[Key, Row | None, datetime]]

    def at(self, instant: datetime) -> list[Row]:
        """The rows that were there at an aware instant, by key."""
        rows: dict[Key, Row | None] = dict(self.now)
        for key, body, until in self.before:
            if until <= instant:
                break
            rows[key] = body
        return [body for _, body in sorted(rows.items()) if body is not None]


def rows_at(connection: Connection, table: str, *, at: datetime, column: str, value: object) -> Sequence[Row]:
    """Return the rows of a table that were there at an instant.

    Args:
        column: which narrows them, one of the table's own; ``value`` is what it holds.

    Raises: KeyError, the past of this table is not kept.
    """
    return kept_rows(connection, table, column=column, value=value).at(at)


def kept_rows(
    connection: Connection, table: str, *, column: str | None = None, value: object = None
) -> KeptRows:
    """Return the rows of a table, now and before.

    Args:
        column: which narrows them, one of the table's own; ``value`` is what it holds; absent: all rows.

    Raises: KeyError, the past of this table is not kept.
    """
    keys = _KEYS[table]
    narrowed = {"column": column, "value": str(value)}
    now = connection.execute(
        text(
            f"SELECT body FROM {table} t, to_jsonb(t) AS body"  # noqa: S608 - a name of _KEYS, looked up above
            " WHERE CAST(:column AS text) IS NULL OR body ->> :column = :value"
        ),
        narrowed,
    ).scalars()
    before = connection.execute(_BEFORE, {**narrowed, "table": table})
    return KeptRows(
        {_key(body, keys): body for body in now},
        [(_key(row.key, keys), row.body, row.until) for row in before],
    )


def kept_rows_of_case(connection: Connection, identity: CaseIdentity) -> Mapping[str, KeptRows]:
    """Return every row that belongs to one case, now and before, by table; two statements, both by an index."""
    now: dict[str, dict[Key, Row]] = {table: {} for table in OF_A_CASE}
    for row in connection.execute(_CASE_NOW, {"case": identity.case_id}):
        now[row.table_name][_key(row.body, _KEYS[row.table_name])] = row.body
    before: dict[str, list[tuple[Key, Row | None, datetime]]] = {table: [] for table in OF_A_CASE}
    for row in connection.execute(_CASE_BEFORE, {"family": identity.family_id}):
        before[row.table_name].append((_key(row.key, _KEYS[row.table_name]), row.body, row.until))
    return {table: KeptRows(now[table], before[table]) for table in OF_A_CASE}


def _key(body: Row, keys: Iterable[str]) -> Key:
    return tuple(str(body[name]) for name in keys)
