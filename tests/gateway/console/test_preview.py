"""The officer's preview: the same as a release would tell, and of a real family nothing before it is on record."""

import json
import re
from dataclasses import replace
from html import unescape
from http import HTTPStatus
from typing import Any, Final

import pytest
from sqlalchemy import text

from agencies import repository as agencies
from agencies.model import AgencyCode, FieldName, Mark
from agencies.profile_text import format_profile, parse_profile
from gateway.agency import previewing, service
from gateway.console import preview_page
from gateway.console import words as words_of_codes
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.reading import of_family
from gateway.keyring import NULL_FAMILY
from gateway.release.explanation import Rule
from gateway.release.model import RefusalReason, Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, title, words
from tests.support.world import World, household, small_family

CAMHS: Final = AgencyCode("camhs")
PREVIEW: Final = "/console/profiles/camhs/preview"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    made.join("camhs")
    household(made, "EH-1")
    return made


@pytest.fixture
def dana(world: World) -> Somebody:
    return Somebody(world.wiring, Role.DATA_PROTECTION_OFFICER, username="dana")


def entries(world: World, family: Any) -> list[dict[str, Any]]:
    """The internal parts of the previews on record with a family."""
    with world.wiring.engine.connect() as connection:
        keys = world.wiring.keyring.family(connection, family)
        opened = [entry for _, entry in of_family(connection, keys, count=100)]
    return [
        dict(each.internal)
        for each in opened
        if each is not None and each.internal["kind"] == "profile.preview"
    ]


