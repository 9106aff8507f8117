"""The officer's pages of samples, and the desk's: what each shows, what bad input does, and where numbers lead."""

import re
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from gateway.console.sample_words import (
    ACCESS_ANSWER_WORDS,
    CHANNEL_WORDS,
    OUTCOME_WORDS,
    STATE_COLOURS,
    STATE_WORDS,
)
from gateway.disclosure_log.service import act
from gateway.sampling import service
from gateway.sampling.model import Access, Answer, Channel, Outcome, State
from tests.gateway.console.test_today import numbers, rows
from tests.gateway.sampling.scene import (
    at_desk,
    draw,
    officer,
    pull,
    with_sampling,
    world_of,
)
from tests.support.pages import Somebody, filled, title, words
from tests.support.prepared import made_once
from tests.support.world import World

SAMPLES: Final = "/console/samples"
DESK: Final = "/desk/samples"
NOTHING_OF: Final = ("Shelleyname", "Adagiven", "Canary", "SE6", "routines", "EH-1")


prepared, database, wiring, world = made_once(world_of)


@pytest.fixture
def dana(world: World) -> Somebody:
    return officer(world)


def asked(world: World, dana: Somebody, *families: str) -> tuple[Access, ...]:
    for each in families or ("EH-1",):
        pull(world, each)
    return draw(world, dana)


def page_of(access: Access) -> str:
    return f"{SAMPLES}/{access.sample.id}"


def letter(
    world: World, *, of: str = "letter", by: str = "Ivy Iglead, information governance"
) -> dict[str, str]:
    day = world.today
    return {
        "by": by,
        "channel": of,
        "said-day": str(day.day),
        "said-month": str(day.month),
        "said-year": str(day.year),
    }


def test_every_code_has_words() -> None:
    assert (set(Answer), set(Channel), set(Outcome)) == (
        set(ACCESS_ANSWER_WORDS),
        set(CHANNEL_WORDS),
        set(OUTCOME_WORDS),
    )
    assert set(State) == set(STATE_WORDS) == set(STATE_COLOURS)


def test_an_officer_draws_and_sees_what_was_asked(world: World, dana: Somebody) -> None:
    pull(world, "EH-1")
    pull(world, "EH-2", practitioner="charity-2")
    answer = dana.send(SAMPLES, agency="charity", days="31", count="10")
    assert HTTPStatus.SEE_OTHER == answer.status_code
    page = dana.get(answer.headers["Location"])
    assert "What The charity was asked to confirm" == title(page)
    for expected in (
        f"Case {str(world.case_ref('charity', 'EH-1'))[:8]} charity-1 to prepare",
        f"Case {str(world.case_ref('charity', 'EH-2'))[:8]} charity-2 to prepare",
    ):
        assert expected.partition(" to ")[0] in words(page)
    listed = words(dana.get(SAMPLES))
    assert re.search(r"The charity .* 2 0 0 0 2 asked answer by", listed), listed


BAD_DRAWS: Final = {
    "nobody": {"agency": "nobody", "days": "31", "count": "5"},
    "none": {"agency": "", "days": "31", "count": "5"},
    "no days": {"agency": "charity", "days": "0", "count": "5"},
    "more days than a year": {"agency": "charity", "days": "367", "count": "5"},
    "days in words": {"agency": "charity", "days": "many", "count": "5"},
    "digits of another script": {"agency": "charity", "days": "٣", "count": "5"},
    "very many digits": {"agency": "charity", "days": "9" * 5000, "count": "5"},
    "none of them": {"agency": "charity", "days": "31", "count": "0"},
    "too many": {"agency": "charity", "days": "31", "count": "51"},
    "NUL": {"agency": "char\x00ity", "days": "31", "count": "5"},
    "received nothing": {"agency": "camhs", "days": "31", "count": "5"},
}


@pytest.mark.parametrize("sent", list(BAD_DRAWS.values()), ids=list(BAD_DRAWS))
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    world: World, dana: Somebody, sent: dict[str, str]
) -> None:
    pull(world, "EH-1")
    answer = dana.send(SAMPLES, sent)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "There is a problem" in answer.text
    assert () == service.for_officer(world.wiring, dana.who)


