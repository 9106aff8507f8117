"""A release is never wider than the profile version that was shown, over the versions as they are stored."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agencies import repository as agencies
from agencies.model import AgencyCode, Mark
from agencies.profile_text import format_profile, parse_profile
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import release
from gateway.wiring import Wiring
from tests.gateway.release.changing import change, stands
from tests.support.statements import statements
from tests.support.world import World, household

SHOWN = "profiles_shown"
NARROWER: Mapping[str, Mark] = {"child_name": Mark.G1, "child_dob": Mark.W}


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    return made


def approve(world: World, version: int, marks: Mapping[str, Mark]) -> None:
    """Store the next version of CAMHS's profile, the first one with other marks, and make it effective."""
    code = AgencyCode("camhs")
    with act(world.wiring, agencies=(code,)) as changing:
        first = parse_profile(agencies.profile_document(changing.connection, code, version=1) or "")
        rows = tuple(
            replace(row, panel=marks[row.field], service=marks[row.field]) if row.field in marks else row
            for row in first.rows
        )
        text = format_profile(replace(first, version=version, rows=rows))
        agencies.add_profile_version(changing.connection, document=text)
        now = database_now(changing.connection)
        agencies.make_effective(changing.connection, code, version=version, now=now)
        changing.record(kind="profile.store", actor="test", agency=code)


def levels(world: World) -> dict[str, dict[str, str]]:
    """By person of EH-1, the levels of two fields that CAMHS is told."""
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    people: list[dict[str, Any]] = json.loads(outcome.body)["record"]["people"]
    fields = {person["person"]: person["fields"] for person in people}
    return {
        who: {name: found[name]["level"] for name in NARROWER if name in found}
        for who in ("ada", "ben")
        for found in [fields.get(str(world.person_ref("camhs", "EH-1", f"EH-1-{who}")), {})]
    }


def test_a_wider_version_does_not_reach_back(world: World) -> None:
    """Two versions stored, the wider one effective: who was shown the narrower one is told of as narrowly as then."""
    wide = {"child_name": "F", "child_dob": "F"}
    assert {"ada": wide, "ben": wide} == levels(world)
    approve(world, 2, NARROWER)
    stands(world, "EH-1-ada", SHOWN, '{"camhs": 2}')
    approve(world, 3, {})
    assert {"ada": {"child_name": "G1"}, "ben": wide} == levels(world)


def test_a_narrower_version_counts_at_once(world: World) -> None:
    """Nobody has to be asked about what is taken away."""
    approve(world, 2, NARROWER)
    assert {"ada": {"child_name": "G1"}, "ben": {"child_name": "G1"}} == levels(world)


def test_the_level_is_the_lower_of_both_versions_field_by_field(world: World) -> None:
    """Each version is narrower in one field."""
    approve(world, 2, {"child_name": Mark.G1})
    approve(world, 3, {"child_dob": Mark.W})
    stands(world, "EH-1-ada", SHOWN, '{"camhs": 2}')
    assert {"child_name": "G1"} == levels(world)["ada"]
    assert {"child_name": "F"} == levels(world)["ben"]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param('{"camhs": 9}', id="a version that is not there"),
        pytest.param("{}", id="no version"),
        pytest.param('{"health": 1}', id="another agency's"),
    ],
)
def test_who_was_shown_nothing_that_is_known_is_told_of_in_no_way(world: World, shown: str) -> None:
    stands(world, "EH-1-ada", SHOWN, shown)
    told = levels(world)
    assert {} == told["ada"]
    assert {"child_name": "F", "child_dob": "F"} == told["ben"]


def test_a_shown_version_that_cannot_be_read_withholds_that_agreement_alone(world: World) -> None:
    change(
        world,
        "INSERT INTO agencies.profile_version VALUES ('camhs', 2, 'format = 0', sha256('format = 0'))",
    )
    stands(world, "EH-1-ada", SHOWN, '{"camhs": 2}')
    told = levels(world)
    assert {} == told["ada"]
    assert {"child_name": "F", "child_dob": "F"} == told["ben"]


def test_a_shown_version_that_is_no_number_fails_its_own_item_alone(world: World) -> None:
    """What is stored wrongly must not make the one statement of a whole batch fail."""
    household(world, "EH-2")
    stands(world, "EH-1-ada", SHOWN, '{"camhs": "two"}')
    caller = world.caller("camhs")
    batch = [ReleaseRequest(caller, world.case_ref("camhs", ref)) for ref in ("EH-1", "EH-2")]
    outcomes = release(world.wiring, batch)
    assert ["Unavailable", "Released"] == [type(outcome).__name__ for outcome in outcomes]


def test_other_versions_cost_no_further_statement(world: World) -> None:
    """The read brings them along."""
    request = ReleaseRequest(world.caller("camhs"), world.case_ref("camhs", "EH-1"))
    release(world.wiring, [request])  # the first request of a process starts the log, too
    approve(world, 2, NARROWER)
    with statements() as sent:
        release(world.wiring, [request, request])
    assert 3 == len(sent)
