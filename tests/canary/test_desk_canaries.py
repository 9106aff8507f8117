"""What a desk shows to anybody of any agency is what the API would give them then: every leaf of it, and no canary more."""

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import text

from agencies.model import AgencyCode, AgencyKind
from agencies.register import PractitionerPolicy
from gateway.agency import desk
from gateway.panel.service import import_panel_file
from gateway.release.model import Refused, Released, ReleaseRequest
from gateway.release.service import release
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.canary.corpus import PEOPLE, Family, build
from tests.canary.test_canaries import offers
from tests.support.pages import Somebody, words
from tests.support.world import World

ASSERTED: Final = "social-care-asserted"
AGENCIES: Final = {**{kind.value: kind for kind in AgencyKind}, ASSERTED: AgencyKind.SOCIAL_CARE}
NEVER_SERVED: Final = {"commissioning", "police"}
FIELD: Final = '<dt class="govuk-summary-list__key">'
ABOVE: Final = 4
"""Lines of a page that say whose extract it is, until when, and for what."""
_CANARY: Final = re.compile("zqx[a-z]{6}k")


@pytest.fixture
def council(wiring: Wiring) -> tuple[World, Family]:
    world = World(wiring)
    for code, kind in AGENCIES.items():
        asserts = PractitionerPolicy.ASSERTED if code == ASSERTED else PractitionerPolicy.REGISTERED
        world.join(code, kind, policy=asserts)
    family = build(0, sources=("refuge", "camhs", "early-help"), workers=("early-help-1",))
    world.import_families(family.document)
    for person in PEOPLE:
        if person != "dad":
            world.give(family.source_ref, family.person(person))
    served = [code for code in AGENCIES if code not in NEVER_SERVED]
    world.list_cases(family.source_ref, members=served)
    import_panel_file(wiring, offers([family.source_ref], served, world.today.isoformat()), actor="test")
    world.sign_off(family.source_ref, "early-help")
    return world, family


def at_desk(world: World, code: str) -> Somebody:
    username = f"{code}.desk"
    practitioner = f"{code}-1"
    desk.invite(
        world.wiring,
        agency=AgencyCode(code),
        practitioner=practitioner,
        username=username,
        invited_by="test",
    )
    belonging = Belonging(agency=code, practitioner=practitioner)
    return Somebody(world.wiring, Role.DESK_USER, username=username, belonging=belonging)


def by_token(world: World, code: str, family: Family, purpose: str) -> Any:
    """What the API releases; an agency that asserts its people asserts this one."""
    if code != ASSERTED:
        return world.release(code, family.source_ref, purpose=purpose)
    caller = world.caller(code, purpose=purpose)
    assert caller.practitioner is not None
    asserted = replace(caller, practitioner=replace(caller.practitioner, verified=False))
    (outcome,) = release(world.wiring, [ReleaseRequest(asserted, world.case_ref(code, family.source_ref))])
    return outcome


def leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    if isinstance(value, list):
        return set().union(*map(leaves, value))
    return {"yes" if value is True else "no" if value is False else str(value)}


def told(body: bytes) -> Any:
    """Every value of an extract's record, without ids and levels."""
    record = json.loads(body)["record"]
    fields = [each for person in record["people"] for each in person["fields"].values()]
    return [[each["value"], each["as_of"]] for each in [*fields, *record.get("case", {}).values()]]


def test_a_desk_shows_what_the_api_releases(council: tuple[World, Family]) -> None:
    world, family = council
    shown = 0
    for code in AGENCIES:
        at = at_desk(world, code)
        address = f"/desk/cases/{world.case_ref(code, family.source_ref)}"
        for purpose in ("P1", "P2", "P3"):
            page = at.send(address, purpose=purpose)
            outcome = by_token(world, code, family, purpose)
            if isinstance(outcome, Refused):
                assert (404, set()) == (page.status_code, set(_CANARY.findall(page.text.lower()))), code
                continue
            assert isinstance(outcome, Released)
            said = words(page.text)
            values = leaves(told(outcome.body))
            assert [] == [each for each in values if " ".join(each.split()) not in said], (code, purpose)
            assert len(told(outcome.body)) == page.text.count(FIELD) - ABOVE, (code, purpose)
            released = set(_CANARY.findall(outcome.body.decode().lower()))
            assert set(_CANARY.findall(page.text.lower())) <= released, (code, purpose)
            shown += len(values)
    assert shown > 2_000


def test_every_agency_but_two_has_something_at_its_desk(council: tuple[World, Family]) -> None:
    world, _ = council
    empty = {code for code in AGENCIES if "Case " not in words(at_desk(world, code).get("/desk"))}
    assert NEVER_SERVED == empty
    with world.wiring.engine.connect() as connection:
        made = text("SELECT count(*) FROM gateway.log_trace WHERE extract_id IS NOT NULL")
        assert 0 == connection.execute(made).scalar_one()