def test_the_desk_is_asked_by_what_it_knows_and_nothing_of_the_family(world: World, dana: Somebody) -> None:
    (access,) = asked(world, dana)
    desk = at_desk(world)
    assert "1 access of yours waits to be confirmed" in words(desk.get("/desk"))
    page = desk.get(DESK)
    for told in (str(access.case_ref), "charity-1", "Answer by"):
        assert told in words(page)
    assert [] == [secret for secret in NOTHING_OF if secret in page or secret in dana.get(page_of(access))]
    assert str(access.family_id) not in page


def test_the_desk_answers_and_is_asked_no_more(world: World, dana: Somebody) -> None:
    first, second = asked(world, dana, "EH-1", "EH-2")
    desk = at_desk(world)
    assert HTTPStatus.SEE_OTHER == desk.send(DESK, {f"answer-{first.id}": "yes"}).status_code
    page = desk.get(DESK)
    assert str(first.case_ref) not in page
    assert str(second.case_ref) in page
    seen = words(dana.get(page_of(first)))
    assert "Yes, all of it is right At its desk, by desk.charity-2" in seen


def test_whoever_made_the_access_is_told_that_a_colleague_answers(world: World, dana: Somebody) -> None:
    (access,) = asked(world, dana)
    own = at_desk(world, "charity-1")
    page = own.get(DESK)
    assert "You asked for these yourself" in words(page)
    assert f"answer-{access.id}" not in page
    refused = own.send(DESK, {f"answer-{access.id}": "yes"})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "1 0 0 0 1" in words(dana.get(SAMPLES))


def test_another_agencys_desk_sees_none_of_it(world: World, dana: Somebody) -> None:
    (access,) = asked(world, dana)
    other = at_desk(world, "camhs-1")
    assert "Nothing waits for you" in words(other.get(DESK))
    refused = other.send(DESK, {f"answer-{access.id}": "yes"})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "1 0 0 0 1" in words(dana.get(SAMPLES))


def test_a_reminder_stands_at_the_desk(world: World) -> None:
    late = with_sampling(world, answer_days=-1, escalate_days=3)
    dana = officer(late)
    asked(late, dana)
    assert "Reminder: answer was due by" in words(at_desk(late).get(DESK))
    assert "reminded yours from" in words(dana.get(SAMPLES))
    assert f"{SAMPLES}/waiting/silent" not in numbers(dana)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"answer-x": "yes"},
        {f"answer-{uuid4()}": "yes"},
        {"answer-": "yes"},
        {f"answer-{uuid4()}": "maybe"},
    ],
)
def test_a_bad_answer_changes_nothing(world: World, dana: Somebody, sent: dict[str, str]) -> None:
    (access,) = asked(world, dana)
    desk = at_desk(world)
    for who, path, more in ((desk, DESK, {}), (dana, page_of(access), letter(world))):
        answer = who.send(path, {**sent, **more})
        assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
        assert "There is a problem" in answer.text
    assert "1 0 0 0 1" in words(dana.get(SAMPLES))


def test_a_letter_is_entered_with_who_said_it_how_and_when(world: World, dana: Somebody) -> None:
    first, second = asked(world, dana, "EH-1", "EH-2")
    sent = {f"answer-{first.id}": "cannot_tell", **letter(world)}
    assert HTTPStatus.SEE_OTHER == dana.send(page_of(first), sent).status_code
    seen = words(dana.get(page_of(first)))
    assert "We cannot tell Letter of" in seen
    assert "Ivy Iglead, information governance; entered by dana" in seen
    assert "2 1 0 0 1" in words(dana.get(SAMPLES))
    assert f"answer-{second.id}" in dana.get(page_of(first))


BAD_LETTERS: Final = {
    "nobody said it": {"by": ""},
    "a name of two lines": {"by": "Ivy\nIglead"},
    "a very long name": {"by": "I" * 201},
    "no way": {"channel": ""},
    "at the desk": {"channel": "desk"},
    "no day": {"said-day": "", "said-month": "", "said-year": ""},
    "no such day": {"said-day": "31", "said-month": "2"},
    "before it was asked": {"said-year": "2001"},
    "not yet": {"said-year": "2098"},
}


@pytest.mark.parametrize("changed", list(BAD_LETTERS.values()), ids=list(BAD_LETTERS))
def test_a_letter_without_its_circumstances_changes_nothing(
    world: World, dana: Somebody, changed: dict[str, str]
) -> None:
    (access,) = asked(world, dana)
    answer = dana.send(page_of(access), {f"answer-{access.id}": "no", **letter(world), **changed})
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert "There is a problem" in answer.text
    assert "1 0 0 0 1" in words(dana.get(SAMPLES))


