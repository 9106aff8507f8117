"""The routes of a destination's own client: what it sees, what is on record of it, and what it answers."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from agencies.model import AgencyCode
from certs.envelope import unseal
from extract_client.log.policy import Policy
from extract_client.log.receipt import verify_receipt
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.sealing import parts_that_open
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.entry import tag
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.publishing import publish_head
from gateway.disclosure_log.service import act
from gateway.log_signer import create_log_key
from gateway.problems import NOT_FOUND_BODY, Problem, problem_response
from gateway.safeguarding import receiving, repository, service
from gateway.safeguarding.errors import NotSentError
from gateway.safeguarding.model import Destination, Function, Outcome, Referral
from gateway.safeguarding.views import register
from gateway.wiring import Wiring
from tests.gateway.safeguarding.refer import HUB, REST, caseworker, refer, world_of
from tests.support.pages import Somebody
from tests.support.rooms import room_client
from tests.support.world import World

POLICE = Destination("police", "Police", Function.POLICE_101, "101", "police-client")
DUTY_DESK = Destination("out-of-hours", "Out of hours", Function.OUT_OF_HOURS, "020 7946 0001")


@dataclass
class Place:
    """A destination's client at the routes of this room."""

    wiring: Wiring
    client_id: str
    practitioner: str = "duty-1"
    http: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        claim = PractitionerClaim(self.practitioner, verified=True)
        scopes = frozenset({"referral:read", "referral:write"})
        caller = Caller(self.client_id, AgencyCode("police"), scopes, None, claim)
        self.http = room_client(self.wiring, caller, register=register)
        self.http.application.register_error_handler(Problem, problem_response)

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/v1/referrals").get_json()["referrals"]
        return found

    def fetch(self, referral_id: object) -> TestResponse:
        return self.http.get(f"/v1/referrals/{referral_id}")

    def acknowledge(self, referral_id: object, body: Any = None) -> TestResponse:
        sent = {} if body is None else body
        return self.http.post(f"/v1/referrals/{referral_id}/acknowledgement", json=sent)

    def decide(self, referral_id: object, **said: Any) -> TestResponse:
        return self.http.post(f"/v1/referrals/{referral_id}/decision", json=said)


@dataclass
class Scene:
    """A family, somebody who refers, and two destinations with clients of their own."""

    wiring: Wiring
    world: World
    ada: Somebody
    hub: Place
    police: Place

    def refer(self, to: str = "hub", **more: Any) -> Referral:
        return refer(self.world, self.ada, more={"destination": to}, **more)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """What entries of one kind say, opened as an auditor does who has the family's restricted tag key."""
        return [
            each for each in restricted(self.wiring, self.world.family_id("EH-1")) if kind == each["kind"]
        ]


@pytest.fixture
def scene(wiring: Wiring) -> Scene:
    world = world_of(wiring, HUB, POLICE, DUTY_DESK)
    hub, police = Place(wiring, "hub-client"), Place(wiring, "police-client", "constable-7")
    return Scene(wiring, world, caseworker(world), hub, police)


def restricted(wiring: Wiring, family_id: UUID) -> list[dict[str, Any]]:
    """The internal parts of every entry that carries the family's restricted tag, in the log's order."""
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, family_id)
        rows = connection.execute(
            text(
                "SELECT entry_id, body, sealed FROM gateway.log_entry JOIN gateway.log_payload USING (entry_id)"
                " ORDER BY leaf_index"
            )
        ).all()
    found = []
    for row in rows:
        members = json.loads(row.body)
        if tag(keys.restricted_tag_key, row.entry_id) == members["f"]:
            aad = row.entry_id.bytes + bytes.fromhex(members["c"])
            found.append(json.loads(unseal(keys.data_key, row.sealed, aad=aad))["i"])
    return found


def test_a_destination_sees_what_was_sent_to_it_and_nothing_of_others(scene: Scene) -> None:
    to_hub, to_police = scene.refer("hub"), scene.refer("police")
    (only,) = scene.hub.listed()
    assert {
        "referral_id": str(to_hub.id),
        "kind": "protection",
        "emergency": True,
        "state": "sent",
        "documents": 1,
    } == {name: said for name, said in only.items() if name != "sent_at"}
    assert [str(to_police.id)] == [each["referral_id"] for each in scene.police.listed()]
    assert [] == Place(scene.wiring, "another-client").listed()


