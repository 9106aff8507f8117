"""The duty to share: off until a council says so, for one class of agency, and never instead of anything else."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from gateway.safeguarding import service
from gateway.safeguarding.errors import FaultyAnswersError, NotSentError
from gateway.safeguarding.model import (
    OFF,
    Answers,
    Destination,
    DutyToShare,
    Function,
    Kind,
    State,
    reachable,
)
from gateway.safeguarding.sealing import Written
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import HUB, REST, SIX, caseworker, children_of, world_of
from tests.support.pages import Somebody
from tests.support.world import World

NURSERY = Destination("nursery", "Nursery", Function.PARTNER, "020 7946 0456", duty_class="b")
SCHOOL = Destination("school", "School", Function.PARTNER, "020 7946 0457", duty_class="a")
ON = DutyToShare("early-help:3", frozenset({"b"}))

ANSWERS: Answers = {
    "destination": "nursery",
    "fear": SIX["fear"],
    "danger": "no",
    "number": SIX["number"],
    "harm": ("neglect",),
    "relevance": "He is there five days a week.",
    "facilitates": "Keeping the children in their care safe.",
    "detriment": "no",
    "detriment_why": "They know him well.",
    "decider": "The team manager",
    **{
        name: REST[name]
        for name in (
            "known",
            "source",
            "certainty",
            "why_items",
            "wishes",
            "advice",
            "concern_at",
            "called_at",
            "recipient",
        )
    },
}


def switched_on(wiring: Wiring) -> Wiring:
    settings = replace(
        wiring.settings, duty_to_share_notice="early-help:3", duty_to_share_classes=frozenset({"b"})
    )
    return replace(wiring, settings=settings)


def decided(world: World, who: Somebody, **more: str) -> UUID:
    referral_id = uuid4()
    said: Answers = {**ANSWERS, "people": children_of(world, who), **more}
    service.write(world.wiring, who.who, world.family_id("EH-1"), referral_id, Written(Kind.DUTY, said))
    return referral_id


@pytest.mark.parametrize("duty", [OFF, replace(ON, notice=""), replace(ON, classes=frozenset())])
def test_it_is_off_until_there_is_a_notice_and_a_class(duty: DutyToShare) -> None:
    assert [] == reachable([HUB, NURSERY, SCHOOL], Kind.DUTY, duty=duty)


def test_it_reaches_the_classes_for_which_it_is_on_and_nothing_else_does() -> None:
    known = [HUB, NURSERY, SCHOOL]
    assert [NURSERY] == reachable(known, Kind.DUTY, duty=ON)
    assert [HUB] == reachable(known, Kind.PROTECTION, duty=ON)
    assert [HUB] == reachable(known, Kind.AGREED, duty=ON)


def test_switched_off_nothing_goes(wiring: Wiring) -> None:
    world = world_of(wiring, HUB, NURSERY)
    ada = caseworker(world)
    with pytest.raises(NotSentError):
        service.send(wiring, ada.who, decided(world, ada), emergency=False)
    assert 404 == ada.ask(f"/console/families/{world.family_id('EH-1')}/refer/duty").status_code


def test_switched_on_it_goes_with_its_own_basis(wiring: Wiring) -> None:
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    sent = service.send(world.wiring, ada.who, decided(world, ada), emergency=False)
    assert State.SENT is sent.state
    (document,) = service.look(world.wiring, ada.who, sent.id).documents
    assert b'"article6":"6(1)(c)"' in document.body
    assert b'"facilitates"' in document.body


def test_more_harm_than_good_is_recorded_and_nothing_goes(wiring: Wiring) -> None:
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    kept = service.send(world.wiring, ada.who, decided(world, ada, detriment="yes"), emergency=False)
    opened = service.look(world.wiring, ada.who, kept.id)
    assert (State.RECORDED, ()) == (kept.state, opened.documents)


@pytest.mark.parametrize("without", ["decider", "relevance", "facilitates", "detriment", "detriment_why"])
def test_it_needs_each_of_its_answers_and_is_no_emergency(wiring: Wiring, without: str) -> None:
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    with pytest.raises(FaultyAnswersError):
        service.send(world.wiring, ada.who, decided(world, ada, **{without: ""}), emergency=True)


def test_no_other_kind_goes_to_its_destinations(wiring: Wiring) -> None:
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    referral_id = uuid4()
    said: Answers = {**SIX, "people": children_of(world, ada), "destination": "nursery"}
    service.write(world.wiring, ada.who, world.family_id("EH-1"), referral_id, Written(Kind.PROTECTION, said))
    with pytest.raises(NotSentError):
        service.send(world.wiring, ada.who, referral_id, emergency=True)


def test_nobody_sends_it_without_a_fresh_proof(wiring: Wiring) -> None:
    """It is no emergency, whichever button was pressed."""
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    draft = decided(world, ada)
    for go in ("now", "all"):
        asked = ada.send(f"/console/referrals/{draft}/send", go=go)
        assert "Confirm that it is you" in asked.text
    assert State.DRAFT is service.look(world.wiring, ada.who, draft).referral.state


def test_it_has_a_page_where_it_is_on(wiring: Wiring) -> None:
    world = world_of(switched_on(wiring), HUB, NURSERY)
    ada = caseworker(world)
    form = f"/console/families/{world.family_id('EH-1')}/refer"
    assert "The duty to share applies" in ada.get(form)
    page = ada.get(f"{form}/duty")
    assert "Nursery" in page
    assert "Safeguarding hub" not in page
    assert 422 == ada.post(f"{form}/duty", go="now", fear="x")
