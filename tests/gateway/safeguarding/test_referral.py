"""A referral from the first word to the last: what goes, what is kept, and for whom it exists."""

import json
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from certs.envelope import unseal
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.safeguarding import following, service
from gateway.safeguarding.errors import FaultyAnswersError, UnknownReferralError
from gateway.safeguarding.model import Answers, Kind, Outcome, State, Visibility
from gateway.safeguarding.sealing import Written
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import REST, SIX, caseworker, children_of, refer, world_of
from tests.support.throwaway import Database


def test_six_answers_send_it_and_the_rest_can_follow(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    sent = refer(world, ada)
    assert (State.SENT, True, None) == (sent.state, sent.emergency, sent.completed_at)
    done = service.complete(wiring, ada.who, sent.id, REST)
    assert done.completed_at is not None
    opened = service.look(wiring, ada.who, sent.id)
    first, second = (json.loads(each.body) for each in opened.documents)
    assert "known" not in first["answers"]
    assert "known" in first["follows"]
    assert REST["known"] == second["answers"]["known"]
    assert "follows" not in second


def test_its_receipt_proves_what_went(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    sent = refer(world, ada)
    (only,) = service.look(wiring, ada.who, sent.id).documents
    assert only.proof is not None
    verified = verify_receipt(only.proof, policy=Policy.for_log(*wiring.log.vkeys), origin=wiring.log.origin)
    assert only.sha256 == verified.recipient["document_sha256"]


@pytest.mark.parametrize("without", ["people", "destination", "fear", "danger", "without", "number"])
def test_it_does_not_go_without_one_of_the_six(wiring: Wiring, without: str) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    with pytest.raises(FaultyAnswersError) as refused:
        refer(world, ada, more={without: ""})
    assert [without] == [fault.question for fault in refused.value.faults]


def test_sent_twice_it_is_one(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    sent = refer(world, ada)
    again = service.send(wiring, ada.who, sent.id, emergency=True)
    assert sent == again
    with pytest.raises(UnknownReferralError):
        refer(world, ada, referral_id=sent.id)
    assert 1 == len(service.look(wiring, ada.who, sent.id).documents)


def test_a_document_that_does_not_open_keeps_no_other_back(wiring: Wiring, database: Database) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    sent = refer(world, ada)
    service.complete(wiring, ada.who, sent.id, REST)
    with psycopg.connect(database.admin_url, autocommit=True) as superuser:
        superuser.execute("UPDATE gateway.referral_document SET sealed = 'x' WHERE number = 1")
    assert [2] == [each.number for each in service.look(wiring, ada.who, sent.id).documents]


def listed_since(wiring: Wiring) -> list[object]:
    with wiring.engine.connect() as connection:
        return list(connection.execute(text("SELECT not_ready_since FROM gateway.agenda_item")).scalars())


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_decided_makes_a_case_not_ready_or_leaves_it(wiring: Wiring, outcome: Outcome) -> None:
    world = world_of(wiring)
    world.join("camhs")
    world.give("EH-1", "EH-1-mum")
    world.list_cases("EH-1", members=["camhs"], ref="M-1")
    ada = caseworker(world)
    sent = refer(world, ada)
    assert [None] == listed_since(wiring)
    following.decide(wiring, ada.who, sent.id, outcome=outcome, reference="R-1")
    assert outcome.stops_panel is (listed_since(wiring) != [None])
    following.decide(wiring, ada.who, sent.id, outcome=Outcome.ADVICE, reference="R-2")
    decided = service.look(wiring, ada.who, sent.id)
    assert (outcome, "R-1") == (decided.referral.outcome, decided.written.answers["reference"])


def test_an_agreed_one_may_be_seen_by_the_family_and_another_not_yet(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    referral_id = uuid4()
    answers: Answers = {**SIX, "people": children_of(world, ada), "agreed_by": "Their mother"}
    service.write(wiring, ada.who, world.family_id("EH-1"), referral_id, Written(Kind.AGREED, answers))
    agreed = service.send(wiring, ada.who, referral_id, emergency=True)
    assert (Visibility.SHOW, Visibility.PENDING) == (agreed.visibility, refer(world, ada).visibility)


def test_the_entry_names_the_policy_document(wiring: Wiring) -> None:
    with_policy = replace(wiring, settings=replace(wiring.settings, policy_document="APD-3"))
    world = world_of(with_policy)
    sent = refer(world, caseworker(world))
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, sent.family_id)
        rows = connection.execute(
            text(
                "SELECT e.entry_id, e.body, p.sealed FROM gateway.log_entry e JOIN gateway.log_payload p USING (entry_id)"
                " JOIN gateway.referral_document d USING (entry_id)"
            )
        ).all()
    (row,) = rows
    commitment = bytes.fromhex(json.loads(row.body)["c"])
    opening = json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))
    assert "APD-3" == opening["i"]["policy"]


def test_considered_and_not_shared_is_a_record_too(wiring: Wiring) -> None:
    world = world_of(wiring)
    ada = caseworker(world)
    answers: Answers = {
        "people": children_of(world, ada),
        "fear": "A bruise.",
        "why_not": "He fell; the school saw it.",
    }
    referral_id = uuid4()
    service.write(wiring, ada.who, world.family_id("EH-1"), referral_id, Written(Kind.CONSIDERED, answers))
    kept = service.send(wiring, ada.who, referral_id, emergency=True)
    assert (State.RECORDED, None) == (kept.state, kept.destination)
