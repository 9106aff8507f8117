"""Introspection and revocation: a client asks about its own tokens, and ends them, on every node."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.oauth.conftest import Council, build_app
from tests.gateway.oauth.partner import CASE_EXTRACT, Partner, claims_of

ASK, END = "/oauth/introspect", "/oauth/revoke"


def test_a_token_of_ones_own_is_described(partner: Partner) -> None:
    """RFC 7662 section 2.2: everything that the token grants, and what it is bound to."""
    token = partner.token()
    claims = claims_of(token)
    answer = partner.about(ASK, token)
    assert 200 == answer.status_code
    assert {
        "active": True,
        "iss": partner.issuer,
        "aud": partner.resource,
        "sub": partner.client_id,
        "client_id": partner.client_id,
        "scope": "extract:read",
        "token_type": "DPoP",
        "cnf": {"jkt": partner.proof_key.thumbprint()},
        "iat": claims["iat"],
        "exp": claims["exp"],
        "jti": claims["jti"],
        "authorization_details": CASE_EXTRACT,
    } == answer.get_json()
    assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "token",
    [
        lambda *_: "garbage",
        lambda p, _: p.token()[:-4] + "AAAA",
        lambda p, _: p.assertion(),
        lambda p, _: p.proof(),
        lambda _, other: other.token(),
        lambda *_: "\x00" + "\u00e9",
        lambda *_: "[" * 3000,
    ],
    ids=[
        "garbage",
        "another signature",
        "assertion",
        "proof",
        "of another client",
        "odd characters",
        "nested",
    ],
)
def test_any_other_token_is_not_active(
    asking: Callable[[str], Partner], token: Callable[[Partner, Partner], str]
) -> None:
    """One answer for all of them: what another client holds is nobody's business."""
    partner, other = asking("camhs"), asking("charity")
    answer = partner.about(ASK, token(partner, other))
    assert (200, {"active": False}) == (answer.status_code, answer.get_json())


def test_a_revoked_token_is_refused_on_the_next_request_and_everywhere(own_council: Council) -> None:
    partner = own_council.partner()
    token, other = partner.token(), partner.token()
    assert 200 == partner.get("/v1/me", token).status_code
    elsewhere = own_council.partner()
    elsewhere.http, elsewhere.proof_key = build_app(own_council.wiring).test_client(), partner.proof_key
    assert 200 == elsewhere.get("/v1/me", token).status_code  # its signature is remembered there too
    assert 200 == partner.about(END, token).status_code
    for node in (partner, elsewhere):
        answer = node.get("/v1/me", token)
        assert 401 == answer.status_code
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert {"active": False} == partner.about(ASK, token).get_json()
    assert 200 == partner.get("/v1/me", other).status_code


def test_ending_a_token_twice_or_one_that_is_none_is_done(partner: Partner) -> None:
    """RFC 7009 section 2.2: the client wants it gone, and it is."""
    token = partner.token()
    answers = [partner.about(END, one) for one in (token, token, "garbage")]
    assert [(200, b"")] * 3 == [(answer.status_code, answer.data) for answer in answers]


def test_nobody_ends_the_token_of_another(asking: Callable[[str], Partner]) -> None:
    """RFC 7009 section 2.1."""
    partner, other = asking("camhs"), asking("charity")
    token = other.token()
    answer = partner.about(END, token)
    assert (400, "unauthorized_client") == (answer.status_code, answer.get_json()["error"])
    assert 200 == other.get("/v1/me", token).status_code


@pytest.mark.parametrize("path", [ASK, END])
def test_the_client_authenticates_as_everywhere(partner: Partner, path: str) -> None:
    """Same methods, same checks, same one use of an assertion."""
    token = partner.token()
    assertion = partner.assertion()
    assert 200 == partner.about(path, token, client_assertion=assertion).status_code
    refused: list[tuple[dict[str, Any], str]] = [
        ({"client_assertion": assertion}, "invalid_client"),
        ({"client_assertion": ...}, "invalid_client"),
        ({"client_assertion": partner.assertion(aud=partner.issuer + path)}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_request"),
        ({"token": ""}, "invalid_request"),
        ({"client_id": "ag_someone-else-0000000"}, "invalid_client"),
    ]
    for changes, error in refused:
        answer = partner.about(path, token, **changes)
        assert (400, error) == (answer.status_code, answer.get_json()["error"]), changes


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE agencies.agency SET state = 'suspended' WHERE agency_code = 'charity'",
        "UPDATE gateway.oauth_client_key SET state = 'removed' WHERE agency_code = 'charity'",
    ],
)
def test_a_client_that_may_not_be_served_learns_nothing(own_council: Council, statement: str) -> None:
    charity = own_council.partner("charity")
    token = charity.token()
    own_council.change("charity", statement)
    assert "invalid_client" == charity.about(ASK, token).get_json()["error"]


def test_what_was_taken_away_shows_at_once(own_council: Council) -> None:
    """The practitioner left: the client is still served, its token for them is not."""
    partner = own_council.partner()
    token = partner.token()
    own_council.change(
        "camhs",
        "UPDATE agencies.practitioner SET active_until = active_from WHERE agency_code = 'camhs'",
    )
    assert {"active": False} == partner.about(ASK, token).get_json()
