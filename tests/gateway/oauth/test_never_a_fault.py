"""Whatever a stranger sends, the answer is a refusal: never a token, never a fault of ours.

The application under test does not catch exceptions, so a fault ends the test.
"""

import base64
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.oauth.partner import FORM, Partner, part

PARAMETERS = (
    "grant_type",
    "client_assertion_type",
    "client_assertion",
    "client_id",
    "scope",
    "resource",
    "authorization_details",
)
ANSWERS = {200, 400, 401, 403, 404, 405, 413}

searching = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
header_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200
)


@pytest.mark.parametrize("name", PARAMETERS)
@searching
@given(value=st.binary(max_size=300))
def test_random_bytes_in_a_parameter_are_refused_or_ignored(
    partner: Partner, name: str, value: bytes
) -> None:
    body = urlencode(partner.form(**{name: ...})) + f"&{name}={quote_from_bytes(value)}"
    assert partner.ask(body=body).status_code in ANSWERS


@searching
@given(body=st.binary(max_size=400))
def test_random_bytes_as_a_body_are_refused(partner: Partner, body: bytes) -> None:
    assert partner.ask(body=body, content_type=FORM).status_code == 400


@searching
@given(value=header_text)
def test_random_text_in_a_header_is_refused(partner: Partner, value: str) -> None:
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token)
    latin = value.encode("latin-1").decode("latin-1")
    answers = (
        partner.ask(proof=latin or None),
        partner.get("/v1/me", token, proof=latin or None),
        partner.http.get("/v1/me", headers={"Authorization": latin, "DPoP": proof}),
        partner.http.get("/v1/me", headers={"Authorization": f"DPoP {latin}", "DPoP": proof}),
    )
    assert {answer.status_code for answer in answers} <= {400, 401}


@searching
@given(header=json_values, claims=json_values)
def test_random_json_in_a_jws_is_refused(partner: Partner, header: object, claims: object) -> None:
    """Well-formed parts, any content, in each of the three places where a JWS is read."""
    signature = base64.urlsafe_b64encode(bytes(64)).rstrip(b"=").decode()
    forged = f"{part(header)}.{part(claims)}.{signature}"
    assert partner.ask(client_assertion=forged).status_code == 400
    assert partner.ask(proof=forged).status_code == 400
    assert partner.get("/v1/me", forged).status_code == 401


@searching
@given(
    name=st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "htm", "htu", "ath"]),
    value=json_values,
)
def test_any_json_in_a_claim_is_answered(partner: Partner, name: str, value: object) -> None:
    """Rightly signed, so every check behind the signature is reached."""
    assert partner.ask(client_assertion=partner.assertion(**{name: value})).status_code in {200, 400}
    assert partner.ask(proof=partner.proof(**{name: value})).status_code in {200, 400}


@searching
@given(member=st.sampled_from(["alg", "typ", "kid", "jwk", "crit", "b64", "jku", "zip"]), value=json_values)
def test_any_json_in_a_header_member_is_answered(partner: Partner, member: str, value: object) -> None:
    head, claims, signature = partner.assertion().split(".")
    del head
    forged = f"{part({'alg': 'ES256', 'typ': 'dpop+jwt', member: value})}.{claims}.{signature}"
    assert partner.ask(client_assertion=forged).status_code == 400
    assert partner.ask(proof=forged).status_code == 400


@searching
@given(path=st.text(max_size=30))
def test_any_path_is_answered(partner: Partner, path: str) -> None:
    token = partner.token()
    target = "/v1/cases/" + quote_from_bytes(path.encode("utf-8", "surrogatepass"), safe="") + "/extract"
    assert partner.get(target, token).status_code in ANSWERS | {308}
