"""The OpenAPI 3.1 document: what is served, and nothing that is not."""

from typing import Any

from flask import Flask, Response, jsonify
from flask_smorest import Api

from gateway.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from gateway.release.schemas import extract_schema

PATH = "/v1/openapi.json"

_SECURITY_SCHEMES = {
    "dpop": {
        "type": "http",
        "scheme": "DPoP",
        "bearerFormat": "RFC 9068 JWT",
        "description": "A token bound to a key, with a proof by that key for this request (RFC 9449).",
    },
    "bearer": {
        "type": "http",
        "scheme": "Bearer",
        "bearerFormat": "RFC 9068 JWT",
        "description": "A token bound to a certificate, at the mutual-TLS address only (RFC 8705).",
    },
    "certificate": {"type": "mutualTLS", "description": "The certificate that the token is bound to."},
}
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def register(app: Flask, api: Api) -> None:
    """Serve ``/v1/openapi.json``; built at the first request, when every route is there."""

    @app.get(PATH, endpoint="openapi.document")
    def document() -> Response:
        return jsonify(build_document(api))


def build_document(api: Api) -> dict[str, Any]:
    """Return the document of every registered route, each with its problem answers and its token.

    The generator writes error answers as plain JSON; the contract says problem details (RFC 9457).
    """
    document: dict[str, Any] = api.spec.to_dict()
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({"Extract": extract_schema(), "Problem": _problem_schema()})
    components.pop("responses", None)
    components["securitySchemes"] = _SECURITY_SCHEMES
    problem = {
        "description": "A problem (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                operation["responses"] = {**operation.get("responses", {}), "default": problem}
                operation.setdefault("security", [{"dpop": []}, {"bearer": [], "certificate": []}])
    document["paths"][PATH] = {"get": _own_operation(problem)}
    return document


def _own_operation(problem: dict[str, Any]) -> dict[str, Any]:
    """The one public route under ``/v1``: this document."""
    return {
        "summary": "Read this document",
        "security": [],
        "responses": {
            "200": {
                "description": "OpenAPI 3.1.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "default": problem,
        },
    }


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
        "properties": {
            "type": {"enum": [TYPE_PREFIX + kind.slug for kind in KINDS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "additionalProperties": False,
                    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
        },
    }
