"""The pages of what takes two people: the officer proposes, the second sees exactly what, proves who it is, decides."""

import hashlib
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import pytest

from agencies import repository as agencies
from agencies.model import AgencyCode
from agencies.profile_text import format_profile, parse_profile
from gateway.agency import service, soundness
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, hidden, title, words
from tests.support.world import World

CAMHS: Final = AgencyCode("camhs")
ADDRESS: Final = "/console/approvals/profile/camhs/2"


@pytest.fixture
def world(wiring: Wiring) -> World:
    """camhs has a stored version 2: an ethnic group in full, and no date of birth of a child."""
    made = World(wiring)
    made.join("camhs")
    with wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, CAMHS, version=1)
    assert document is not None
    changed = format_profile(replace(parse_profile(document), version=2))
    changed = changed.replace('field = "child_dob"\npanel = "F"', 'field = "child_dob"\npanel = "W"')
    changed = changed.replace('field = "ethnicity"\npanel = "G1"', 'field = "ethnicity"\npanel = "F"')
    service.store_profile(wiring, document=changed, actor="test")
    return made


def version(world: World) -> int | None:
    with world.wiring.engine.connect() as connection:
        return agencies.effective_version(connection, CAMHS)


def test_two_people_make_a_version_effective(world: World) -> None:
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    eli = Somebody(world.wiring, Role.SECOND_APPROVER, username="eli")
    assert "Let this profile version release: The camhs, version 2" in words(dana.get("/console/approvals"))
    page = words(dana.get(ADDRESS))
    wider, narrower = page.index("in full wider"), page.index("never narrower")
    assert wider < narrower
    assert "It was not proposed yet." in words(eli.get(ADDRESS))
    assert HTTPStatus.SEE_OTHER == dana.post(ADDRESS)
    assert "You proposed it, so somebody else decides." in words(dana.get(ADDRESS))
    page = eli.get(ADDRESS)
    approve = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
    asked = eli.send(approve, hidden(page))
    assert ("Confirm that it is you", 1) == (title(asked.text), version(world))
    done = eli.send(approve, hidden(asked.text))
    assert (HTTPStatus.SEE_OTHER, 2) == (done.status_code, version(world))
    assert "Everything that is stored is effective." in words(eli.get("/console/approvals"))
    assert HTTPStatus.NOT_FOUND == eli.ask(ADDRESS).status_code


def test_a_proof_for_another_text_approves_nothing(world: World) -> None:
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    eli = Somebody(world.wiring, Role.SECOND_APPROVER, username="eli")
    dana.post(ADDRESS)
    page = eli.get(ADDRESS)
    approve = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
    asked = hidden(eli.send(approve, hidden(page)).text)
    other = eli.send(approve, {**asked, "digest": "0" * 64})
    assert ("Error: Confirm that it is you", 1) == (title(other.text), version(world))
    proved = hidden(eli.send(approve, digest="0" * 64).text)
    refused = eli.send(approve, proved)
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, 1) == (refused.status_code, version(world))
    assert "has to be proposed again" in words(refused.text)


def test_whoever_has_both_roles_still_needs_somebody_else(world: World) -> None:
    both = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, Role.SECOND_APPROVER, username="both")
    both.post(ADDRESS)
    page = both.get(ADDRESS)
    assert "Approve exactly this" not in page
    reject = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition('"')[0]
    approve = reject.replace("/reject", "/approve")
    proved = hidden(both.send(approve, digest="x").text)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == both.send(approve, proved).status_code
    assert 1 == version(world)
    assert HTTPStatus.SEE_OTHER == both.post(reject)
    assert "Propose it to a second person" in both.get(ADDRESS)


@pytest.mark.parametrize(
    "address",
    [
        "/console/approvals/profile/camhs/1",
        "/console/approvals/profile/camhs/9",
        "/console/approvals/profile/camhs/9999999",
        "/console/approvals/profile/camhs/x",
        "/console/approvals/profile/nobody/1",
        "/console/approvals/agency/camhs/0",
        "/console/approvals/clients/camhs/0",
        "/console/approvals/x/camhs/0",
    ],
)
def test_what_cannot_be_proposed_is_not_found(world: World, address: str) -> None:
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    assert HTTPStatus.NOT_FOUND == dana.ask(address).status_code
    assert dana.post(address) in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
    assert "Nothing waits." in words(dana.get("/console/approvals"))


def test_what_no_profile_may_say_is_shown_in_place_of_the_button(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the page sees what it would tell, and why that is not theirs to allow."""
    dana = Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")
    eli = Somebody(world.wiring, Role.SECOND_APPROVER, username="eli")
    dana.post(ADDRESS)
    assert "Approve exactly this" in eli.get(ADDRESS)
    fault = soundness.Fault("contact-after-acceptance", "Camhs would be told <b>.", "Nobody calls before.")
    monkeypatch.setattr(soundness, "stored_faults", lambda *_, **__: (fault,))
    page = eli.get(ADDRESS)
    assert "Approve exactly this" not in page
    assert "Camhs would be told &lt;b&gt;.</strong> Nobody calls before." in page
    assert "Reject" in words(page)
    approve = "/console/approvals/" + page.partition('action="/console/approvals/')[2].partition("/")[0]
    asked = hidden(eli.send(f"{approve}/approve", digest=digest(world)).text)
    refused = eli.send(f"{approve}/approve", asked)
    assert (HTTPStatus.UNPROCESSABLE_ENTITY, 1) == (refused.status_code, version(world))
    assert "Camhs would be told &lt;b&gt;. Nobody calls before." in refused.text
    assert HTTPStatus.SEE_OTHER == eli.post(f"{approve}/reject")
    assert "Propose it to a second person" not in dana.get(ADDRESS)
    assert "What no profile may say" in words(dana.get(ADDRESS))
    assert HTTPStatus.UNPROCESSABLE_ENTITY == dana.post(ADDRESS)
    assert "Nothing waits." in words(dana.get("/console/approvals"))


def digest(world: World) -> str:
    """What is approved: the hash of the stored text."""
    with world.wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, CAMHS, version=2) or ""
    return hashlib.sha256(document.encode()).hexdigest()
