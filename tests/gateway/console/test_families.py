"""A family's page, and recording what it says: nothing typed is lost, a stop is at once, and it takes no more to stop."""

import json
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from gateway.database import open_engine
from gateway.release.model import Refused, Released, Unavailable
from gateway.staff.model import Belonging, Role
from gateway.tasks.model import TaskKind
from gateway.wiring import Wiring
from tests.support.pages import Somebody, hidden, title, words
from tests.support.prepared import made_once
from tests.support.throwaway import Database
from tests.support.world import World, household, item, small_family

SOURCE: Final = "EH-1"
MUM, ADA, BEN = (f"{SOURCE}-{who}" for who in ("mum", "ada", "ben"))
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM consent_registry.decision), (SELECT count(*) FROM gateway.recall),"
    " (SELECT count(*) FROM gateway.task), (SELECT sum(version) FROM gateway.family_gate)"
)


def world_of(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "refuge"):
        made.join(code)
    family = small_family(SOURCE)
    workers = [{"id": "jo", "from": "2026-01-01"}]
    related = [
        item(
            "household",
            [MUM, child],
            {
                "member": MUM,
                "relationship": "MOTHER",
                "to": child,
                "resident": "full",
                "pr_basis": "birth_mother",
            },
        )
        for child in (ADA, BEN)
    ]
    made.import_families({**family, "workers": workers, "items": [*family["items"], *related]})
    return made


prepared, database, wiring, world = made_once(world_of)


def jo(world: World, *roles: Role, username: str = "jo") -> Somebody:
    return Somebody(
        world.wiring, *(roles or (Role.CASEWORKER,)), username=username, belonging=Belonging(team="north")
    )


def page_of(world: World) -> str:
    return f"/console/families/{world.family_id(SOURCE)}"


def counted(world: World) -> tuple[Any, ...]:
    with world.wiring.engine.connect() as connection:
        return tuple(connection.execute(text(_COUNTS)).one())


def people_told(world: World) -> int:
    """Of how many people an extract tells."""
    released = world.release("camhs", SOURCE)
    assert isinstance(released, Released)
    return len(json.loads(released.body)["record"]["people"])


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    engine = open_engine(database.owner_url)
    yield engine
    engine.dispose()


class Journey:
    """A yes on its way: each page sent with what stood hidden in it, and what is chosen."""

    def __init__(self, world: World, who: Somebody) -> None:
        self.who = who
        self.address = f"{page_of(world)}/agree"
        self.people = {name: str(world.person_id(SOURCE, name)) for name in (MUM, ADA, BEN)}
        self.page = who.get(self.address)

    def send(self, **chosen: str | Sequence[str]) -> Any:
        answer = self.who.send(self.address, hidden(self.page), **chosen)
        if answer.status_code != HTTPStatus.SEE_OTHER:
            self.page = answer.text
        return answer

    def to_check(self, *about: str, **how: str) -> str:
        """Go as far as the check of a yes to everything."""
        self.send(speaker=self.people[MUM])
        self.send(about=[self.people[each] for each in about or (MUM, ADA)])
        self.send(what="panel")
        self.send(
            method="signed_form",
            alone="yes",
            language="en",
            **{"basis": "birth_mother", "seen": "paper", **how},
        )
        return self.page


def test_the_page_says_who_is_there_what_stands_and_who_got_what(world: World) -> None:
    for each in (MUM, ADA):
        world.give(SOURCE, each)
    world.list_cases(SOURCE)
    assert isinstance(world.release("camhs", SOURCE), Released)
    page = jo(world).get(page_of(world))
    said = words(page)
    assert "Mary Shelleyname" == title(page)
    for expected in (
        "Adagiven Shelleyname child, 11 Agreed",
        "Bengiven Shelleyname child, 7 Not asked",
        "Mary Shelleyname adult mother of Adagiven Shelleyname mother of Bengiven Shelleyname Agreed",
        "The camhs Agreed 19 kinds of information",
        "The camhs got an extract by camhs-1",
        "About Mary and Adagiven, to talk about who can help.",
        "A yes was recorded by test.caseworker",
        "Mary Shelleyname holds parental responsibility for Adagiven Shelleyname.",
    ):
        assert expected in said, expected
    assert 2 == page.count("<line ")
    assert " style=" not in page


