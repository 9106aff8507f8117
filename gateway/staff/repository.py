"""Reads and writes of the members of staff; each works in the caller's transaction and commits nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.staff.tables import STAFF


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of the council's staff who may act now."""

    id: UUID
    username: str
    roles: frozenset[str]


def ensure_member(connection: Connection, *, username: str, roles: Iterable[str]) -> StaffMember:
    """Make this member active with exactly these roles, new or known before.

    Args:
        username: lower case, as signed in with; the database refuses any other form.
    """
    values = {"roles": sorted(set(roles)), "active": True}
    statement = insert(STAFF).values(username=username, **values)
    stored = statement.on_conflict_do_update(index_elements=["username"], set_=values)
    row = connection.execute(stored.returning(STAFF.c.id)).one()
    return StaffMember(row.id, username, frozenset(roles))


def active_member(connection: Connection, username: str) -> StaffMember | None:
    """The active member of this username; one who left is absent like one who never was."""
    wanted = select(STAFF.c.id, STAFF.c.username, STAFF.c.roles).where(
        STAFF.c.username == username, STAFF.c.active
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else StaffMember(row.id, row.username, frozenset(row.roles))


def deactivate(connection: Connection, username: str) -> bool:
    """Let this member act no more; whether that changed anything."""
    left = update(STAFF).where(STAFF.c.username == username, STAFF.c.active).values(active=False)
    return connection.execute(left).rowcount > 0
