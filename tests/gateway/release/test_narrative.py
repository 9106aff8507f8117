"""Free text through the whole release: what the recipient is not told is cut, and what is shielded never leaves."""

import json
from typing import Any

import pytest

from gateway.disclosure_log.repository import database_now
from gateway.release.model import Refused, Released
from gateway.release.watch.service import watch_pulling
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import open_tasks
from gateway.wiring import Wiring
from tests.support.world import World, item, small_family

WORKER = "early-help-1"


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("early-help", "refuge"):
        made.join(code)
    return made


def family(
    summary: str, *, shield: str = "none", workers: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """The small family whose wishes are told in these words; Ben never agrees."""
    made = small_family("EH-1")
    mum, ada = "EH-1-mum", "EH-1-ada"
    made["people"][0]["shield"] = shield
    made["workers"] = [{"id": each, "from": "2026-01-01"} for each in workers]
    made["items"] = [each for each in made["items"] if each["field"] != "help_wanted"]
    made["items"] += [
        item("help_wanted", [mum, ada], {"needs": ["routines"], "summary": summary}),
        *more.get("items", ()),
    ]
    return made


def told(world: World, document: dict[str, Any]) -> str:
    """What early help is told of the wishes; empty where it is told none."""
    world.import_families(document)
    for person in ("EH-1-mum", "EH-1-ada"):
        world.give("EH-1", person)
    world.list_cases("EH-1")
    world.sign_off("EH-1")
    outcome = world.release("early-help", "EH-1")
    assert isinstance(outcome, Released)
    case = json.loads(outcome.body)["record"].get("case", {})
    return str(case["help_wanted"]["value"][0]["summary"]) if "help_wanted" in case else ""


def test_whoever_did_not_agree_is_not_named(world: World) -> None:
    """Ada and her mother are told in full, their brother is not; their common name stays."""
    said = told(world, family("Ada and Bengiven, born 28/2/2019, share. The Shelleyname family wants calm."))
    assert "Ada and [detail], born [detail], share. The Shelleyname family wants calm." == said


def test_what_the_recipient_is_told_anyway_stays(world: World) -> None:
    said = told(world, family("Adagiven Shelleyname wants her room at 1 Canary Road back."))
    assert "Adagiven Shelleyname wants her room at 1 Canary Road back." == said


@pytest.mark.parametrize(
    "where", ["1 Canary Road", "canary rd", "SE6 4RU", "s e 6 4 r u", "SE6", "C-a-n-a-r-y Road"]
)
def test_where_a_shielded_family_is_never_leaves(world: World, where: str) -> None:
    """Cut, or the item is kept back; in no form does it go."""
    said = told(world, family(f"They live at {where} now.", shield="restricted"))
    assert said in {"", "They live at [detail] now.", "They live at [detail] Road now."}


def test_the_named_worker_reads_where_they_are(world: World) -> None:
    said = told(world, family("They live at 1 Canary Road now.", shield="restricted", workers=(WORKER,)))
    assert "They live at 1 Canary Road now." == said


def test_what_survives_is_kept_back_and_the_safeguarding_lead_is_told_once(world: World) -> None:
    """Nothing says so to the recipient; the field is absent as if nobody had said anything."""
    kept = family("They live in myCanaryRoadhome, near the pond.", shield="refuge")
    assert "" == told(world, kept)
    world.release("early-help", "EH-1")
    with world.wiring.engine.connect() as connection:
        now = database_now(connection)
    watch_pulling(world.wiring, now, bank_holidays=lambda _day: frozenset())
    with world.wiring.engine.connect() as connection:
        tasks = [each for each in open_tasks(connection) if each.kind is TaskKind.RELEASE_KEPT_BACK]
    assert [("early-help", world.family_id("EH-1"))] == [(each.about, each.ref) for each in tasks]
    assert {"fields": 1, "first": "help_wanted"} == tasks[0].facts


def test_a_refuges_own_part_is_not_told_in_words_either(world: World) -> None:
    """Its code is all that is known of its name here."""
    assert "The [detail] rang." == told(world, family("The refuge rang."))
    assert isinstance(world.release("refuge", "EH-1"), Released | Refused)
