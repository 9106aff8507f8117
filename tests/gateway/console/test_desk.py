"""The desk of a small agency: it shows what the API would release at that instant, and nothing to anybody else."""

import json
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from agencies.model import AgencyCode
from gateway.agency import desk
from gateway.agency import service as agencies
from gateway.agency.commands import agency as agency_commands
from gateway.agency.errors import ApplicationError
from gateway.oauth import service as oauth
from gateway.oauth.model import ClientId
from gateway.release.model import Released
from gateway.staff import service as staff
from gateway.staff.model import Belonging, Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, words
from tests.support.rooms import environment
from tests.support.world import World, household

SOURCE: Final = "EH-1"
MUM: Final = f"{SOURCE}-mum"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("charity")
    made.join("camhs")
    household(made, SOURCE)
    return made


def at_desk(world: World, code: str = "charity") -> Somebody:
    username = f"{code}.desk"
    desk.invite(
        world.wiring,
        agency=AgencyCode(code),
        practitioner=f"{code}-1",
        username=username,
        invited_by="test",
    )
    return Somebody(
        world.wiring,
        Role.DESK_USER,
        username=username,
        belonging=Belonging(agency=code, practitioner=f"{code}-1"),
    )


def case_page(world: World, code: str = "charity") -> str:
    return f"/desk/cases/{world.case_ref(code, SOURCE)}"


def leaves(value: Any) -> set[str]:
    """Every text and number in a record, as a page would show it."""
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    if isinstance(value, list):
        return set().union(*map(leaves, value))
    return {"yes" if value is True else "no" if value is False else str(value)}


def test_what_is_shown_is_what_the_api_would_release(world: World) -> None:
    at = at_desk(world)
    page = at.send(case_page(world), purpose="P1")
    released = world.release("charity", SOURCE)
    assert isinstance(released, Released)
    record = json.loads(released.body)["record"]
    people = record["people"]
    told = [fields["value"] for person in people for fields in person["fields"].values()]
    told += [fields["value"] for fields in record.get("case", {}).values()]
    assert leaves(told)
    assert [] == [leaf for leaf in leaves(told) if leaf not in words(page.text)]
    with world.wiring.engine.connect() as connection:
        named = connection.execute(
            text(
                "SELECT count(*) FROM gateway.log_trace WHERE agency_code = 'charity' AND extract_id IS NOT NULL"
            )
        ).scalar_one()
    assert 2 == named


def test_looking_at_a_list_or_a_question_releases_nothing(world: World) -> None:
    at = at_desk(world)
    home = at.get("/desk")
    assert f"Case {str(world.case_ref('charity', SOURCE))[:8]}" in words(home)
    assert "Shelleyname" not in home
    at.get(case_page(world))
    with world.wiring.engine.connect() as connection:
        assert (
            0
            == connection.execute(
                text("SELECT count(*) FROM gateway.log_trace WHERE extract_id IS NOT NULL")
            ).scalar_one()
        )


def test_the_receipt_is_there_for_the_agency_that_received_it(world: World) -> None:
    at = at_desk(world)
    page = at.send(case_page(world), purpose="P1").text
    address = page.partition('href="/desk/receipts/')[2].partition('"')[0]
    assert "c2sp.org/tlog-proof@v1" in at.get(f"/desk/receipts/{address}")
    other = at_desk(world, "camhs")
    assert HTTPStatus.NOT_FOUND == other.ask(f"/desk/receipts/{address}").status_code


def end_practitioner(world: World) -> None:
    agencies.end_practitioner(
        world.wiring, code=AgencyCode("charity"), practitioner_id="charity-1", actor="test"
    )


def suspend(world: World) -> None:
    agencies.suspend(world.wiring, code=AgencyCode("charity"), actor="test")


def revoke_desk(world: World) -> None:
    client = desk.ensure_desk(world.wiring, AgencyCode("charity"), actor="test")
    oauth.revoke_client(world.wiring, client_id=ClientId(client), actor="test")


def withdraw(world: World) -> None:
    for person in world.families[SOURCE]["people"]:
        world.withdraw(SOURCE, person["id"])


ENDS: Final = {
    "the practitioner left": end_practitioner,
    "the agency is suspended": suspend,
    "the desk is revoked": revoke_desk,
    "the family withdrew": withdraw,
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS.keys())
def test_what_ends_ends_at_the_next_request(world: World, ends: Any) -> None:
    at = at_desk(world)
    assert HTTPStatus.OK == at.send(case_page(world), purpose="P1").status_code
    ends(world)
    answer = at.send(case_page(world), purpose="P1")
    assert HTTPStatus.NOT_FOUND == answer.status_code
    assert "Shelleyname" not in answer.text


def test_whoever_is_invited_after_a_desk_was_revoked_has_a_new_one(world: World) -> None:
    at_desk(world)
    revoke_desk(world)
    assert HTTPStatus.OK == at_desk(world).send(case_page(world), purpose="P1").status_code