def test_every_number_of_what_waits_leads_to_as_many_rows(world: World) -> None:
    late = with_sampling(world, answer_days=-3, escalate_days=1)
    dana = officer(late)
    first, second, third = asked(late, dana, "EH-1", "EH-2", "EH-3")
    desk = at_desk(late)
    desk.send(DESK, {f"answer-{first.id}": "no"})
    home = numbers(dana)
    assert (1, 2) == (home[f"{SAMPLES}/waiting/denied"], home[f"{SAMPLES}/waiting/silent"])
    assert (1, 2) == tuple(rows(dana.get(f"{SAMPLES}/waiting/{what}")) for what in ("denied", "silent"))
    desk.send(DESK, {f"answer-{second.id}": "yes", f"answer-{third.id}": "cannot_tell"})
    assert f"{SAMPLES}/waiting/silent" not in numbers(dana)
    assert HTTPStatus.NOT_FOUND == dana.ask(f"{SAMPLES}/waiting/other").status_code


def test_a_no_is_settled_and_is_off_the_list(world: World, dana: Somebody) -> None:
    (access,) = asked(world, dana)
    at_desk(world).send(DESK, {f"answer-{access.id}": "no"})
    address = f"{page_of(access)}/accesses/{access.id}"
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.send(address, {}).status_code
    assert 1 == numbers(dana)[f"{SAMPLES}/waiting/denied"]
    outcome = {f"outcome-{access.id}": "incident"}
    assert HTTPStatus.SEE_OTHER == dana.send(address, outcome).status_code
    assert f"{SAMPLES}/waiting/denied" not in numbers(dana)
    assert "It is dealt with as an incident" in words(dana.get(page_of(access)))
    assert HTTPStatus.NOT_FOUND == dana.send(address, outcome).status_code


def test_a_no_leads_to_an_incident_that_begins_with_its_release(world: World, dana: Somebody) -> None:
    (access,) = asked(world, dana)
    at_desk(world).send(DESK, {f"answer-{access.id}": "no"})
    way = f"/console/incidents/new?release={access.leaf_index}"
    assert way in dana.get(page_of(access))
    assert [str(access.leaf_index)] == filled(dana.get(way), "/console/incidents/new")["release"]


def test_what_is_hidden_from_an_officer_is_neither_listed_nor_counted(world: World, dana: Somebody) -> None:
    """The other one sees both: no row, number or page of the first tells that there is a second."""
    first, second = sorted(asked(world, dana, "EH-1", "EH-2"), key=lambda each: each.leaf_index)
    eve = officer(world, "eve")
    at_desk(world).send(DESK, {f"answer-{second.id}": "no"})
    family = world.family_id("EH-2")
    world.join("early-help")
    with act(world.wiring, families=(family,)) as change:
        change.connection.execute(
            text(
                "INSERT INTO gateway.case_conflict (case_id, family_id, agency_code, practitioner_id)"
                " SELECT case_id, family_id, 'early-help', 'dana' FROM gateway.case_record"
                " WHERE family_id = :family"
            ),
            {"family": family},
        )
        change.record(kind="case.replace", actor="test", family_id=family)
    assert 1 == numbers(eve)[f"{SAMPLES}/waiting/denied"]
    assert "2 0 1 0 1" in words(eve.get(SAMPLES))
    assert f"{SAMPLES}/waiting/denied" not in numbers(dana)
    assert "1 0 0 0 1" in words(dana.get(SAMPLES))
    assert (1, 0) == (rows(dana.get(page_of(first))), rows(dana.get(f"{SAMPLES}/waiting/denied")))
    address = f"{page_of(second)}/accesses/{second.id}"
    assert HTTPStatus.NOT_FOUND == dana.send(address, {f"outcome-{second.id}": "incident"}).status_code


def test_a_sample_of_nothing_that_is_there_is_not_found(world: World, dana: Somebody) -> None:
    for known in (uuid4(), "x"):
        assert HTTPStatus.NOT_FOUND == dana.ask(f"{SAMPLES}/{known}").status_code
        assert HTTPStatus.NOT_FOUND == dana.send(f"{SAMPLES}/{known}", letter(world)).status_code