def test_a_refuge_is_seen_by_who_works_here_and_by_no_team_mate(world: World) -> None:
    world.give(SOURCE, MUM)
    world.list_cases(SOURCE)
    assert isinstance(world.release("refuge", SOURCE), Released)
    said = words(jo(world).get(page_of(world)))
    assert ("The refuge Agreed" in said, "The refuge got an extract" in said) == (True, True)
    kim, address = jo(world, username="kim"), f"{page_of(world)}/stop"
    assert "The refuge" not in words(kim.get(page_of(world)))
    assert "1 extract" not in words(kim.send(address, hidden(kim.get(address))).text)
    mine = jo(world)
    assert "1 extract" in words(mine.send(address, hidden(mine.get(address))).text)


def test_a_yes_is_in_effect_when_it_is_confirmed(world: World) -> None:
    world.give(SOURCE, BEN)
    world.list_cases(SOURCE)
    told = people_told(world)
    journey = Journey(world, jo(world))
    before = counted(world)
    check = journey.to_check()
    assert "Check what was said" == title(check)
    assert "Mary Shelleyname : agreed" in words(check)
    assert before == counted(world)
    done = journey.send()
    assert HTTPStatus.SEE_OTHER == done.status_code
    assert (1, 3) == (told, people_told(world))
    said = words(journey.who.get(done.headers["Location"]))
    assert "Sharing is agreed In effect since" in said
    assert "Adagiven Shelleyname Agreed" in said


def test_a_stop_is_at_once_and_says_who_has_had_what(world: World) -> None:
    for each in (MUM, ADA, BEN):
        world.give(SOURCE, each)
    world.list_cases(SOURCE)
    assert isinstance(world.release("camhs", SOURCE), Released)
    who, address = jo(world), f"{page_of(world)}/stop"
    check = who.send(address, hidden(who.get(address))).text
    said = words(check)
    assert "1 extract: told to stop using it, and to delete it" in said
    assert "Mary Shelleyname : stopped" in said
    assert isinstance(world.release("camhs", SOURCE), Released)
    done = who.send(address, hidden(check))
    assert HTTPStatus.SEE_OTHER == done.status_code
    assert isinstance(world.release("camhs", SOURCE), Refused)
    assert "It is recorded, and in effect" in words(who.get(done.headers["Location"]))


def test_two_at_once_lose_nothing_and_the_second_is_shown_what_changed(world: World) -> None:
    first, second = Journey(world, jo(world)), Journey(world, jo(world, username="kim"))
    first.to_check(MUM)
    second.to_check(MUM)
    assert HTTPStatus.SEE_OTHER == first.send().status_code
    refused = second.send()
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "Error: Check what was said" == title(refused.text)
    assert "Recorded since you began A yes for Mary Shelleyname" in words(refused.text)
    assert "They signed a form" in words(refused.text)
    assert HTTPStatus.SEE_OTHER == second.send().status_code
    assert 2 == counted(world)[0]


def test_a_stop_wins_over_a_yes_that_is_on_its_way(world: World) -> None:
    world.give(SOURCE, MUM)
    world.list_cases(SOURCE)
    yes = Journey(world, jo(world))
    yes.to_check(MUM)
    kim, address = jo(world, username="kim"), f"{page_of(world)}/stop"
    check = kim.send(address, hidden(kim.get(address))).text
    assert HTTPStatus.SEE_OTHER == kim.send(address, hidden(check)).status_code
    assert isinstance(world.release("camhs", SOURCE), Refused)
    refused = yes.send()
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert "Sharing was stopped for Mary Shelleyname" in words(refused.text)
    assert isinstance(world.release("camhs", SOURCE), Refused)


def test_a_form_sent_twice_is_recorded_once(world: World) -> None:
    who, address = jo(world), f"{page_of(world)}/stop"
    check = who.send(address, hidden(who.get(address))).text
    first = who.send(address, hidden(check))
    recorded = counted(world)
    again = who.send(address, hidden(check))
    assert (first.status_code, first.headers["Location"]) == (again.status_code, again.headers["Location"])
    assert recorded == counted(world)


def test_talk_to_me_first_is_a_hold_of_those_who_were_asked_for(world: World) -> None:
    for each in (MUM, ADA, BEN):
        world.give(SOURCE, each)
    journey = Journey(world, jo(world))
    journey.send(speaker=journey.people[MUM])
    journey.send(about=[journey.people[MUM]])
    check = journey.send(what="talk").text
    assert "Check what will stop" == title(check)
    assert HTTPStatus.SEE_OTHER == journey.who.send(f"{page_of(world)}/stop", hidden(check)).status_code
    said = words(journey.who.get(page_of(world)))
    assert (
        "Mary Shelleyname adult mother of Adagiven Shelleyname mother of Bengiven Shelleyname On hold" in said
    )
    assert "Bengiven Shelleyname child, 7 Agreed" in said


