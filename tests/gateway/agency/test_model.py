"""How far an agency has come and what is next for it, case by case: pure, so every case is there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from agencies.model import AgencyCode, AgencyKind
from agencies.register import Agency, AgencyState, Agreement, AttestationState, PractitionerPolicy
from gateway.agency.model import (
    Standing,
    StepState,
    System,
    SystemKey,
    SystemState,
    Urgency,
    next_of,
    steps,
)
from gateway.agency.upcoming import Ending, Upcoming
from gateway.oauth.contact import Contact
from gateway.oauth.model import ClientId, Thumbprint

TODAY: Final = date(2026, 11, 10)
NOW: Final = datetime(2026, 11, 10, 12, tzinfo=UTC)
SEEN: Final = Contact(NOW, {}, 1, None, None, None)
NEVER: Final = Contact(None, {}, 0, None, None, None)
KEY: Final = SystemKey(Thumbprint("t" * 43), effective=True, added_at=NOW, ends_on=None, used_at=None)
SYSTEM: Final = System(
    ClientId("ag_system-of-camhs-1"), SystemState.ACTIVE, (), (KEY,), (), named=False, contact=SEEN
)
DESK: Final = replace(SYSTEM, client_id=ClientId("dk_desk-of-camhs-1234"), keys=(), contact=NEVER)
WHOLE: Final = Standing(
    agency=Agency(
        AgencyCode("camhs"),
        AgencyKind.CAMHS,
        "CAMHS",
        PractitionerPolicy.REGISTERED,
        AgencyState.ACTIVE,
    ),
    agreements=(Agreement("DSA-1", "DPIA-1", TODAY, TODAY + timedelta(days=1)),),
    effective=1,
    newest=1,
    review_on=date(2027, 3, 1),
    practitioners=3,
    attestation=AttestationState.CURRENT,
    lapses_on=date(2026, 12, 1),
    systems=(SYSTEM,),
    first_meeting=date(2026, 10, 1),
    waits=False,
    coming=(),
)
"""An agency of which nothing is missing."""


def of_state(state: AgencyState, *, kind: AgencyKind = AgencyKind.CAMHS) -> Agency:
    return replace(WHOLE.agency, state=state, kind=kind)


def coming(ending: Ending, days: float, notice: int) -> tuple[Upcoming, ...]:
    return (Upcoming(ending, "camhs", "", NOW + timedelta(days=days), notice),)


def test_of_a_whole_agency_every_step_is_done_and_nothing_is_next() -> None:
    assert {StepState.DONE} == {each.state for each in steps(WHOLE, today=TODAY)}
    assert "Nothing" == next_of(WHOLE, now=NOW).words


PROPOSED_KEY: Final = replace(KEY, effective=False)
STEPS: Final[Mapping[str, tuple[dict[str, Any], int, StepState]]] = {
    "an agreement that ended today": (
        {"agreements": (Agreement("D", "A", date(2026, 1, 1), TODAY),)},
        0,
        StepState.TO_DO,
    ),
    "one that begins tomorrow": (
        {"agreements": (Agreement("D", "A", TODAY + timedelta(days=1), date(2027, 1, 1)),)},
        0,
        StepState.WAITS,
    ),
    "a profile that waits": ({"effective": None}, 1, StepState.WAITS),
    "no profile": ({"effective": None, "newest": None}, 1, StepState.TO_DO),
    "no system": ({"systems": ()}, 2, StepState.TO_DO),
    "a desk alone": ({"systems": (DESK,)}, 2, StepState.DONE),
    "a desk needs no key": ({"systems": (DESK,)}, 3, StepState.DONE),
    "a key that waits": ({"systems": (replace(SYSTEM, keys=(PROPOSED_KEY,)),)}, 3, StepState.WAITS),
    "a key that is over": (
        {"systems": (replace(SYSTEM, keys=(replace(KEY, ends_on=TODAY),)),)},
        3,
        StepState.TO_DO,
    ),
    "a key on its last day": (
        {"systems": (replace(SYSTEM, keys=(replace(KEY, ends_on=TODAY + timedelta(days=1)),)),)},
        3,
        StepState.DONE,
    ),
    "by certificate": ({"systems": (replace(SYSTEM, keys=(), named=True),)}, 3, StepState.DONE),
    "a system that is suspended": (
        {"systems": (replace(SYSTEM, state=SystemState.SUSPENDED),)},
        3,
        StepState.TO_DO,
    ),
    "a system that waits": ({"systems": (replace(SYSTEM, state=SystemState.PROPOSED),)}, 3, StepState.WAITS),
    "nobody on the list": ({"practitioners": 0}, 4, StepState.TO_DO),
    "a list that nobody confirmed": ({"attestation": AttestationState.LAPSED}, 4, StepState.TO_DO),
    "a list that is due is believed": ({"attestation": AttestationState.DUE}, 4, StepState.DONE),
    "nobody, and the agency vouches": ({"practitioners": 0, "attestation": None}, 4, StepState.DONE),
    "never connected": ({"systems": (replace(SYSTEM, contact=NEVER),)}, 5, StepState.TO_DO),
    "tested before approval": (
        {"systems": (replace(SYSTEM, contact=replace(NEVER, tested_at=NOW)),)},
        5,
        StepState.DONE,
    ),
    "refused, but it proved itself": (
        {"systems": (replace(SYSTEM, contact=replace(NEVER, error="invalid_scope", refused_at=NOW)),)},
        5,
        StepState.DONE,
    ),
    "a desk has nothing to test": ({"systems": (DESK,)}, 5, StepState.NOT_NEEDED),
    "no meeting": ({"first_meeting": None}, 6, StepState.TO_DO),
    "the police are at none": (
        {"first_meeting": None, "agency": of_state(AgencyState.ACTIVE, kind=AgencyKind.POLICE)},
        6,
        StepState.NOT_NEEDED,
    ),
}


@pytest.mark.parametrize(("changes", "place", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_step_is_what_is_there(changes: dict[str, Any], place: int, expected: StepState) -> None:
    found = steps(replace(WHOLE, **changes), today=TODAY)
    assert expected is found[place].state
    assert bool(found[place].lacks) is (expected in {StepState.TO_DO, StepState.WAITS})


NEXT: Final[Mapping[str, tuple[dict[str, Any], Urgency, str]]] = {
    "ends in 23 days": (
        {"coming": coming(Ending.AGREEMENT, 23, 30)},
        Urgency.SOON,
        "Agreement ends in 23 days",
    ),
    "ends tomorrow": (
        {"coming": coming(Ending.KEY, 1, 7)},
        Urgency.WEEK,
        "Last key of a system ends in 1 day",
    ),
    "ends this afternoon": (
        {"coming": coming(Ending.CERTIFICATE, 0.1, 7)},
        Urgency.WEEK,
        "Certificate ends today",
    ),
    "is over": ({"coming": coming(Ending.AGREEMENT, -1, 0)}, Urgency.OVER, "Agreement has ended"),
    "is to be reviewed": (
        {"coming": coming(Ending.REVIEW, 40, 60)},
        Urgency.SOON,
        "Profile is to be reviewed in 40 days",
    ),
    "was to be reviewed": (
        {"coming": coming(Ending.REVIEW, -40, 0)},
        Urgency.OVER,
        "Profile was to be reviewed by now",
    ),
    "the sooner of two": (
        {"coming": coming(Ending.REVIEW, 40, 60) + coming(Ending.AGREEMENT, 6, 7)},
        Urgency.WEEK,
        "Agreement ends in 6 days",
    ),
    "suspended, whatever ends": (
        {"agency": of_state(AgencyState.SUSPENDED), "coming": coming(Ending.AGREEMENT, 6, 7)},
        Urgency.SUSPENDED,
        "Suspended",
    ),
    "suspended, and asked about": (
        {"agency": of_state(AgencyState.SUSPENDED), "waits": True},
        Urgency.SUSPENDED,
        "Suspended; waits for a second person",
    ),
    "ended": ({"agency": of_state(AgencyState.ENDED), "systems": ()}, Urgency.ENDED, "Takes part no more"),
    "waits, before what is open": (
        {"agency": of_state(AgencyState.PROPOSED), "effective": None, "waits": True, "first_meeting": None},
        Urgency.WAITS,
        "Waits for a second person",
    ),
    "to be proposed": (
        {"agency": of_state(AgencyState.PROPOSED), "effective": None},
        Urgency.TO_DO,
        "To be proposed to a second person",
    ),
    "the first step that is open": (
        {"systems": (replace(SYSTEM, contact=NEVER),), "first_meeting": None},
        Urgency.TO_DO,
        "Has never connected",
    ),
    "a list that stops everybody": (
        {"attestation": AttestationState.LAPSED, "systems": (replace(SYSTEM, contact=NEVER),)},
        Urgency.OVER,
        "List of practitioners is not confirmed",
    ),
    "a list to confirm": (
        {"attestation": AttestationState.DUE},
        Urgency.WEEK,
        "List of practitioners to confirm by 1 December 2026",
    ),
    "no system stops nobody who is not there": (
        {"systems": ()},
        Urgency.TO_DO,
        "No system and no desk is registered",
    ),
}


@pytest.mark.parametrize(("changes", "urgency", "words"), NEXT.values(), ids=NEXT.keys())
def test_what_is_next_is_the_most_urgent(changes: dict[str, Any], urgency: Urgency, words: str) -> None:
    found = next_of(replace(WHOLE, **changes), now=NOW)
    assert (urgency, words) == (found.urgency, found.words)


def test_tokens_are_alive_only_while_agency_and_system_take_part() -> None:
    assert 1 == WHOLE.alive
    assert 0 == replace(WHOLE, agency=of_state(AgencyState.SUSPENDED)).alive
    assert 0 == replace(WHOLE, systems=(replace(SYSTEM, state=SystemState.SUSPENDED),)).alive
