"""The fourteen modules of the OpenID conformance suite that apply to client credentials, rebuilt under their names.

FAPI 2.0 Security Profile Final, for ``private_key_jwt`` with DPoP, with certificate-bound tokens, and for
``tls_client_auth``, where a module applies to it. Passing these is no certification.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.adversarial.attackers import (
    BINDINGS,
    DP,
    EVERY_WAY,
    IC,
    ME,
    PASSED,
    by_certificate_alone,
    outcome,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner, claims_of, header_of

ALLOWED = {"PS256", "ES256", "EdDSA", "Ed25519"}
EXTRACT = "/v1/cases/00000000-0000-0000-0000-000000000000/extract"
"""Of a case that nobody has: a token that is good for extracts gets the one 404 there."""


@pytest.mark.parametrize("way", EVERY_WAY)
def test_happy_flow(door: DoorPlace, way: str) -> None:
    partner = EVERY_WAY[way](door)
    answer = partner.ask()
    body = answer.get_json()
    assert (200, partner.scheme, 300) == (answer.status_code, body["token_type"], body["expires_in"])
    assert "refresh_token" not in body
    token = body["access_token"]
    assert [partner.client_id] * 2 == [partner.get(ME, token).get_json()["client_id"] for _ in range(2)]
    assert 404 == partner.get(EXTRACT, token).status_code


@pytest.mark.parametrize("way", EVERY_WAY)
def test_discovery_verification(door: DoorPlace, way: str) -> None:
    """Everything a client of this profile looks for, with values that FAPI 2.0 allows; both addresses say the same."""
    partner = EVERY_WAY[way](door)
    document = partner.http.get("/.well-known/oauth-authorization-server").get_json()
    assert document["issuer"] == door.settings.issuer
    assert document["token_endpoint"].startswith("https://")
    assert "client_credentials" in document["grant_types_supported"]
    for endpoint in ("token", "introspection", "revocation"):
        methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
        assert ["private_key_jwt", "tls_client_auth"] == methods
        assert set(document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]) <= ALLOWED
        assert document["mtls_endpoint_aliases"][f"{endpoint}_endpoint"].startswith(
            f"{door.settings.mtls_url}/"
        )
    assert set(document["dpop_signing_alg_values_supported"]) <= ALLOWED
    assert document["tls_client_certificate_bound_access_tokens"] is True
    published = partner.http.get("/.well-known/jwks.json").get_json()
    kids = [key["kid"] for key in published["keys"]]
    assert len(set(kids)) == len(kids)
    assert header_of(partner.token())["kid"] in kids


@pytest.mark.parametrize("way", EVERY_WAY)
def test_holder_of_key_required(door: DoorPlace, way: str) -> None:
    """No proof and no certificate, no token; and a token is worth nothing without what it is bound to."""
    partner = EVERY_WAY[way](door)
    token = partner.token()
    bare = replace(partner, http=door.public)
    assert {"proof": DP, "certificate": DP, "tls_client_auth": IC}[way] == outcome(bare.ask(proof=None))
    assert 401 == bare.get(ME, token, proof=None).status_code
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_access_token_type_header_case_sensitivity(door: DoorPlace, way: str) -> None:
    """RFC 9110 section 11.1: a scheme is compared without case."""
    partner = EVERY_WAY[way](door)
    token, scheme = partner.token(), partner.scheme
    for spelling in (scheme.lower(), scheme.upper(), scheme.swapcase()):
        assert PASSED == outcome(partner.get(ME, token, scheme=spelling)), spelling


NEGATIVE: Mapping[str, dict[str, Any]] = {
    "typ": {"header": {"typ": "jwt"}},
    "jwk": {"header": {"jwk": ...}},
    "htm": {"htm": "PUT"},
    "htu": {"htu": "https://localhost/other"},
    "ath": {"ath": "wrong"},
    "iat": {"iat": ...},
    "jti": {"jti": ...},
    "an hour ago": {"iat": -3_600},
    "an hour ahead": {"iat": 3_600},
}


def _from_now(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers become times."""
    now = int(time.time())
    return {name: now + value if isinstance(value, int) else value for name, value in changes.items()}


def test_dpop_negative_tests(door: DoorPlace) -> None:
    """400 at the authorization server, 401 at the resource server."""
    partner = with_proofs(door)
    token = partner.token()
    url = partner.issuer + ME
    at_api = {
        name: outcome(
            partner.get(ME, token, proof=partner.proof("GET", url, token=token, **_from_now(changes)))
        )
        for name, changes in NEGATIVE.items()
    }
    assert dict.fromkeys(NEGATIVE, (401, "invalid_dpop_proof")) == at_api
    others = {name: changes for name, changes in NEGATIVE.items() if name != "ath"}
    answers = {name: outcome(partner.ask(proof=partner.proof(**_from_now(c)))) for name, c in others.items()}
    assert dict.fromkeys(others, DP) == answers
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("bound", BINDINGS)
@pytest.mark.parametrize(
    "times", [{"nbf": -5}, {"exp": 60}, {"nbf": -5, "exp": 60}, {"exp": -3_600}], ids=repr
)
def test_dpop_proof_nbf_exp(door: DoorPlace, bound: str, times: dict[str, int]) -> None:
    """Claims that a proof does not need are tolerated: its time is its iat."""
    partner = BINDINGS[bound](door)
    assert PASSED == outcome(partner.ask(proof=partner.proof(**_from_now(times))))


