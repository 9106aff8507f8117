"""The page of what a version would have changed: on record first, bounded, in words as well as bars, no names."""

import json
import re
from http import HTTPStatus
from typing import Final
from uuid import UUID

import pytest

from agencies import repository as agencies
from agencies.model import AgencyCode, FieldName, Level
from agencies.profile_text import format_profile
from gateway.agency import service
from gateway.console import impact_views
from gateway.console.impact_chart import Bar, Change, Label, chart
from gateway.disclosure_log.reading import newest
from gateway.release.impact import Replay, Scope, add_up
from gateway.release.model import Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.gateway.release.test_simulation import VALUES, candidate
from tests.support.pages import Somebody, title, words
from tests.support.prepared import made_once
from tests.support.world import World, household

ADDRESS: Final = "/console/profiles/camhs/versions/2/impact"
SCOPE: Final = Scope(AgencyCode("camhs"), version=2, days=30, left_out=0, untraced=0)
DOB, NAME = FieldName("child_dob"), FieldName("child_name")


def world_of(wiring: Wiring) -> World:
    """CAMHS pulled one family twice; version 2 is stored: no date of birth, and an address in full."""
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    for _ in range(2):
        assert isinstance(made.release("camhs", "EH-1"), Released)
    wanted = candidate(made, child_dob="W", address="F")
    service.store_profile(wiring, document=format_profile(wanted), actor="test")
    return made


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def dana(world: World) -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def entries(world: World) -> list[tuple[str, str]]:
    """Every simulation on record: who, and of which agency."""
    with world.wiring.engine.connect() as connection:
        found = list(newest(connection, keyring=world.wiring.keyring, count=200))
    return [(line.actor, line.agency) for line in found if line.kind == "profile.simulate"]


def test_the_page_says_it_in_words_and_bars(world: World, dana: Somebody) -> None:
    page = dana.get(ADDRESS)
    said = words(page)
    assert "What it would have changed" == title(page)
    assert "Replayed: 2 past pulls of 1 family, of the last 30 days." in said
    lost = "2 past pulls of 1 family would have lost: a child's date of birth, or the expected date."
    assert 2 == said.count(lost), "as a sentence, and for whoever does not see the bars"
    assert "but only once the families were shown version 2" in said
    assert "What was agreed is never told more widely than it was shown" in said
    assert "2 past pulls of 1 family, 0 at once" in said
    assert "full then, never under it: 2" in said
    assert str(world.family_id("EH-1")) in said
    assert [] == [value for value in VALUES if value in page]


