"""What each agency will see: read by who works with the family, signed for exactly that, read back."""

import json
from typing import Any

import pytest

from gateway.disclosure_log.reading import newest
from gateway.release.model import Refused, Released
from gateway.staff.model import Role
from gateway.wiring import Wiring
from tests.support.pages import Somebody, hidden, words
from tests.support.prepared import made_once
from tests.support.world import World, item, small_family


def world_of(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "refuge", "commissioning"):
        made.join(code)
    made.import_families(family())
    for person in ("EH-1-mum", "EH-1-ada"):
        made.give("EH-1", person)
    made.list_cases("EH-1", members=("camhs", "refuge"))
    return made


prepared, database, wiring, world = made_once(world_of)


def family(**changes: Any) -> dict[str, Any]:
    """Ben, who did not agree, is named in what his sister wishes for."""
    made = small_family("EH-1") | {"workers": [{"id": "ada", "from": "2026-01-01"}]}
    mum, ada = "EH-1-mum", "EH-1-ada"
    made["items"] = [each for each in made["items"] if each["field"] != "help_wanted"]
    made["items"].append(
        item("help_wanted", [mum, ada], {"needs": ["routines"], "summary": "Less noise from Bengiven."})
    )
    return made | changes


@pytest.fixture
def ada(world: World) -> Somebody:
    return Somebody(world.wiring, Role.CASEWORKER)


def address(world: World, rest: str = "") -> str:
    return f"/console/families/{world.family_id('EH-1')}/packs{rest}"


def summary(world: World) -> str | None:
    """The free text that CAMHS is given now; absent: none."""
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    value = json.loads(outcome.body)["record"]["case"]["help_wanted"]["value"][0]
    told: str | None = value.get("summary")
    return told


def sign(world: World, ada: Somebody, **changes: str) -> int:
    """Read what CAMHS will see at the panel, and sign it."""
    page = ada.get(address(world, "/camhs/panel"))
    form = {name: values[0] for name, values in hidden(page).items()}
    return ada.post(address(world, "/camhs/panel"), **{**form, "read-back": "yes", **changes})


def test_free_text_goes_when_it_is_signed_and_for_as_long(world: World, ada: Somebody) -> None:
    """Unsigned it stays here; a new version of the case takes another signature."""
    assert summary(world) is None
    assert 303 == sign(world, ada)
    assert "Less noise from [detail]." == summary(world)
    assert "signed by ada" in words(ada.get(address(world)))
    world.import_families(family())
    assert summary(world) is None
    assert 303 == sign(world, ada)
    assert 303 == ada.post(address(world, "/camhs/panel/withdraw"))
    assert summary(world) is None
    assert 303 == ada.post(address(world, "/camhs/panel/withdraw"))


def test_a_signature_is_for_one_agency_and_one_stage(world: World, ada: Somebody) -> None:
    sign(world, ada)
    world.accept_offer("EH-1", "camhs")
    later = world.release("camhs", "EH-1", purpose="P2")
    assert isinstance(later, Released)
    assert "Less noise" not in later.body.decode()
    other = world.release("refuge", "EH-1")
    assert isinstance(other, Released)
    assert "Less noise" not in other.body.decode()


def test_what_changed_since_it_was_read_is_not_signed(world: World, ada: Somebody) -> None:
    """Neither the record nor the profile may move between reading and signing."""
    page = ada.get(address(world, "/camhs/panel"))
    form = {name: values[0] for name, values in hidden(page).items()}
    world.import_families(family())
    answer = ada.send(address(world, "/camhs/panel"), form)
    assert 422 == answer.status_code
    assert "Read it again" in answer.text
    assert summary(world) is None


@pytest.mark.parametrize(
    "wrong", [{"case": ""}, {"case": "9" * 30}, {"case": "x"}, {"profile": "0"}, {"profile": "-1"}]
)
def test_a_forged_version_signs_nothing(world: World, ada: Somebody, wrong: dict[str, str]) -> None:
    assert 422 == sign(world, ada, **wrong)
    assert summary(world) is None


def test_the_page_shows_what_goes_why_the_rest_does_not_and_the_text_beside_its_record(
    world: World, ada: Somebody
) -> None:
    """The same record as the extract, and nothing kept silent."""
    page = words(ada.get(address(world, "/camhs/panel")))
    assert "Less noise from Bengiven. Less noise from [detail]. name" in page
    assert "An adult's names only in part its profile gives no more" in page
    assert "it is about somebody who did not agree" in page or "nobody agreed to it" in page
    sign(world, ada)
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    raw = json.dumps(json.loads(outcome.body)["record"], indent=2, ensure_ascii=False, sort_keys=True)
    assert " ".join(raw.split()) in words(ada.get(address(world, "/camhs/panel")))


def test_that_somebody_looked_is_on_record(world: World, ada: Somebody) -> None:
    ada.get(address(world, "/camhs/panel"))
    with world.wiring.engine.connect() as connection:
        lines = list(newest(connection, keyring=world.wiring.keyring, count=3))
    assert ("pack.preview", "ada", "camhs") in [(each.kind, each.actor, each.agency) for each in lines]


@pytest.mark.parametrize("rest", ["/nobody/panel", "/camhs/later", "/commissioning/panel", "/camhs/P1"])
def test_what_is_no_pack_is_not_found(world: World, ada: Somebody, rest: str) -> None:
    assert 404 == ada.ask(address(world, rest)).status_code
    assert 404 == ada.post(address(world, rest), case="1", profile="1")
    assert 404 == ada.post(address(world, f"{rest}/withdraw"))


def test_a_stranger_neither_reads_nor_signs_and_knows_of_no_refuge(world: World) -> None:
    """Somebody who opened the family with a reason looks at it; letting words go is not theirs."""
    stranger = Somebody(world.wiring, Role.CASEWORKER, username="joe")
    family_page = f"/console/families/{world.family_id('EH-1')}"
    stranger.post(f"{family_page}/open", reason="cover")
    assert "refuge" not in stranger.get(address(world))
    assert 404 == stranger.ask(address(world, "/refuge/panel")).status_code
    assert 404 == stranger.ask(address(world, "/camhs/panel")).status_code
    assert 404 == stranger.post(address(world, "/camhs/panel"), case="1", profile="1")
    assert summary(world) is None


def test_an_agency_that_nobody_agreed_to_sees_nothing_and_it_is_said_why(world: World, ada: Somebody) -> None:
    for person in ("EH-1-mum", "EH-1-ada"):
        world.withdraw("EH-1", person)
    assert "It will see nothing. Nobody agreed to it." in words(ada.get(address(world, "/camhs/panel")))
    assert isinstance(world.release("camhs", "EH-1"), Refused)


def test_what_would_be_seen_is_shown_before_the_case_is_on_an_agenda(world: World, ada: Somebody) -> None:
    page = words(ada.get(address(world, "/camhs/service")))
    assert "The agency may not ask about this family yet." in page
    assert "Less noise from [detail]." in page
