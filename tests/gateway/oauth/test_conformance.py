"""The modules of the OpenID conformance suite that apply to client credentials, rebuilt under their names.

FAPI 2.0 Security Profile Final, private_key_jwt and DPoP. Passing these is no certification.
"""

import time
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner, new_key, sign


def _error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def test_happy_flow(partner: Partner) -> None:
    assert partner.get("/v1/cases/abc/extract", partner.token()).status_code == 200


def test_discovery_verification(council: Council) -> None:
    """Everything a client of this profile looks for, with values that FAPI 2.0 allows."""
    document: dict[str, Any] = (
        council.app.test_client().get("/.well-known/oauth-authorization-server").get_json()
    )
    allowed = {"PS256", "ES256", "EdDSA", "Ed25519"}
    assert document["issuer"] == council.wiring.settings.issuer
    assert document["token_endpoint"].startswith("https://")
    assert "client_credentials" in document["grant_types_supported"]
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) <= allowed
    assert set(document["dpop_signing_alg_values_supported"]) <= allowed


def test_holder_of_key_required(partner: Partner) -> None:
    """No proof, no token."""
    assert _error(partner.ask(proof=None)) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("scheme", ["dPOP", "DPOP", "dpop"])
def test_access_token_type_header_case_sensitivity(partner: Partner, scheme: str) -> None:
    assert partner.get("/v1/me", partner.token(), scheme=scheme).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": "jwt"}},
        {"header": {"jwk": ...}},
        {"htm": "PUT"},
        {"htu": "https://gateway.test:8443/other"},
        {"ath": "wrong"},
        {"iat": ...},
        {"jti": ...},
    ],
    ids=["typ", "jwk", "htm", "htu", "ath", "iat", "jti"],
)
def test_dpop_negative_tests(partner: Partner, changes: dict[str, Any]) -> None:
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token, **changes)
    assert partner.get("/v1/me", token, proof=proof).status_code == 401


@pytest.mark.parametrize("changes", [{"nbf": -5}, {"exp": 60}, {"nbf": -5, "exp": 60}, {"exp": -3600}])
def test_dpop_proof_nbf_exp(partner: Partner, changes: dict[str, int]) -> None:
    """Claims that a proof does not need are tolerated: its time is its iat."""
    now = int(time.time())
    proof = partner.proof(**{name: now + by for name, by in changes.items()})
    assert partner.ask(proof=proof).status_code == 200


def test_dpop_proof_iat_10_seconds_before(partner: Partner) -> None:
    assert partner.ask(proof=partner.proof(iat=int(time.time()) - 10)).status_code == 200


def test_dpop_proof_iat_10_seconds_after(partner: Partner) -> None:
    assert partner.ask(proof=partner.proof(iat=int(time.time()) + 10)).status_code == 200


def test_client_id_in_token_endpoint(partner: Partner, council: Council) -> None:
    """The client's own id may come along; another one may not."""
    assert partner.ask(client_id=partner.client_id).status_code == 200
    other = council.partners["council"].client_id
    assert _error(partner.ask(client_id=other)) == (400, "invalid_client")


def test_client_assertion_missing(partner: Partner) -> None:
    assert _error(partner.ask(client_assertion=...)) == (400, "invalid_client")


def test_client_assertion_exp_is_5_minutes_in_past(partner: Partner) -> None:
    now = int(time.time())
    assertion = partner.assertion(iat=now - 360, exp=now - 300)
    assert _error(partner.ask(client_assertion=assertion)) == (400, "invalid_client")


def test_client_assertion_no_sub(partner: Partner) -> None:
    assert _error(partner.ask(client_assertion=partner.assertion(sub=...))) == (400, "invalid_client")


def test_client_assertion_wrong_aud(partner: Partner) -> None:
    assertion = partner.assertion(aud="https://other.example/")
    assert _error(partner.ask(client_assertion=assertion)) == (400, "invalid_client")


def test_client_assertion_rs256(council: Council) -> None:
    """Signed with the registered RSA key itself, by an algorithm that FAPI 2.0 forbids."""
    partner = council.register("camhs", ["extract:read"], new_key("PS256"), "PS256")
    assertion = sign({"alg": "RS256"}, partner.assertion_claims(), partner.key)
    assert _error(partner.ask(client_assertion=assertion)) == (400, "invalid_client")
    assert partner.ask().status_code == 200


@pytest.mark.parametrize("ahead", [0, 10])
def test_client_assertion_iat_and_nbf_up_to_10_seconds_ahead(partner: Partner, ahead: int) -> None:
    """FAPI 2.0 section 5.3.2.1 (13), the passing half."""
    now = int(time.time())
    assertion = partner.assertion(iat=now + ahead, nbf=now + ahead)
    assert partner.ask(client_assertion=assertion).status_code == 200


def test_client_assertion_iat_more_than_60_seconds_ahead(partner: Partner) -> None:
    """FAPI 2.0 section 5.3.2.1 (13), the failing half."""
    assertion = partner.assertion(iat=int(time.time()) + 65)
    assert _error(partner.ask(client_assertion=assertion)) == (400, "invalid_client")
