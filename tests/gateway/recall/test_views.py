"""The routes of recalls and of a copy's status, as an agency meets them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import text
from werkzeug.test import TestResponse

from agencies import repository as register_of_agencies
from agencies.model import AgencyCode
from agencies.register import AgencyState
from gateway.cases.model import Shield
from gateway.cases.service import shield
from gateway.database import open_engine
from gateway.disclosure_log.service import act
from gateway.oauth.access import ROUTES
from gateway.oauth.errors import JoseError
from gateway.oauth.jose import read
from gateway.oauth.keys import ensure_signing_key, published_keys
from gateway.oauth.tokens import TYPE as TOKEN
from gateway.problems import NOT_FOUND_BODY, Problem, problem_response
from gateway.recall import status
from gateway.recall.status import LIFETIME
from gateway.recall.views import register
from gateway.release.model import Released
from gateway.wiring import Wiring
from tests.support.rooms import room_client
from tests.support.throwaway import Database
from tests.support.world import World, household

SOURCE = "EH-1"
PEOPLE = [f"{SOURCE}-{who}" for who in ("mum", "ada", "ben")]


@dataclass
class Desk:
    """One agency at the routes of this room."""

    world: World
    agency: str

    def __post_init__(self) -> None:
        self.client = room_client(self.world.wiring, self.world.caller(self.agency), register=register)
        self.client.application.register_error_handler(Problem, problem_response)

    def pull(self) -> UUID:
        outcome = self.world.release(self.agency, SOURCE)
        assert isinstance(outcome, Released)
        return outcome.extract_id

    def recalls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/v1/recalls").get_json()["recalls"]
        return found

    def answer(self, recall_id: object, body: Any = None, **more: Any) -> TestResponse:
        return self.client.post(f"/v1/recalls/{recall_id}/answer", json=body, **more)

    def status(self, extract_id: object) -> TestResponse:
        return self.client.get(f"/v1/extracts/{extract_id}/status")


@pytest.fixture
def camhs(wiring: Wiring) -> Desk:
    world = World(wiring)
    for code in ("camhs", "charity"):
        world.join(code)
    household(world, SOURCE)
    with wiring.engine.begin() as connection:
        ensure_signing_key(connection, wiring.keyring)
    return Desk(world, "camhs")


def test_the_routes_need_their_scopes() -> None:
    assert ("recall:write", "recall:write", "extract:read") == (
        ROUTES["recall.recalls"],
        ROUTES["recall.answer"],
        ROUTES["recall.extract_status"],
    )


def test_a_recall_says_which_copies_and_until_when_and_not_why(camhs: Desk) -> None:
    extract = camhs.pull()
    camhs.world.withdraw(SOURCE, PEOPLE[0])
    (recall,) = camhs.recalls()
    assert {"recall_id", "case_ref", "extracts", "code", "ask", "raised_at", "due_on", "state"} == set(recall)
    assert str(camhs.world.case_ref("camhs", SOURCE)) == recall["case_ref"]
    assert ([str(extract)], "no_longer_agreed", "open") == (
        recall["extracts"],
        recall["code"],
        recall["state"],
    )


def test_the_cause_changes_nothing_but_ids_and_times(camhs: Desk) -> None:
    camhs.pull()
    shapes = set()
    for name in ("hold", "refuse", "withdraw", "invalidate", "enter_in_error"):
        camhs.world.decide(SOURCE, PEOPLE[0], name)
        newest = camhs.recalls()[0]
        shapes.add(repr({k: v for k, v in newest.items() if k not in ("recall_id", "raised_at")}))
        camhs.answer(newest["recall_id"], {"answer": "stopped"})
        camhs.world.give(SOURCE, PEOPLE[0])
    assert 1 == len(shapes)


def test_another_agencys_recall_is_not_there(camhs: Desk) -> None:
    camhs.pull()
    camhs.world.withdraw(SOURCE, PEOPLE[0])
    charity = Desk(camhs.world, "charity")
    assert [] == charity.recalls()
    (recall,) = camhs.recalls()
    for unknown in (recall["recall_id"], uuid4(), "x", "%00"):
        absent = charity.answer(unknown, {"answer": "deleted"})
        assert (404, NOT_FOUND_BODY) == (absent.status_code, absent.data)
    assert "open" == camhs.recalls()[0]["state"]


FAULTY: dict[str, tuple[Any, int, list[str]]] = {
    "nothing": ({}, 422, ["/answer"]),
    "no object": ([], 422, [""]),
    "another word": ({"answer": "lost"}, 422, ["/answer"]),
    "a word more": ({"answer": "deleted", "note": "Ada"}, 422, [""]),
    "kept for nothing": ({"answer": "retained"}, 422, ["/ground"]),
    "kept for anything": ({"answer": "retained", "ground": "because"}, 422, ["/ground"]),
    "gone on a ground": ({"answer": "deleted", "ground": "own_record"}, 422, ["/ground"]),
    "a number": ({"answer": 1}, 422, ["/answer"]),
}


@pytest.mark.parametrize(("body", "status", "pointers"), FAULTY.values(), ids=FAULTY.keys())
def test_a_faulty_answer_is_refused_and_changes_nothing(
    camhs: Desk, body: Any, status: int, pointers: list[str]
) -> None:
    camhs.pull()
    camhs.world.withdraw(SOURCE, PEOPLE[0])
    (recall,) = camhs.recalls()
    refused = camhs.answer(recall["recall_id"], body)
    assert status == refused.status_code
    assert pointers == [fault["pointer"] for fault in refused.get_json()["errors"]]
    assert b"Ada" not in refused.data
    assert "open" == camhs.recalls()[0]["state"]


def test_a_body_that_is_no_json_is_refused(camhs: Desk) -> None:
    assert 415 == camhs.answer(uuid4(), None, data=b"{}", content_type="text/plain").status_code
    assert 400 == camhs.answer(uuid4(), None, data=b"{", content_type="application/json").status_code
    huge = b'"' + b"x" * 5000 + b'"'
    assert 413 == camhs.answer(uuid4(), None, data=huge, content_type="application/json").status_code


def test_an_answer_may_come_nearer_to_the_end_and_not_go_back(camhs: Desk) -> None:
    camhs.pull()
    camhs.world.withdraw(SOURCE, PEOPLE[0])
    (recall,) = camhs.recalls()
    one = recall["recall_id"]
    said = [
        {"answer": "stopped"},
        {"answer": "stopped"},
        {"answer": "retained", "ground": "own_record"},
        {"answer": "deleted"},
        {"answer": "deleted"},
        {"answer": "returned"},
        {"answer": "stopped"},
    ]
    assert [200, 200, 200, 200, 200, 200, 409] == [camhs.answer(one, each).status_code for each in said]
    assert ("ended", "returned") == (camhs.recalls()[0]["state"], camhs.recalls()[0]["answer"])


def test_a_copy_is_current_then_permitted_then_neither(camhs: Desk) -> None:
    extract = camhs.pull()
    assert "current" == camhs.status(extract).get_json()["status"]
    camhs.world.withdraw(SOURCE, PEOPLE[1])
    assert "permitted" == camhs.status(extract).get_json()["status"]
    camhs.world.give(SOURCE, PEOPLE[1])
    assert "current" == camhs.status(extract).get_json()["status"]
    for person in PEOPLE:
        camhs.world.withdraw(SOURCE, person)
    assert "neither" == camhs.status(extract).get_json()["status"]


def test_a_copy_whose_entry_is_damaged_has_no_status(camhs: Desk, database: Database) -> None:
    extract = camhs.pull()
    admin = open_engine(database.admin_url)
    with admin.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_payload SET sealed = '\\x00' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_trace WHERE extract_id = :extract)"
            ),
            {"extract": extract},
        )
    admin.dispose()
    absent = camhs.status(extract)
    assert (404, NOT_FOUND_BODY) == (absent.status_code, absent.data)


def test_a_shield_makes_a_copy_with_the_address_no_longer_current(camhs: Desk) -> None:
    extract = camhs.pull()
    family, person = camhs.world.family_id(SOURCE), camhs.world.person_id(SOURCE, PEOPLE[0])
    shield(camhs.world.wiring, family_id=family, person_id=person, level=Shield.REFUGE, actor="test")
    assert "permitted" == camhs.status(extract).get_json()["status"]


def test_a_suspended_agencys_copies_are_neither(camhs: Desk) -> None:
    extract, code = camhs.pull(), AgencyCode("camhs")
    with act(camhs.world.wiring, agencies=(code,)) as change:
        register_of_agencies.set_state(change.connection, code, state=AgencyState.SUSPENDED)
        change.record(kind="agency.suspend", actor="test", agency=code)
    assert "neither" == camhs.status(extract).get_json()["status"]


def test_only_ones_own_extract_has_a_status(camhs: Desk) -> None:
    extract = camhs.pull()
    charity = Desk(camhs.world, "charity")
    for desk, asked in ((charity, extract), (camhs, uuid4()), (camhs, "x")):
        absent = desk.status(asked)
        assert (404, NOT_FOUND_BODY) == (absent.status_code, absent.data)


def test_a_copy_pulled_for_another_purpose_has_no_status(camhs: Desk) -> None:
    """A token states what is asked for; it says nothing about what was pulled for something else."""
    extract = camhs.pull()
    camhs.client = room_client(
        camhs.world.wiring, camhs.world.caller("camhs", purpose="P2"), register=register
    )
    assert (404, NOT_FOUND_BODY) == (camhs.status(extract).status_code, camhs.status(extract).data)


def test_what_was_no_release_under_agreement_has_no_status(camhs: Desk, database: Database) -> None:
    """A referral's extract is not there for the agency's own client: it must not tell of itself."""
    family, wiring = camhs.world.family_id(SOURCE), camhs.world.wiring
    extract = {restricted: uuid4() for restricted in (True, False)}
    admin = open_engine(database.admin_url)
    for restricted, made in extract.items():
        with act(wiring, families=(family,)) as change:
            change.record(kind="case.close", family_id=family, actor="test", restricted=restricted)
        with admin.begin() as connection:
            connection.execute(
                text(
                    "UPDATE gateway.log_trace SET extract_id = :extract, agency_code = 'camhs' WHERE entry_id ="
                    " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1)"
                ),
                {"extract": made},
            )
    admin.dispose()
    for made in extract.values():
        absent = camhs.status(made)
        assert (404, NOT_FOUND_BODY) == (absent.status_code, absent.data)


def test_recalls_are_the_same_byte_for_byte_beside_what_is_no_release(
    camhs: Desk, database: Database
) -> None:
    """Before and after there is a referral's entry in the family, of which nobody here may learn."""
    camhs.pull()
    camhs.world.withdraw(SOURCE, PEOPLE[0])
    before = camhs.client.get("/v1/recalls").data
    family, admin = camhs.world.family_id(SOURCE), open_engine(database.admin_url)
    with act(camhs.world.wiring, families=(family,)) as change:
        change.record(kind="case.close", family_id=family, actor="test", restricted=True)
    with admin.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.log_trace SET extract_id = :extract, agency_code = 'camhs' WHERE entry_id ="
                " (SELECT entry_id FROM gateway.log_entry ORDER BY leaf_index DESC LIMIT 1)"
            ),
            {"extract": uuid4()},
        )
    admin.dispose()
    camhs.world.withdraw(SOURCE, PEOPLE[1])
    assert before == camhs.client.get("/v1/recalls").data


