"""A charity with two practitioners at its desk, what it received, and an officer who asks."""

import copy
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from agencies.model import AgencyCode
from agencies.register import Practitioner
from gateway.agency import desk
from gateway.agency import service as agencies
from gateway.disclosure_log.reading import entries_between, log_size, open_entry
from gateway.release.model import Released, ReleaseRequest
from gateway.release.service import release
from gateway.sampling import service
from gateway.sampling.model import Access
from gateway.settings import SamplingSettings
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody
from tests.support.world import World, household

FAMILIES = ("EH-1", "EH-2", "EH-3")


def asking(wiring: Wiring, **changes: int) -> Wiring:
    """The same parts, with other settings of samples."""
    sampling = dataclasses.replace(SamplingSettings(), **changes)
    return dataclasses.replace(wiring, settings=dataclasses.replace(wiring.settings, sampling=sampling))


def with_sampling(world: World, **changes: int) -> World:
    """The same world, with other settings of samples."""
    other = copy.copy(world)
    other.wiring = asking(world.wiring, **changes)
    return other


def world_of(wiring: Wiring, families: Sequence[str] = FAMILIES) -> World:
    """Families on the list of a panel with two agencies, each with two practitioners."""
    world = World(wiring)
    for code in ("charity", "camhs"):
        world.join(code)
        agencies.replace_practitioners(
            wiring,
            code=AgencyCode(code),
            practitioners=[
                Practitioner(
                    f"{code}-{n}", "Test Worker", "worker", active_from=world.today - timedelta(days=1)
                )
                for n in (1, 2)
            ],
            actor="test",
        )
    for source_ref in families:
        household(world, source_ref)
    return world


def pull(world: World, source_ref: str, *, code: str = "charity", practitioner: str = "") -> UUID:
    """An extract that an agency receives; return its id."""
    caller = world.caller(code, practitioner=practitioner or f"{code}-1")
    (outcome,) = release(world.wiring, [ReleaseRequest(caller, world.case_ref(code, source_ref))])
    assert isinstance(outcome, Released), outcome
    return outcome.extract_id


def officer(world: World, username: str = "dana") -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username=username)


def at_desk(world: World, practitioner: str = "charity-2") -> Somebody:
    """Somebody at the desk of their agency."""
    code, username = practitioner.partition("-")[0], f"desk.{practitioner}"
    desk.invite(
        world.wiring,
        agency=AgencyCode(code),
        practitioner=practitioner,
        username=username,
        invited_by="test",
    )
    return Somebody(
        world.wiring,
        Role.DESK_USER,
        username=username,
        belonging=Belonging(agency=code, practitioner=practitioner),
    )


def draw(world: World, who: Somebody, *, code: str = "charity", wanted: int = 50) -> tuple[Access, ...]:
    """What is drawn of the last days, as the officer sees it."""
    made = service.draw_by_hand(world.wiring, code, days=31, wanted=wanted, by=who.who.username)
    return service.for_officer(world.wiring, who.who, sample_id=made)


def noted(world: World, kind: str) -> list[dict[str, Any]]:
    """The internal parts of every entry of a kind."""
    with world.wiring.engine.connect() as connection:
        rows = entries_between(connection, first=0, end=log_size(connection))
        found = [open_entry(connection, keyring=world.wiring.keyring, row=row) for row in rows]
    return [{**each.internal} for each in found if each is not None and each.internal["kind"] == kind]
