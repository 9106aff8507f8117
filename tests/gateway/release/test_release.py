"""The one path over the real database: what leaves, what is recorded, what never happens."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from certs.envelope import unseal
from consent_registry.birthdays import midnight
from consent_registry.repository import family_standings
from extract_client.log.receipt import extract_hash
from gateway.disclosure_log.reading import newest
from gateway.disclosure_log.service import act
from gateway.release import repository
from gateway.release.model import Refused, Released, ReleaseRequest, Unavailable
from gateway.release.schemas import extract_schema
from gateway.release.service import permitted, release
from gateway.wiring import Wiring
from tests.support.statements import on_statement, statements
from tests.support.world import World, household, small_family


@pytest.fixture
def world(wiring: Wiring) -> World:
    made = World(wiring)
    for code in ("camhs", "charity", "early-help", "health"):
        made.join(code)
    household(made, "EH-1")
    return made


def kinds(world: World, count: int) -> list[str]:
    with world.wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=world.wiring.keyring, count=count)]


def test_an_extract_is_released_recorded_and_fits_its_schema(world: World) -> None:
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    extract = json.loads(outcome.body)
    Draft202012Validator(extract_schema()).validate(extract)
    assert ["extract.release"] == kinds(world, 1)
    assert "Adagiven" in outcome.body.decode()
    assert "receipt" == list(extract)[-1]


def test_the_entry_commits_to_the_extract_that_left(world: World) -> None:
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    with world.wiring.engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT e.entry_id, e.body, p.sealed FROM gateway.log_trace t JOIN gateway.log_entry e USING (entry_id)"
                " JOIN gateway.log_payload p USING (entry_id) WHERE t.extract_id = :x"
            ),
            {"x": outcome.extract_id},
        ).one()
        keys = world.wiring.keyring.family(connection, world.family_id("EH-1"))
    commitment = bytes.fromhex(json.loads(row.body)["c"])
    opening = json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))
    assert extract_hash(json.loads(outcome.body)) == opening["r"]["extract_sha256"]


def test_a_charity_gets_less_than_a_health_service(world: World) -> None:
    charity = world.release("charity", "EH-1")
    assert isinstance(charity, Released)
    assert "Adagiven" not in charity.body.decode()
    assert "Canary Road" not in charity.body.decode()


def test_withdrawn_consent_is_refused_and_both_are_recorded(world: World) -> None:
    assert isinstance(world.release("camhs", "EH-1"), Released)
    for person in small_family("EH-1")["people"]:
        world.withdraw("EH-1", person["id"])
    assert isinstance(world.release("camhs", "EH-1"), Refused)
    expected = ["extract.release", *["consent.withdraw"] * 3, "extract.refuse"]
    assert expected == kinds(world, 5)


def test_one_childs_withdrawal_leaves_the_sibling(world: World) -> None:
    world.withdraw("EH-1", "EH-1-ada")
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    assert "Adagiven" not in outcome.body.decode()
    assert "Bengiven" in outcome.body.decode()


def test_two_agencies_cannot_join_their_extracts(world: World) -> None:
    """No id of one extract occurs in the other's."""
    bodies = [world.release(agency, "EH-1") for agency in ("camhs", "health")]
    ids = [
        {extract["case_ref"], extract["extract_id"], *(p["person"] for p in extract["record"]["people"])}
        for body in bodies
        if isinstance(body, Released)
        for extract in [json.loads(body.body)]
    ]
    assert len(ids) == 2
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("size", [1, 7])
def test_a_batch_costs_one_read_one_append_and_one_checkpoint(world: World, size: int) -> None:
    world.release("camhs", "EH-1")  # the first request of a process starts the log, too
    ref = world.case_ref("camhs", "EH-1")
    batch = [ReleaseRequest(world.caller("camhs"), ref if n % 2 == 0 else uuid4()) for n in range(size)]
    with statements() as sent:
        release(world.wiring, batch)
    assert len(sent) == 3
    assert "gateway.append" in sent[1]
    assert "gateway.publish_checkpoint" in sent[2]


def test_a_bad_item_does_not_fail_its_batch(world: World) -> None:
    """A part that no longer opens makes its own case unavailable, nobody else's."""
    household(world, "EH-2")
    family = world.family_id("EH-2")
    with world.wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates(ARRAY[CAST(:f AS uuid)], '{}')"), {"f": family})
        connection.execute(
            text("UPDATE gateway.case_part SET sealed = 'damaged' WHERE family_id = :f"), {"f": family}
        )
    caller = world.caller("camhs")
    batch = [ReleaseRequest(caller, world.case_ref("camhs", ref)) for ref in ("EH-2", "EH-1")]
    outcomes = release(world.wiring, batch)
    assert ["Unavailable", "Released"] == [type(outcome).__name__ for outcome in outcomes]


