"""Why an agency is told what it is told: the same as the release path decides, and the same answer ever after."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from agencies import repository as register
from agencies.catalogue import FIELDS
from agencies.model import AgencyCode, Level, Purpose
from agencies.register import AgencyState
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.service import close_case, shield
from gateway.consent.commands import consent
from gateway.consent.explaining import Explanation, explain
from gateway.disclosure_log.service import act
from gateway.release.decision import decide, item_level
from gateway.release.explanation import explain_facts
from gateway.release.model import Item, Permit, Released
from gateway.wiring import Wiring
from tests.release.product import caller_of, facts_of
from tests.release.worlds import Seeded, any_world
from tests.support.prepared import made_once
from tests.support.rooms import environment
from tests.support.world import World, household, small_family

SOURCE = "EH-1"
MUM, ADA, BEN = (f"{SOURCE}-{who}" for who in ("mum", "ada", "ben"))
CODE = AgencyCode("camhs")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_a_level_is_the_one_at_which_an_item_about_that_person_would_leave(seed: int) -> None:
    world = any_world(Seeded(seed))
    facts, caller = facts_of(world), caller_of(world)
    decision = decide(facts, caller=caller, extract_days=world["extract_days"])
    lines = list(explain_facts(facts, caller=caller, extract_days=world["extract_days"], histories={}))
    assert len(FIELDS) * len(world["people"]) == len(lines)
    for line in lines:
        value: dict[str, Any] = (
            {"authorised_by": "lead", "reason": "x"} if line.field == "worker_safety" else {}
        )
        one = Item(line.field, (line.person_id,), "early-help", "2026-10-01", "fact", value)
        expected = item_level(decision, one) if isinstance(decision, Permit) else Level.W
        assert expected is line.level, (line.field, line.rule)
        assert (line.level is Level.W) or line.rule in {"clamp", "profile"}


def prepare(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "early-help"):
        made.join(code)
    household(made, SOURCE)
    return made


prepared, database, wiring, world = made_once(prepare)


def asked(world: World, *, at: datetime | None = None, purpose: str = "P1") -> Explanation:
    return explain(
        world.wiring, source_ref=SOURCE, agency=CODE, purpose=Purpose(purpose), actor="test", at=at
    )


def told(world: World, person: str, field: str, *, at: datetime | None = None) -> tuple[str, str, str]:
    person_id = str(world.person_id(SOURCE, person))
    (line,) = (
        line for line in asked(world, at=at).lines if (line.person_id, line.field) == (person_id, field)
    )
    return line.level.name, line.rule.value, line.because


def now(world: World) -> datetime:
    with world.wiring.engine.connect() as connection:
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def test_each_rule_is_named(world: World) -> None:
    assert ("F", "profile", "") == told(world, ADA, "child_name")
    assert ("W", "profile", "") == told(world, ADA, "pupil_number")
    world.withdraw(SOURCE, ADA, categories=["name"])
    assert ("W", "consent", "not_covered") == told(world, ADA, "child_name")
    world.withdraw(SOURCE, ADA)
    assert ("W", "consent", "withdrawn") == told(world, ADA, "child_name")
    person = world.person_id(SOURCE, BEN)
    assert ("G2", "profile", "") == told(world, BEN, "address")
    shield(
        world.wiring,
        family_id=world.family_id(SOURCE),
        person_id=person,
        level=Shield.RESTRICTED,
        actor="test",
    )
    assert ("W", "shield", "") == told(world, BEN, "address")
    close_case(world.wiring, family_id=world.family_id(SOURCE), actor="test")
    assert ("W", "refused", "case_state") == told(world, BEN, "child_name")


def change_everything(world: World) -> None:
    family = world.family_id(SOURCE)
    world.withdraw(SOURCE, ADA)
    shield(
        world.wiring,
        family_id=family,
        person_id=world.person_id(SOURCE, BEN),
        level=Shield.REFUGE,
        actor="test",
    )
    world.import_families({**small_family(SOURCE), "seals": ["conflict"], "workers": []})
    world.list_cases(members=["early-help"], ref=f"M-{SOURCE}")
    close_case(world.wiring, family_id=family, actor="test")
    with act(world.wiring, agencies=(CODE,)) as change:
        register.set_state(change.connection, CODE, state=AgencyState.SUSPENDED)
        change.record(kind="agency.suspend", actor="test", agency=CODE)


def test_a_past_answer_is_given_again_whatever_was_changed_since(world: World) -> None:
    world.accept_offer(SOURCE, "camhs")
    then = now(world)
    before = {purpose: asked(world, at=then, purpose=purpose).lines for purpose in ("P1", "P2")}
    assert {"refused"}.isdisjoint(line.rule for lines in before.values() for line in lines)
    change_everything(world)
    after = {purpose: asked(world, at=then, purpose=purpose).lines for purpose in ("P1", "P2")}
    assert before == after
    assert {"refused"} == {line.rule.value for line in asked(world).lines}


def test_before_the_case_was_there_nothing_is_explained(world: World) -> None:
    assert () == asked(world, at=now(world) - timedelta(days=400)).lines


def test_every_instant_between_two_changes_has_its_own_answer(world: World) -> None:
    instants = [now(world)]
    for name, more in (("withdraw", {"categories": ["name"]}), ("give", {}), ("withdraw", {})):
        if name == "give":
            world.give(SOURCE, ADA)
        else:
            world.withdraw(SOURCE, ADA, **more)
        instants.append(now(world))
    assert ["F", "W", "F", "W"] == [told(world, ADA, "child_name", at=at)[0] for at in instants]


def test_looking_is_on_record_first_and_tells_nothing_of_the_record(world: World) -> None:
    runner = CliRunner()
    shown = runner.invoke(consent, ["explain", SOURCE, "--agency", "camhs"], env=environment(world.wiring))
    assert 0 == shown.exit_code
    assert "child_name" in shown.output
    for value in ("Adagiven", "Shelleyname", "SE6", "2015"):
        assert value not in shown.output
    as_json = runner.invoke(
        consent, ["explain", SOURCE, "--agency", "camhs", "--json"], env=environment(world.wiring)
    )
    assert 3 * len(FIELDS) == len(json.loads(as_json.output)["lines"])
    for arguments in (["EH-9"], [SOURCE, "--at", "soon"], [SOURCE, "--at", "2040-01-01T00:00:00Z"]):
        failed = runner.invoke(
            consent, ["explain", *arguments, "--agency", "camhs"], env=environment(world.wiring)
        )
        assert 0 != failed.exit_code
        assert "Traceback" not in failed.output
    with pytest.raises(UnknownCaseError):
        explain(world.wiring, source_ref="EH-9", agency=CODE, purpose=Purpose.P1, actor="test")
    assert isinstance(world.release("camhs", SOURCE), Released)
    assert datetime.now(UTC) > now(world) - timedelta(seconds=5)