def test_a_draft_does_not_exist_for_its_destination(scene: Scene) -> None:
    with pytest.raises(NotSentError):
        refer(scene.world, scene.ada, more={"destination": "nowhere"})
    assert [] == scene.hub.listed()


def test_the_documents_come_as_they_went_with_their_receipts(scene: Scene) -> None:
    sent = scene.refer()
    service.complete(scene.wiring, scene.ada.who, sent.id, REST)
    answer = scene.hub.fetch(sent.id)
    documents = answer.get_json()["documents"]
    went = service.look(scene.wiring, scene.ada.who, sent.id).documents
    assert [1, 2] == [each["number"] for each in documents]
    for document, each in zip(documents, went, strict=True):
        assert each.body[:-1] in answer.data
        assert "receipt" == list(document)[-1]
        verified = verify_receipt(
            document["receipt"],
            policy=Policy.for_log(*scene.wiring.log.vkeys),
            origin=scene.wiring.log.origin,
            extract=document,
        )
        assert each.sha256 == verified.recipient["document_sha256"]


def test_a_document_without_a_proof_goes_all_the_same(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "append", _away)
    sent = scene.refer()
    monkeypatch.undo()
    monkeypatch.setattr(receiving, "receipt_of", _gone)
    (document,) = scene.hub.fetch(sent.id).get_json()["documents"]
    assert "receipt" not in document
    assert str(sent.id) == document["referral_id"]


def test_a_receipt_takes_the_place_of_a_promise_as_soon_as_there_is_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = scene.wiring.settings.state_dir / "promise.key"
    create_log_key(file, origin=scene.wiring.log.origin + "/promise")
    settings = replace(scene.wiring.settings, promise_key_file=file)
    world = replace_wiring(scene, replace(scene.wiring, settings=settings))
    monkeypatch.setattr(log, "publish", _away)
    sent = refer(world, scene.ada)
    (before,) = scene.hub.fetch(sent.id).get_json()["documents"]
    assert before["receipt"].startswith("Promise to include one entry")
    monkeypatch.undo()
    _let_follow(scene.wiring)
    answers = [scene.hub.fetch(sent.id).get_json()["documents"][0] for _ in range(2)]
    assert 1 == len({each["receipt"] for each in answers})
    verified = verify_receipt(
        answers[0]["receipt"],
        policy=Policy.for_log(*scene.wiring.log.vkeys),
        origin=scene.wiring.log.origin,
        extract=answers[0],
    )
    assert str(sent.id) == verified.recipient["referral_id"]


def replace_wiring(scene: Scene, wiring: Wiring) -> World:
    """The same world over other parts of the same process."""
    scene.world.wiring = wiring
    return scene.world


def test_whatever_is_not_theirs_is_the_constant_absence(scene: Scene) -> None:
    sent = scene.refer("police")
    for asked in (sent.id, uuid4(), "x", "%00", f"{sent.id}x"):
        for answer in (
            scene.hub.fetch(asked),
            scene.hub.acknowledge(asked),
            scene.hub.decide(asked, outcome="advice"),
        ):
            assert (404, NOT_FOUND_BODY) == (answer.status_code, answer.data)
    assert "sent" == scene.police.listed()[0]["state"]
    assert [] == scene.entries("referral.fetch")