def test_what_is_changed_begins_with_what_stands_and_ticks_nothing_else(world: World) -> None:
    world.give(SOURCE, MUM, agencies=["camhs"], categories=["name"], fields=[], purposes=["P1"])
    who = jo(world)
    journey = Journey(world, who)
    journey.page = who.get(f"{journey.address}?like={journey.people[MUM]}")
    journey.send(speaker=journey.people[MUM])
    assert f'value="{journey.people[MUM]}" checked' in journey.page
    journey.send(about=journey.people[MUM])
    journey.send(what="chosen")
    assert {"camhs", "name", "P1"} == set(re.findall(r'value="([^"]+)" checked', journey.page))


def test_nothing_that_lets_data_out_is_ticked_beforehand(world: World) -> None:
    journey = Journey(world, jo(world))
    for chosen in (
        {"speaker": journey.people[MUM]},
        {"about": [journey.people[MUM], journey.people[ADA]]},
        {"what": "chosen"},
        {"agencies": ["camhs"], "data": ["name"], "purposes": ["P1"]},
    ):
        assert " checked" not in journey.page
        journey.send(**chosen)
    assert " checked" not in journey.page
    assert '<option value="birth_mother" selected>' in journey.page


def test_one_goes_back_and_keeps_what_was_typed(world: World) -> None:
    journey = Journey(world, jo(world))
    journey.to_check()
    journey.send(go="how")
    assert "How did they agree?" == title(journey.page)
    assert 'value="signed_form" checked' in journey.page
    journey.send(method="recorded_verbal", alone="yes", language="en", basis="birth_mother", seen="paper")
    assert "They said it, and I write it down now" in words(journey.page)
    assert HTTPStatus.SEE_OTHER == journey.send().status_code
    with world.wiring.engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM gateway.task")).scalars().all()
    assert TaskKind.CONSENT_FOLLOW_UP in kinds


def test_a_yes_that_the_registry_refuses_says_where_to_mend_it(world: World) -> None:
    journey = Journey(world, jo(world))
    page = journey.to_check(MUM, **{"until-day": "1", "until-month": "1", "until-year": "2020"})
    assert "Error: How did they agree?" == title(page)
    assert "It is over already." in words(page)
    assert 0 == counted(world)[0]


BAD: Final = {
    "nothing at all": {},
    "no id of a form": {"page": "speaker"},
    "no such page": {"page": "x", "form": str(uuid4())},
    "a form that is none": {"page": "check", "form": "x"},
    "a check of nothing": {"page": "check", "form": str(uuid4())},
    "a check of strangers": {
        "page": "check",
        "form": str(uuid4()),
        "speaker": str(uuid4()),
        "about": [str(uuid4())],
        "what": "panel",
        "method": "signed_form",
    },
    "long": {"page": "how", "form": str(uuid4()), "language": "x" * 5000, "seen": "\N{SNOWMAN}" * 5000},
    "a way to nowhere": {"page": "speaker", "form": str(uuid4()), "go": "x"},
}


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("where", ["agree"])
def test_bad_input_changes_nothing(world: World, sent: dict[str, Any], where: str) -> None:
    who = jo(world)
    before = counted(world)
    answer = who.send(f"{page_of(world)}/{where}", sent)
    assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
    assert before == counted(world)


def test_a_stop_is_never_refused_for_what_was_ticked(world: World) -> None:
    world.give(SOURCE, MUM)
    world.list_cases(SOURCE)
    who, address = jo(world), f"{page_of(world)}/stop"
    odd = {"form": str(uuid4()), "said": "x", "scope": "y", "about": ["z"], "agencies": ["q"], "speaker": "s"}
    check = who.send(address, odd)
    assert (HTTPStatus.OK, "Check what will stop") == (check.status_code, title(check.text))
    assert HTTPStatus.SEE_OTHER == who.send(address, hidden(check.text)).status_code
    assert isinstance(world.release("camhs", SOURCE), Refused)


