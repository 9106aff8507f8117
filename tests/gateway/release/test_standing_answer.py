"""What would be released now: the same decision and the same record as a release, and no trace of having asked."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from agencies.model import FieldName
from certs.envelope import unseal
from gateway.cases.errors import UnreadablePartError
from gateway.release.model import Permit, RefusalReason, Refuse, Released
from gateway.release.standing_answer import would_release
from gateway.wiring import Wiring
from tests.gateway.release.changing import born, by_a_parent, change, import_born, stands
from tests.support.world import World, household

AGENCIES = ("camhs", "charity", "early-help", "health")


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in AGENCIES:
        made.join(code)
    household(made, "EH-1")
    return made


def recorded(world: World, extract_id: UUID) -> Any:
    """The internal part of the entry of one extract."""
    with world.wiring.engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT e.entry_id, e.body, p.sealed FROM gateway.log_trace t JOIN gateway.log_entry e USING (entry_id)"
                " JOIN gateway.log_payload p USING (entry_id) WHERE t.extract_id = :x"
            ),
            {"x": extract_id},
        ).one()
        keys = world.wiring.keyring.family(connection, world.family_id("EH-1"))
    commitment = bytes.fromhex(json.loads(row.body)["c"])
    return json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))["i"]


def answer(world: World, agency: str, *, purpose: str = "P1") -> tuple[object, str | None]:
    caller = world.caller(agency, purpose=purpose)
    return would_release(world.wiring, caller=caller, case_ref=world.case_ref(agency, "EH-1"))


@pytest.mark.parametrize("agency", AGENCIES)
def test_it_is_what_a_release_records(world: World, agency: str) -> None:
    outcome = world.release(agency, "EH-1")
    assert isinstance(outcome, Released)
    decision, record = answer(world, agency)
    assert isinstance(decision, Permit)
    internal = recorded(world, outcome.extract_id)
    assert record == internal["record_sha256"]
    assert sorted(map(str, decision.decisions)) == internal["decisions"]


def test_a_release_records_everybody_whom_it_says_something_of(world: World) -> None:
    """Of the daughter nothing is told but what the family wants help with."""
    world.withdraw("EH-1", "EH-1-ben")
    world.withdraw("EH-1", "EH-1-ada", categories=["name", "birth"])
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    people = sorted(str(world.person_id("EH-1", f"EH-1-{who}")) for who in ("mum", "ada"))
    assert people == recorded(world, outcome.extract_id)["people"]


def test_it_changes_when_somebody_withdraws_a_part(world: World) -> None:
    _, before = answer(world, "camhs")
    world.withdraw("EH-1", "EH-1-ada", categories=["name"])
    decision, after = answer(world, "camhs")
    assert isinstance(decision, Permit)
    assert None not in {before, after}
    assert before != after


def test_nothing_would_leave_where_a_release_is_refused(world: World) -> None:
    """An unknown case, a stage without entitlement, and a case of which nothing is told."""
    unknown = would_release(world.wiring, caller=world.caller("camhs"), case_ref=uuid4())
    assert (Refuse((RefusalReason.UNKNOWN_REF,)), None) == unknown
    assert (Refuse((RefusalReason.NOT_ENTITLED,)), None) == answer(world, "camhs", purpose="P2")
    change(world, "DELETE FROM gateway.case_part WHERE family_id = :family")
    decision, record = answer(world, "camhs")
    assert (True, None) == (isinstance(decision, Permit), record)


def test_it_knows_of_birthdays(world: World) -> None:
    by_a_parent(world, "EH-1-ada")
    stands(world, "EH-1-ben", "capacity", '"competent_child"')
    import_born(world, "EH-1-ada", born(16, turned=world.today))
    decision, _ = answer(world, "camhs")
    assert isinstance(decision, Permit)
    agreed = {str(world.person_id("EH-1", f"EH-1-{who}")) for who in ("mum", "ben")}
    assert agreed == decision.grants[FieldName("child_name")].people.keys()


def test_asking_leaves_no_trace(world: World) -> None:
    count = text("SELECT count(*) FROM gateway.log_entry")
    with world.wiring.engine.connect() as connection:
        before = connection.execute(count).scalar_one()
    answer(world, "camhs")
    with world.wiring.engine.connect() as connection:
        assert before == connection.execute(count).scalar_one()


def test_a_damaged_value_is_said_to_be_one(world: World) -> None:
    change(world, "UPDATE gateway.case_person SET born = 'damaged' WHERE family_id = :family")
    with pytest.raises(UnreadablePartError):
        answer(world, "camhs")
