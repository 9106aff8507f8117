"""What the one read takes as true: windows, days and names as PostgreSQL compares them, each at its edge."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.cases.model import Shield
from gateway.cases.service import shield
from gateway.disclosure_log.service import act
from gateway.release.model import Refused, Released, ReleaseRequest
from gateway.release.service import release
from gateway.wiring import Wiring
from tests.support.world import World, household

TODAY = "(now() AT TIME ZONE 'Europe/London')::date"
MEETING = "UPDATE gateway.panel_meeting SET opens_at = now() + {}, closes_at = now() + {}"
OFFER = "UPDATE gateway.offer SET accepted_on = " + TODAY + " + {}, ended_on = " + TODAY + " + {}"
PRACTITIONER = (
    "UPDATE agencies.practitioner SET active_from = " + TODAY + " + {}, active_until = " + TODAY + " + {}"
)
WORKER = "UPDATE gateway.case_worker SET from_date = " + TODAY + " + {}, to_date = " + TODAY + " + {}"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "early-help", "health"):
        made.join(code)
    household(made, "EH-1")
    made.accept_offer("EH-1", "camhs")
    return made


def change_to(world: World, statement: str) -> None:
    """Change stored facts as an act does: with the gates of everybody concerned."""
    with act(world.wiring, families=(world.family_id("EH-1"),), agencies=tuple(world.members)) as change:
        change.connection.execute(text(statement))
        change.record(kind="panel.list", actor="test", family_id=world.family_id("EH-1"))


@pytest.mark.parametrize(
    ("statement", "purpose", "released"),
    [
        (MEETING.format("'-1 min'::interval", "'1 min'::interval"), "P1", True),
        (MEETING.format("'1 min'::interval", "'2 min'::interval"), "P1", False),
        (MEETING.format("'-2 min'::interval", "'-1 sec'::interval"), "P1", False),
        (OFFER.format(0, 1), "P2", True),
        (OFFER.format(1, 2), "P2", False),
        (OFFER.format(-1, 0), "P2", False),
        (PRACTITIONER.format(0, 1), "P1", True),
        (PRACTITIONER.format(1, 2), "P1", False),
        (PRACTITIONER.format(-1, 0), "P1", False),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) > 2 else str(value),
)
def test_a_right_holds_from_its_first_moment_to_before_its_last(
    world: World, statement: str, purpose: str, released: bool
) -> None:
    change_to(world, statement)
    outcome = world.release("camhs", "EH-1", purpose=purpose)
    assert isinstance(outcome, Released if released else Refused)


@pytest.mark.parametrize("borrowed", ["client", "practitioner"])
def test_another_agencys_client_or_practitioner_gives_no_right(world: World, borrowed: str) -> None:
    """Both exist and are active, but not for the agency that asks."""
    own, other = world.caller("camhs"), world.caller("health")
    caller = (
        replace(own, client_id=other.client_id)
        if borrowed == "client"
        else replace(own, practitioner=other.practitioner)
    )
    (outcome,) = release(world.wiring, [ReleaseRequest(caller, world.case_ref("camhs", "EH-1"))])
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(("since", "until", "sees"), [(0, 1, True), (-1, 0, False), (1, 2, False)])
def test_only_a_worker_of_today_sees_behind_a_shield(
    world: World, since: int, until: int, sees: bool
) -> None:
    shield(
        world.wiring,
        family_id=world.family_id("EH-1"),
        person_id=world.person_id("EH-1", "EH-1-ada"),
        level=Shield.RESTRICTED,
        actor="test",
    )
    change_to(world, WORKER.format(since, until))
    outcome = world.release("early-help", "EH-1")
    assert isinstance(outcome, Released)
    assert sees is ("Canary Road" in outcome.body.decode())
