"""Bad input on every route: an answer of the contract, in good time, that repeats nothing of what was sent.

INVARIANT: the routes are read from the application, so a new one is tried here from its first day.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.app import MAX_BODY_BYTES, build_app
from gateway.oauth.access import ROUTES
from gateway.oauth.repository import register_client
from gateway.problems import KINDS, MEDIA_TYPE, NOT_FOUND_BODY, TYPE_PREFIX
from tests.canary.corpus import squeeze
from tests.gateway.oauth.partner import FORM, Partner, new_key
from tests.support.served import Served, authorization, everything_logged
from tests.support.world import household

CANARY = "Zqxcanaryk"
LONGEST_SECONDS = 3.0
JSON = "application/json"
NEST = 3_000
PROBLEM_TYPES = {TYPE_PREFIX + kind.slug for kind in KINDS}
OAUTH_ERRORS = {
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
    *("unsupported_grant_type", "invalid_scope", "invalid_target", "invalid_authorization_details"),
    *("invalid_dpop_proof", "temporarily_unavailable"),
}

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


@dataclass
class Routes:
    """The application, the partners who may call its routes, and a token for each of them."""

    gateway: Served
    partners: dict[str, Partner]
    tokens: dict[str, str] = field(default_factory=dict)

    def every(self) -> Iterator[tuple[str, str, str]]:
        """Endpoint, method and rule of every route."""
        for rule in self.gateway.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                yield rule.endpoint, method, rule.rule

    def ask(
        self,
        endpoint: str,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> TestResponse:
        """Send a request as one who may make it, unless it should be anonymous."""
        scope = str(getattr(ROUTES.get(endpoint), "value", "")) if not anonymous else ""
        sent = {"Content-Type": content_type} if content_type else {}
        token = self.token(scope) if scope not in {"", "public"} else None
        if token is not None:
            partner = self.partners[_owner(scope)]
            sent["Authorization"] = f"DPoP {token}"
            sent["DPoP"] = partner.proof(method, partner.issuer + path, token=token)
        sent.update(headers or {})
        issuer = self.gateway.wiring.settings.issuer
        return self.gateway.http.open(path + query, method=method, data=body, headers=sent, base_url=issuer)

    def token(self, scope: str) -> str:
        """A token of the scope that a route asks for."""
        scope = "extract:read" if scope == "any token" else scope
        if scope not in self.tokens:
            details: Any = {
                "extract:read": authorization(purpose="P1", practitioner="camhs-1"),
                "panel:read": '[{"type":"case_action","practitioner":{"id":"camhs-1"}}]',
            }.get(scope, ...)
            self.tokens[scope] = self.partners[_owner(scope)].token(
                scope=scope, authorization_details=details
            )
        return self.tokens[scope]


def _owner(scope: str) -> str:
    return "council" if scope in {"consent:write", "case:write"} else "camhs"


@pytest.fixture(scope="module")
def routes(gateway: Served) -> Routes:
    gateway.world.join("camhs")
    household(gateway.world, "EH-1")
    key = new_key()
    with gateway.wiring.engine.begin() as connection:
        client = register_client(
            connection, agency=None, scopes=["consent:write", "case:write"], jwk=key.as_dict(private=False)
        )
    council = Partner(gateway.http, gateway.wiring.settings.issuer, client, key)
    return Routes(gateway, {"camhs": gateway.partner("camhs"), "council": council})


def path_of(rule: str, text: str = CANARY) -> str:
    """The rule's path with this text for each of its parameters."""
    return re.sub(r"<[^>]*>", lambda _: quote(text, safe=""), rule)


def check(answer: TestResponse, logged: str, *, seconds: float, sent: object) -> None:
    """Hold one answer to the contract: in time, of the contract's kinds, and silent about what was sent."""
    assert seconds < LONGEST_SECONDS, sent
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (sent, answer.get_data())
    said = answer.get_data() + repr(list(answer.headers)).encode()
    assert squeeze(CANARY) not in squeeze(said.decode("utf-8", "replace")), sent
    assert squeeze(CANARY) not in squeeze(logged), sent
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        _check_refusal(answer, sent)


def _check_refusal(answer: TestResponse, sent: object) -> None:
    document = json.loads(answer.get_data())
    if "error" in document:
        assert document["error"] in OAUTH_ERRORS, sent
        return
    assert MEDIA_TYPE == answer.mimetype, sent
    assert document["type"] in PROBLEM_TYPES, sent
    assert answer.status_code == document["status"], sent
    assert (
        {"type", "title", "status", "detail"}
        <= document.keys()
        <= {"type", "title", "status", "detail", "errors"}
    )


def tried(routes: Routes, endpoint: str, method: str, path: str, **request: Any) -> TestResponse:
    """Ask, and hold the answer to the contract."""
    with everything_logged() as logged:
        begun = time.monotonic()
        answer = routes.ask(endpoint, method, path, **request)
        seconds = time.monotonic() - begun
    brief = {name: value if len(repr(value)) < 200 else "long" for name, value in request.items()}
    check(answer, logged.getvalue(), seconds=seconds, sent=(method, path[:100], brief))
    return answer