def test_the_paper_is_the_receipt_and_looks_like_it(world: World) -> None:
    world.give(SOURCE, MUM)
    who = jo(world)
    mum = world.person_id(SOURCE, MUM)
    answer = who.ask(f"{page_of(world)}/receipts/{mum}?print=large")
    assert "18pt" in answer.text
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for wrong in (uuid4(), "x"):
        assert HTTPStatus.NOT_FOUND == who.ask(f"{page_of(world)}/receipts/{wrong}").status_code


def test_a_family_out_of_reach_is_opened_with_a_reason_and_its_lead_is_told(world: World) -> None:
    stranger = Somebody(world.wiring, Role.CASEWORKER, username="max", belonging=Belonging(team="south"))
    jo(world)
    for path in ("", "/agree", "/stop", f"/receipts/{world.person_id(SOURCE, MUM)}", f"/recorded/{uuid4()}"):
        answer = stranger.ask(page_of(world) + path)
        assert (HTTPStatus.SEE_OTHER, f"{page_of(world)}/open") == (
            answer.status_code,
            answer.headers["Location"],
        )
    assert HTTPStatus.SEE_OTHER == stranger.post(f"{page_of(world)}/stop")
    assert 0 == counted(world)[0]
    opening = f"{page_of(world)}/open"
    assert "Error: " in title(stranger.send(opening, reason="curious").text)
    assert HTTPStatus.SEE_OTHER == stranger.post(opening, reason="duty")
    assert "opened with a reason" in words(stranger.get(page_of(world)))
    assert "Mary Shelleyname" == title(stranger.get(page_of(world)))
    manager = jo(world, Role.MANAGER, username="hana")
    assert "max" in manager.get("/console/tasks/case.opened")


@pytest.mark.parametrize("family_id", [str(UUID(int=0)), "x", "00000000-0000-0000-0000-00000000000g"])
def test_what_is_no_family_is_not_found(world: World, family_id: str) -> None:
    who = jo(world)
    for path in ("", "/agree", "/stop", "/open"):
        answer = who.ask(f"/console/families/{family_id}{path}")
        expected = (
            HTTPStatus.OK if path == "/open" and family_id == str(UUID(int=0)) else HTTPStatus.NOT_FOUND
        )
        assert expected == answer.status_code, path


SEARCHES: Final = {
    "nothing": ({}, "Enter the whole name, or a number."),
    "half a name": ({"given": "Adagiven"}, "Enter the whole name, or a number."),
    "no birthday": ({"given": "Adagiven", "family": "Shelleyname"}, "Enter the date of birth"),
    "no such day": (
        {"given": "A", "family": "B", "born-day": "31", "born-month": "2", "born-year": "2015"},
        "Enter the date of birth",
    ),
    "somebody else": (
        {"given": "A", "family": "B", "born-day": "9", "born-month": "4", "born-year": "2015"},
        "No match",
    ),
    "her": (
        {
            "given": "adagiven",
            "family": "SHELLEYNAME",
            "born-day": "9",
            "born-month": "4",
            "born-year": "2015",
        },
        "3 people; yours; worked with by jo.",
    ),
    "the council's reference": ({"number": SOURCE}, "3 people; yours"),
    "another reference": ({"number": "EH-0"}, "No match"),
    "a control character": ({"number": "\x00"}, "Enter a number or a reference."),
    "too long": ({"number": "1" * 129}, "Enter a number or a reference."),
}


@pytest.mark.parametrize(("fields", "expected"), SEARCHES.values(), ids=SEARCHES.keys())
def test_a_search_finds_whole_values_or_says_what_is_missing(
    world: World, fields: dict[str, str], expected: str
) -> None:
    answer = jo(world).send("/console/families/find", fields)
    assert expected in words(answer.text)
    assert answer.status_code in {HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY}


def test_a_sealed_family_looks_like_no_match(world: World) -> None:
    jo(world)
    kim = jo(world, username="kim")
    plain = words(kim.send("/console/families/find", number="EH-0").text)
    world.import_families({**small_family(SOURCE), "seals": ["conflict"], "workers": []})
    assert plain == words(kim.send("/console/families/find", number=SOURCE).text)
    assert HTTPStatus.NOT_FOUND == kim.ask(page_of(world)).status_code


def test_ones_families_are_a_list(world: World) -> None:
    household(world, "EH-2", listed=False)
    said = words(jo(world).get("/console/families"))
    assert "1 family" in said
    assert "Mary Shelleyname Adagiven, Bengiven jo" in said
    assert "1 family" in words(jo(world, username="kim").get("/console/families/team"))
    assert "No open case names you as a worker." in words(jo(world, username="kim").get("/console/families"))


