"""A panel pack: every extract of a meeting that an agency may have, in one batch under one checkpoint."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.disclosure_log.reading import newest
from gateway.problems import NOT_FOUND_BODY
from tests.support.served import Served, gateway
from tests.support.statements import statements
from tests.support.world import household

__all__ = ["gateway"]
REFS = ("EH-1", "EH-2", "EH-3")
PUBLISH = "gateway.publish_checkpoint(bigint, bytea, text)"


@pytest.fixture
def meeting(gateway: Served) -> str:
    """The one meeting of CAMHS with three families, of whom the last agreed to nothing any more."""
    world = gateway.world
    for code in ("camhs", "health", "police"):
        if code not in world.members:
            world.join(code)
    refs = [f"{ref}-{uuid4().hex[:6]}" for ref in REFS]
    for ref in refs:
        household(world, ref, listed=False)
    world.list_cases(*refs, members=["camhs"], ref=f"M-{uuid4().hex[:6]}")
    for person in world.families[refs[2]]["people"]:
        world.decide(refs[2], person["id"], "withdraw")
    with gateway.wiring.engine.connect() as connection:
        found = connection.execute(
            text("SELECT meeting_id FROM gateway.agenda_item WHERE family_id = :family"),
            {"family": world.family_id(refs[0])},
        ).scalar_one()
    return str(found)


def pack(gateway: Served, meeting: object, *, agency: str = "camhs") -> Any:
    return gateway.partner(agency).get(f"/v1/panels/{meeting}/extracts", gateway.token(agency))


def entries(gateway: Served) -> list[str]:
    with gateway.wiring.engine.connect() as connection:
        return [line.kind for line in newest(connection, keyring=gateway.wiring.keyring, count=10_000)]


def checkpoints(gateway: Served) -> int:
    with gateway.wiring.engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM gateway.log_checkpoint")).scalar_one()
    return count


def test_it_has_every_extract_that_is_permitted_each_as_its_own_route_gives_it(
    gateway: Served, meeting: str
) -> None:
    answer = pack(gateway, meeting)
    assert (200, "application/x-ndjson") == (answer.status_code, answer.mimetype)
    extracts = [json.loads(line) for line in answer.text.splitlines()]
    assert 2 == len(extracts)
    for extract in extracts:
        alone = gateway.pull("camhs", extract["case_ref"]).get_json()
        assert alone["record"] == extract["record"]
        log = gateway.wiring.log
        verified = verify_receipt(extract["receipt"], policy=Policy.for_log(*log.vkeys), origin=log.origin)
        assert extract["extract_id"] == verified.recipient["extract_id"]


def test_each_is_an_entry_so_is_a_refusal_and_one_checkpoint_holds_them(
    gateway: Served, meeting: str
) -> None:
    pack(gateway, meeting)
    before, size = entries(gateway), checkpoints(gateway)
    pack(gateway, meeting)
    added = entries(gateway)[len(before) :]
    assert ["extract.refuse", "extract.release", "extract.release"] == sorted(added)
    assert 1 == checkpoints(gateway) - size


def test_the_order_is_chance(gateway: Served, meeting: str) -> None:
    orders = {
        tuple(json.loads(line)["case_ref"] for line in pack(gateway, meeting).text.splitlines())
        for _ in range(20)
    }
    assert 2 == len(orders)


@pytest.mark.parametrize("meeting_of", ["nobody", "nonsense"])
def test_a_meeting_that_is_not_theirs_is_the_absence(gateway: Served, meeting: str, meeting_of: str) -> None:
    asked = {"nobody": uuid4(), "nonsense": "x"}[meeting_of]
    for agency, wanted in (("camhs", asked), ("health", meeting), ("police", meeting)):
        answer = pack(gateway, wanted, agency=agency)
        assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)


def test_a_pack_costs_as_many_statements_as_one_extract(gateway: Served, meeting: str) -> None:
    """The read, the append and the publication are of the batch, whatever its size."""
    first = json.loads(pack(gateway, meeting).text.splitlines()[0])["case_ref"]

    def of_the_path(ran: list[str]) -> list[str]:
        marks = ("WITH clock AS", "gateway.append(", "gateway.publish_checkpoint(")
        return [next(mark for mark in marks if mark in each) for each in ran if any(m in each for m in marks)]

    with statements() as alone:
        gateway.pull("camhs", first)
    with statements() as together:
        pack(gateway, meeting)
    assert of_the_path(alone) == of_the_path(together)
    assert 3 == len(of_the_path(together))


def test_nothing_leaves_where_nothing_can_be_published(gateway: Served, meeting: str) -> None:
    with psycopg.connect(gateway.database.admin_url, autocommit=True) as superuser:
        superuser.execute(f"REVOKE EXECUTE ON FUNCTION {PUBLISH} FROM gateway_app")
        answer = pack(gateway, meeting)
        superuser.execute(f"GRANT EXECUTE ON FUNCTION {PUBLISH} TO gateway_app")
    assert 503 == answer.status_code
    assert "urn:early-help-gateway:problem:unavailable" == answer.get_json()["type"]
    assert answer.headers["Retry-After"]
