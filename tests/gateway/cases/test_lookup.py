"""Which families a member of staff may look at: how near each is, what a reason opens, and what is on record."""

import json
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from gateway.cases import lookup
from gateway.cases.errors import UnknownCaseError
from gateway.cases.lookup import OpeningReason, Reach, ReasonNeededError
from gateway.cases.search import IndexKind, name_and_birth
from gateway.disclosure_log.reading import of_family
from gateway.disclosure_log.repository import database_now
from gateway.staff import service
from gateway.staff.model import Belonging, Role, SignedIn
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.statements import statements
from tests.support.world import World, small_family

SOURCE: Final = "EH-1"
ADA_IS: Final = name_and_birth("Adagiven", "Shelleyname", "2015-04-09")


def somebody(wiring: Wiring, username: str, *roles: Role, team: str | None = None) -> SignedIn:
    service.invite(
        wiring,
        username=username,
        roles=roles or (Role.CASEWORKER,),
        invited_by="test",
        belonging=Belonging(team=team),
    )
    who = service.admit(wiring, service.sign_in_by_click(wiring, username))
    assert who is not None
    return who


def with_family(wiring: Wiring, *, workers: list[dict[str, Any]] | None = None, **changes: Any) -> UUID:
    """Import a family with whom ``jo`` works, and return its id."""
    world = World(wiring)
    world.join("camhs")
    worked = workers if workers is not None else [{"id": "jo", "from": "2026-01-01"}]
    world.import_families({**small_family(SOURCE), "workers": worked, **changes})
    return world.family_id(SOURCE)


def entries(wiring: Wiring, family_id: UUID) -> list[tuple[str, str]]:
    """Kind and actor of everything on record of a family, the newest first."""
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, family_id)
        found = list(of_family(connection, keys, count=100))
    return [(entry.internal["kind"], entry.internal["actor"]) for _, entry in found if entry]


NEAR: Final = {
    "one's own": ({"username": "jo", "team": "north"}, [], Reach.OWN),
    "one's own, without a team": ({"username": "jo"}, [], Reach.OWN),
    "one's team's": ({"username": "kim", "team": "north"}, [], Reach.TEAM),
    "another team's": ({"username": "kim", "team": "south"}, [], Reach.OTHER),
    "nobody's team": ({"username": "kim"}, [], Reach.OTHER),
    "one's own, sealed": ({"username": "jo", "team": "north"}, ["conflict"], Reach.OWN),
    "one's team's, sealed": ({"username": "kim", "team": "north"}, ["conflict"], None),
    "another team's, sealed": ({"username": "kim", "team": "south"}, ["adoption"], None),
    "sealed, for the lead": ({"username": "ben", "lead": True}, ["party_restriction"], Reach.OTHER),
    "sealed, for the lead of that team": (
        {"username": "ben", "lead": True, "team": "north"},
        ["conflict"],
        Reach.OTHER,
    ),
}


@pytest.mark.parametrize(("who", "seals", "expected"), NEAR.values(), ids=NEAR.keys())
def test_how_near_a_family_is(
    wiring: Wiring, who: dict[str, Any], seals: list[str], expected: Reach | None
) -> None:
    family_id = with_family(wiring, seals=seals)
    somebody(wiring, "jo", team="north")
    role = Role.SAFEGUARDING_LEAD if who.get("lead") else Role.CASEWORKER
    asking = somebody(wiring, who["username"], role, team=who.get("team"))
    found = lookup.find(wiring, asking, kind=IndexKind.NAME_DOB, value=ADA_IS)
    assert [each.reach for each in found] == ([] if expected is None else [expected])
    if expected is None:
        with pytest.raises(UnknownCaseError):
            lookup.view(wiring, asking, family_id)
        with pytest.raises(UnknownCaseError):
            lookup.open_family(wiring, asking, family_id, OpeningReason.DUTY)
    elif expected.opens:
        assert expected is lookup.view(wiring, asking, family_id).reach
        assert family_id == lookup.view(wiring, asking, family_id).record.identity.family_id
    else:
        with pytest.raises(ReasonNeededError):
            lookup.view(wiring, asking, family_id)


def test_a_worker_of_yesterday_and_of_tomorrow_is_none(wiring: Wiring) -> None:
    left = {"id": "jo", "from": "2020-01-01", "to": "2020-02-01"}
    family_id = with_family(wiring, workers=[left, {"id": "kim", "from": "2199-01-01"}])
    for username in ("jo", "kim"):
        with pytest.raises(ReasonNeededError):
            lookup.view(wiring, somebody(wiring, username, team="north"), family_id)


def test_a_team_mate_who_left_lends_no_team(wiring: Wiring) -> None:
    family_id = with_family(wiring)
    somebody(wiring, "jo", team="north")
    kim = somebody(wiring, "kim", team="north")
    service.disable(wiring, username="jo")
    with pytest.raises(ReasonNeededError):
        lookup.view(wiring, kim, family_id)


def test_a_reason_opens_one_family_for_one_session_and_is_told(wiring: Wiring) -> None:
    family_id = with_family(wiring)
    kim = somebody(wiring, "kim", team="south")
    lookup.open_family(wiring, kim, family_id, OpeningReason.COVER)
    lookup.open_family(wiring, kim, family_id, OpeningReason.DUTY)
    assert family_id == lookup.view(wiring, kim, family_id).record.identity.family_id
    assert [("case.view", "kim"), ("case.open", "kim")] == entries(wiring, family_id)[:2]
    with wiring.engine.connect() as connection:
        told = [task for task in open_tasks(connection) if task.kind is TaskKind.CASE_OPENED]
    assert [("kim", family_id, {"reason": "cover"})] == [(t.about, t.ref, t.facts) for t in told]
    again = service.admit(wiring, service.sign_in_by_click(wiring, "kim"))
    assert again is not None
    with pytest.raises(ReasonNeededError):
        lookup.view(wiring, again, family_id)


