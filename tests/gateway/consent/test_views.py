"""What the council's case system sends is recorded once, and in effect when it is answered."""

import json
from datetime import datetime
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from consent_registry.model import Granted, NotGranted, Reason
from gateway.cases.service import erase_family
from gateway.consent import following
from gateway.database import open_engine
from gateway.oauth.access import ROUTES, scopes_of
from gateway.problems import NOT_FOUND_BODY
from gateway.staff.repository import deactivate
from tests.gateway.cases.documents import family
from tests.gateway.cases.stored import entries_in_log, everything_stored, identity_of, load, rows
from tests.gateway.consent.conftest import Registry
from tests.support.throwaway import Database

CLOSING = ["refuse", "withdraw", "hold", "invalidate", "enter_in_error"]


def pointers(body: bytes) -> list[str]:
    return [fault["pointer"] for fault in json.loads(body)["errors"]]


def test_the_routes_need_a_scope_of_consent() -> None:
    assert {"consent:report-withdrawal", "consent:write"} == scopes_of(ROUTES["consent.decisions"])
    assert "consent:write" == ROUTES["consent.standing"]


def test_a_give_is_recorded_and_grants(registry: Registry) -> None:
    answer = registry.send(registry.give)
    assert answer.status_code == 201
    assert answer.json is not None
    assert answer.json.keys() == {"decision_id", "in_effect_at", "standing_version"}
    assert answer.json["standing_version"] == 1
    assert datetime.fromisoformat(answer.json["in_effect_at"]).tzinfo is not None
    assert isinstance(registry.answer(), Granted)


def test_all_agencies_means_those_active_then(registry: Registry) -> None:
    """A charity that joins next month was not on the family's list."""
    registry.send(registry.give)
    assert isinstance(registry.answer("food-bank"), Granted)
    assert registry.answer("late-charity") == NotGranted(Reason.AGENCY_NOT_COVERED)


@pytest.mark.parametrize("act", CLOSING)
def test_five_members_close_everything_at_once(registry: Registry, act: str) -> None:
    registry.send(registry.give)
    answer = registry.send(registry.withdrawal, act=act)
    assert answer.status_code == 201
    assert isinstance(registry.answer(), NotGranted)


@pytest.mark.parametrize("opens", [True, False], ids=["give", "withdraw"])
def test_a_replay_answers_200_with_the_same_body(registry: Registry, opens: bool) -> None:
    document = (registry.give if opens else registry.withdrawal) | {"decision_id": str(uuid4())}
    first = registry.send(document)
    registry.send(registry.withdrawal)
    entries = entries_in_log(registry.wiring)
    with registry.wiring.engine.begin() as connection:
        deactivate(connection, "c.worker")
    again = registry.send(document)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert entries == entries_in_log(registry.wiring)


def test_a_give_under_a_used_id_conflicts(registry: Registry) -> None:
    document = registry.give | {"decision_id": str(uuid4())}
    registry.send(document)
    answer = registry.send(document, categories=["name", "health"])
    assert answer.status_code == 409
    granted = registry.answer()
    assert isinstance(granted, Granted)
    assert granted.categories == {"name", "birth"}


def test_a_withdrawal_under_the_id_of_the_give_still_closes(registry: Registry) -> None:
    document = registry.give | {"decision_id": str(uuid4())}
    registry.send(document)
    answer = registry.send(registry.withdrawal, decision_id=document["decision_id"])
    assert answer.status_code == 201
    assert registry.answer() == NotGranted(Reason.WITHDRAWN)


@pytest.mark.parametrize("recorder", ["nobody.known", "A name with spaces"])
def test_anybody_may_record_an_act_that_closes(registry: Registry, recorder: str) -> None:
    """Whoever hears "stop" can stop it; that nobody vouches for the name is kept with the decision."""
    registry.send(registry.give)
    assert registry.send(registry.withdrawal, recorded_by=recorder).status_code == 201
    assert registry.answer() == NotGranted(Reason.WITHDRAWN)


