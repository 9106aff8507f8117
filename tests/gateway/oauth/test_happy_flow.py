"""What an honest partner gets, with every algorithm and every kind of scope."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import (
    CASE_ACTION,
    CASE_EXTRACT,
    FORM,
    Partner,
    claims_of,
    header_of,
    new_key,
)


def test_a_token_response_names_everything_that_was_granted(partner: Partner) -> None:
    """A client must see what it got: nothing is narrowed, so the answer equals the request."""
    answer = partner.ask(client_id=partner.client_id, resource=partner.resource)
    body = answer.get_json()
    assert answer.status_code == 200
    assert isinstance(body.pop("access_token"), str)
    assert body == {
        "token_type": "DPoP",
        "expires_in": 300,
        "scope": "extract:read",
        "authorization_details": CASE_EXTRACT,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_token_has_the_claims_of_rfc_9068_and_one_audience(partner: Partner) -> None:
    """Exactly these claims: a resource server of another vendor must be able to check them."""
    token = partner.token()
    claims = claims_of(token)
    now = int(time.time())
    assert abs(claims.pop("iat") - now) <= 2
    assert abs(claims.pop("exp") - (now + 300)) <= 2
    assert len(claims.pop("jti")) >= 22  # 128 bits
    assert claims == {
        "iss": partner.issuer,
        "sub": partner.client_id,
        "client_id": partner.client_id,
        "aud": partner.issuer + "/v1",
        "scope": "extract:read",
        "cnf": {"jkt": partner.proof_key.thumbprint()},
        "client_key": partner.key.thumbprint(),
        "authorization_details": CASE_EXTRACT,
    }


def test_a_token_verifies_against_the_published_keys(partner: Partner) -> None:
    """Whoever holds a token can check who issued it, by the kid in its header alone."""
    token = partner.token()
    published = partner.http.get("/.well-known/jwks.json").get_json()
    header = header_of(token)
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": header["kid"]}
    assert header["kid"] in {key["kid"] for key in published["keys"]}
    assert all("d" not in key for key in published["keys"])
    assert jws.deserialize_compact(token, KeySet.import_key_set(published), algorithms=["ES256"])


@pytest.mark.parametrize(
    ("name", "scope", "details"),
    [
        ("camhs", "extract:read", CASE_EXTRACT),
        ("camhs", "panel:read offer:write recall:write consent:report-withdrawal", CASE_ACTION),
        ("camhs", "changes:read aggregate:read log:read", None),
        (
            "charity",
            "extract:read",
            [{"type": "case_extract", "purpose": "P2", "practitioner": {"id": "x@y.z"}}],
        ),
        ("police", "referral:read referral:write", CASE_ACTION),
        ("council", "case:write consent:write", None),
    ],
)
def test_each_kind_of_scope_is_granted_with_its_entry(
    asking: Callable[[str], Partner], name: str, scope: str, details: object
) -> None:
    """One passing case for every kind of entry, every signature algorithm and both practitioner policies."""
    partner = asking(name)
    asked: Any = {"scope": scope, "authorization_details": json.dumps(details) if details else ...}
    if name == "police":  # the scopes of referrals are those whose proofs need a nonce
        partner.nonce = partner.ask(**asked).headers["DPoP-Nonce"]
    answer = partner.ask(**asked)
    assert answer.status_code == 200
    assert set(answer.get_json()["scope"].split()) == set(scope.split())
    assert answer.get_json().get("authorization_details") == details


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_each_allowed_algorithm_signs_assertions_and_proofs(council: Council, algorithm: str) -> None:
    """FAPI 2.0 section 5.4.1, under both names of Ed25519."""
    partner = council.register("camhs", ["extract:read"], new_key(algorithm), algorithm)
    partner.proof_key, partner.proof_algorithm = new_key(algorithm), algorithm
    assert partner.get("/v1/me", partner.token()).status_code == 200


def test_a_view_sees_the_caller_behind_the_token(partner: Partner) -> None:
    """The path from token to caller: agency from the register, purpose and practitioner from the entry."""
    assert partner.get("/v1/cases/abc/extract", partner.token()).get_json() == {
        "client_id": partner.client_id,
        "agency": "camhs",
        "scopes": ["extract:read"],
        "purpose": "P1",
        "practitioner": ["worker-1", True],
    }


def test_an_asserted_practitioner_is_never_called_verified(asking: Callable[[str], Partner]) -> None:
    """An agency without a register vouches for its people itself; later rules depend on knowing that."""
    charity = asking("charity")
    caller = charity.get("/v1/cases/abc/extract", charity.token()).get_json()
    assert caller["practitioner"] == ["worker-1", False]


def test_the_councils_own_client_has_no_agency(asking: Callable[[str], Partner]) -> None:
    council = asking("council")
    token = council.token(scope="consent:write", authorization_details=...)
    caller = council.get("/v1/me", token).get_json()
    assert (caller["agency"], caller["purpose"], caller["practitioner"]) == (None, None, None)
    assert council.client_id.startswith("co_")


def test_a_token_serves_many_requests_with_a_new_proof_each(partner: Partner) -> None:
    token = partner.token()
    assert [partner.get("/v1/me", token).status_code for _ in range(3)] == [200, 200, 200]


def test_a_public_route_needs_no_token_and_ignores_one(partner: Partner) -> None:
    assert partner.http.get("/healthz").status_code == 200
    assert partner.http.get("/healthz", headers={"Authorization": "Bearer nonsense"}).status_code == 200


def test_an_empty_parameter_counts_as_absent(partner: Partner) -> None:
    """RFC 6749 section 3.2."""
    body = urlencode(partner.form()) + "&resource="
    assert partner.ask(body=body, content_type=FORM).status_code == 200


def test_the_authorization_server_publishes_exactly_what_exists(council: Council) -> None:
    """Every address in the metadata answers here, and no other grant or method is offered."""
    http, issuer = council.app.test_client(), council.wiring.settings.issuer
    document = http.get("/.well-known/oauth-authorization-server").get_json()
    scopes = document.pop("scopes_supported")
    assert scopes == sorted(scopes)
    assert len(scopes) == 12
    assert document == {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256", "EdDSA", "Ed25519"],
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256", "EdDSA", "Ed25519"],
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256", "EdDSA", "Ed25519"],
        "dpop_signing_alg_values_supported": ["PS256", "ES256", "EdDSA", "Ed25519"],
        "authorization_details_types_supported": ["case_action", "case_extract"],
        "protected_resources": [f"{issuer}/v1"],
    }
    assert http.get("/.well-known/openid-configuration").get_json()["issuer"] == issuer


def test_the_resource_publishes_where_its_tokens_come_from(council: Council) -> None:
    """RFC 9728: found from the challenge of a 401."""
    http, issuer = council.app.test_client(), council.wiring.settings.issuer
    challenge = http.get("/v1/me").headers["WWW-Authenticate"]
    path = "/.well-known/oauth-protected-resource/v1"
    assert challenge == f'DPoP algs="PS256 ES256 EdDSA Ed25519", resource_metadata="{issuer}{path}"'
    document = http.get(path).get_json()
    assert (document["resource"], document["authorization_servers"]) == (f"{issuer}/v1", [issuer])
    assert document["dpop_bound_access_tokens_required"] is True