def record_of(page: str) -> dict[str, Any]:
    """The record that a page shows as a program would get it."""
    found = re.search(r'<pre class="app-receipt">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    shown: dict[str, Any] = json.loads(unescape(found[1]))
    return shown


def store(world: World, **panel: str) -> None:
    """Store a version 2 that tells some fields otherwise at the panel."""
    with world.wiring.engine.connect() as connection:
        document = agencies.profile_document(connection, CAMHS, version=1)
    assert document is not None
    said = parse_profile(document)
    rows = tuple(
        replace(row, panel=Mark(panel[row.field])) if row.field in panel else row for row in said.rows
    )
    following = replace(said, version=2, rows=rows)
    service.store_profile(world.wiring, document=format_profile(following), actor="test")


def test_a_real_family_is_previewed_as_it_is_released(world: World, dana: Somebody) -> None:
    released = world.release("camhs", "EH-1")
    assert isinstance(released, Released)
    page = dana.send(PREVIEW, version="1", stage="panel", reference="EH-1")
    assert HTTPStatus.OK == page.status_code
    assert json.loads(released.body)["record"] == record_of(page.text)


def test_a_version_that_was_never_shown_is_previewed_as_if_it_had_been(world: World, dana: Somebody) -> None:
    store(world, child_name="W", adult_name="F", child_dob="G1", nhs_number="W")
    record = record_of(dana.send(PREVIEW, version="2", stage="panel", reference="EH-1").text)
    told = [each["fields"] for each in record["people"]]
    assert {"F"} == {each["adult_name"]["level"] for each in told if "adult_name" in each}
    assert not [each for each in told if "child_name" in each]
    assert isinstance(world.release("camhs", "EH-1"), Released)
    with world.wiring.engine.connect() as connection:
        assert 1 == agencies.effective_version(connection, CAMHS)


def test_that_somebody_looked_is_on_record_with_the_family(world: World, dana: Somebody) -> None:
    dana.send(PREVIEW, version="1", stage="service", reference="EH-1")
    (entry,) = entries(world, world.family_id("EH-1"))
    assert ("dana", "camhs", 1, "service") == (
        entry["actor"],
        entry["agency"],
        entry["profile_version"],
        entry["stage"],
    )
    assert re.fullmatch("[0-9a-f]{64}", entry["profile_sha256"])
    kim = Somebody(world.wiring, Role.SAFEGUARDING_LEAD, username="kim")
    family = f"/console/families/{world.family_id('EH-1')}"
    kim.post(f"{family}/open", reason="safeguarding")
    assert "What a service would be told was looked at" in words(kim.get(family))


def test_nothing_is_read_before_it_is_on_record(dana: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the entry refused, not even the family's row is read for the preview."""

    def refuse(*_: object, **__: object) -> None:
        raise NotAppendedError

    def read(*_: object, **__: object) -> None:
        pytest.fail("the family was read")

    monkeypatch.setattr("gateway.disclosure_log.repository.append", refuse)
    monkeypatch.setattr(previewing, "preview", read)
    refused = dana.send(PREVIEW, version="1", stage="panel", reference="EH-1")
    assert HTTPStatus.SERVICE_UNAVAILABLE == refused.status_code
    assert "Adagiven" not in refused.text


def test_whoever_is_no_family_for_them_is_none_and_that_is_on_record(world: World, dana: Somebody) -> None:
    """Unknown, sealed, or one in which this officer has an interest: the same answer."""
    own = {"agency": "early-help", "practitioner": "dana"}
    world.join("early-help")
    world.import_families(
        {**small_family("EH-2"), "seals": ["party_restriction"]}, {**small_family("EH-3"), "conflicts": [own]}
    )
    with world.wiring.engine.connect() as connection:
        before = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
    answers = [
        dana.send(PREVIEW, version="1", stage="panel", reference=reference)
        for reference in ("EH-404", "EH-2", "EH-3")
    ]
    assert {HTTPStatus.UNPROCESSABLE_ENTITY} == {each.status_code for each in answers}
    assert 1 == len({words(each.text) for each in answers})
    assert "There is no such case, or you may not look at it." in words(answers[0].text)
    assert not entries(world, world.family_id("EH-2")) + entries(world, world.family_id("EH-3"))
    assert 3 == len(entries(world, NULL_FAMILY))
    with world.wiring.engine.connect() as connection:
        after = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
    assert before + 3 == after


@pytest.mark.parametrize("reference", ["", " ", "a" * 129, "EH\x00", "EH\n1"])
def test_what_is_no_reference_is_not_looked_for(world: World, dana: Somebody, reference: str) -> None:
    refused = dana.send(PREVIEW, version="1", stage="panel", reference=reference)
    assert HTTPStatus.UNPROCESSABLE_ENTITY == refused.status_code
    assert not entries(world, NULL_FAMILY)


def test_an_invented_family_takes_no_entry(world: World, dana: Somebody) -> None:
    with world.wiring.engine.connect() as connection:
        before = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
    page = dana.get(f"{PREVIEW}?version=1&family=agreed&stage=service")
    assert "Zofia Wren (child)" in words(page)
    assert "of a family that does not exist" in words(page)
    with world.wiring.engine.connect() as connection:
        after = connection.execute(text("SELECT size FROM gateway.log_head")).scalar_one()
    assert before == after


def test_the_draft_is_previewed_as_it_was_saved(dana: Somebody) -> None:
    assert "The draft" not in words(dana.get(PREVIEW))
    dana.post("/console/profiles/camhs/edit", start="effective")
    page = words(dana.get(f"{PREVIEW}?version=draft&family=child-refused&stage=panel"))
    assert "The draft, at the panel" in page
    assert "Zofia" not in page
    assert "A child A child's names never consent: said no" in page


def test_what_is_kept_back_has_its_reason_and_no_value(world: World, dana: Somebody) -> None:
    store(world, child_name="G1", nhs_number="W", child_dob="G1")
    page = words(dana.get(f"{PREVIEW}?version=2&family=sheltered&stage=panel"))
    assert "A child's names in part its profile gives no more" in page
    assert "Where a person lives never the family's address is protected" in page
    assert "NHS number, and whether it was verified never its profile gives no more" in page
    for value in ("Zofia", "9990000018", "Teasel", "Harbour Refuge"):
        assert value not in page


@pytest.mark.parametrize(
    "query",
    [
        "version=9",
        "version=x",
        "version=draft",
        "version=1%00",
        "family=x",
        "family=EH-1",
        "stage=x",
        "who=x",
    ],
)
def test_what_cannot_be_asked_for_is_said(dana: Somebody, query: str) -> None:
    answer = dana.ask(f"{PREVIEW}?{query}")
    assert HTTPStatus.UNPROCESSABLE_ENTITY == answer.status_code
    assert title(answer.text).startswith("Error: ")
    assert "Zofia" not in answer.text


@pytest.mark.parametrize("code", ["nobody", "cam%00hs", "caf%C3%A9"])
def test_an_agency_that_is_none_is_not_previewed(dana: Somebody, code: str) -> None:
    address = f"/console/profiles/{code}/preview"
    assert HTTPStatus.NOT_FOUND == dana.ask(address).status_code
    assert HTTPStatus.NOT_FOUND == dana.post(address, version="1", reference="EH-1")


def test_a_refusal_is_said_in_words(world: World, dana: Somebody) -> None:
    world.import_families({**small_family("EH-9"), "status": "closed"})
    page = words(dana.send(PREVIEW, version="1", stage="panel", reference="EH-9").text)
    assert "Nothing would be told. The case is closed, or not at Level 2." in page


def test_every_rule_and_every_refusal_has_words() -> None:
    assert set(Rule) == words_of_codes.RULE_WORDS.keys()
    assert set(RefusalReason) == words_of_codes.REFUSED_WORDS.keys()


def test_a_field_by_field_preview_holds_nothing_else() -> None:
    record = preview_page._narrowed(
        {
            "people": [{"person": "1", "role": "child", "fields": {"child_name": {}, "address": {}}}],
            "case": {"plan": {}},
        },
        frozenset({FieldName("address")}),
    )
    assert {"people": [{"person": "1", "role": "child", "fields": {"address": {}}}]} == record