def test_a_fetch_is_on_record_before_a_byte_leaves(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit comes first: where it fails, nothing is answered."""
    sent = scene.refer()
    seen: list[int] = []
    real = receiving.Fetched

    def watched(*given: Any) -> receiving.Fetched:
        with scene.wiring.engine.connect() as connection:
            seen.append(len(repository.fetches(connection, sent.id)))
        return real(*given)

    monkeypatch.setattr(receiving, "Fetched", watched)
    assert 200 == scene.hub.fetch(sent.id).status_code
    assert [1] == seen
    monkeypatch.setattr(receiving, "note", _away)
    failed = scene.hub.fetch(sent.id)
    assert 500 == failed.status_code
    assert str(sent.id).encode() not in failed.data
    with scene.wiring.engine.connect() as connection:
        assert 1 == len(repository.fetches(connection, sent.id))


def test_a_fetch_names_client_and_practitioner_in_row_and_entry(scene: Scene) -> None:
    sent = scene.refer("police")
    scene.police.fetch(sent.id)
    with scene.wiring.engine.connect() as connection:
        (row,) = repository.fetches(connection, sent.id)
    assert (1, "police-client", "constable-7") == (row.number, row.client, row.practitioner)
    (entry,) = scene.entries("referral.fetch")
    wanted = {
        "actor": "police-client",
        "kind": "referral.fetch",
        "number": 1,
        "practitioner": "constable-7",
        "referral": str(sent.id),
        "verified": True,
    }
    assert wanted == {name: said for name, said in entry.items() if name != "time"}


def test_the_log_keeps_no_fetch_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has to protect a child does not wait for the log: the entry follows."""
    sent = scene.refer()
    monkeypatch.setattr(log, "append", _away)
    assert 200 == scene.hub.fetch(sent.id).status_code
    assert 200 == scene.hub.acknowledge(sent.id).status_code
    assert 200 == scene.hub.decide(sent.id, outcome="section_17").status_code
    monkeypatch.undo()
    assert [] == scene.entries("referral.fetch")
    _let_follow(scene.wiring)
    for kind in ("referral.fetch", "referral.acknowledge", "referral.decide"):
        assert 1 == len(scene.entries(kind)), kind


def test_a_second_acknowledgement_changes_nothing(scene: Scene) -> None:
    sent = scene.refer()
    first, second = scene.hub.acknowledge(sent.id), scene.hub.acknowledge(sent.id)
    assert (200, "acknowledged") == (first.status_code, first.get_json()["state"])
    assert first.data == second.data
    (entry,) = scene.entries("referral.acknowledge")
    assert ("hub-client", "client", "duty-1") == (entry["actor"], entry["by"], entry["practitioner"])


def test_the_first_decision_stands(scene: Scene) -> None:
    sent = scene.refer()
    tries = (
        {"outcome": "section_17", "reference": "SW-1"},
        {"outcome": "section_17", "reference": "SW-1"},
        {"outcome": "section_17"},
        {"outcome": "section_17", "reference": "SW-2"},
        {"outcome": "advice"},
    )
    answers = [scene.hub.decide(sent.id, **each) for each in tries]
    assert [200, 200, 200, 409, 409] == [each.status_code for each in answers]
    assert "urn:early-help-gateway:problem:decision-stands" == answers[-1].get_json()["type"]
    opened = service.look(scene.wiring, scene.ada.who, sent.id)
    assert (Outcome.SECTION_17, "SW-1") == (opened.referral.outcome, opened.written.answers["reference"])
    assert opened.referral.acknowledged_at == opened.referral.decided_at
    (entry,) = scene.entries("referral.decide")
    assert ("section_17", "client") == (entry["outcome"], entry["by"])


def test_the_list_keeps_what_waits_and_lets_go_of_what_was_decided(scene: Scene) -> None:
    waits, recent, old = scene.refer(), scene.refer(), scene.refer()
    for each in (recent, old):
        scene.hub.decide(each.id, outcome="advice")
    with scene.wiring.engine.begin() as connection:
        shift = "UPDATE gateway.referral SET sent_at = sent_at - interval '400 days' WHERE referral_id = :id"
        connection.execute(text(shift), {"id": waits.id})
        shift = (
            "UPDATE gateway.referral SET decided_at = decided_at - interval '32 days' WHERE referral_id = :id"
        )
        connection.execute(text(shift), {"id": old.id})
    listed = [each["referral_id"] for each in scene.hub.http.get("/v1/referrals").get_json()["referrals"]]
    assert [str(waits.id), str(recent.id)] == listed
    assert 200 == scene.hub.fetch(old.id).status_code


def test_an_item_that_reads_as_none_of_ours_holds_nothing_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = parts_that_open
    strange = [{"field": "no such field", "value": {}, "about": []}, {"value": 1, "about": []}, {}]

    def with_strangers(*given: Any) -> tuple[list[Any], bool]:
        items, whole = real(*given)
        return [*strange, *items], whole

    def told() -> list[list[str]]:
        (document,) = scene.hub.fetch(scene.refer().id).get_json()["documents"]
        return sorted(sorted(each["fields"]) for each in document["record"]["people"])

    before = told()
    monkeypatch.setattr(service, "parts_that_open", with_strangers)
    after = told()
    assert before
    assert before == after


def test_a_decision_without_a_reference_is_not_joined_by_one_later(scene: Scene) -> None:
    sent = scene.refer()
    said = [scene.hub.decide(sent.id, outcome="advice").status_code for _ in range(2)]
    assert [200, 200, 409] == [*said, scene.hub.decide(sent.id, outcome="advice", reference="X").status_code]


def test_a_decision_moves_the_familys_gate(scene: Scene) -> None:
    """A case that is one of social care from now on is on no panel's list, and nothing decided before passes."""
    sent = scene.refer()

    def gate() -> int:
        with scene.wiring.engine.connect() as connection:
            found: int = connection.execute(
                text("SELECT version FROM gateway.family_gate WHERE family_id = :family"),
                {"family": scene.world.family_id("EH-1")},
            ).scalar_one()
            return found

    before = gate()
    scene.hub.decide(sent.id, outcome="strategy_discussion")
    assert before < gate()


FAULTY: dict[str, tuple[Any, int, list[str]]] = {
    "nothing": ({}, 422, ["/outcome"]),
    "no object": ([], 422, [""]),
    "another word": ({"outcome": "arrest"}, 422, ["/outcome"]),
    "a number": ({"outcome": 1}, 422, ["/outcome"]),
    "a word more": ({"outcome": "advice", "note": "Ada"}, 422, [""]),
    "a long reference": ({"outcome": "advice", "reference": "Ada" * 30}, 422, ["/reference"]),
    "an empty reference": ({"outcome": "advice", "reference": ""}, 422, ["/reference"]),
    "no text": ({"outcome": "advice", "reference": "Ada\u202e"}, 422, ["/reference"]),
    "null": ({"outcome": "advice", "reference": None}, 422, ["/reference"]),
}


@pytest.mark.parametrize(("body", "status", "pointers"), FAULTY.values(), ids=FAULTY.keys())
def test_a_faulty_decision_is_refused_and_changes_nothing(
    scene: Scene, body: Any, status: int, pointers: list[str]
) -> None:
    sent = scene.refer()
    refused = scene.hub.http.post(f"/v1/referrals/{sent.id}/decision", json=body)
    assert status == refused.status_code
    assert pointers == [fault["pointer"] for fault in refused.get_json()["errors"]]
    assert b"Ada" not in refused.data
    assert "sent" == scene.hub.listed()[0]["state"]


def test_an_acknowledgement_says_nothing_else(scene: Scene) -> None:
    sent = scene.refer()
    path = f"/v1/referrals/{sent.id}/acknowledgement"
    answers = [
        scene.hub.acknowledge(sent.id, {"note": "Ada"}),
        scene.hub.acknowledge(sent.id, []),
        scene.hub.http.post(path, data=b"{", content_type="application/json"),
        scene.hub.http.post(path, data=b"{}", content_type="text/plain"),
        scene.hub.http.post(path, data=b'"' + b"x" * 5000 + b'"', content_type="application/json"),
    ]
    assert [422, 422, 400, 415, 413] == [each.status_code for each in answers]
    assert "sent" == scene.hub.listed()[0]["state"]


def test_whoever_is_no_destination_any_more_receives_nothing_from_the_next_request_on(scene: Scene) -> None:
    sent = scene.refer()
    assert 200 == scene.hub.fetch(sent.id).status_code
    with scene.wiring.engine.begin() as connection:
        repository.put_destinations(connection, [POLICE])
    assert [] == scene.hub.listed()
    assert NOT_FOUND_BODY == scene.hub.fetch(sent.id).data


# --- Three ways to count the same ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_lists_log_and_rows_say_the_same_of_any_sequence(
    scene: Scene, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is referred, completed and fetched, with or without a fault: what clients see is what is on record.

    A client's list, the log as an auditor opens it and the database's rows have to name the same documents; what was
    answered with documents, the entries and the rows of fetches the same takings.
    """
    generator = random.Random(seed)  # noqa: S311 - a sequence to repeat, nothing secret
    places = {"hub": scene.hub, "police": scene.police}
    sent: list[tuple[str, UUID]] = []
    answered: Counter[tuple[str, int, str, str]] = Counter()
    for _ in range(14):
        with _fault(generator.choice(FAULTS), monkeypatch):
            match generator.choice(("refer", "complete", "fetch", "fetch", "wrong", "erroneous")):
                case "refer":
                    to = generator.choice(("hub", "police", "out-of-hours"))
                    _suppressed(lambda to=to: sent.append((to, scene.refer(to).id)))
                case "complete" if sent:
                    _, referral = generator.choice(sent)
                    name = generator.choice(sorted(REST))
                    _suppressed(
                        lambda one=referral, name=name: service.complete(
                            scene.wiring, scene.ada.who, one, {name: REST[name]}
                        )
                    )
                case "fetch" if sent:
                    to, referral = generator.choice(sent)
                    place = places.get(to, scene.hub)
                    answered += _taken(place, referral)
                case "wrong" if sent:
                    to, referral = generator.choice(sent)
                    assert not _taken(scene.police if to == "hub" else scene.hub, referral)
                case _:
                    assert NOT_FOUND_BODY == scene.hub.fetch(uuid4()).data
    _let_follow(scene.wiring)
    everything = restricted(scene.wiring, scene.world.family_id("EH-1"))
    _check_documents(scene, places, everything)
    _check_fetches(scene, answered, everything)


FAULTS: Sequence[str] = ("none", "none", "none", "no append", "no signature", "stops")


@contextmanager
def _fault(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something that is wrong meanwhile."""
    with monkeypatch.context() as patched:
        if name == "no append":
            patched.setattr(log, "append", _away)
        elif name == "no signature":
            patched.setattr(log, "publish", _away)
        elif name == "stops":
            # A process that ends in the middle of its transaction: what is kept with the entry is not.
            patched.setattr(repository, "add_document", _stopped)
            patched.setattr(repository, "add_fetch", _stopped)
        yield


class _StoppedError(Exception):
    """The process ended."""


def _stopped(*_given: object, **_more: object) -> None:
    raise _StoppedError


def _away(*_given: object, **_more: object) -> None:
    raise NotAppendedError


def _gone(*_given: object, **_more: object) -> None:
    raise OperationalError("", None, OSError())


def _suppressed(step: Any) -> None:
    try:
        step()
    except _StoppedError:
        return


def _taken(place: Place, referral_id: UUID) -> Counter[tuple[str, int, str, str]]:
    """What one fetch was answered with."""
    documents = place.fetch(referral_id).get_json().get("documents", [])
    return Counter(
        (str(referral_id), each["number"], place.client_id, place.practitioner) for each in documents
    )


def _let_follow(wiring: Wiring) -> None:
    """Append what was kept for later."""
    with act(wiring) as change:
        change.record(kind="log.cover", actor="test")
    publish_head(wiring)


def _check_documents(scene: Scene, places: dict[str, Place], everything: Sequence[dict[str, Any]]) -> None:
    with scene.wiring.engine.connect() as connection:
        rows = _rows(
            connection,
            "SELECT destination, CAST(referral_id AS text), number FROM gateway.referral_document"
            " JOIN gateway.referral USING (referral_id)",
        )
    entries = Counter(
        (each["destination"], each["referral"], each["number"])
        for each in everything
        if each["kind"] == "referral.send"
    )
    assert rows == entries
    told = Counter(
        (code, each["referral_id"], number)
        for code, place in places.items()
        for each in place.listed()
        for number in range(1, each["documents"] + 1)
    )
    assert told == Counter({each: count for each, count in rows.items() if each[0] in places})


def _check_fetches(
    scene: Scene, answered: Counter[tuple[str, int, str, str]], everything: Sequence[dict[str, Any]]
) -> None:
    with scene.wiring.engine.connect() as connection:
        rows = _rows(
            connection,
            "SELECT CAST(referral_id AS text), number, by_client, practitioner FROM gateway.referral_fetch",
        )
    entries = Counter(
        (each["referral"], each["number"], each["actor"], each["practitioner"])
        for each in everything
        if each["kind"] == "referral.fetch"
    )
    assert rows == entries == answered


def _rows(connection: Connection, statement: str) -> Counter[Any]:
    return Counter(tuple(row) for row in connection.execute(text(statement)))