def test_the_drawing_is_told_to_whoever_does_not_see_it(dana: Somebody) -> None:
    page = dana.get(ADDRESS)
    (drawing,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    named = re.search(r'role="img" aria-labelledby="([^"]+)"', drawing)
    assert named is not None
    for name in named[1].split():
        assert re.search(rf'<(title|desc) id="{name}">[^<]+</', drawing), name
    assert "style" not in drawing
    assert ["lost 2", "gained 2"] == re.findall(r">((?:lost|gained) \d+)</text>", drawing)
    assert 1 == drawing.count('fill="url(#chart-lost)"'), "pattern and word tell them apart, not colour"
    assert '<div class="app-scroll" role="region" aria-label="Bars' in page


def test_that_somebody_looked_is_on_record(world: World, dana: Somebody) -> None:
    dana.get(ADDRESS)
    dana.get(f"{ADDRESS}.json")
    eli = Somebody(world.wiring, Role.SECOND_APPROVER, username="eli")
    eli.get(f"{ADDRESS}?days=90")
    assert [("dana", "camhs"), ("dana", "camhs"), ("eli", "camhs")] == entries(world)


def test_a_program_gets_the_same_as_a_file(dana: Somebody) -> None:
    assert f'href="{ADDRESS}.json?days=90"' in dana.get(f"{ADDRESS}?days=90")
    answer = dana.ask(f"{ADDRESS}.json?days=90")
    assert "application/json" == answer.headers["Content-Type"]
    assert 'attachment; filename="impact-camhs-2.json"' == answer.headers["Content-Disposition"]
    found = json.loads(answer.text)
    assert (2, 90, 2) == (found["version"], found["days"], found["replayed"]["releases"])
    assert {each["field"] for each in found["fields"]} >= {"child_dob", "address"}
    assert [] == [value for value in VALUES if value in answer.text]


def test_a_version_that_changes_nothing_has_no_bars(dana: Somebody) -> None:
    page = dana.get("/console/profiles/camhs/versions/1/impact")
    assert "Nothing would have been told otherwise." in words(page)
    assert "<svg" not in page


def test_a_page_of_many_pulls_is_cut_and_says_so(
    world: World, dana: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impact_views, "MOST_ON_A_PAGE", 1)
    said = words(dana.get(f"{ADDRESS}?days=90"))
    assert "Only the newest 1 of 2 past pulls were looked at here." in said
    assert "gateway profile simulate camhs 2 --days 90" in said
    assert 1 == json.loads(dana.ask(f"{ADDRESS}.json").text)["left_out"]
    assert 2 == len(entries(world))


def test_nothing_left_is_a_warning(world: World, dana: Somebody) -> None:
    document = agencies_text(world).replace("version = 2\n", "version = 3\n", 1)
    document = re.sub(r'^(panel|service) = ".*"$', r'\1 = "W"', document, flags=re.MULTILINE)
    service.store_profile(world.wiring, document=document, actor="test")
    said = words(dana.get("/console/profiles/camhs/versions/3/impact"))
    assert "Warning 2 past pulls of 1 family would have been refused" in said


def agencies_text(world: World) -> str:
    with world.wiring.engine.connect() as connection:
        return agencies.profile_document(connection, AgencyCode("camhs"), version=2) or ""


@pytest.mark.parametrize("days", ["", "0", "31", "x", "30x", "%00", "-30", "9" * 400])
def test_other_times_are_a_fault_and_no_entry(world: World, dana: Somebody, days: str) -> None:
    answer = dana.ask(f"{ADDRESS}?days={days}")
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "Error: What it would have changed" == title(answer.text)
    assert "Choose 30 or 90 days." in words(answer.text)
    assert HTTPStatus.NOT_FOUND == dana.ask(f"{ADDRESS}.json?days={days}").status_code
    assert [] == entries(world)


@pytest.mark.parametrize(
    "named", ["camhs/versions/9", "camhs/versions/x", "camhs/versions/9999999", "nobody/versions/1", "%00/versions/1"]
)  # fmt: skip
def test_what_is_not_stored_is_not_found(world: World, dana: Somebody, named: str) -> None:
    for ending in ("impact", "impact.json"):
        assert HTTPStatus.NOT_FOUND == dana.ask(f"/console/profiles/{named}/{ending}").status_code
    assert [] == entries(world)


def test_whoever_decides_about_a_version_is_led_there(dana: Somebody) -> None:
    assert f'href="{ADDRESS}"' in dana.get("/console/approvals/profile/camhs/2")


def replay(number: int, field: FieldName, before: Level, after: Level) -> Replay:
    levels = [{field: level} if level > Level.W else {} for level in (before, after)]
    return Replay(UUID(int=number), levels[0], levels[1], levels[1])


def test_the_longest_bar_is_of_the_most_pulls_and_none_is_too_short_to_see() -> None:
    replays = [
        *(replay(number, DOB, Level.F, Level.W) for number in range(300)),
        *(replay(number, NAME, Level.W, Level.F) for number in range(150)),
        replay(1, NAME, Level.F, Level.W),
    ]
    drawn = chart(add_up(replays, scope=SCOPE))
    assert (
        Label(18, "A child's names"),
        Label(104, "A child's date of birth, or the expected date"),
    ) == drawn.labels
    assert (
        Bar(Change.LOST, y=26, width=4, words="lost 1", words_x=12, words_y=40),
        Bar(Change.GAINED, y=50, width=240, words="gained 150", words_x=248, words_y=64),
        Bar(Change.LOST, y=112, width=480, words="lost 300", words_x=488, words_y=126),
    ) == drawn.bars
    assert (640, 148, 18) == (drawn.width, drawn.height, drawn.bar_height)


def test_of_nothing_there_is_no_bar() -> None:
    drawn = chart(add_up([replay(1, DOB, Level.F, Level.F)], scope=SCOPE))
    assert ((), (), "") == (drawn.labels, drawn.bars, drawn.description)
