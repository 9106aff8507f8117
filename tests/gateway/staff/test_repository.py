"""Members of staff: known, active, or neither."""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.staff.repository import active_member, deactivate, ensure_member
from gateway.wiring import Wiring


def test_a_member_is_active_until_they_leave(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection:
        added = ensure_member(connection, username="ada", roles=["caseworker", "safeguarding_lead"])
        assert added == active_member(connection, "ada")
        assert deactivate(connection, "ada")
        assert not deactivate(connection, "ada")
        assert active_member(connection, "ada") is None


def test_a_member_keeps_the_same_id_and_gets_the_new_roles(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection:
        first = ensure_member(connection, username="ada", roles=["caseworker"])
        deactivate(connection, "ada")
        again = ensure_member(connection, username="ada", roles=["operator"])
        assert (first.id, frozenset({"operator"})) == (again.id, again.roles)
        assert again == active_member(connection, "ada")


@pytest.mark.parametrize("username", ["Ada", "a", "ada lovelace", "1ada"])
def test_an_odd_username_is_refused(wiring: Wiring, username: str) -> None:
    """Two spellings of one person would be two people to the log."""
    with pytest.raises(IntegrityError), wiring.engine.begin() as connection:
        ensure_member(connection, username=username, roles=[])


def test_a_member_cannot_be_removed(wiring: Wiring) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), wiring.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM gateway.staff")
