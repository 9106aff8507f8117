"""What is withheld shows in no search, no list, no total and no gap: with and without it, the same is answered."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from agencies.model import AgencyCode
from gateway.agency import desk
from gateway.cases import lookup
from gateway.panel import views as panel_views
from gateway.recall import repository as recalls
from gateway.recall import views as recall_views
from gateway.release.model import Refused, Released
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, words
from tests.support.rooms import room_client
from tests.support.world import World, household, item, small_family

UPN = "X209999926001"
NHS = "9990000018"
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    made.join("early-help")
    return made


def hidden_family(**changes: Any) -> dict[str, Any]:
    """A family with every number that can be looked for."""
    made = small_family("EH-9") | changes
    made["items"] += [
        item("nhs_number", ["EH-9-ada"], {"number": NHS, "verified": True}),
        item("pupil_number", ["EH-9-ada"], {"upn": UPN, "status": "permanent"}),
    ]
    return made


def searches(who: Somebody) -> Iterator[str]:
    """What every way of looking for somebody of that family answers, without what was typed."""
    for form in (
        {"number": "EH-9"},
        {"number": NHS},
        {"number": UPN},
        {
            "given": "Adagiven",
            "family": "Shelleyname",
            "born-day": "9",
            "born-month": "4",
            "born-year": "2015",
        },
    ):
        yield words(who.send("/console/families/find", form).text)


@pytest.mark.parametrize(
    "changes",
    [
        {"seals": ["adoption"]},
        {"seals": ["conflict"]},
        {
            "conflicts": [{"agency": "early-help", "practitioner": "joe"}],
            "workers": [{"id": "joe", "from": "2026-01-01"}],
        },
    ],
)
def test_searching_for_a_family_that_is_hidden_is_searching_for_nobody(
    world: World, changes: dict[str, Any]
) -> None:
    """By reference, by number, by name and birth: the page is the one of a family that never was."""
    joe = Somebody(world.wiring, Role.CASEWORKER, username="joe")
    before = list(searches(joe))
    world.import_families(hidden_family(**changes))
    assert before == list(searches(joe))


def test_the_same_searches_find_a_family_that_is_not_hidden(world: World) -> None:
    """Else the test before would hold for a page that finds nobody at all."""
    joe = Somebody(world.wiring, Role.CASEWORKER, username="joe")
    before = list(searches(joe))
    world.import_families(hidden_family())
    assert all(one != other for one, other in zip(before, searches(joe), strict=True))


def panels(world: World) -> list[tuple[Any, ...]]:
    """What CAMHS is answered about its meetings, each with its whole page, ids blotted out."""
    http = room_client(world.wiring, world.caller("camhs"), register=panel_views.register)
    answers = []
    for each in http.get("/v1/panels").get_json()["panels"]:
        answer = http.get(f"/v1/panels/{each['id']}")
        kept = sorted((name, value) for name, value in answer.headers if name != "X-Request-ID")
        answers.append((answer.status_code, IDS.sub("id", answer.text), kept))
    return answers


def test_a_meeting_has_no_gap_and_no_total_where_a_case_was(world: World) -> None:
    """Three listed, two of them gone since: the answer is the one of a meeting that only ever had the third."""
    household(world, "EH-1", listed=False)
    world.list_cases("EH-1", ref="M-1")
    alone = panels(world)
    for ref in ("EH-2", "EH-3"):
        household(world, ref, listed=False)
    world.list_cases("EH-1", "EH-2", "EH-3", ref="M-1")
    assert alone != panels(world)
    for person in small_family("EH-2")["people"]:
        world.withdraw("EH-2", person["id"])
    world.import_families(small_family("EH-3") | {"conflicts": [{"agency": "camhs"}]})
    assert isinstance(world.release("camhs", "EH-3"), Refused)
    assert alone == panels(world)


def test_a_family_that_is_hidden_takes_no_place_in_its_teams_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list has a longest length: sealed families of the team, and one's own, count nowhere in it."""
    monkeypatch.setattr(lookup, "MOST", 2)
    north = Belonging(team="north")
    joe, _ = (
        Somebody(world.wiring, Role.CASEWORKER, username=name, belonging=north) for name in ("joe", "kim")
    )
    kims, joes = ({"workers": [{"id": name, "from": "2026-01-01"}]} for name in ("kim", "joe"))
    world.import_families(*(small_family(ref) | kims for ref in ("EH-1", "EH-2")))
    alone = joe.get("/console/families/team")
    assert 2 == alone.count("Adagiven")
    world.import_families(
        *(small_family(f"EH-{number}") | kims | {"seals": ["adoption"]} for number in range(3, 9)),
        *(small_family(f"EH-{number}") | joes for number in range(10, 16)),
    )
    assert words(alone) == words(joe.get("/console/families/team"))


