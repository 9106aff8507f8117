"""Meetings by hand: the rules of a file, one case at a time, and an entry for every family that is touched."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from agencies.model import AgencyCode
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import case_by_source_ref
from gateway.disclosure_log.reading import of_family
from gateway.panel import coordinating
from gateway.panel.errors import RefusedError
from gateway.panel.model import Readiness, Refusal
from gateway.release.model import Refused, Released
from gateway.wiring import Wiring
from tests.support.world import World, household, small_family

CAMHS, CHARITY, POLICE = AgencyCode("camhs"), AgencyCode("charity"), AgencyCode("police")
ONE, TWO = "EH-1", "EH-2"
CHAIR: Final = "chidi"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "police"):
        made.join(code)
    for source in (ONE, TWO):
        household(made, source, listed=False)
    return made


def meeting(world: World, *members: AgencyCode) -> UUID:
    return coordinating.hold_meeting(
        world.wiring,
        title="Panel",
        held_on=world.today,
        members=members or (CAMHS, CHARITY),
        actor=CHAIR,
    )


def identity(world: World, source_ref: str) -> CaseIdentity:
    with world.wiring.engine.connect() as connection:
        found = case_by_source_ref(connection, keyring=world.wiring.keyring, source_ref=source_ref)
    assert found is not None
    return found


def list_case(world: World, meeting_id: UUID, source_ref: str) -> None:
    coordinating.list_case(world.wiring, meeting_id, identity(world, source_ref), actor=CHAIR)


def readiness(world: World, meeting_id: UUID) -> list[Readiness]:
    found = coordinating.agenda_of(world.wiring, meeting_id)
    assert found is not None
    return [each.readiness for each in found[1]]


def listings(world: World, source_ref: str) -> list[bool | None]:
    """What each entry of this family says of its listing, the newest first."""
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, world.family_id(source_ref))
        entries = list(of_family(connection, keys, count=50))
    return [e.internal.get("listed") for _, e in entries if e and e.internal["kind"] == "panel.list"]


def refusal(act: Any) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.refusal


def test_a_listed_case_is_what_its_members_may_ask_for(world: World) -> None:
    held = meeting(world, CAMHS)
    assert isinstance(world.release("camhs", ONE), Refused)
    list_case(world, held, ONE)
    assert isinstance(world.release("camhs", ONE), Released)
    assert isinstance(world.release("charity", ONE), Refused)
    assert isinstance(world.release("camhs", TWO), Refused)
    assert ([True], []) == (listings(world, ONE), listings(world, TWO))


def test_a_case_that_is_taken_off_is_asked_for_no_more(world: World) -> None:
    held = meeting(world)
    list_case(world, held, ONE)
    list_case(world, held, TWO)
    coordinating.unlist_case(world.wiring, held, identity(world, ONE).case_id, actor=CHAIR)
    coordinating.unlist_case(world.wiring, held, identity(world, ONE).case_id, actor=CHAIR)
    coordinating.unlist_case(world.wiring, uuid4(), uuid4(), actor=CHAIR)
    assert isinstance(world.release("camhs", ONE), Refused)
    assert isinstance(world.release("camhs", TWO), Released)
    assert ([False, True], [True]) == (listings(world, ONE), listings(world, TWO))


def test_one_more_case_leaves_the_others_as_they_are(world: World) -> None:
    held = meeting(world)
    list_case(world, held, ONE)
    for person in world.families[ONE]["people"]:
        world.withdraw(ONE, person["id"])
    assert [Readiness.NOT_READY] == readiness(world, held)
    list_case(world, held, TWO)
    assert [Readiness.NOT_READY, Readiness.READY] == readiness(world, held)
    world.give(ONE, f"{ONE}-mum")
    assert [Readiness.NOT_READY, Readiness.READY] == readiness(world, held)
    list_case(world, held, ONE)
    assert [Readiness.READY, Readiness.READY] == readiness(world, held)


def test_who_is_a_member_no_more_asks_no_more(world: World) -> None:
    held = meeting(world)
    list_case(world, held, ONE)
    coordinating.invite_members(world.wiring, held, [CHARITY], actor=CHAIR)
    assert isinstance(world.release("camhs", ONE), Refused)
    assert isinstance(world.release("charity", ONE), Released)
    assert 2 == len(listings(world, ONE))
    coordinating.invite_members(world.wiring, held, [CAMHS, CHARITY], actor=CHAIR)
    assert isinstance(world.release("camhs", ONE), Released)


def test_an_accepted_offer_is_a_way_to_ask_for_service(world: World) -> None:
    held = meeting(world)
    list_case(world, held, ONE)
    assert isinstance(world.release("charity", ONE, purpose="P2"), Refused)
    accept(world, held, identity(world, ONE).case_id, CHARITY)
    assert isinstance(world.release("charity", ONE, purpose="P2"), Released)
    assert isinstance(world.release("camhs", ONE, purpose="P2"), Refused)


def accept(world: World, meeting_id: UUID, case_id: UUID, agency: AgencyCode) -> None:
    coordinating.accept_offer(
        world.wiring,
        meeting_id,
        case_id,
        agency=agency,
        service="food",
        accepted_on=world.today,
        actor=CHAIR,
    )


def test_what_a_file_may_not_nobody_may_by_hand(world: World) -> None:
    held = meeting(world)
    world.import_families(
        {**small_family("EH-3"), "threshold_level": 3}, {**small_family("EH-4"), "status": "closed"}
    )
    world.import_families(small_family("EH-5"))
    one = identity(world, ONE)
    found = {
        "police": refusal(lambda: meeting(world, POLICE)),
        "nobody": refusal(lambda: meeting(world, AgencyCode("nobody"))),
        "police later": refusal(
            lambda: coordinating.invite_members(world.wiring, held, [POLICE], actor=CHAIR)
        ),
        "no meeting": refusal(lambda: list_case(world, uuid4(), ONE)),
        "no meeting's members": refusal(
            lambda: coordinating.invite_members(world.wiring, uuid4(), [CAMHS], actor=CHAIR)
        ),
        "level 3": refusal(lambda: list_case(world, held, "EH-3")),
        "closed": refusal(lambda: list_case(world, held, "EH-4")),
        "nobody agreed": refusal(lambda: list_case(world, held, "EH-5")),
        "no such case": refusal(
            lambda: coordinating.list_case(
                world.wiring, held, CaseIdentity(uuid4(), one.family_id), actor=CHAIR
            )
        ),
        "an offer off the agenda": refusal(lambda: accept(world, held, one.case_id, CHARITY)),
    }
    list_case(world, held, ONE)
    found["an offer of the police"] = refusal(lambda: accept(world, held, one.case_id, POLICE))
    assert {
        "police": Refusal.KIND_NOT_ADMITTED,
        "nobody": Refusal.UNKNOWN_AGENCY,
        "police later": Refusal.KIND_NOT_ADMITTED,
        "no meeting": Refusal.UNKNOWN_MEETING,
        "no meeting's members": Refusal.UNKNOWN_MEETING,
        "level 3": Refusal.NOT_OPEN_LEVEL_2,
        "closed": Refusal.NOT_OPEN_LEVEL_2,
        "nobody agreed": Refusal.NO_STANDING_YES,
        "no such case": Refusal.UNKNOWN_CASE,
        "an offer off the agenda": Refusal.UNKNOWN_CASE,
        "an offer of the police": Refusal.KIND_NOT_ADMITTED,
    } == found
    assert [Readiness.READY] == readiness(world, held)


def test_members_of_an_agency_that_agreed_to_nothing_hear_of_no_case(world: World) -> None:
    held = meeting(world, CAMHS)
    for person in world.families[ONE]["people"]:
        world.withdraw(ONE, person["id"], agencies=["camhs"])
    assert Refusal.NO_STANDING_YES is refusal(lambda: list_case(world, held, ONE))