def test_another_agencys_case_is_nothing(world: World) -> None:
    at = at_desk(world)
    foreign = at.send(case_page(world, "camhs"), purpose="P1")
    unknown = at.send(f"/desk/cases/{uuid4()}", purpose="P1")
    assert (HTTPStatus.NOT_FOUND, words(foreign.text)[:80]) == (unknown.status_code, words(unknown.text)[:80])
    assert HTTPStatus.NOT_FOUND == at.send("/desk/cases/x", purpose="P1").status_code


@pytest.mark.parametrize("purpose", ["", "P4", "x", "P1,P2"])
def test_a_purpose_that_is_not_served_is_asked_for_again(world: World, purpose: str) -> None:
    answer = at_desk(world).send(case_page(world), purpose=purpose)
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, True) == (
        answer.status_code,
        "Choose what you need it for." in answer.text,
    )


def test_without_an_accepted_offer_there_is_no_service_stage(world: World) -> None:
    at = at_desk(world)
    assert HTTPStatus.NOT_FOUND == at.send(case_page(world), purpose="P2").status_code
    assert "No family accepted your help" in words(at.get("/desk"))
    world.accept_offer(SOURCE, "charity")
    assert HTTPStatus.OK == at.send(case_page(world), purpose="P2").status_code
    assert "No family accepted your help" not in words(at.get("/desk"))


def test_a_recall_is_seen_and_answered(world: World) -> None:
    at = at_desk(world)
    at.send(case_page(world), purpose="P1")
    withdraw(world)
    assert "1 recall waits for your answer" in words(at.get("/desk"))
    page = at.get("/desk/recalls")
    address = "/desk/recalls/" + page.partition('href="/desk/recalls/')[2].partition('"')[0]
    assert "What we did" in at.get(address)
    assert "Choose what you did." in at.send(address).text
    assert "Choose why you keep them." in at.send(address, answer="retained").text
    assert HTTPStatus.SEE_OTHER == at.post(address, answer="deleted")
    assert "done We deleted every copy" in words(at.get("/desk/recalls"))
    assert "You said before that the copies are gone." in at.send(address, answer="stopped").text
    assert HTTPStatus.NOT_FOUND == at_desk(world, "camhs").ask(address).status_code
    assert HTTPStatus.NOT_FOUND == at.ask(f"/desk/recalls/{uuid4()}").status_code


def test_whoever_has_the_role_and_no_agency_has_no_desk(world: World) -> None:
    nobody = Somebody(world.wiring, Role.DESK_USER, username="nobody")
    assert HTTPStatus.NOT_FOUND == nobody.ask("/desk").status_code


def test_the_client_of_a_desk_opens_nothing_by_token(world: World) -> None:
    at_desk(world)
    with world.wiring.engine.connect() as connection:
        keys = connection.execute(
            text(
                "SELECT count(*) FROM gateway.oauth_client_key k JOIN gateway.oauth_client c USING (client_id)"
                " WHERE c.client_id LIKE 'dk\\_%'"
            )
        ).scalar_one()
        row = connection.execute(
            text("SELECT certificate_name FROM gateway.oauth_client WHERE client_id LIKE 'dk\\_%'")
        ).one()
    assert (0, None) == (keys, row.certificate_name)


def test_where_people_are_real_a_desk_waits_for_its_approval(world: World) -> None:
    desk.ensure_desk(world.wiring, AgencyCode("charity"), actor="test")
    nobody = Somebody(
        world.wiring,
        Role.DESK_USER,
        username="early",
        belonging=Belonging(agency="charity", practitioner="charity-1"),
    )
    assert HTTPStatus.NOT_FOUND == nobody.ask("/desk").status_code


def test_there_is_one_desk_for_each_agency(world: World) -> None:
    first = desk.ensure_desk(world.wiring, AgencyCode("charity"), actor="test")
    assert first == desk.ensure_desk(world.wiring, AgencyCode("charity"), actor="test")
    assert first != desk.ensure_desk(world.wiring, AgencyCode("camhs"), actor="test")


@pytest.mark.parametrize(("code", "practitioner"), [("nobody", "charity-1"), ("charity", "x-1")])
def test_only_listed_practitioners_of_an_agency_are_invited(
    world: World, code: str, practitioner: str
) -> None:
    with pytest.raises(ApplicationError):
        desk.invite(
            world.wiring,
            agency=AgencyCode(code),
            practitioner=practitioner,
            username="x.desk",
            invited_by="test",
        )


def test_the_command_invites_somebody_of_the_list(world: World) -> None:
    run = CliRunner().invoke(
        agency_commands,
        ["invite", "charity", "charity-1", "kofi.desk"],
        env=environment(world.wiring),
        catch_exceptions=False,
    )
    assert (0, True) == (run.exit_code, "enter this code, which works once" in run.output)
    who = staff.admit(world.wiring, staff.sign_in_by_click(world.wiring, "kofi.desk"))
    assert who is not None
    assert Belonging(agency="charity", practitioner="charity-1") == who.belonging
    wrong = CliRunner().invoke(
        agency_commands, ["invite", "charity", "charity-9", "x.desk"], env=environment(world.wiring)
    )
    assert 1 == wrong.exit_code