def test_a_seal_closes_what_a_reason_opened(wiring: Wiring) -> None:
    family_id = with_family(wiring)
    kim = somebody(wiring, "kim", team="south")
    lookup.open_family(wiring, kim, family_id, OpeningReason.COVER)
    with_family_again = {**small_family(SOURCE), "seals": ["conflict"]}
    World(wiring).import_families(with_family_again)
    with pytest.raises(UnknownCaseError):
        lookup.view(wiring, kim, family_id)


def test_a_longer_list_costs_as_many_statements(wiring: Wiring) -> None:
    """Each family is its own, with its own people, though all are read at once; one that is erased meanwhile is left out."""
    with_family(wiring)
    jo = somebody(wiring, "jo")
    with statements() as for_one:
        alone = lookup.families_of(wiring, jo, team=False)
    for ref in ("EH-2", "EH-3"):
        World(wiring).import_families(
            {
                **small_family(ref),
                "workers": [{"id": "jo", "from": "2026-01-01"}, {"id": ref, "from": "2026-01-01"}],
            }
        )
    with statements() as for_three:
        found = lookup.families_of(wiring, jo, team=False)
    assert for_one == for_three
    assert alone[0] in found
    families = [each.record.identity.family_id for each in found]
    assert 3 == len(set(families))
    assert {("jo",), ("EH-2", "jo"), ("EH-3", "jo")} == {each.record.workers for each in found}
    assert found == [lookup.view(wiring, jo, family) for family in families]
    with wiring.engine.connect() as connection:
        erased = [*families, uuid4()]
        read = lookup._records_of(wiring, connection, erased, now=database_now(connection))
        assert families == [each.identity.family_id for each in read]


def test_whoever_is_in_two_families_opens_with_the_key_of_each(wiring: Wiring) -> None:
    """The same person of the council, under a key of each family, in a list of both."""
    with_family(wiring)
    other = json.loads(json.dumps(small_family("EH-2")).replace("EH-2-mum", "EH-1-mum"))
    World(wiring).import_families({**other, "workers": [{"id": "jo", "from": "2026-01-01"}]})
    found = lookup.families_of(wiring, somebody(wiring, "jo"), team=False)
    assert [("Mary Shelleyname", False)] * 2 == [
        (each.record.title, each.record.members.damaged) for each in found
    ]
    shared = [{person.person_id for person in each.record.people} for each in found]
    assert 1 == len(shared[0] & shared[1])


def test_ones_own_list_is_ones_own_and_on_record(wiring: Wiring) -> None:
    family_id = with_family(wiring)
    jo, kim = somebody(wiring, "jo", team="north"), somebody(wiring, "kim", team="north")
    mine = lookup.families_of(wiring, jo, team=False)
    assert [("Mary Shelleyname", Reach.OWN)] == [(each.record.title, each.reach) for each in mine]
    assert [] == lookup.families_of(wiring, jo, team=True)
    assert [] == lookup.families_of(wiring, kim, team=False)
    assert [Reach.TEAM] == [each.reach for each in lookup.families_of(wiring, kim, team=True)]
    assert [("case.list", "kim"), ("case.list", "jo")] == entries(wiring, family_id)[:2]


def test_a_closed_case_is_in_no_list_and_can_be_found(wiring: Wiring) -> None:
    with_family(wiring, status="closed")
    jo = somebody(wiring, "jo")
    assert [] == lookup.families_of(wiring, jo, team=False)
    assert 1 == len(lookup.find_by_reference(wiring, jo, SOURCE))


def test_every_search_is_on_record_whatever_it_finds(wiring: Wiring) -> None:
    family_id = with_family(wiring, seals=["conflict"])
    kim = somebody(wiring, "kim")
    with wiring.engine.connect() as connection:
        count = text("SELECT count(*) FROM gateway.log_entry")
        before: int = connection.execute(count).scalar_one()
    assert [] == lookup.find(wiring, kim, kind=IndexKind.NAME_DOB, value=ADA_IS)
    assert [] == lookup.find(wiring, kim, kind=IndexKind.NHS_NUMBER, value="999 000 0000")
    assert [] == lookup.find_by_reference(wiring, kim, SOURCE)
    assert [] == lookup.find_by_reference(wiring, kim, "EH-none")
    with wiring.engine.connect() as connection:
        assert before + 4 == connection.execute(count).scalar_one()
    assert "kim" not in {actor for _, actor in entries(wiring, family_id)}


def test_a_family_that_never_was_is_no_other_thing_than_one_out_of_sight(wiring: Wiring) -> None:
    kim = somebody(wiring, "kim")
    with pytest.raises(UnknownCaseError):
        lookup.view(wiring, kim, uuid4())
    with pytest.raises(UnknownCaseError):
        lookup.open_family(wiring, kim, uuid4(), OpeningReason.DUTY)


def test_an_agenda_names_no_sealed_family(wiring: Wiring) -> None:
    family_id = with_family(wiring, seals=["conflict"])
    chair = somebody(wiring, "chidi", Role.PANEL_COORDINATOR)
    assert {} == lookup.titles_for_agenda(wiring, chair, [family_id])
    assert lookup.case_for_agenda(wiring, chair, SOURCE) is None
    other = {**small_family("EH-2"), "workers": []}
    world = World(wiring)
    world.import_families(other)
    second = world.family_id("EH-2")
    assert {second: "Mary Shelleyname"} == lookup.titles_for_agenda(wiring, chair, [family_id, second])
    found = lookup.case_for_agenda(wiring, chair, "EH-2")
    assert found is not None
    assert second == found.family_id
