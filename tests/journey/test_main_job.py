"""The product's main job over HTTP, every caller with a real token: agree, list, pull, withdraw, refused."""

import json
from typing import Any
from uuid import uuid4

import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from certs.jwk import new_es256_key, public_part
from gateway.disclosure_log.reading import newest
from gateway.oauth import service as oauth_service
from tests.gateway.oauth.partner import Partner
from tests.support.served import Served, gateway
from tests.support.world import STAFF, small_family

__all__ = ["gateway"]

SOURCE = "EH-1"
PEOPLE = [person["id"] for person in small_family(SOURCE)["people"]]
CONSENTS = "/v1/consent-decisions"


@pytest.fixture(scope="module")
def council(gateway: Served) -> Partner:
    """The council's own case system."""
    key = new_es256_key()
    client_id = oauth_service.register_client(
        gateway.wiring, agency=None, scopes=["consent:write"], keys=[public_part(key)], actor="test"
    )
    oauth_service.approve_synthetic(gateway.wiring, agency=None, actor="test")
    own: Any = dict(key)
    return Partner(gateway.http, gateway.wiring.settings.issuer, client_id, ECKey.import_key(own))


def post(council: Partner, body: dict[str, Any], *, standing: int | None = None) -> TestResponse:
    token = council.token(scope="consent:write", authorization_details=...)
    proof = council.proof("POST", council.issuer + CONSENTS, token=token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    if standing is not None:
        headers["If-Match"] = f'"{standing}"'
    return council.post(CONSENTS, json=body, headers=headers, base_url=council.issuer)


def give(gateway: Served, person: str) -> dict[str, Any]:
    return {
        "decision_id": str(uuid4()),
        "source_ref": SOURCE,
        "person": person,
        "act": "give",
        "recorded_by": STAFF,
        **gateway.world.yes(SOURCE, person, fields=[], purposes=["P1"]),
    }


def withdraw(person: str) -> dict[str, Any]:
    """Five members, no more: leaving is as easy as coming."""
    return {
        "decision_id": str(uuid4()),
        "source_ref": SOURCE,
        "person": person,
        "act": "withdraw",
        "recorded_by": STAFF,
    }


def panels(gateway: Served, path: str = "") -> TestResponse:
    camhs = gateway.partner("camhs")
    details = json.dumps([{"type": "case_action", "practitioner": {"id": "camhs-1"}}])
    token = camhs.token(scope="panel:read", authorization_details=details)
    return camhs.get(f"/v1/panels{path}", token)


def test_a_family_agrees_is_discussed_and_withdraws(gateway: Served, council: Partner) -> None:
    world = gateway.world
    world.join("camhs")
    world.import_families(small_family(SOURCE))

    assert [201, 201, 201] == [
        post(council, give(gateway, person), standing=0).status_code for person in PEOPLE
    ]
    world.list_cases(SOURCE)
    (meeting,) = panels(gateway).get_json()["panels"]
    (listed,) = panels(gateway, f"/{meeting['id']}").get_json()["cases"]

    pulled = gateway.pull("camhs", listed["case_ref"])
    assert 200 == pulled.status_code
    assert "no-store" == pulled.headers["Cache-Control"]
    names = {
        name["given"]
        for person in pulled.get_json()["record"]["people"]
        for name in person["fields"].get("child_name", {"value": []})["value"]
    }
    assert {"Adagiven", "Bengiven"} == names

    leaving = [withdraw(person) for person in PEOPLE]
    first = [post(council, body) for body in leaving]
    again = [post(council, body) for body in leaving]
    assert [201] * 3 == [answer.status_code for answer in first]
    assert [200] * 3 == [answer.status_code for answer in again]
    assert [answer.get_json() for answer in first] == [answer.get_json() for answer in again]

    refused = gateway.pull("camhs", listed["case_ref"])
    assert (404, "application/problem+json") == (refused.status_code, refused.content_type)
    assert [] == panels(gateway, f"/{meeting['id']}").get_json()["cases"]

    with gateway.wiring.engine.connect() as connection:
        kinds = [line.kind for line in newest(connection, keyring=gateway.wiring.keyring, count=5)]
    assert ["extract.release", *["consent.withdraw"] * 3, "extract.refuse"] == kinds


def test_an_agency_learns_what_it_may_see_and_why(gateway: Served, council: Partner) -> None:
    camhs = gateway.partner("camhs")
    me = camhs.get("/v1/me", gateway.token("camhs")).get_json()
    assert ("camhs", 37) == (me["agency"]["code"], len({row["field"] for row in me["profile"]["fields"]}))
    assert all(row["reason"] for row in me["profile"]["fields"])
    token = council.token(scope="consent:write", authorization_details=...)
    assert {"client_id", "scopes"} == set(council.get("/v1/me", token).get_json())


def test_an_agency_may_not_record_consent(gateway: Served, council: Partner) -> None:
    camhs = gateway.partner("camhs")
    assert "invalid_scope" == camhs.ask(scope="consent:write", authorization_details=...).get_json()["error"]
    assert "invalid_scope" == council.ask(scope="extract:read").get_json()["error"]
