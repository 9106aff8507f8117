"""To whoever has an interest in a family its case does not exist, and the refuge it is in knows where it is."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from gateway.cases.service import erase_family
from gateway.release.model import Refused, Released, ReleaseRequest
from gateway.release.service import permitted, release
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody
from tests.support.world import World, household, small_family


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "early-help", "refuge", "athena"):
        made.join(code, None if code != "athena" else made.members["refuge"].kind)
    household(made, "EH-1")
    return made


def again(world: World, **changes: Any) -> None:
    """The council's system sends the family once more."""
    world.import_families(small_family("EH-1") | changes)


@pytest.mark.parametrize(
    ("conflict", "refused"),
    [
        ({"agency": "camhs"}, {"camhs"}),
        ({"agency": "camhs", "practitioner": "camhs-1"}, {"camhs"}),
        ({"agency": "camhs", "practitioner": "camhs-2"}, set()),
        ({"agency": "early-help", "practitioner": "early-help-1"}, {"early-help"}),
        ({"agency": "refuge", "practitioner": "camhs-1"}, set()),
    ],
)
def test_the_case_is_not_there_for_whoever_has_an_interest(
    world: World, conflict: dict[str, str], refused: set[str]
) -> None:
    again(world, conflicts=[conflict])
    outcomes = {code: world.release(code, "EH-1") for code in ("camhs", "early-help")}
    assert refused == {code for code, outcome in outcomes.items() if isinstance(outcome, Refused)}
    for code in outcomes:
        asked = [world.case_ref(code, "EH-1"), uuid4()]
        listed = permitted(world.wiring, caller=world.caller(code), case_refs=asked)
        assert (asked[0] in listed) is (code not in refused)


def test_a_practitioner_on_no_register_may_be_anybody(world: World) -> None:
    again(world, conflicts=[{"agency": "refuge", "practitioner": "refuge-9"}])
    caller = world.caller("camhs")
    assert caller.practitioner is not None
    asserted = replace(caller, practitioner=replace(caller.practitioner, verified=False))
    (outcome,) = release(world.wiring, [ReleaseRequest(asserted, world.case_ref("camhs", "EH-1"))])
    assert isinstance(outcome, Refused)


def test_an_interest_stays_when_the_family_is_sent_again_without_it(world: World) -> None:
    """A file from another system knows nothing of it."""
    again(world, conflicts=[{"agency": "camhs"}])
    again(world)
    assert isinstance(world.release("camhs", "EH-1"), Refused)


def test_a_member_of_staff_with_an_interest_does_not_find_the_family(world: World) -> None:
    """Not on the list, not by search, not by address, although it is their own case."""
    ada = Somebody(world.wiring, Role.CASEWORKER)
    again(world, workers=[{"id": "ada", "from": "2026-01-01"}])
    address = f"/console/families/{world.family_id('EH-1')}"
    assert address in ada.get("/console/families")
    again(
        world,
        workers=[{"id": "ada", "from": "2026-01-01"}],
        conflicts=[{"agency": "early-help", "practitioner": "ada"}],
    )
    assert address not in ada.get("/console/families")
    assert address not in ada.send("/console/families/find", number="EH-1").text
    assert 404 == ada.ask(address).status_code


@pytest.mark.parametrize(("host", "sees"), [("refuge", True), ("athena", False), (None, False)])
def test_the_refuge_that_houses_them_is_told_the_district(
    world: World, host: str | None, *, sees: bool
) -> None:
    """Its row gives the district; another refuge, or nobody's, gets nothing of where they are."""
    shielded = [
        each | ({"shield": "refuge"} if each["role"] == "adult" else {})
        for each in small_family("EH-1")["people"]
    ]
    again(world, people=shielded, **({"hosting_refuge": host} if host else {}))
    outcome = world.release("refuge", "EH-1")
    assert isinstance(outcome, Released)
    assert sees is ('"SE6"' in outcome.body.decode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"conflicts": [{"practitioner": "x"}]},
        {"conflicts": [{"agency": "camhs", "because": "his sister"}]},
        {"conflicts": [{"agency": "CAMHS!"}]},
        {"conflicts": {"agency": "camhs"}},
        {"conflicts": [{"agency": "camhs"}] * 101},
        {"hosting_refuge": "No Such!"},
        {"hosting_refuge": None},
    ],
)
def test_a_wrong_interest_is_refused_and_changes_nothing(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        again(world, **wrong)
    assert isinstance(world.release("camhs", "EH-1"), Released)


def test_erasing_a_family_takes_its_interests_along(world: World, wiring: Wiring, eraser: Engine) -> None:
    """Whose uncle works where is a fact about a family, too."""
    again(world, conflicts=[{"agency": "camhs"}])
    erase_family(
        eraser,
        wiring=wiring,
        family_id=world.family_id("EH-1"),
        requested_by="one",
        approved_by="two",
        obstacles=(),
    )
    with wiring.engine.connect() as connection:
        assert 0 == connection.execute(text("SELECT count(*) FROM gateway.case_conflict")).scalar_one()
