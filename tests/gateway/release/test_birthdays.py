"""What a parent agreed ends on a birthday: no job runs, and nobody else's data is held."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from consent_registry.birthdays import midnight
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import permitted, release
from gateway.wiring import Wiring
from tests.gateway.release.changing import born, by_a_parent, change, import_born, stands
from tests.support.world import World, household, item, small_family


@pytest.fixture
def world(wiring: Wiring) -> World:
    """A family whose daughter's yes was given by a parent; her brother's is his own."""
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    by_a_parent(made, "EH-1-ada")
    stands(made, "EH-1-ben", "capacity", '"competent_child"')
    return made


def told(world: World) -> set[str]:
    """The children whose names CAMHS is told."""
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    return {name for name in ("Adagiven", "Bengiven") if name in outcome.body.decode()}


@pytest.mark.parametrize("years", [16, 18])
def test_a_birthday_between_two_pulls_holds_that_young_person_alone(world: World, years: int) -> None:
    import_born(world, "EH-1-ada", born(years, turned=world.today + timedelta(days=1)))
    if years == 18:
        world.wiring = replace(world.wiring, settings=replace(world.wiring.settings, lapse_at_sixteen=False))
    assert {"Adagiven", "Bengiven"} == told(world)
    import_born(world, "EH-1-ada", born(years, turned=world.today))
    assert {"Bengiven"} == told(world)


def test_at_16_it_is_the_councils_policy(world: World) -> None:
    import_born(world, "EH-1-ada", born(16, turned=world.today))
    assert {"Bengiven"} == told(world)
    settings = replace(world.wiring.settings, lapse_at_sixteen=False)
    world.wiring = replace(world.wiring, settings=settings)
    assert {"Adagiven", "Bengiven"} == told(world)


def test_their_own_yes_ends_on_no_birthday(world: World) -> None:
    import_born(world, "EH-1-ben", born(18, turned=world.today))
    assert {"Adagiven", "Bengiven"} == told(world)


def test_an_extract_is_used_no_longer_than_to_the_birthday(world: World) -> None:
    tomorrow = world.today + timedelta(days=1)
    import_born(world, "EH-1-ada", born(16, turned=tomorrow))
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    assert midnight(tomorrow) == datetime.fromisoformat(json.loads(outcome.body)["use_until"])


def test_the_listing_knows_of_birthdays_too(world: World) -> None:
    for person in ("EH-1-mum", "EH-1-ben"):
        world.withdraw("EH-1", person)
    refs = [world.case_ref("camhs", "EH-1")]
    assert refs == permitted(world.wiring, caller=world.caller("camhs"), case_refs=refs)
    import_born(world, "EH-1-ada", born(16, turned=world.today))
    assert [] == permitted(world.wiring, caller=world.caller("camhs"), case_refs=refs)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE gateway.case_person SET born = 'damaged' WHERE person_id = :ada", id="damaged"),
        pytest.param(
            "UPDATE gateway.case_person SET born = (SELECT o.born FROM gateway.case_person o"
            " WHERE o.person_id = :ben) WHERE person_id = :ada",
            id="of somebody else",
        ),
    ],
)
def test_a_day_of_birth_that_does_not_open_makes_its_own_item_unavailable(
    world: World, statement: str
) -> None:
    """Without it nobody knows whether a parent's yes still counts; the next family is none the worse."""
    household(world, "EH-2")
    ada, ben = (world.person_id("EH-1", f"EH-1-{who}") for who in ("ada", "ben"))
    change(world, statement, ada=ada, **({"ben": ben} if ":ben" in statement else {}))
    refs = [world.case_ref("camhs", ref) for ref in ("EH-1", "EH-2")]
    caller = world.caller("camhs")
    outcomes = release(world.wiring, [ReleaseRequest(caller, ref) for ref in refs])
    assert ["Unavailable", "Released"] == [type(outcome).__name__ for outcome in outcomes]
    assert refs[1:] == permitted(world.wiring, caller=caller, case_refs=refs)


def test_a_case_that_does_not_say_when_somebody_was_born_is_released(world: World) -> None:
    """Nobody knows of a birthday; the agreement ends by its date."""
    change(world, "UPDATE gateway.case_person SET born = NULL WHERE family_id = :family")
    assert {"Adagiven", "Bengiven"} == told(world)


def test_a_closed_case_is_refused_as_before(world: World) -> None:
    """Closing makes a new version of the case; the days of birth still open, and the answer is the usual absence."""
    change(
        world,
        "UPDATE gateway.case_record SET status = 'closed', version = version + 1 WHERE family_id = :family",
    )
    assert "Refused" == type(world.release("camhs", "EH-1")).__name__


def test_whoever_has_a_day_of_birth_in_the_record_has_one_stored(world: World) -> None:
    """A parent may be under 18, too."""
    family = small_family("EH-1")
    birth = {"date": born(17, turned=world.today), "certainty": "exact"}
    others = [each for each in family["items"] if each["about"] != ["EH-1-ben"]]
    world.import_families(family | {"items": [*others, item("adult_dob", ["EH-1-mum"], birth)]})
    with world.wiring.engine.connect() as connection:
        stored = connection.execute(
            text("SELECT person_id FROM gateway.case_person WHERE born IS NOT NULL")
        ).scalars()
        assert {world.person_id("EH-1", f"EH-1-{who}") for who in ("ada", "mum")} == set(stored)
