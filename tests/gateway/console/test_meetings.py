"""The coordinator's pages: a meeting from its first day to help that was accepted, and whatever may be typed wrong."""

from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import pytest

from gateway.release.model import Refused, Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, title, words
from tests.support.prepared import made_once
from tests.support.world import World, household, small_family

SOURCE: Final = "EH-1"


def world_of(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "police"):
        made.join(code)
    household(made, SOURCE, listed=False)
    return made


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def chair(world: World) -> Somebody:
    return Somebody(world.wiring, Role.PANEL_COORDINATOR, username="chidi")


def day(world: World, name: str) -> dict[str, str]:
    today = world.today
    return {f"{name}-day": str(today.day), f"{name}-month": str(today.month), f"{name}-year": str(today.year)}


def hold(world: World, chair: Somebody, **changes: Any) -> Any:
    return chair.send(
        "/console/meetings/new",
        {"title": "Panel B", "members": ["camhs", "charity"], **day(world, "held"), **changes},
    )


def test_from_the_first_day_to_accepted_help(world: World, chair: Somebody) -> None:
    address = hold(world, chair).headers["Location"]
    assert "No case is listed yet." in words(chair.get(address))
    assert address == chair.send(f"{address}/cases", reference=SOURCE).headers["Location"]
    said = words(chair.get(address))
    assert "1. Mary Shelleyname ready Record help" in said
    assert "The camhs, The charity" in said
    assert isinstance(world.release("camhs", SOURCE), Released)
    case = chair.get(address).partition("/cases/")[2][:36]
    accepted = chair.send(
        f"{address}/cases/{case}/offer", {"agency": "charity", "service": "food", **day(world, "accepted")}
    )
    assert address == accepted.headers["Location"]
    assert isinstance(world.release("charity", SOURCE, purpose="P2"), Released)
    chair.send(f"{address}/members", members=["charity"])
    assert isinstance(world.release("camhs", SOURCE), Refused)
    chair.send(f"{address}/cases/{case}/remove")
    assert "No case is listed yet." in words(chair.get(address))
    assert "Panel B" in words(chair.get("/console/meetings"))


def test_a_sealed_family_has_no_name_here_and_is_not_listed(world: World, chair: Somebody) -> None:
    address = hold(world, chair).headers["Location"]
    chair.send(f"{address}/cases", reference=SOURCE)
    world.import_families({**small_family(SOURCE), "seals": ["conflict"]})
    page = chair.get(address)
    assert "1. A sealed family" in words(page)
    assert "Shelleyname" not in page
    case = page.partition("/cases/")[2][:36]
    chair.send(f"{address}/cases/{case}/remove")
    answer = chair.send(f"{address}/cases", reference=SOURCE)
    assert "No case that may be listed is known by this reference." in words(answer.text)


WRONG: Final = {
    "no title": {"title": " "},
    "a title of two lines": {"title": "a\nb"},
    "no day": {"held-day": "", "held-month": "", "held-year": ""},
    "no such day": {"held-day": "31", "held-month": "2"},
    "a year long ago": {"held-year": "1999"},
    "the police": {"members": ["police"]},
    "nobody known": {"members": ["nobody"]},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_a_meeting_that_cannot_be_held_says_why(
    world: World, chair: Somebody, changes: dict[str, Any]
) -> None:
    answer = hold(world, chair, **changes)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "Error: Hold a meeting" == title(answer.text)
    assert "No meeting is planned." in words(chair.get("/console/meetings"))


CASES: Final = {
    "nothing": ("", "No case that may be listed is known by this reference."),
    "nobody": ("EH-0", "No case that may be listed is known by this reference."),
    "a control character": ("\x00", "No case that may be listed is known by this reference."),
    "nobody agreed": ("EH-5", "Nobody in the family agrees to share with a member of this meeting."),
    "another level": ("EH-3", "Only open cases at Level 2 go to the panel."),
}


@pytest.mark.parametrize(("reference", "sentence"), CASES.values(), ids=CASES.keys())
def test_a_case_that_cannot_be_listed_says_why(
    world: World, chair: Somebody, reference: str, sentence: str
) -> None:
    world.import_families(small_family("EH-5"), {**small_family("EH-3"), "threshold_level": 3})
    address = hold(world, chair).headers["Location"]
    answer = chair.send(f"{address}/cases", reference=reference)
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, True) == (answer.status_code, sentence in words(answer.text))


OFFERS: Final = {
    "nobody": {"agency": ""},
    "somebody unknown": {"agency": "nobody"},
    "the police": {"agency": "police"},
    "no service": {"service": ""},
    "no day": {"accepted-day": "x"},
}


@pytest.mark.parametrize("changes", OFFERS.values(), ids=OFFERS.keys())
def test_help_that_cannot_be_recorded_says_why(
    world: World, chair: Somebody, changes: dict[str, str]
) -> None:
    address = hold(world, chair).headers["Location"]
    chair.send(f"{address}/cases", reference=SOURCE)
    case = chair.get(address).partition("/cases/")[2][:36]
    sent = {"agency": "charity", "service": "food", **day(world, "accepted"), **changes}
    answer = chair.send(f"{address}/cases/{case}/offer", sent)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert isinstance(world.release("charity", SOURCE, purpose="P2"), Refused)


@pytest.mark.parametrize("meeting_id", [str(uuid4()), "x"], ids=["unknown", "no id"])
def test_what_is_no_meeting_is_not_found(chair: Somebody, meeting_id: str) -> None:
    address = f"/console/meetings/{meeting_id}"
    for path in ("", "/members", f"/cases/{uuid4()}/offer"):
        assert HTTPStatus.NOT_FOUND == chair.ask(address + path).status_code
    for path in ("/members", "/cases", f"/cases/{uuid4()}/offer"):
        assert HTTPStatus.NOT_FOUND == chair.send(address + path, members=["camhs"]).status_code