def test_a_stop_does_not_wait_for_the_log(world: World, owner: Engine) -> None:
    """From the family's page to the confirmation, while nobody can append; a yes waits, and says so."""
    world.give(SOURCE, MUM)
    world.list_cases(SOURCE)
    who, address = jo(world), f"{page_of(world)}/stop"
    with owner.connect() as connection, connection.begin():
        connection.execute(text("SELECT FROM gateway.log_head FOR UPDATE"))
        found = who.send("/console/families/find", number=SOURCE)
        assert "3 people; yours" in words(found.text)
        assert "Record a no, or stop sharing" in who.get(page_of(world))
        check = who.send(address, hidden(who.get(address))).text
        assert "Check what will stop" == title(check)
        done = who.send(address, hidden(check))
        assert HTTPStatus.SEE_OTHER == done.status_code
        assert "It is recorded, and in effect" in words(who.get(done.headers["Location"]))
    assert isinstance(world.release("camhs", SOURCE), Refused)
    with world.wiring.engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM gateway.log_deferred")).scalar_one()
    assert 0 == left


DAMAGE: Final = {
    "a day of birth": "UPDATE gateway.case_person SET born = 'damaged' WHERE person_id = :ada",
    "what is recorded of somebody": "UPDATE gateway.case_part SET sealed = 'damaged' WHERE :ada = ANY (about)",
}


@pytest.fixture(params=[*DAMAGE.values()], ids=[*DAMAGE])
def damaged(world: World, owner: Engine, request: pytest.FixtureRequest) -> World:
    """The family, agreed and before a panel, a part of whose record does not open any more."""
    for each in (MUM, ADA):
        world.give(SOURCE, each)
    world.list_cases(SOURCE)
    assert isinstance(world.release("camhs", SOURCE), Released)
    with owner.begin() as connection:
        family = {"family": world.family_id(SOURCE)}
        connection.execute(text("SELECT gateway.move_gates(ARRAY[:family]::uuid[], '{}')"), family)
        changed = connection.execute(text(request.param), {"ada": world.person_id(SOURCE, ADA)})
        assert changed.rowcount
    assert isinstance(world.release("camhs", SOURCE), Unavailable)
    return world


def test_a_damaged_record_keeps_nobody_from_stopping(damaged: World) -> None:
    who, address = jo(damaged), f"{page_of(damaged)}/stop"
    assert "cannot be read" in words(who.get(page_of(damaged)))
    check = who.send(address, hidden(who.get(address)))
    assert "1 extract" in words(check.text)
    done = who.send(address, hidden(check.text))
    assert HTTPStatus.SEE_OTHER == done.status_code
    told = words(who.get(done.headers["Location"]))
    assert (0, 3) == (told.count("Agreed"), told.count("Stopped")), told


def test_a_damaged_record_is_said_before_a_yes_and_refuses_it(damaged: World) -> None:
    who = jo(damaged)
    journey, before = Journey(damaged, who), counted(damaged)
    assert "cannot be read" in words(journey.page)
    assert "no yes can be recorded" in words(journey.to_check(MUM))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == journey.send().status_code
    assert before == counted(damaged)


def test_a_damaged_record_takes_no_list_away(damaged: World) -> None:
    damaged.import_families(
        {**small_family("EH-2"), "workers": [{"id": "jo", "from": "2026-01-01"}]},
    )
    with capture_logs() as logged:
        assert 2 == jo(damaged).get("/console/families").count(">Mary Shelleyname</a>")
    chair = jo(damaged, Role.PANEL_COORDINATOR, username="chair")
    (agenda,) = re.findall(r'href="(/console/meetings/[0-9a-f-]{36})"', chair.get("/console/meetings"))
    assert "Mary Shelleyname" in words(chair.get(agenda))
    assert ["case.damaged"] == [line["event"] for line in logged if line["log_level"] == "error"]


def test_a_damaged_entry_is_said_and_takes_no_other_away(world: World, owner: Engine) -> None:
    world.give(SOURCE, MUM)
    who = jo(world)
    assert "cannot be read" not in who.get(page_of(world))
    with owner.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = 'damaged' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1)"
            )
        )
    said = words(who.get(page_of(world)))
    assert "An entry that cannot be read" in said
    assert "A yes was recorded" in said