@pytest.mark.parametrize("body", BODIES)
def test_a_bad_body_is_answered_on_every_route(routes: Routes, body: str) -> None:
    """By those who may call the route, so that the body is read where one is read at all."""
    for endpoint, method, rule in routes.every():
        for content_type in (JSON, FORM):
            path = path_of(rule, str(uuid4()))
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
    for rule in routes.gateway.app.url_map.iter_rules():
        answer = tried_plainly(routes, method, path_of(rule.rule, str(uuid4())))
        if method not in (rule.methods or set()):
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
        "/console",
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
        "release.extract": ("GET", f"/v1/cases/{world.case_ref('camhs', 'EH-1')}/extract", b""),
        "consent.decisions": ("POST", "/v1/consent-decisions", json.dumps(decision).encode()),
    }
    for endpoint, (method, path, body) in sent.items():
        answer = tried(routes, endpoint, method, path, body=body, content_type=JSON)
        assert answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}, endpoint


# --- The table of access --------------------------------------------------------------------------------------


def test_every_route_has_its_row_and_every_row_its_route(routes: Routes) -> None:
    assert {rule.endpoint for rule in routes.gateway.app.url_map.iter_rules()} == set(ROUTES)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_route_without_a_row_is_open_to_nobody(routes: Routes, method: str) -> None:
    """Not even to those who may do everything else."""
    app: Flask = build_app(routes.gateway.wiring)
    app.add_url_rule("/v1/forgotten", "forgotten", lambda: CANARY, methods=["GET", "POST"])
    token = routes.token("extract:read")
    partner = routes.partners["camhs"]
    proof = partner.proof(method, f"{partner.issuer}/v1/forgotten", token=token)
    for headers in ({}, {"Authorization": f"DPoP {token}", "DPoP": proof}):
        answer = app.test_client().open(
            "/v1/forgotten", method=method, headers=headers, base_url=partner.issuer
        )
        assert (403, MEDIA_TYPE) == (answer.status_code, answer.mimetype)
        assert CANARY not in answer.get_data(as_text=True)


@pytest.mark.parametrize("endpoint", [name for name, access in ROUTES.items() if access.value != "public"])
def test_a_route_that_is_not_public_needs_a_token(routes: Routes, endpoint: str) -> None:
    for known, method, rule in routes.every():
        if known == endpoint:
            answer = routes.ask(endpoint, method, path_of(rule), anonymous=True)
            assert 401 == answer.status_code
            assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


# --- The OpenAPI document ---------------------------------------------------------------------------------------

METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


@pytest.fixture(scope="module")
def document(routes: Routes) -> dict[str, Any]:
    answer = tried(routes, "openapi.document", "GET", "/v1/openapi.json")
    assert JSON == answer.mimetype
    loaded: dict[str, Any] = answer.get_json()
    return loaded


def test_the_document_names_exactly_what_is_served(routes: Routes, document: dict[str, Any]) -> None:
    """Every path under /v1 with its methods, and nothing else."""
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule), method.lower())
        for _, method, rule in routes.every()
        if rule.startswith("/v1")
    }
    named = {
        (path, method) for path, item in document["paths"].items() for method in item if method in METHODS
    }
    assert served == named


def test_the_document_has_the_structure_of_openapi_3_1(document: dict[str, Any]) -> None:
    """OpenAPI 3.1.0 sections 4.8.1, 4.8.2, 4.8.8 to 4.8.12, 4.8.16 and 4.8.17, as far as it uses them."""
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert {"title", "version"} <= document["info"].keys()
    operation_ids = []
    for path, item in document["paths"].items():
        assert path.startswith("/")
        for method in METHODS & item.keys():
            operation = item[method]
            assert operation["summary"] or operation["description"], (path, method)
            assert operation["responses"], (path, method)
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d|default", status)
                assert isinstance(response["description"], str)
                assert all(
                    set(media) <= {"schema", "example", "examples"}
                    for media in response.get("content", {}).values()
                )
            declared = [*item.get("parameters", []), *operation.get("parameters", [])]
            in_path = {one["name"] for one in declared if one["in"] == "path" and one["required"] is True}
            assert set(re.findall(r"{(\w+)}", path)) == in_path
            operation_ids.append(operation.get("operationId"))
            for requirement in operation.get("security", []):
                assert requirement.keys() <= document["components"]["securitySchemes"].keys()
    named = [each for each in operation_ids if each is not None]
    assert len(set(named)) == len(named)
    for kind in document["components"].values():
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in kind)


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    """Inside a schema with an ``$id`` of its own a reference would mean that schema; none has one."""
    references = list(_references(document))
    assert len(references) > 10
    for reference in references:
        target: Any = document
        assert reference.startswith("#/")
        for part in reference[2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
    assert not any("$id" in each for each in document["components"]["schemas"].values())


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == "$ref":
                yield inside
            else:
                yield from _references(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _references(inside)
