"""What a member of staff looks for in the log, kept by name; each works in the caller's transaction.

INVARIANT: a view is its owner's alone; another's is not there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

MOST: Final = 30
"""Views of one member."""
LONGEST: Final = 60
"""Characters of a name."""

_ALL: Final = text(
    "SELECT view_id, name, wanted FROM gateway.disclosure_view WHERE staff_id = :staff ORDER BY name, view_id"
)
_SAVE: Final = text(
    "INSERT INTO gateway.disclosure_view (staff_id, name, wanted, saved_at)"
    " SELECT :staff, :name, CAST(:wanted AS jsonb), :now WHERE :most > (SELECT count(*) FROM gateway.disclosure_view"
    "   WHERE staff_id = :staff AND name <> :name)"
    " ON CONFLICT (staff_id, name) DO UPDATE SET wanted = excluded.wanted, saved_at = excluded.saved_at"
)
_FORGET: Final = text("DELETE FROM gateway.disclosure_view WHERE staff_id = :staff AND view_id = :view")


@dataclass(frozen=True, slots=True)
class SavedView:
    """One of them.

    Attributes:
        wanted: fields of the form with what was chosen; what was left open is not there.
    """

    id: UUID
    name: str
    wanted: Mapping[str, str]


def views_of(connection: Connection, staff_id: UUID) -> list[SavedView]:
    """Return the views of a member, by name."""
    rows = connection.execute(_ALL, {"staff": staff_id})
    return [SavedView(row.view_id, row.name, row.wanted) for row in rows]


def save(
    connection: Connection, staff_id: UUID, *, name: str, wanted: Mapping[str, str], now: datetime
) -> bool:
    """Keep a view, in place of the one of its name; return whether it was kept: there can be too many.

    Args:
        now: aware instant.
    """
    stored = connection.execute(
        _SAVE, {"staff": staff_id, "name": name, "wanted": json.dumps(dict(wanted)), "now": now, "most": MOST}
    )
    return stored.rowcount == 1


def forget(connection: Connection, staff_id: UUID, view_id: UUID) -> bool:
    """Forget a view; return whether there was one."""
    return connection.execute(_FORGET, {"staff": staff_id, "view": view_id}).rowcount == 1
