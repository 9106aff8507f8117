"""A family, a caseworker and somewhere to refer to."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID, uuid4

from gateway.safeguarding import repository, service
from gateway.safeguarding.model import Answers, Destination, Function, Kind, Referral
from gateway.safeguarding.sealing import Written
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody
from tests.support.world import World, small_family

HUB = Destination("hub", "Safeguarding hub", Function.SAFEGUARDING_HUB, "020 7946 0000", "hub-client")
POLICE = Destination("police", "Police", Function.POLICE_101, "101")

SIX: Mapping[str, str] = {
    "destination": "hub",
    "fear": "He was hit with a belt.",
    "danger": "yes",
    "without": "would_prejudice",
    "number": "020 7946 0123",
}
"""The six, but for the children."""

REST: Mapping[str, str | tuple[str, ...]] = {
    "significant": "yes",
    "harm": ("physical",),
    "known": "A bruise in the form of a belt, seen on Monday.",
    "source": "I saw it.",
    "certainty": "fact",
    "protects": "under_18",
    "why_items": "They have to find him.",
    "asked": "no",
    "told": "no",
    "told_why_not": "risk",
    "wishes": "He is afraid to go home.",
    "advice": "The safeguarding lead, by phone.",
    "decider": "The caseworker",
    "concern_at": "2026-11-27T14:05:00+00:00",
    "called_at": "2026-11-27T14:20:00+00:00",
    "recipient": "The duty social worker",
    "basis": "6(1)(e)",
}


def world_of(wiring: Wiring, *destinations: Destination) -> World:
    """A family on record, ada its caseworker, and where referrals go."""
    world = World(wiring)
    world.import_families({**small_family("EH-1"), "workers": [{"id": "ada", "from": "2026-01-01"}]})
    with world.wiring.engine.begin() as connection:
        repository.put_destinations(connection, destinations or (HUB, POLICE))
    return world


def children_of(world: World, who: Somebody) -> tuple[str, ...]:
    """The ids of the family's children, as a page has them."""
    found = service.sheet(world.wiring, who.who, world.family_id("EH-1")).found.record
    return tuple(str(each.person_id) for each in found.people if each.role.value == "child")


def protection(
    wiring: Wiring, who: Somebody, family_id: UUID, more: Answers = MappingProxyType({})
) -> Written:
    """What cannot wait of a referral about every child of a family."""
    found = service.sheet(wiring, who.who, family_id).found.record
    people = tuple(str(each.person_id) for each in found.people if each.role.value == "child")
    return Written(Kind.PROTECTION, {"people": people, **SIX, **more})


def refer(
    world: World,
    who: Somebody,
    *,
    emergency: bool = True,
    referral_id: UUID | None = None,
    more: Answers = MappingProxyType({}),
) -> Referral:
    """A referral without agreement, sent; ``more`` are answers."""
    referral_id, family_id = referral_id or uuid4(), world.family_id("EH-1")
    written = protection(world.wiring, who, family_id, {**({} if emergency else REST), **more})
    service.write(world.wiring, who.who, family_id, referral_id, written)
    return service.send(world.wiring, who.who, referral_id, emergency=emergency)


def caseworker(world: World) -> Somebody:
    """Ada, who works with the family."""
    return Somebody(world.wiring, Role.CASEWORKER, belonging=Belonging(team="north"))
