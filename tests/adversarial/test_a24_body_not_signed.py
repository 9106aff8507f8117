"""A-24: a DPoP proof signs method and address, and neither the body nor the query: whoever changes those is not seen.

So nothing about an extract may be decided by them. Expected: extracts are pulled by GET alone, every other method is
405, and a body or a query changes nothing. What a token is for is in the token, which is signed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest
from joserfc.jwk import ECKey

from agencies.model import Purpose
from gateway.app import build_app
from gateway.oauth.access import ANY_CALLER, ROUTES, scopes_of
from tests.adversarial.attackers import DP_AT_API, outcome, showing
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import FORM, Partner
from tests.support.served import authorization
from tests.support.world import World, household

FAMILY, NEIGHBOURS = "A24-1", "A24-2"
OTHER_PURPOSE = Purpose.P2


@dataclass(frozen=True)
class Pulled:
    """An agency that may pull the extract of a family, and of another.

    Attributes:
        path: of the family's extract.
        other_ref: reference of the other family's case.
    """

    partner: Partner
    practitioner: str
    path: str
    other_ref: str

    def token(self, partner: Partner) -> str:
        """For panel discussion, and nothing else."""
        return partner.token(
            authorization_details=authorization(purpose="P1", practitioner=self.practitioner)
        )


@pytest.fixture(scope="module")
def pulled(door: DoorPlace) -> Pulled:
    world = World(door.wiring)
    member = world.join("health")
    household(world, FAMILY)
    household(world, NEIGHBOURS)
    key = ECKey.import_key(cast("dict[str, Any]", dict(member.key)))
    partner = Partner(door.public, door.settings.issuer, member.client_id, key)
    path = f"/v1/cases/{world.case_ref('health', FAMILY)}/extract"
    return Pulled(partner, member.practitioner, path, str(world.case_ref("health", NEIGHBOURS)))


@pytest.fixture(params=["proof", "certificate"])
def partner(request: pytest.FixtureRequest, door: DoorPlace, pulled: Pulled) -> Partner:
    """The agency, by what its tokens are bound to."""
    if request.param == "proof":
        return pulled.partner
    return showing(door, door.client("health"), pulled.partner)


def _sent(partner: Partner, method: str, path: str, token: str, **request: Any) -> Any:
    """A request whose proof is right for its method and address."""
    url = partner.issuer + path.partition("?")[0]
    proof = [] if partner.by_certificate else [("DPoP", partner.proof(method, url, token=token))]
    headers = [("Authorization", f"{partner.scheme} {token}"), *proof, *request.pop("headers", [])]
    return partner.http.open(path, method=method, headers=headers, **request)


def _content(answer: Any) -> dict[str, Any]:
    """What was released, without what is new in every extract."""
    assert 200 == answer.status_code, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    assert document["record"]["people"]
    return {
        name: value for name, value in document.items() if name not in {"extract_id", "issued_at", "receipt"}
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_an_extract_is_pulled_by_get_alone(pulled: Pulled, partner: Partner, method: str) -> None:
    token = pulled.token(partner)
    answer = _sent(partner, method, pulled.path, token, data=json.dumps({"purpose": OTHER_PURPOSE}))
    assert 405 == answer.status_code
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
    assert 200 == _sent(partner, "GET", pulled.path, token).status_code


def test_a_body_or_a_query_changes_nothing(pulled: Pulled, partner: Partner) -> None:
    token = pulled.token(partner)
    plain = _content(_sent(partner, "GET", pulled.path, token))
    asked = {"purpose": OTHER_PURPOSE, "case_ref": pulled.other_ref, "stage": "service", "practitioner": "x"}
    details = json.dumps([{"type": "case_extract", "purpose": OTHER_PURPOSE, "practitioner": {"id": "x"}}])
    query = f"?purpose={OTHER_PURPOSE}&case_ref={pulled.other_ref}&stage=service&practitioner=x"
    override = [("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "DELETE")]
    requests: Mapping[str, dict[str, Any]] = {
        "JSON": {"data": json.dumps(asked), "content_type": "application/json"},
        "form": {"data": asked, "content_type": FORM},
        "authorization details": {"data": {"authorization_details": details, "scope": "case:write"}},
        "no JSON": {"data": "{" * 1_000, "content_type": "application/json"},
        "override": {"headers": override, "data": "_method=POST", "content_type": FORM},
        "query": {"query": query},
        "both": {"query": query, "data": json.dumps(asked), "content_type": "application/json"},
    }
    for name, request in requests.items():
        path = pulled.path + request.pop("query", "")
        assert plain == _content(_sent(partner, "GET", path, token, **request)), name


def test_a_proof_is_for_one_method_even_where_two_do_the_same(pulled: Pulled) -> None:
    """HEAD is GET without its body to the framework, and another method to the proof."""
    partner = pulled.partner
    token = pulled.token(partner)
    proof = partner.proof("GET", partner.issuer + pulled.path, token=token)
    headers = [("Authorization", f"DPoP {token}"), ("DPoP", proof)]
    assert DP_AT_API == outcome(partner.http.open(pulled.path, method="HEAD", headers=headers))
    assert 200 == partner.get(pulled.path, token, proof=proof).status_code


def test_no_route_that_reads_for_an_agency_takes_a_body(door: DoorPlace) -> None:
    """And none of them has a second method."""
    methods: dict[str, set[str]] = {}
    for rule in build_app(door.wiring).url_map.iter_rules():
        methods.setdefault(rule.endpoint, set()).update(rule.methods or ())
    reading = {
        name
        for name, access in ROUTES.items()
        if access is ANY_CALLER or any(scope.endswith(":read") for scope in scopes_of(access))
    }
    assert {"release.extract", "panel.meeting", "panel.meetings", "me.me"} <= reading
    assert {"GET", "HEAD", "OPTIONS"} == set().union(*(methods[name] for name in reading))
