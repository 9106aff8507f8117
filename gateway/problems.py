"""Problem details (RFC 9457): the one place where faults become HTTP answers.

INVARIANTS
- ``type`` is a stable URI, ``title`` fixed, ``detail`` one sentence safe for any caller.
- Nothing a caller sent is echoed; the request id travels in a header only.
- Every case-level absence is ``NOT_FOUND_BODY``, byte for byte.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Response

TYPE_PREFIX = "urn:early-help-gateway:problem:"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One stable problem type: slug, status and title never change once published."""

    slug: str
    status: HTTPStatus
    title: str
    detail: str


NOT_FOUND = Kind("not-found", HTTPStatus.NOT_FOUND, "Not found", "There is nothing here for this caller.")
INVALID_REQUEST = Kind(
    "invalid-request", HTTPStatus.BAD_REQUEST, "Invalid request", "The request could not be read."
)
INVALID_DOCUMENT = Kind(
    "invalid-document",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "Invalid document",
    "The document does not fit its schema; each fault names its place.",
)
TOO_LARGE = Kind("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large", "The body is too large.")
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "Unsupported media type",
    "Send application/json.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", "Use a method listed in Allow."
)
CONFLICT = Kind(
    "conflict",
    HTTPStatus.CONFLICT,
    "Conflict",
    "This id was used before with another content; use a new id.",
)
STANDING_REQUIRED = Kind(
    "standing-required",
    HTTPStatus.PRECONDITION_REQUIRED,
    "Standing required",
    'Say in If-Match which version of the standing was decided on, as "3"; "0" before the first decision.',
)
STANDING_MOVED = Kind(
    "standing-moved",
    HTTPStatus.PRECONDITION_FAILED,
    "Standing moved",
    "Somebody recorded a decision of this person since; read what stands now and ask again.",
)
OVERRULED = Kind(
    "overruled",
    HTTPStatus.CONFLICT,
    "Overruled",
    "The child's own answer governs; a parent's yes does not change it.",
)
CONTESTED = Kind(
    "contested",
    HTTPStatus.CONFLICT,
    "Contested",
    "Another holder of parental responsibility said no; a manager records how that was resolved.",
)
ANSWER_STANDS = Kind(
    "answer-stands",
    HTTPStatus.CONFLICT,
    "Answer stands",
    "This copy was said to be gone; tell the data protection officer if that was wrong.",
)
DECISION_STANDS = Kind(
    "decision-stands",
    HTTPStatus.CONFLICT,
    "Decision stands",
    "Another decision was recorded before; ring whoever sent the referral if that was wrong.",
)
UNAUTHORIZED = Kind(
    "unauthorized", HTTPStatus.UNAUTHORIZED, "Unauthorized", "Present a valid, bound access token."
)
FORBIDDEN = Kind(
    "insufficient-scope", HTTPStatus.FORBIDDEN, "Insufficient scope", "The token does not carry the scope."
)
TOO_MANY_REQUESTS = Kind(
    "too-many-requests",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many requests",
    "This client asks too often: wait for the seconds in Retry-After.",
)
UNAVAILABLE = Kind(
    "unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Unavailable",
    "The answer could not be recorded, so nothing was released; try again shortly.",
)
INTERNAL = Kind(
    "internal", HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error", "The fault is ours and has been logged."
)

KINDS = (
    NOT_FOUND,
    INVALID_REQUEST,
    INVALID_DOCUMENT,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    STANDING_REQUIRED,
    STANDING_MOVED,
    OVERRULED,
    CONTESTED,
    ANSWER_STANDS,
    DECISION_STANDS,
    UNAUTHORIZED,
    FORBIDDEN,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    INTERNAL,
)
"""Every problem type there is, for the OpenAPI document and its test."""


class Problem(Exception):  # noqa: N818 -- RFC 9457 calls it a problem
    """Raised by views: answered as problem details of one kind."""

    def __init__(
        self,
        kind: Kind,
        *,
        detail: str | None = None,
        faults: Sequence["PointedFault"] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.slug)
        self.kind = kind
        self.detail = detail or kind.detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class PointedFault:
    """One fault of a document: where (RFC 6901) and why, never the value."""

    pointer: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Body:
    """The members of one problem document, in their published order."""

    kind: Kind
    detail: str
    faults: tuple[PointedFault, ...] = field(default=())

    def encode(self) -> bytes:
        members: dict[str, object] = {
            "type": TYPE_PREFIX + self.kind.slug,
            "title": self.kind.title,
            "status": int(self.kind.status),
            "detail": self.detail,
        }
        if self.faults:
            members["errors"] = [{"pointer": f.pointer, "detail": f.reason} for f in self.faults]
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


NOT_FOUND_BODY = _Body(NOT_FOUND, NOT_FOUND.detail).encode()
"""The one answer to every case-level absence."""


def problem_response(problem: Problem) -> Response:
    """Return the HTTP answer of a problem, ``application/problem+json``."""
    body = _Body(problem.kind, problem.detail, problem.faults).encode()
    response = Response(body, status=int(problem.kind.status), content_type=MEDIA_TYPE)
    response.headers.extend(problem.headers)
    return response


def absent() -> Response:
    """Return the constant 404 of every case-level absence."""
    return Response(NOT_FOUND_BODY, status=int(HTTPStatus.NOT_FOUND), content_type=MEDIA_TYPE)