def called_back(world: World, agency: str, query: str = "") -> tuple[int, str, list[tuple[str, str]]]:
    """What an agency is answered that asks what it has to stop using, byte for byte."""
    http = room_client(world.wiring, world.caller(agency), register=recall_views.register)
    answer = http.get(f"/v1/recalls{query}")
    return answer.status_code, answer.text, sorted(answer.headers)


def stopped_family(world: World, ref: str, *agencies: str) -> None:
    """A family that agencies pulled and that then withdrew: each of them is called back once."""
    household(world, ref)
    assert all(isinstance(world.release(agency, ref), Released) for agency in agencies)
    world.withdraw(ref, f"{ref}-mum")


def test_what_others_are_called_back_takes_no_place_in_a_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list has a longest length. Others' recalls, older and newer, count nowhere in it, nor does a case that is gone."""
    monkeypatch.setattr(recalls, "LIST_MAXIMUM", 2)
    stopped_family(world, "EH-1", "early-help")
    assert '{"recalls": []}' == called_back(world, "camhs")[1]
    for ref in ("EH-2", "EH-3"):
        stopped_family(world, ref, "camhs")
    alone = called_back(world, "camhs")
    assert 2 == alone[1].count("recall_id")
    for ref in ("EH-4", "EH-5", "EH-6"):
        stopped_family(world, ref, "early-help")
    assert alone == called_back(world, "camhs")
    household(world, "EH-7")
    world.import_families(small_family("EH-7") | {"conflicts": [{"agency": "camhs"}]})
    assert isinstance(world.release("camhs", "EH-7"), Refused)
    world.withdraw("EH-7", "EH-7-mum")
    assert alone == called_back(world, "camhs")


@pytest.mark.parametrize(
    "query",
    [
        "?cursor=",
        "?cursor=MQ==",
        "?cursor=%00%ff",
        f"?cursor={'A' * 4000}",
        "?after={theirs}",
        "?cursor={theirs}&agency=early-help",
        "?limit=1000000&offset=-1&page=2",
    ],
)
def test_no_cursor_leads_into_anybody_elses_list(world: World, query: str) -> None:
    """There is none: whatever is asked beside the address, forged, cut off or another agency's, the answer is the same."""
    household(world, "EH-1")
    for agency in ("camhs", "early-help"):
        assert isinstance(world.release(agency, "EH-1"), Released)
    world.withdraw("EH-1", "EH-1-mum")
    theirs = IDS.findall(called_back(world, "early-help")[1])[0]
    own = called_back(world, "camhs")
    assert theirs not in own[1]
    assert own == called_back(world, "camhs", query.format(theirs=theirs))


def test_a_desk_counts_no_case_that_it_may_not_see(world: World) -> None:
    """The whole page, numbers in its headings included."""
    desk.invite(
        world.wiring,
        agency=AgencyCode("camhs"),
        practitioner="camhs-1",
        username="camhs.desk",
        invited_by="test",
    )
    who = Somebody(
        world.wiring,
        Role.DESK_USER,
        username="camhs.desk",
        belonging=Belonging(agency="camhs", practitioner="camhs-1"),
    )
    household(world, "EH-1", listed=False)
    world.list_cases("EH-1", ref="M-1")
    alone = IDS.sub("id", words(who.get("/desk")))
    household(world, "EH-2", listed=False)
    world.list_cases("EH-1", "EH-2", ref="M-1")
    assert alone != IDS.sub("id", words(who.get("/desk")))
    world.import_families(
        small_family("EH-2") | {"conflicts": [{"agency": "camhs", "practitioner": "camhs-1"}]}
    )
    assert alone == IDS.sub("id", words(who.get("/desk")))