def _with_iat(partner: Partner, seconds: int) -> list[tuple[int, str]]:
    token = partner.token(proof=partner.proof())
    times = _from_now({"iat": seconds})
    for_api = partner.proof("GET", partner.issuer + ME, token=token, **times)
    asked = partner.ask(proof=partner.proof(**times))
    return [outcome(asked), outcome(partner.get(ME, token, scheme="DPoP", proof=for_api))]


@pytest.mark.parametrize("bound", BINDINGS)
def test_dpop_proof_iat_10_seconds_before(door: DoorPlace, bound: str) -> None:
    assert [PASSED, PASSED] == _with_iat(BINDINGS[bound](door), -10)


@pytest.mark.parametrize("bound", BINDINGS)
def test_dpop_proof_iat_10_seconds_after(door: DoorPlace, bound: str) -> None:
    assert [PASSED, PASSED] == _with_iat(BINDINGS[bound](door), 10)


@pytest.mark.parametrize("way", EVERY_WAY)
def test_client_id_in_token_endpoint(door: DoorPlace, way: str) -> None:
    """The client's own id may come along; another one may not."""
    partner = EVERY_WAY[way](door)
    assert PASSED == outcome(partner.ask(client_id=partner.client_id))
    assert IC == outcome(partner.ask(client_id=door.partner("council").client_id))


@pytest.mark.parametrize("bound", BINDINGS)
def test_client_assertion_missing(door: DoorPlace, bound: str) -> None:
    """Also where a certificate is there: it says nothing without the client's id, and is not this client's with it."""
    partner = BINDINGS[bound](door)
    assert IC == outcome(partner.ask(client_assertion=...))
    assert IC == outcome(partner.ask(client_assertion=..., client_assertion_type=...))
    assert IC == outcome(
        partner.ask(client_assertion=..., client_assertion_type=..., client_id=partner.client_id)
    )


@pytest.mark.parametrize("bound", BINDINGS)
def test_client_assertion_exp_is_5_minutes_in_past(door: DoorPlace, bound: str) -> None:
    partner = BINDINGS[bound](door)
    assertion = partner.assertion(**_from_now({"iat": -360, "exp": -300}))
    assert IC == outcome(partner.ask(client_assertion=assertion))


@pytest.mark.parametrize("bound", BINDINGS)
def test_client_assertion_no_sub(door: DoorPlace, bound: str) -> None:
    partner = BINDINGS[bound](door)
    assert IC == outcome(partner.ask(client_assertion=partner.assertion(sub=...)))


@pytest.mark.parametrize("bound", BINDINGS)
def test_client_assertion_wrong_aud(door: DoorPlace, bound: str) -> None:
    partner = BINDINGS[bound](door)
    assert IC == outcome(partner.ask(client_assertion=partner.assertion(aud="https://other.example/")))


@pytest.mark.parametrize("bound", BINDINGS)
def test_client_assertion_rs256(door: DoorPlace, bound: str) -> None:
    """Signed with the registered RSA key itself, by an algorithm that FAPI 2.0 forbids."""
    charity = replace(BINDINGS[bound](door), **_identity(door.partner("charity")))
    assert IC == outcome(charity.ask(client_assertion=charity.assertion({"alg": "RS256"})))
    assert PASSED == outcome(charity.ask())


def _identity(partner: Partner) -> dict[str, Any]:
    return {"client_id": partner.client_id, "key": partner.key, "algorithm": partner.algorithm}


# --- What the profile says beside the modules -------------------------------------------------------------------------


@pytest.mark.parametrize("bound", BINDINGS)
def test_times_of_an_assertion_may_lie_10_seconds_ahead_and_not_60(door: DoorPlace, bound: str) -> None:
    """FAPI 2.0 section 5.3.2.1 (13), both halves."""
    partner = BINDINGS[bound](door)
    answers = {
        ahead: outcome(
            partner.ask(client_assertion=partner.assertion(**_from_now({"iat": ahead, "nbf": ahead})))
        )
        for ahead in (0, 10, 61)
    }
    assert {0: PASSED, 10: PASSED, 61: IC} == answers


def test_a_token_is_bound_to_what_its_client_came_with(door: DoorPlace) -> None:
    """RFC 9449 section 6.1 and RFC 8705 section 3.1; a client that comes by certificate may bind it to a key instead."""
    by_certificate = by_certificate_alone(door)
    members = {
        "proof": claims_of(with_proofs(door).token())["cnf"],
        "certificate": claims_of(BINDINGS["certificate"](door).token())["cnf"],
        "tls_client_auth": claims_of(by_certificate.token())["cnf"],
        "tls_client_auth and proof": claims_of(by_certificate.token(proof=by_certificate.proof()))["cnf"],
    }
    assert {
        "proof": ["jkt"],
        "certificate": ["x5t#S256"],
        "tls_client_auth": ["x5t#S256"],
        "tls_client_auth and proof": ["jkt"],
    } == {way: list(cnf) for way, cnf in members.items()}