def test_nothing_leaves_when_the_log_cannot_be_written(world: World) -> None:
    before = kinds(world, 1)

    def lose_the_connection(statement: str) -> None:
        if "gateway.append" in statement:
            raise OperationalError("append", {}, Exception("connection lost"))

    with on_statement(lose_the_connection):
        outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Unavailable)
    assert before == kinds(world, 1)


def test_the_listing_names_what_would_be_permitted(world: World) -> None:
    household(world, "EH-2")
    refs = [world.case_ref("camhs", ref) for ref in ("EH-1", "EH-2")]
    assert refs == permitted(world.wiring, caller=world.caller("camhs"), case_refs=refs)
    for person in small_family("EH-2")["people"]:
        world.withdraw("EH-2", person["id"])
    assert refs[:1] == permitted(world.wiring, caller=world.caller("camhs"), case_refs=refs)


def test_service_stage_needs_an_accepted_offer_to_this_agency(world: World) -> None:
    world.accept_offer("EH-1", "charity")
    assert isinstance(world.release("camhs", "EH-1", purpose="P2"), Refused)
    charity = world.release("charity", "EH-1", purpose="P2")
    assert isinstance(charity, Released)
    assert "Adagiven" in charity.body.decode()


def test_an_extract_is_used_no_longer_than_its_consent(world: World) -> None:
    end = (world.today + timedelta(days=2)).isoformat()
    world.give("EH-1", "EH-1-ada", valid_until=end)
    outcome = world.release("camhs", "EH-1")
    assert isinstance(outcome, Released)
    assert json.loads(outcome.body)["use_until"].startswith(
        (end, (world.today + timedelta(days=1)).isoformat())
    )


def test_a_consent_without_an_end_lasts_as_long_as_is_configured(world: World) -> None:
    """The default belongs to the council, not to the code."""
    settings = replace(world.wiring.settings, consent_months=1)
    world.wiring = replace(world.wiring, settings=settings)
    world.give("EH-1", "EH-1-ada")
    with world.wiring.engine.connect() as connection:
        standing = family_standings(connection, world.family_id("EH-1"))[world.person_id("EH-1", "EH-1-ada")]
    assert standing.given is not None
    assert timedelta(days=27) < standing.given.valid_until - datetime.now(UTC) <= timedelta(days=31)


def test_a_case_that_keeps_changing_is_given_up_for_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three decisions on facts that were old when they landed: nothing leaves, and the caller may come back."""
    family, real, reads = world.family_id("EH-1"), repository.read, []

    def read_and_be_overtaken(connection: Connection, batch: Sequence[ReleaseRequest]) -> Any:
        rows = real(connection, batch)
        reads.append(len(batch))
        with act(world.wiring, families=(family,), closes=True) as change:
            change.record(kind="case.replace", actor="test", family_id=family)
        return rows

    monkeypatch.setattr(repository, "read", read_and_be_overtaken)
    assert isinstance(world.release("camhs", "EH-1"), Unavailable)
    assert [1, 1, 1] == reads
    assert ["case.replace"] * 3 == kinds(world, 3)


def test_an_extract_for_a_service_is_used_no_longer_than_its_offer(world: World) -> None:
    """The end that PostgreSQL computes: 00:00 in London of the first day without the service."""
    end = world.today + timedelta(days=2)
    world.accept_offer("EH-1", "camhs", ended_on=end)
    outcome = world.release("camhs", "EH-1", purpose="P2")
    assert isinstance(outcome, Released)
    assert midnight(end) == datetime.fromisoformat(json.loads(outcome.body)["use_until"])


@pytest.mark.parametrize(("days", "released"), [(1, True), (0, False)], ids=["ends tomorrow", "ended today"])
def test_an_agreement_holds_until_its_last_midnight_in_london(
    world: World, days: int, released: bool
) -> None:
    end = world.today + timedelta(days=days)
    with act(world.wiring, agencies=("camhs",)) as change:
        change.connection.execute(
            text("UPDATE agencies.agreement SET valid_until = :end WHERE agency_code = 'camhs'"), {"end": end}
        )
        change.record(kind="agency.onboard", actor="test", agency="camhs")
    outcome = world.release("camhs", "EH-1")
    assert released is isinstance(outcome, Released)
    if isinstance(outcome, Released):
        assert midnight(end) == datetime.fromisoformat(json.loads(outcome.body)["use_until"])