@pytest.mark.parametrize("recorder", ["nobody.known", "c.worker"], ids=["unknown", "left"])
def test_only_active_staff_may_record_an_act_that_opens(registry: Registry, recorder: str) -> None:
    with registry.wiring.engine.begin() as connection:
        deactivate(connection, "c.worker")
    answer = registry.send(registry.give, recorded_by=recorder)
    assert answer.status_code == 422
    assert pointers(answer.data) == ["/recorded_by"]
    assert registry.standings() == {}


ABSENT: dict[str, dict[str, Any]] = {
    "no such case": {"source_ref": "EH-9999"},
    "no such person": {"person": "P-NOBODY"},
    "person of another family": {"person": "P-EVE"},
    "no such reference of ours": {"source_ref": None, "case_ref": str(uuid4())},
}


@pytest.mark.parametrize("more", ABSENT.values(), ids=ABSENT.keys())
@pytest.mark.parametrize("opens", [True, False], ids=["give", "withdraw"])
def test_an_unknown_case_or_person_is_the_constant_absence(
    registry: Registry,
    more: dict[str, Any],
    opens: bool,
) -> None:
    other = family("EH-2002", child="P-EVE")
    other["people"] = [p for p in other["people"] if p["id"] == "P-EVE"]
    other["items"] = [i for i in other["items"] if i["about"] == ["P-EVE"] and i["field"] == "child_name"]
    load(registry.wiring, other)
    document = (registry.give if opens else registry.withdrawal) | more
    answer = registry.send({name: value for name, value in document.items() if value is not None})
    if opens or "person" not in more:
        assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)
        assert {} == registry.standings()
    else:
        assert 201 == answer.status_code


def test_stop_for_somebody_nobody_knows_holds_the_whole_case(registry: Registry) -> None:
    """A misspelt name in the kitchen must not leave a child's data open until Monday."""
    for person in ("P-ADA", "P-BEN"):
        registry.send(registry.give, person=person)
    document = registry.withdrawal | {"person": "P-NOBODY", "decision_id": str(uuid4())}
    first, again = registry.send(document), registry.send(document)
    assert [201, 200] == [first.status_code, again.status_code]
    assert first.json == again.json
    assert document["decision_id"] == (first.json or {})["decision_id"]
    assert [NotGranted(Reason.HELD)] * 2 == [registry.answer(person=one) for one in ("P-ADA", "P-BEN")]
    assert "manager" == registry.tasks()["consent.held"]


def test_a_case_may_be_named_by_an_agencys_reference(registry: Registry) -> None:
    registry.send(registry.give)
    identity = identity_of(registry.wiring)
    ref = rows(registry.wiring, "SELECT ref FROM gateway.pairwise WHERE thing_id = :c", c=identity.case_id)[
        0
    ].ref
    document = {name: value for name, value in registry.withdrawal.items() if name != "source_ref"}
    assert registry.send(document, case_ref=str(ref)).status_code == 201
    assert registry.answer() == NotGranted(Reason.WITHDRAWN)


def test_a_reference_to_a_person_is_no_case(registry: Registry) -> None:
    """Cases and people share one table of references; one must not pass for the other."""
    ref = rows(
        registry.wiring,
        "SELECT ref FROM gateway.pairwise WHERE thing_id NOT IN (SELECT case_id FROM gateway.case_record)",
    )[0].ref
    document = {name: value for name, value in registry.withdrawal.items() if name != "source_ref"}
    assert registry.send(document, case_ref=str(ref)).status_code == 404


