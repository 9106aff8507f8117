"""What the guard in front of every view tells those whom it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import CASE_ACTION, Partner


def test_no_token_at_all_is_challenged_without_an_error(partner: Partner) -> None:
    """RFC 6750 section 3.1: no error code for a request without any authentication."""
    answer = partner.http.get("/v1/me")
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP algs=")
    assert "error" not in challenge
    metadata = f"{partner.issuer}/.well-known/oauth-protected-resource/v1"
    assert challenge.endswith(f'resource_metadata="{metadata}"')


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [
        ("DPoP", 'DPoP error="invalid_token", algs='),
        ("Bearer", 'Bearer error="invalid_token", resource_metadata='),
    ],
)
def test_a_bad_token_is_challenged_under_the_scheme_it_came_with(
    partner: Partner, scheme: str, begins: str
) -> None:
    """RFC 9449 section 7.1 and RFC 6750 section 3; the body is a problem that says no more."""
    answer = partner.get("/v1/me", "x.y.z", scheme=scheme)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(begins)
    assert answer.content_type == "application/problem+json"


def test_a_bad_proof_is_challenged_as_one(partner: Partner) -> None:
    answer = partner.get("/v1/me", partner.token(), proof="x.y.z")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof", algs=')


def test_a_missing_scope_is_forbidden_and_says_which(partner: Partner) -> None:
    """The same answer for every reference: nothing was looked up."""
    token = partner.token(scope="log:read", authorization_details=...)
    answers = [partner.get(f"/v1/cases/{ref}/extract", token) for ref in ("known", "unknown")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].data == answers[1].data
    assert (
        answers[0]
        .headers["WWW-Authenticate"]
        .startswith('DPoP error="insufficient_scope", scope="extract:read", algs=')
    )


def decide(partner: Partner, **token: Any) -> TestResponse:
    bound = partner.token(**token)
    url = partner.issuer + "/v1/consent-decisions"
    headers = {"Authorization": f"DPoP {bound}", "DPoP": partner.proof("POST", url, token=bound)}
    answer: TestResponse = partner.http.post(
        "/v1/consent-decisions", headers=headers, base_url=partner.issuer
    )
    return answer


def test_one_of_two_scopes_lets_in_and_no_other_does(asking: Callable[[str], Partner]) -> None:
    council, camhs = asking("council"), asking("camhs")
    action = json.dumps(CASE_ACTION)
    assert 200 == decide(council, scope="consent:write", authorization_details=...).status_code
    report = decide(camhs, scope="consent:report-withdrawal", authorization_details=action)
    assert (200, "camhs", ["worker-1", True]) == (
        report.status_code,
        report.get_json()["agency"],
        report.get_json()["practitioner"],
    )
    refused = decide(camhs, scope="recall:write", authorization_details=action)
    assert 403 == refused.status_code
    named = 'scope="consent:report-withdrawal consent:write"'
    assert named in refused.headers["WWW-Authenticate"]


def test_what_does_not_exist_is_absent_for_everyone(council: Council) -> None:
    http = council.app.test_client()
    assert http.get("/v1/nothing").status_code == 404
    assert http.delete("/v1/me").status_code == 405
