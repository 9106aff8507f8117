"""What a token request may ask for: form, scope, resource and authorization details (A-19)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.gateway.oauth.partner import CASE_ACTION, CASE_EXTRACT, Partner


def _error(partner: Partner, **changes: Any) -> str:
    answer = partner.ask(**changes)
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "application/json"
    error: str = answer.get_json()["error"]
    return error


@pytest.mark.parametrize(
    "grant_type", ["password", "authorization_code", "refresh_token", "Client_Credentials", "x"]
)
def test_client_credentials_is_the_only_grant(partner: Partner, grant_type: str) -> None:
    assert _error(partner, grant_type=grant_type) == "unsupported_grant_type"


def test_the_grant_type_must_be_named(partner: Partner) -> None:
    assert _error(partner, grant_type=...) == "invalid_request"


def test_a_parameter_in_the_query_is_refused(partner: Partner) -> None:
    assert _error(partner, query="?scope=log:read") == "invalid_request"


@pytest.mark.parametrize("name", ["scope", "client_assertion", "grant_type", "resource", "unknown"])
def test_a_repeated_parameter_is_refused(partner: Partner, name: str) -> None:
    """Two values: one is checked, another is used."""
    form = partner.form(resource=partner.resource, unknown="1")
    body = urlencode([*form.items(), (name, form[name])])
    assert _error(partner, body=body) == "invalid_request"


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "nonsense"]
)
def test_another_content_type_is_refused(partner: Partner, content_type: str) -> None:
    assert _error(partner, content_type=content_type) == "invalid_request"


def test_a_charset_does_not_make_it_another_type(partner: Partner) -> None:
    content_type = "application/x-www-form-urlencoded; charset=UTF-8"
    assert partner.ask(content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "body", ["", "&&&", "a", "a=%ff", b"\xff=\xff", "&".join(f"p{n}=1" for n in range(60))]
)
def test_a_body_that_is_no_form_is_refused(partner: Partner, body: str | bytes) -> None:
    assert _error(partner, body=body) == "invalid_request"


def test_a_body_of_more_than_64_kb_is_too_large(partner: Partner) -> None:
    """A-11."""
    answer = partner.ask(padding="x" * 64 * 1024)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize(
    "scope",
    [
        ...,
        "unknown:read",
        "EXTRACT:READ",
        "extract:read ",
        " extract:read",
        "extract:read  log:read",
        "extract:read extract:read",
        "extract:read\tlog:read",
        "extract:read referral:read",
        "panel:read referral:read",
        "log:read case:write",
        "extract:read case:write",
        "extract:read panel:read",
        "extract:read log:read",
        "panel:read changes:read",
    ],
)
def test_a_scope_is_granted_whole_or_refused(partner: Partner, scope: str) -> None:
    """Never narrowed: the client would believe it may do what it may not."""
    assert _error(partner, scope=scope) == "invalid_scope"


@pytest.mark.parametrize(
    ("name", "scope"), [("council", "extract:read"), ("police", "extract:read"), ("camhs", "consent:write")]
)
def test_a_scope_of_another_client_is_refused(
    asking: Callable[[str], Partner], name: str, scope: str
) -> None:
    assert _error(asking(name), scope=scope) == "invalid_scope"


@pytest.mark.parametrize(
    "resource",
    ["https://evil.example/v1", "https://gateway.test:8443/v1/", "https://gateway.test:8443", "v1"],
)
def test_an_unknown_resource_is_refused(partner: Partner, resource: str) -> None:
    """RFC 8707: one audience, so that no token works anywhere else."""
    assert _error(partner, resource=resource) == "invalid_target"


def _entry(**changes: Any) -> list[dict[str, Any]]:
    entry = {**CASE_EXTRACT[0], **changes}
    return [{name: value for name, value in entry.items() if value is not ...}]


BAD_DETAILS: dict[str, Any] = {
    "absent": ...,
    "empty array": [],
    "object": CASE_EXTRACT[0],
    "two entries": CASE_EXTRACT * 2,
    "both types": CASE_EXTRACT + CASE_ACTION,
    "entry is text": ["case_extract"],
    "unknown type": _entry(type="everything"),
    "type of another scope": CASE_ACTION,
    "no type": _entry(type=...),
    "type is a list": _entry(type=["case_extract"]),
    "P4": _entry(purpose="P4"),
    "P5": _entry(purpose="P5"),
    "P6": _entry(purpose="P6"),
    "unknown purpose": _entry(purpose="P7"),
    "purpose in lower case": _entry(purpose="p1"),
    "purpose is a list": _entry(purpose=["P1"]),
    "purpose is an object": _entry(purpose={"P1": 1}),
    "no purpose": _entry(purpose=...),
    "no practitioner": _entry(practitioner=...),
    "practitioner is text": _entry(practitioner="worker-1"),
    "practitioner without id": _entry(practitioner={}),
    "practitioner with a name": _entry(practitioner={"id": "worker-1", "name": "A"}),
    "practitioner id is a number": _entry(practitioner={"id": 1}),
    "practitioner id with a space": _entry(practitioner={"id": "worker 1"}),
    "practitioner id of 65 characters": _entry(practitioner={"id": "x" * 65}),
    "practitioner not on the list": _entry(practitioner={"id": "nobody"}),
    "unknown member": _entry(stage="service"),
    "case named": _entry(case_ref="x"),
}


@pytest.mark.parametrize("details", BAD_DETAILS.values(), ids=BAD_DETAILS.keys())
def test_bad_authorization_details_are_refused(partner: Partner, details: Any) -> None:
    """RFC 9396 section 5: unknown types, members and values are refused, never ignored."""
    sent = ... if details is ... else json.dumps(details)
    assert _error(partner, authorization_details=sent) == "invalid_authorization_details"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "null",
        "[" * 3000,
        '[{"type":"case_extract","type":"case_action"}]',
        "[NaN]",
        '["\\ud800"]',
        "x" * 5000,
    ],
)
def test_authorization_details_that_are_no_json_are_refused(partner: Partner, text: str) -> None:
    """A-12 holds for every JSON that a stranger sends."""
    assert _error(partner, authorization_details=text) == "invalid_authorization_details"


def test_scopes_without_a_case_carry_no_entry(partner: Partner) -> None:
    details = json.dumps(CASE_ACTION)
    error = _error(partner, scope="log:read", authorization_details=details)
    assert error == "invalid_authorization_details"


@pytest.mark.parametrize("purpose", ["P1", "P2", "P3"])
def test_the_served_purposes_are_granted(partner: Partner, purpose: str) -> None:
    details = _entry(purpose=purpose)
    assert (
        partner.ask(authorization_details=json.dumps(details)).get_json()["authorization_details"] == details
    )


def test_an_action_has_no_purpose(partner: Partner) -> None:
    details = [{**CASE_ACTION[0], "purpose": "P1"}]
    error = _error(partner, scope="panel:read", authorization_details=json.dumps(details))
    assert error == "invalid_authorization_details"


def test_an_asserting_agency_names_its_people_itself(asking: Callable[[str], Partner]) -> None:
    """The same id that a registered agency is refused for."""
    details = json.dumps(_entry(practitioner={"id": "nobody"}))
    charity = asking("charity")
    token = charity.token(authorization_details=details)
    assert charity.get("/v1/me", token).get_json()["practitioner"] == ["nobody", False]
