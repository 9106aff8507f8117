"""A-19: a token request that asks for another grant, for more than the client has, or for two things at once.

Expected: 400 with ``unsupported_grant_type``, ``invalid_request``, ``invalid_scope``, ``invalid_target`` or
``invalid_authorization_details``. Nothing is ever narrowed silently (RFC 6749 section 5.2, RFC 8707, RFC 9396).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.adversarial.attackers import (
    EVERY_WAY,
    IR,
    PASSED,
    Outcome,
    by_certificate_alone,
    outcome,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import CASE_ACTION, CASE_EXTRACT, Partner

UNSUPPORTED: Outcome = (400, "unsupported_grant_type")
SCOPE: Outcome = (400, "invalid_scope")
TARGET: Outcome = (400, "invalid_target")
DETAILS: Outcome = (400, "invalid_authorization_details")

EVIL = "https://evil.example/v1"


def _entry(**changes: Any) -> str:
    entry = {**CASE_EXTRACT[0], **changes}
    return json.dumps([{name: value for name, value in entry.items() if value is not ...}])


ATTACKS: Mapping[Outcome, Mapping[str, dict[str, Any]]] = {
    UNSUPPORTED: {
        "password": {"grant_type": "password"},
        "authorization code": {"grant_type": "authorization_code", "code": "x"},
        "refresh token": {"grant_type": "refresh_token", "refresh_token": "x"},
        "assertion": {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"},
        "exchange": {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"},
        "capitals": {"grant_type": "Client_Credentials"},
        "blank behind": {"grant_type": "client_credentials "},
    },
    SCOPE: {
        "absent": {"scope": ...},
        "unknown": {"scope": "everything"},
        "known and unknown": {"scope": "extract:read everything"},
        "the council's": {"scope": "consent:write"},
        "of a referral's destination": {"scope": "extract:read referral:read"},
        "capitals": {"scope": "EXTRACT:READ"},
        "twice": {"scope": "extract:read extract:read"},
        "two blanks": {"scope": "extract:read  log:read"},
        "with another kind of entry": {"scope": "extract:read log:read"},
    },
    TARGET: {
        "another": {"resource": EVIL},
        "with a slash": {"resource": "{resource}/"},
        "the issuer": {"resource": "{issuer}"},
        "relative": {"resource": "/v1"},
    },
    DETAILS: {
        "absent": {"authorization_details": ...},
        "none": {"authorization_details": "[]"},
        "two": {"authorization_details": json.dumps(CASE_EXTRACT * 2)},
        "unknown type": {"authorization_details": _entry(type="everything")},
        "type of another scope": {"authorization_details": json.dumps(CASE_ACTION)},
        "unknown field": {"authorization_details": _entry(stage="service")},
        "one case named": {"authorization_details": _entry(case_ref="x")},
        "unknown purpose": {"authorization_details": _entry(purpose="P7")},
        "purpose that is not served": {"authorization_details": _entry(purpose="P4")},
        "two purposes": {"authorization_details": _entry(purpose=["P1", "P2"])},
        "no purpose": {"authorization_details": _entry(purpose=...)},
        "no practitioner": {"authorization_details": _entry(practitioner=...)},
        "practitioner not on the list": {"authorization_details": _entry(practitioner={"id": "nobody"})},
        "entry for nothing": {"scope": "log:read"},
    },
}


def _meant(partner: Partner, changes: Mapping[str, Any]) -> dict[str, Any]:
    """With the addresses of this gateway."""
    known = {"{issuer}": partner.issuer, "{resource}/": f"{partner.resource}/"}
    return {
        name: known.get(value, value) if isinstance(value, str) else value for name, value in changes.items()
    }


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("refusal", ATTACKS, ids=lambda refusal: refusal[1])
def test_what_may_not_be_asked_for_is_refused_whole(door: DoorPlace, way: str, refusal: Outcome) -> None:
    partner = EVERY_WAY[way](door)
    answers = {
        name: outcome(partner.ask(**_meant(partner, changes))) for name, changes in ATTACKS[refusal].items()
    }
    assert dict.fromkeys(ATTACKS[refusal], refusal) == answers
    assert PASSED == outcome(partner.ask(resource=partner.resource))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_request_that_is_ambiguous_is_not_even_read(door: DoorPlace, way: str) -> None:
    """Of two values one is checked and the other used. Nothing is used up: the same form passes at the end."""
    partner = EVERY_WAY[way](door)
    proof = None if partner.by_certificate else partner.proof()
    form = partner.form(resource=partner.resource)
    honest = urlencode(form)
    bodies = {name: f"{honest}&{urlencode({name: form[name]})}" for name in form}
    bodies |= {
        "twice, the second empty": f"{honest}&scope=",
        "twice, escaped": f"{honest}&%73cope=log%3Aread",
        "unknown, twice": f"{honest}&x=1&x=2",
        "no grant type": urlencode({name: value for name, value in form.items() if name != "grant_type"}),
        "nothing": "",
        "no form": "{}",
        "not UTF-8": f"{honest}&x=%ff",
        "too many": f"{honest}&{'&'.join(f'x{n}=1' for n in range(60))}",
    }
    sent: dict[str, dict[str, Any]] = {name: {"body": body} for name, body in bodies.items()}
    sent |= {
        "in the query": {"body": honest, "query": "?scope=log:read"},
        "all in the query": {"body": "", "query": f"?{honest}"},
        "as JSON": {"body": json.dumps(form), "content_type": "application/json"},
        "as text": {"body": honest, "content_type": "text/plain"},
        "in parts": {"body": honest, "content_type": "multipart/form-data; boundary=x"},
    }
    answers = {name: outcome(partner.ask(proof=proof, **changes)) for name, changes in sent.items()}
    assert dict.fromkeys(sent, IR) == answers
    assert PASSED == outcome(partner.ask(proof=proof, body=honest))


@pytest.mark.parametrize(
    "scope", ["consent:write", "case:write", "referral:read", "panel:read", "offer:write"]
)
def test_a_certificate_gives_no_scope_that_was_not_registered(door: DoorPlace, scope: str) -> None:
    partner = by_certificate_alone(door)
    details = json.dumps(CASE_ACTION)
    assert SCOPE == outcome(partner.ask(scope=scope, authorization_details=details))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_token_is_asked_for_by_post(door: DoorPlace, method: str) -> None:
    partner = with_proofs(door)
    query = urlencode(partner.form())
    answer = partner.http.open(
        f"/oauth/token?{query}", method=method, headers={"DPoP": partner.proof(method)}
    )
    assert (405, "POST") == (
        answer.status_code,
        answer.headers["Allow"].replace("OPTIONS, ", "").replace(", OPTIONS", ""),
    )