def test_a_copy_whose_time_is_over_is_neither(camhs: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = camhs.pull()
    later = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr(status, "database_now", lambda _connection: later)
    assert "neither" == camhs.status(extract).get_json()["status"]


def test_the_answer_is_signed_short_lived_and_no_token(camhs: Desk) -> None:
    extract = camhs.pull()
    body = camhs.status(extract).get_json()
    wiring = camhs.world.wiring
    checked, until = (datetime.fromisoformat(body[name]) for name in ("checked_at", "valid_until"))
    assert timedelta(minutes=5) == LIFETIME == until - checked
    with wiring.engine.connect() as connection:
        published: dict[str, Any] = {key["kid"]: dict(key) for key in published_keys(connection, now=checked)}
    kid = jws.extract_compact(body["signature"].encode()).headers()["kid"]
    signed = jws.deserialize_compact(body["signature"], ECKey.import_key(published[kid]))
    claims = jws_claims(signed.payload)
    assert ("extract-status+jwt", "current") == (signed.headers()["typ"], claims["status"])
    assert (str(extract), camhs.world.members["camhs"].client_id) == (claims["sub"], claims["aud"])
    assert int(until.timestamp()) == claims["exp"]
    with pytest.raises(JoseError):
        read(body["signature"], types=[TOKEN], algorithms=("ES256",))


def jws_claims(payload: bytes) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(payload)
    return claims
