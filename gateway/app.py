"""The Flask application: rooms registered one by one, faults answered in one place.

INVARIANTS
- Every endpoint has a row in the access table, or it is refused.
- Every fault becomes problem details; the last handler is the only broad one.
- Nothing of a request or an answer is logged but method, route, status, time and request id.
"""

import logging
import re
import secrets
import sys
import time
from typing import Any, Final

import structlog
from flask import Flask, Response, current_app, g, request
from flask_smorest import Api
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from gateway import openapi
from gateway.agency import views as agency_views
from gateway.consent import views as consent_views
from gateway.console import agency_views as agency_pages
from gateway.console import (
    approval_views,
    desk_sample_views,
    desk_views,
    disclosure_views,
    dossier_views,
    editor_views,
    emergency_views,
    family_views,
    impact_views,
    meeting_views,
    oidc_views,
    pack_views,
    pages,
    passkey_views,
    pickup_views,
    preview_views,
    processing_views,
    profile_views,
    referral_views,
    sample_views,
    sign_in_views,
    statement_views,
    system_views,
    today_views,
)
from gateway.console import consent_views as consent_pages
from gateway.console import views as console_views
from gateway.disclosure_log import views as log_views
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.publishing import keep_mark
from gateway.oauth import access
from gateway.oauth import views as oauth_views
from gateway.oauth.token_reader import TokenReader
from gateway.ops import health
from gateway.panel import views as panel_views
from gateway.problems import (
    FORBIDDEN,
    INTERNAL,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    Kind,
    Problem,
    problem_response,
)
from gateway.recall import views as recall_views
from gateway.release import views as release_views
from gateway.safeguarding import views as safeguarding_views
from gateway.settings import Settings
from gateway.staff.provider import Provider
from gateway.wiring import Wiring, wire

MAX_BODY_BYTES = 1024 * 1024
"""Larger bodies are refused before they are read; no route of ours needs more."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

# An id and no text: it is logged and sent back, so nobody's name may fit in it.
_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,64}")
_BY_STATUS: dict[int, Kind] = {
    int(kind.status): kind
    for kind in (
        INVALID_REQUEST,
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        TOO_LARGE,
        TOO_MANY_REQUESTS,
        UNSUPPORTED_MEDIA_TYPE,
        UNAVAILABLE,
    )
}

_log = structlog.get_logger(__name__)

_PAGES_OF_PROOF: Final = (
    sign_in_views,
    oidc_views,
    passkey_views,
    approval_views,
    referral_views,
    system_views,
)
"""Whose way of signing in and of proving oneself again may be a provider's."""
_PAGES: Final = (
    console_views,
    family_views,
    consent_pages,
    meeting_views,
    pack_views,
    desk_views,
    desk_sample_views,
    sample_views,
    profile_views,
    disclosure_views,
    agency_pages,
    today_views,
    impact_views,
    editor_views,
    preview_views,
    emergency_views,
    pickup_views,
    statement_views,
    dossier_views,
    processing_views,
)
_ROOMS: Final = (
    agency_views,
    consent_views,
    log_views,
    panel_views,
    recall_views,
    release_views,
    safeguarding_views,
)
"""Of the API."""


class _ProblemApi(Api):
    """flask-smorest answers HTTP errors its own way; here they are problem details like all others."""

    def handle_http_exception(self, error: HTTPException) -> AnyResponse:
        return _answer_http(error)


def create_app(settings: Settings) -> Flask:
    """Return the application of one process."""
    wiring = wire(settings)
    app = build_app(wiring)
    if not pages.is_styled():
        _log.warning(
            "pages.unstyled", missing=pages.COMPILED, remedy="install the package where npm is in reach"
        )
    keep_mark(wiring)
    app.config["TRUSTED_HOSTS"] = sorted(
        settings.hosts
    )  # any other Host header is a 400 before anything else
    return app


def build_app(wiring: Wiring) -> Flask:
    """Return the application over parts that exist already.

    Raises: SettingsError, a file of the provider's does not hold what it should.
    """
    app = Flask("gateway", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect is answered by the framework and repeats the query
    app.config.update(
        API_TITLE="Early Help Gateway",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
    )
    app.extensions["wiring"] = wiring
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Problem, _answer)
    app.register_error_handler(Exception, _answer_fault)
    reader = TokenReader(wiring)
    access.register(app, wiring, reader=reader, answer=_answer)
    oauth_views.register(app, wiring, reader=reader)
    health.register(app, wiring)
    provider = Provider.load(wiring.settings)
    for page in _PAGES_OF_PROOF:
        page.register(app, wiring, provider)
    for page in _PAGES:
        page.register(app, wiring)
    api = _ProblemApi(app)
    for room in _ROOMS:
        room.register(api, wiring)
    openapi.register(app, api)
    return app


def configure_logging() -> None:
    """One JSON object per line on standard error; the libraries' own warnings included."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("authlib").setLevel(logging.WARNING)  # at DEBUG it writes out every token it issues
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is when a line is written
    )


def _begin() -> None:
    offered = request.headers.get("X-Request-ID", "")
    g.request_id = offered if _REQUEST_ID.fullmatch(offered) else secrets.token_hex(16)
    g.started = time.monotonic()


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    own = response.headers.get("Content-Security-Policy")
    response.headers.update(pages.HEADERS if pages.is_page(request.path) else _HEADERS)
    if own is not None:  # a paper that a page shows: narrower in everything but its one style
        response.headers["Content-Security-Policy"] = own
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    _log.info(
        "request",
        request_id=g.request_id,
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.started) * 1000, 1),
    )
    return response


def _answer(problem: Problem) -> AnyResponse:
    """Problem details, or for a page the page of that fault."""
    if not pages.is_page(request.path):
        return problem_response(problem)
    wiring: Wiring = current_app.extensions["wiring"]
    return pages.answer(problem, wiring.settings)


def _answer_http(error: HTTPException) -> AnyResponse:
    kind = _BY_STATUS.get(error.code, INVALID_REQUEST) if error.code else INTERNAL
    response = _answer(Problem(kind))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _answer_fault(error: Exception) -> AnyResponse:
    """The last handler: what nobody foresaw is ours, logged without its content, and closed."""
    if isinstance(error, HTTPException):
        return _answer_http(error)
    if isinstance(error, NotAppendedError):
        _log.error("log.away", request_id=g.get("request_id"))
        return _answer(Problem(UNAVAILABLE, headers={"Retry-After": "1"}))
    if _is_away(error):
        _log.error("database.away", request_id=g.get("request_id"))
        return _answer(Problem(UNAVAILABLE, headers={"Retry-After": "1"}))
    _log.error("fault", request_id=g.get("request_id"), fault=type(error).__name__, where=_where(error))
    return _answer(Problem(INTERNAL))


def _is_away(error: Exception) -> bool:
    """True when the database is away or being restarted, or ended the connection: nothing was committed."""
    return isinstance(error, OperationalError | PendingRollbackError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def _where(error: Exception) -> str:
    """File and line where the fault arose; never its message, which may hold a value."""
    frames: Any = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    return f"{frames.tb_frame.f_code.co_filename}:{frames.tb_lineno}" if frames else "unknown"
