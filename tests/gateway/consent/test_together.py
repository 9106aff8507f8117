"""Answers of several people at once: what a rehearsal foretells, that it leaves nothing, and that all stand or none."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from consent_registry.errors import InvalidDocumentError, StandingMovedError
from consent_registry.service import Effect
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import case_by_source_ref
from gateway.consent.together import AgencyChange, Answer, decide_together, rehearse
from gateway.release.model import Refused, Released
from gateway.wiring import Wiring
from tests.support.world import STAFF, World, household

SOURCE: Final = "EH-1"
PEOPLE: Final = tuple(f"{SOURCE}-{who}" for who in ("mum", "ada", "ben"))
_EVERYTHING: Final = (
    "SELECT (SELECT count(*) FROM consent_registry.decision), (SELECT count(*) FROM consent_registry.subject),"
    " (SELECT jsonb_agg(body ORDER BY subject_id) FROM consent_registry.standing),"
    " (SELECT count(*) FROM gateway.recall), (SELECT count(*) FROM gateway.task),"
    " (SELECT count(*) FROM gateway.log_entry), (SELECT sum(version) FROM gateway.family_gate)"
)


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity"):
        made.join(code)
    household(made, SOURCE)
    return made


def identity(world: World) -> CaseIdentity:
    with world.wiring.engine.connect() as connection:
        found = case_by_source_ref(connection, keyring=world.wiring.keyring, source_ref=SOURCE)
    assert found is not None
    return found


def stop(world: World, person: str, **more: Any) -> Answer:
    document = {
        "decision_id": str(uuid4()),
        "case_ref": str(identity(world).case_id),
        "person": str(world.person_id(SOURCE, person)),
        "act": "withdraw",
        "recorded_by": STAFF,
        **more,
    }
    return Answer(world.person_id(SOURCE, person), None, document)


def agree(world: World, person: str, *, expected: int, **more: Any) -> Answer:
    yes = world.yes(SOURCE, person)
    given = yes["given_by"]
    speaker = world.person_id(SOURCE, given["person"])
    document = {
        **stop(world, person).document,
        **yes,
        "act": "give",
        "given_by": {**given, "person": str(speaker)},
        **more,
    }
    return Answer(world.person_id(SOURCE, person), speaker, document, expected)


def everything(world: World) -> tuple[Any, ...]:
    with world.wiring.engine.connect() as connection:
        return tuple(connection.execute(text(_EVERYTHING)).one())


def by_code(changes: tuple[AgencyChange, ...]) -> dict[str, AgencyChange]:
    return {each.code: each for each in changes}


def test_a_rehearsal_leaves_nothing(world: World) -> None:
    before = everything(world)
    rehearse(world.wiring, identity(world), [stop(world, each) for each in PEOPLE], actor="ada")
    rehearse(world.wiring, identity(world), [agree(world, PEOPLE[0], expected=1)], actor="ada")
    assert before == everything(world)


def test_what_is_foretold_happens(world: World) -> None:
    """To whoever can ask: it has had one copy, which is called back, and it is refused from then on."""
    assert isinstance(world.release("camhs", SOURCE), Released)
    answers = [stop(world, each) for each in PEOPLE]
    foretold = rehearse(world.wiring, identity(world), answers, actor="ada")
    told = by_code(foretold.agencies)["camhs"]
    assert (True, 1, 1) == (told.asks_now, told.copies, told.called_back)
    assert {world.person_id(SOURCE, each) for each in PEOPLE} == set(told.stops)
    assert ({}, {}) == (dict(told.continues), dict(told.begins))
    assert (0, 0) == (
        by_code(foretold.agencies)["charity"].copies,
        by_code(foretold.agencies)["charity"].called_back,
    )
    recorded = decide_together(world.wiring, identity(world), answers, actor="ada")
    assert [each.effect for each in foretold.recorded] == [each.effect for each in recorded]
    assert [Effect.CLOSED] * 3 == [each.effect for each in recorded]
    assert isinstance(world.release("camhs", SOURCE), Refused)
    with world.wiring.engine.connect() as connection:
        recalls = connection.execute(text("SELECT agency_code FROM gateway.recall")).scalars().all()
    assert ["camhs"] == recalls


def test_a_copy_that_was_called_back_before_is_not_called_back_again(world: World) -> None:
    assert isinstance(world.release("camhs", SOURCE), Released)
    decide_together(world.wiring, identity(world), [stop(world, PEOPLE[0])], actor="ada")
    foretold = rehearse(world.wiring, identity(world), [stop(world, PEOPLE[1])], actor="ada")
    told = by_code(foretold.agencies)["camhs"]
    assert (1, 0) == (told.copies, told.called_back)


def test_what_goes_on_is_told_with_what_stops(world: World) -> None:
    foretold = rehearse(
        world.wiring, identity(world), [stop(world, PEOPLE[1], agencies=["camhs"])], actor="ada"
    )
    camhs, charity = by_code(foretold.agencies)["camhs"], by_code(foretold.agencies)["charity"]
    ada = world.person_id(SOURCE, PEOPLE[1])
    others = {world.person_id(SOURCE, each) for each in (PEOPLE[0], PEOPLE[2])}
    assert ({ada}, others) == (set(camhs.stops), set(camhs.continues))
    assert (set(), others | {ada}) == (set(charity.stops), set(charity.continues))


def test_a_narrower_yes_foretells_what_stops_and_a_wider_one_what_begins(world: World) -> None:
    answer = agree(world, PEOPLE[0], expected=1, categories=["name", "birth"], fields=[])
    mum = world.person_id(SOURCE, PEOPLE[0])
    foretold = by_code(rehearse(world.wiring, identity(world), [answer], actor="ada").agencies)["camhs"]
    assert {"name", "birth"} == foretold.continues[mum]
    assert "health" in foretold.stops[mum]
    decide_together(world.wiring, identity(world), [answer], actor="ada")
    wider = agree(world, PEOPLE[0], expected=2, categories=["name", "birth", "health"], fields=[])
    foretold = by_code(rehearse(world.wiring, identity(world), [wider], actor="ada").agencies)["camhs"]
    assert {"health"} == foretold.begins[mum]
    assert not foretold.stops


def test_everybody_or_nobody(world: World) -> None:
    """One of two was decided on what stands no more: neither is recorded."""
    answers = [agree(world, PEOPLE[0], expected=1), agree(world, PEOPLE[1], expected=0)]
    before = everything(world)
    with pytest.raises(StandingMovedError):
        decide_together(world.wiring, identity(world), answers, actor="ada")
    assert before == everything(world)
    with pytest.raises(InvalidDocumentError):
        faulty = agree(world, PEOPLE[1], expected=1, method="nobody knows how!")
        decide_together(world.wiring, identity(world), [answers[0], faulty], actor="ada")
    assert before == everything(world)


def test_the_same_again_changes_nothing(world: World) -> None:
    answers = [stop(world, each) for each in PEOPLE]
    decide_together(world.wiring, identity(world), answers, actor="ada")
    before = everything(world)
    again = decide_together(world.wiring, identity(world), answers, actor="ada")
    assert all(each.replay for each in again)
    assert before == everything(world)


def test_somebody_who_left_the_record_is_stopped_as_well(world: World) -> None:
    ben = world.person_id(SOURCE, PEOPLE[2])
    family = world.families[SOURCE]
    kept = [each for each in family["people"] if each["id"] != PEOPLE[2]]
    items = [each for each in family["items"] if PEOPLE[2] not in each["about"]]
    answer: Answer = stop(world, PEOPLE[2])
    world.import_families({**family, "people": kept, "items": items})
    (recorded,) = decide_together(world.wiring, identity(world), [answer], actor="ada")
    assert (Effect.CLOSED, UUID(str(ben))) == (recorded.effect, answer.person_id)
