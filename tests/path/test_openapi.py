"""What is open to whom, and what the OpenAPI document says is there: both are held to the map of routes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from gateway.app import build_app
from gateway.oauth.access import CLIENT, PUBLIC, ROUTES, Staff
from gateway.problems import MEDIA_TYPE
from tests.gateway.oauth.partner import FORM
from tests.path.routes import CANARY, JSON, Routes, path_of, tried


def test_every_route_has_its_row_and_every_row_its_route(routes: Routes) -> None:
    served = {rule.endpoint for rule in routes.gateway.app.url_map.iter_rules()}
    assert served | {"demo.click", "demo.people"} == set(ROUTES)
    assert not [name for name in served if name.startswith("demo.")]


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


@pytest.mark.parametrize(
    "endpoint", [name for name, access in ROUTES.items() if access not in {PUBLIC, CLIENT}]
)
def test_a_route_that_is_not_public_needs_a_token_or_a_session(routes: Routes, endpoint: str) -> None:
    for known, method, rule in routes.every():
        if known == endpoint:
            answer = routes.ask(endpoint, method, path_of(rule), anonymous=True)
            if isinstance(ROUTES[endpoint], Staff):
                assert 303 == answer.status_code
                next_page = answer.headers["Location"].removeprefix("/console/sign-in?next=")
                assert next_page.startswith(("/console", "/desk"))
                continue
            assert 401 == answer.status_code
            assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


@pytest.mark.parametrize("endpoint", [name for name, access in ROUTES.items() if access is CLIENT])
def test_a_route_that_authenticates_the_client_itself_answers_nobody(routes: Routes, endpoint: str) -> None:
    """The row says that the view checks; this says that it does."""
    for known, method, rule in routes.every():
        if known == endpoint:
            body = b"grant_type=client_credentials&token=x&scope=log%3Aread"
            answer = routes.ask(endpoint, method, rule, body=body, content_type=FORM, anonymous=True)
            assert (400, "invalid_client") == (answer.status_code, answer.get_json()["error"])


# --- The OpenAPI document ---------------------------------------------------------------------------------------

METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


@pytest.fixture(scope="module")
def document(routes: Routes) -> dict[str, Any]:
    answer = tried(routes, "openapi.document", "GET", "/v1/openapi.json")
    assert JSON == answer.mimetype
    loaded: dict[str, Any] = answer.get_json()
    return loaded


def test_the_document_names_exactly_what_is_served(routes: Routes, document: dict[str, Any]) -> None:
    """Every path under /v1 and /log with its methods, and nothing else."""
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule), method.lower())
        for _, method, rule in routes.every()
        if rule.startswith(("/v1", "/log"))
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
