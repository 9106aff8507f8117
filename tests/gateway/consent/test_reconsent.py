"""A wider profile asks every family again, and gives nobody more meanwhile."""

import dataclasses
import json

import pytest

from agencies.errors import SecondPersonError
from agencies.model import AgencyCode
from agencies.repository import profile_document
from gateway.agency import service
from gateway.release.model import Released
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.world import World, household

CODE = AgencyCode("charity")
SOURCES = ("EH-1", "EH-2")


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("charity")
    for source_ref in SOURCES:
        household(made, source_ref)
    return made


def adopt(world: World, field: str, panel: str, *, version: int = 2) -> int:
    """Store and adopt the newest version with another mark for one field at the panel."""
    with world.wiring.engine.connect() as connection:
        document = profile_document(connection, CODE, version=version - 1) or ""
    head, _, rest = document.partition(f'field = "{field}"')
    line, _, tail = rest.partition("panel = ")
    changed = f'{head}field = "{field}"{line}panel = "{panel}"{tail[tail.index(chr(34), 1) + 1 :]}'
    changed = changed.replace(f"version = {version - 1}", f"version = {version}", 1)
    service.store_profile(world.wiring, document=changed, actor="test")
    return service.adopt_synthetic(world.wiring, code=CODE, version=version, actor="test")


def asked(world: World) -> int:
    with world.wiring.engine.connect() as connection:
        return sum(task.kind == "consent.reconsent" for task in open_tasks(connection))


def told(world: World) -> dict[str, str]:
    """What of which the charity is told, with its level."""
    outcome = world.release("charity", "EH-1")
    assert isinstance(outcome, Released)
    people = json.loads(outcome.body)["record"].get("people", [])
    return {name: field["level"] for person in people for name, field in person["fields"].items()}


def test_a_wider_version_asks_each_family_once_and_gives_no_more(world: World) -> None:
    before = told(world)
    assert "G2" == before["address"]
    assert 2 == adopt(world, "address", "G1")
    assert (2, before) == (asked(world), told(world))
    world.give("EH-1", "EH-1-mum")
    assert "G1" == told(world)["address"]


def test_a_narrower_version_asks_nobody_and_gives_less_at_once(world: World) -> None:
    assert "child_dob" in told(world)
    assert 0 == adopt(world, "child_dob", "W")
    assert "child_dob" not in told(world)


def test_what_is_outside_consent_is_no_reason_to_ask(world: World) -> None:
    assert 0 == adopt(world, "risk_person", "G1")


def test_a_second_widening_asks_again(world: World) -> None:
    adopt(world, "address", "G1")
    assert 2 == adopt(world, "child_dob", "G1", version=3)
    assert 4 == asked(world)


def test_real_people_need_a_second_person(world: World) -> None:
    real = dataclasses.replace(
        world.wiring, settings=dataclasses.replace(world.wiring.settings, synthetic_people=False)
    )
    with pytest.raises(SecondPersonError):
        service.adopt_synthetic(real, code=CODE, version=1, actor="test")
