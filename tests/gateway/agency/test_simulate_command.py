"""``gateway profile simulate``: a table for people, a document for programs, how far it is beside both."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text as sql

from agencies import repository as agencies
from agencies.model import AgencyCode
from gateway.agency import service
from gateway.agency.commands import profile
from gateway.disclosure_log.reading import newest
from gateway.disclosure_log.service import act
from gateway.release.model import Released
from gateway.wiring import Wiring
from tests.support.rooms import environment
from tests.support.world import World, household

TABLE = """\
Version 2 of camhs, the last 30 days.
Replayed: 2 past pulls of 1 family.

field      lost  families  gained  families  at once
child_dob     2         1       0         0        0
address       0         0       2         1        0

2 past pulls of 1 family would have lost: a child's date of birth, or the expected date.
2 past pulls of 1 family would have been told more: where a person lives; but only once the families were shown version 2.
"""


@pytest.fixture
def world(wiring: Wiring) -> World:
    """CAMHS pulled one family twice; ``changed`` is a version that was stored since."""
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    for _ in range(2):
        assert isinstance(made.release("camhs", "EH-1"), Released)
    return made


def text(world: World) -> str:
    with world.wiring.engine.connect() as connection:
        return agencies.profile_document(connection, AgencyCode("camhs"), version=1) or ""


def changed(world: World) -> str:
    """A second version: an address in full, and no date of birth of a child."""
    found = text(world).replace("version = 1\n", "version = 2\n", 1)
    found = found.replace('field = "child_dob"\npanel = "F"', 'field = "child_dob"\npanel = "W"')
    return found.replace('field = "address"\npanel = "G2"', 'field = "address"\npanel = "F"')


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(profile, ["simulate", *arguments], env=environment(world.wiring))


def entries(world: World) -> list[str]:
    with world.wiring.engine.connect() as connection:
        found = [line.kind for line in newest(connection, keyring=world.wiring.keyring, count=100)]
    return [kind for kind in found if kind == "profile.simulate"]


def test_a_file_and_what_is_stored_are_replayed_the_same(world: World, tmp_path: Path) -> None:
    file = tmp_path / "camhs.toml"
    file.write_text(changed(world))
    of_file = run(world, str(file))
    assert (0, TABLE) == (of_file.exit_code, of_file.stdout)
    assert "Replaying 2 releases\n" == of_file.stderr
    service.store_profile(world.wiring, document=changed(world), actor="test")
    assert TABLE == run(world, "camhs", "2").stdout
    assert 2 == len(entries(world))


def test_nothing_else_is_told_of_what_changes_nothing(world: World) -> None:
    told = run(world, "camhs", "1", "--days", "90").stdout
    assert [
        "Version 1 of camhs, the last 90 days.",
        "Replayed: 2 past pulls of 1 family.",
        "Nothing would have been told otherwise.",
    ] == told.splitlines()


def test_a_program_reads_standard_output_alone(world: World, tmp_path: Path) -> None:
    file = tmp_path / "camhs.toml"
    file.write_text(changed(world))
    found = json.loads(run(world, str(file), "--json").stdout)
    assert (1, "camhs", 2, 30) == tuple(found[name] for name in ("format", "agency", "version", "days"))
    assert {"releases": 2, "families": 1} == found["replayed"]
    assert {"child_name", "address"} <= {each["field"] for each in found["fields"]}


def test_what_would_have_been_refused_and_what_was_not_replayed_is_said(world: World, tmp_path: Path) -> None:
    household(world, "EH-2")
    assert isinstance(world.release("camhs", "EH-2"), Released)
    family = world.family_id("EH-2")
    with act(world.wiring, families=(family,)) as change:
        change.connection.execute(
            sql("DELETE FROM gateway.case_record WHERE family_id = :family"), {"family": family}
        )
        change.record(kind="case.replace", actor="test", family_id=family)
    file = tmp_path / "camhs.toml"
    file.write_text(re.sub(r'^(panel|service) = ".*"$', r'\1 = "W"', text(world), flags=re.MULTILINE))
    told = run(world, str(file)).stdout
    assert "Refused would have been 2 past pulls of 1 family: nothing would have been left.\n" in told
    assert "Not replayed: 1, because their cases are gone.\n" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["camhs", "9"],
        ["nobody", "1"],
        ["camhs\x00", "1"],
        ["camhs"],
        ["\x00"],
        ["camhs", "1", "--days", "0"],
        ["camhs", "1", "--days", "367"],
        ["camhs", "x"],
        ["."],
    ],
)
def test_what_cannot_be_replayed_is_one_sentence_and_no_entry(world: World, arguments: list[str]) -> None:
    result = run(world, *arguments)
    assert result.exit_code in {1, 2}
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output
    assert "" == result.stdout
    assert [] == entries(world)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"format = 2", b"x", b""])
def test_a_file_that_is_no_profile_is_refused(world: World, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "camhs.toml"
    file.write_bytes(content)
    result = run(world, str(file))
    assert (1, "", []) == (result.exit_code, result.stdout, entries(world))
    assert result.stderr.startswith("Error: ")


def test_a_profile_of_an_unknown_agency_is_refused(world: World, tmp_path: Path) -> None:
    file = tmp_path / "camhs.toml"
    file.write_text(text(world).replace('agency = "camhs"', 'agency = "nobody"', 1))
    result = run(world, str(file))
    assert (1, "Error: There is no such agency.\n") == (result.exit_code, result.stderr)
