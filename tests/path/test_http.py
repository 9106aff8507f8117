"""Bad input on every route: an answer of the contract, in good time, that repeats nothing of what was sent.

INVARIANT: the routes are read from the application, so a new one is tried here from its first day.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from gateway.app import MAX_BODY_BYTES
from gateway.console.pages import is_page
from gateway.problems import NOT_FOUND_BODY
from tests.gateway.oauth.partner import FORM
from tests.path.routes import CANARY, JSON, Routes, check, path_of, tried
from tests.support.served import everything_logged

NEST = 3_000

BODIES: Mapping[str, bytes] = {
    "absent": b"",
    "spaces": b" \r\n ",
    "malformed": f'{{"person": "{CANARY}"'.encode(),
    "not json": CANARY.encode(),
    "text": f'"{CANARY}"'.encode(),
    "number": b"3",
    "null": b"null",
    "list": f'["{CANARY}"]'.encode(),
    "unknown member": f'{{"{CANARY}": "{CANARY}"}}'.encode(),
    "every member wrong": json.dumps(
        dict.fromkeys(["decision_id", "source_ref", "person", "act", "recorded_by", "fields"], CANARY)
    ).encode(),
    "every member an object": json.dumps(
        {
            name: {CANARY: [CANARY]}
            for name in ("decision_id", "source_ref", "person", "act", "evidence", "notice")
        }
    ).encode(),
    "nested lists": b"[" * NEST + f'"{CANARY}"'.encode() + b"]" * NEST,
    "nested objects": f'{{"{CANARY}":'.encode() * NEST + b"1" + b"}" * NEST,
    "nested member": b'{"evidence":' + b'{"a":' * NEST + b"1" + b"}" * NEST + b"}",
    "repeated members": f'{{"person":"a","person":"{CANARY}"}}'.encode(),
    "nul": f'{{"person":"{CANARY}\\u0000"}}'.encode(),
    "raw nul": f'{{"person":"{CANARY}\x00"}}'.encode(),
    "lone surrogate": f'{{"person":"{CANARY}\\ud800"}}'.encode(),
    "lone surrogate as a name": f'{{"{CANARY}\\udfff":1}}'.encode(),
    "not utf-8": b'{"person":"' + CANARY.encode() + b'\xff"}',
    "byte order mark": b"\xef\xbb\xbf" + f'{{"person":"{CANARY}"}}'.encode(),
    "not a number": b'{"person":NaN}',
    "huge number": b'{"person":' + b"9" * 50_000 + b"}",
    "huge exponent": b'{"person":1e999999}',
    "huge": f'{{"person":"{CANARY * (MAX_BODY_BYTES // 5)}"}}'.encode(),
    "many members": json.dumps({f"{CANARY}{place}": place for place in range(3_000)}).encode(),
    "form": urlencode({"person": CANARY, CANARY: "x"}).encode(),
}
TYPES = (JSON, FORM, f"text/{CANARY}", "application/json; charset=" + CANARY, "multipart/form-data", "")
TEXTS: Mapping[str, str] = {
    "text": CANARY,
    "long": CANARY * 300,
    "nul": f"{CANARY}\x00",
    "newline": f"{CANARY}\r\nX-{CANARY}: 1",
    "markup": f"<script>{CANARY}</script>",
    "quote": f"{CANARY}' OR '1'='1",
    "format": f"{CANARY}%s{{0}}${{jndi:x}}",
    "far": f"../../{CANARY}",
    "unicode": f"{CANARY}\u202e\U0001f600",
    "almost an id": f"{uuid4()}{CANARY}",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_bad_body_is_answered_on_every_route(routes: Routes, body: str) -> None:
    """By those who may call the route, so that the body is read where one is read at all; a page reads forms alone."""
    for endpoint, method, rule in routes.every():
        path = path_of(rule, str(uuid4()))
        for content_type in (FORM,) if is_page(path) else (JSON, FORM):
            tried(routes, endpoint, method, path, body=BODIES[body], content_type=content_type)


@pytest.mark.parametrize("content_type", TYPES)
def test_a_wrong_content_type_is_answered_on_every_route(routes: Routes, content_type: str) -> None:
    for endpoint, method, rule in routes.every():
        body = f'{{"person": "{CANARY}"}}'.encode()
        answer = tried(
            routes, endpoint, method, path_of(rule, str(uuid4())), body=body, content_type=content_type
        )
        if endpoint == "consent.decisions" and not content_type.startswith(JSON):
            assert HTTPStatus.UNSUPPORTED_MEDIA_TYPE == answer.status_code


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_parameter_is_answered_on_every_route(routes: Routes, name: str) -> None:
    """In the path, in the query, in both."""
    text = TEXTS[name]
    for endpoint, method, rule in routes.every():
        query = "?" + urlencode({"cursor": text, text: text})
        tried(routes, endpoint, method, path_of(rule, text), content_type=JSON)
        tried(routes, endpoint, method, path_of(rule, str(uuid4())), query=query, content_type=JSON)
        tried(routes, endpoint, method, path_of(rule, text), query="?" + quote(text), anonymous=True)


BAD_HEADERS: Mapping[str, Mapping[str, str]] = {
    "bearer": {"Authorization": f"Bearer {CANARY}"},
    "basic": {"Authorization": "Basic WnF4Y2FuYXJ5azp4"},
    "dpop": {"Authorization": f"DPoP {CANARY}", "DPoP": CANARY},
    "token of three parts": {"Authorization": f"DPoP {CANARY}.{CANARY}.{CANARY}", "DPoP": f"{CANARY}.a.b"},
    "long token": {"Authorization": "DPoP " + CANARY * 2_000, "DPoP": CANARY * 2_000},
    "deep proof": {"DPoP": "W1tb" * NEST + ".e30.e30"},
    "request id": {"X-Request-ID": CANARY},
    "request id with more": {"X-Request-ID": f"{uuid4()} {CANARY}"},
    "several": dict.fromkeys(("Accept", "Cookie", "User-Agent", "If-Match", "Range", "Referer"), CANARY),
    "length": {"Content-Length": "99999999999"},
    "no length": {"Content-Length": CANARY},
    "override": {"X-HTTP-Method-Override": CANARY, "X-Forwarded-For": CANARY, "X-Forwarded-Host": CANARY},
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_bad_header_is_answered_on_every_route(routes: Routes, name: str) -> None:
    for endpoint, method, rule in routes.every():
        path = path_of(rule, str(uuid4()))
        tried(routes, endpoint, method, path, headers=BAD_HEADERS[name])
        tried(routes, endpoint, method, path, headers=BAD_HEADERS[name], anonymous=True)


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ZQX"]
)
def test_every_method_is_answered_on_every_route(routes: Routes, method: str) -> None:
    """What a path allows is what any rule that fits it allows: ".../link" is one of ".../<step>", too."""
    served = routes.gateway.app.url_map
    for rule in {rule.rule for rule in served.iter_rules()}:
        path = path_of(rule, str(uuid4()))
        answer = tried_plainly(routes, method, path)
        if method not in served.bind("localhost").allowed_methods(path):
            assert HTTPStatus.METHOD_NOT_ALLOWED == answer.status_code
            assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/me/",
        "//v1/me",
        "/v1//cases/x/extract",
        "/static/x",
        "/consoles",
        "/v1/cases",
        "/V1/me",
    ],
)
def test_an_unknown_route_is_a_problem(routes: Routes, path: str) -> None:
    answer = tried_plainly(routes, "GET", path + "?x=" + CANARY)
    assert HTTPStatus.NOT_FOUND == answer.status_code
    assert "Location" not in answer.headers


def tried_plainly(routes: Routes, method: str, path: str) -> TestResponse:
    """Ask as nobody; an answer without a body is held to everything else."""
    with everything_logged() as logged:
        answer = routes.gateway.http.open(path, method=method, base_url=routes.gateway.wiring.settings.issuer)
    if method != "HEAD":
        check(answer, logged.getvalue(), seconds=0, sent=(method, path))
    return answer


def test_an_unknown_meeting_and_an_unknown_family_are_the_same_absence(routes: Routes) -> None:
    """The routes beside the extract have no other words for what is not there."""
    decision = {
        "decision_id": str(uuid4()),
        "source_ref": CANARY,
        "person": CANARY,
        "act": "withdraw",
        "recorded_by": "somebody",
    }
    body = json.dumps(decision).encode()
    answers = [
        tried(routes, "panel.meeting", "GET", f"/v1/panels/{uuid4()}"),
        tried(routes, "panel.meeting", "GET", f"/v1/panels/{CANARY}"),
        tried(routes, "release.extract", "GET", f"/v1/cases/{uuid4()}/extract"),
        tried(routes, "consent.decisions", "POST", "/v1/consent-decisions", body=body, content_type=JSON),
    ]
    assert [NOT_FOUND_BODY] * 4 == [answer.get_data() for answer in answers]


def test_a_good_request_passes_on_every_route_with_a_scope(routes: Routes) -> None:
    """So that what is tried above is refused for its input, not at the door."""
    world = routes.gateway.world
    decision = {
        "decision_id": str(uuid4()),
        "source_ref": "EH-1",
        "person": "EH-1-ben",
        "act": "withdraw",
        "recorded_by": "somebody",
    }
    sent = {
        "me.me": ("GET", "/v1/me", b""),
        "panel.meetings": ("GET", "/v1/panels", b""),
        "safeguarding.referrals": ("GET", "/v1/referrals", b""),
        "release.extract": ("GET", f"/v1/cases/{world.case_ref('camhs', 'EH-1')}/extract", b""),
        "consent.decisions": ("POST", "/v1/consent-decisions", json.dumps(decision).encode()),
    }
    for endpoint, (method, path, body) in sent.items():
        answer = tried(routes, endpoint, method, path, body=body, content_type=JSON)
        assert answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}, endpoint