def test_an_erased_family_is_absent(registry: Registry, database: Database) -> None:
    eraser = open_engine(database.eraser_url)
    identity = identity_of(registry.wiring)
    erase_family(
        eraser, wiring=registry.wiring, family_id=identity.family_id, requested_by="test", approved_by="other"
    )
    eraser.dispose()
    assert registry.send(registry.withdrawal).status_code == 404


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b'{"act":"give","act":"withdraw"}', "application/json", 400),
        (b'{"evidence":NaN}', "application/json", 400),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413),
        (b"[]", "application/json", 422),
    ],
    ids=["not json", "cut", "two acts", "not a number", "too large", "no object"],
)
def test_a_body_that_is_no_document_is_refused(
    registry: Registry, body: bytes, content_type: str, status: int
) -> None:
    answer = registry.client.post("/v1/consent-decisions", data=body, content_type=content_type)
    assert status == answer.status_code
    assert answer.content_type == "application/problem+json"


def test_every_fault_is_told_with_its_place(registry: Registry) -> None:
    answer = registry.send(registry.give, categories=["gossip"], agencies=[], colour="red")
    assert answer.status_code == 422
    assert pointers(answer.data) == ["", "/agencies", "/categories/0"]
    assert b"gossip" not in answer.data
    assert b"colour" not in answer.data


def test_an_unknown_agency_is_a_fault_of_a_yes_and_makes_a_no_a_hold(registry: Registry) -> None:
    assert ["/exclude/0"] == pointers(registry.send(registry.give, exclude=["cahms"]).data)
    registry.send(registry.give)
    assert 201 == registry.send(registry.withdrawal, agencies=["cahms"]).status_code
    assert NotGranted(Reason.HELD) == registry.answer()
    assert "manager" == registry.tasks()["consent.held"]


def test_each_decision_is_one_entry_and_moves_the_gate(registry: Registry) -> None:
    gate = "SELECT version FROM gateway.family_gate WHERE family_id = :f"
    family_id = identity_of(registry.wiring).family_id
    before, entries = rows(registry.wiring, gate, f=family_id)[0].version, entries_in_log(registry.wiring)
    registry.send(registry.give)
    registry.send(registry.withdrawal)
    assert rows(registry.wiring, gate, f=family_id)[0].version == before + 2
    assert entries_in_log(registry.wiring) == entries + 2


def test_nothing_that_was_sent_about_the_family_is_stored_in_the_clear(
    registry: Registry, database: Database
) -> None:
    registry.send(registry.give, evidence={"witness": "CANARY Jones"}, recorded_by="c.worker")
    registry.send(registry.withdrawal, recorded_by="CANARY Jones")
    stored = everything_stored(database)
    for canary in (b"CANARY", b"P-ADA", b"P-MUM", b"EH-1001"):
        assert canary not in stored


def test_a_withdrawal_commits_while_the_log_head_is_held(registry: Registry, database: Database) -> None:
    """Acts that close never wait: a stuck release must not keep a family's data open."""
    registry.send(registry.give)
    held, done = Event(), Event()
    owner = open_engine(database.owner_url)

    def hold_the_head() -> None:
        with owner.begin() as connection:
            connection.execute(text("SELECT size FROM gateway.log_head FOR UPDATE"))
            held.set()
            done.wait(30)

    holder = Thread(target=hold_the_head)
    holder.start()
    try:
        assert held.wait(30)
        assert registry.send(registry.withdrawal).status_code == 201
        assert registry.answer() == NotGranted(Reason.WITHDRAWN)
    finally:
        done.set()
        holder.join()
        owner.dispose()


def test_a_task_that_cannot_be_raised_leaves_nothing_open(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.send(registry.give)

    def broken(*_: Any, **__: Any) -> bool:
        raise ValueError

    monkeypatch.setattr(following, "raise_task", broken)
    assert 201 == registry.send(registry.withdrawal).status_code
    assert NotGranted(Reason.WITHDRAWN) == registry.answer()


def test_one_persons_withdrawal_leaves_the_siblings_answer(registry: Registry) -> None:
    registry.send(registry.give)
    registry.send(registry.give, person="P-BEN")
    registry.send(registry.withdrawal)
    assert registry.answer() == NotGranted(Reason.WITHDRAWN)
    assert isinstance(registry.answer(person="P-BEN"), Granted)
