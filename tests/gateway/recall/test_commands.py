"""``gateway case shield``: who is protected, what is called back with it, and what the exit status says."""

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway.cli import gateway
from gateway.recall import repository
from gateway.release.model import Released
from gateway.wiring import Wiring
from tests.support.rooms import environment
from tests.support.world import World, household

SOURCE = "EH-1"
MUM = f"{SOURCE}-mum"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity"):
        made.join(code)
    household(made, SOURCE)
    return made


def shield(world: World, source_ref: str, person: str) -> Result:
    line = ["case", "shield", source_ref, person, "--level", "refuge"]
    return CliRunner().invoke(gateway, line, env=environment(world.wiring))


def test_a_person_is_shielded_and_what_was_shared_is_called_back(world: World) -> None:
    """A move between listing and pull: whoever holds the old address is asked to stop using it."""
    pulled = world.release("camhs", SOURCE)
    assert isinstance(pulled, Released)
    result = shield(world, SOURCE, MUM)
    assert (0, "shielded: refuge\n") == (result.exit_code, result.output)
    with world.wiring.engine.connect() as connection:
        shields = connection.execute(text("SELECT shield FROM gateway.case_person ORDER BY shield")).scalars()
        assert ["none", "none", "refuge"] == shields.all()
        found = {code: repository.recalls_of(connection, code) for code in world.members}
    assert {"camhs": [(pulled.extract_id,)], "charity": []} == {
        code: [each.extracts for each in recalls] for code, recalls in found.items()
    }


def test_the_same_shield_again_calls_nothing_back_again(world: World) -> None:
    assert isinstance(world.release("camhs", SOURCE), Released)
    for _ in range(2):
        assert 0 == shield(world, SOURCE, MUM).exit_code
    with world.wiring.engine.connect() as connection:
        assert 1 == len(repository.recalls_of(connection, "camhs"))


@pytest.mark.parametrize(("source_ref", "person"), [("EH-9", MUM), (SOURCE, "P-NOBODY")])
def test_an_unknown_case_and_an_unknown_person_answer_alike(
    world: World, source_ref: str, person: str
) -> None:
    result = shield(world, source_ref, person)
    assert (1, "Error: There is no such person in such a case.\n") == (result.exit_code, result.output)
