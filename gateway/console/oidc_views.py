"""Signing in at the council's own provider, and being signed out by it.

INVARIANTS
- A login begins by an act on a page of ours, not by a link of another site.
- Why somebody was not signed in is told to the operator's log and to nobody else, without a value of the answer.
- The provider's word that somebody signed out comes from no browser: it is signed, and needs nothing else.

Source: OpenID Connect Back-Channel Logout 1.0 section 2.8.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from flask import Blueprint, Flask, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.session_cookie import signed_in
from gateway.problems import NOT_FOUND, Problem
from gateway.settings import Settings
from gateway.staff import federation
from gateway.staff.errors import (
    InvitationError,
    ProviderAnswerError,
    ProviderAwayError,
    StaffError,
    UnknownIdentityError,
)
from gateway.staff.federation import LIFETIME, Begun, Proven
from gateway.staff.provider import CALLBACK, Provider
from gateway.wiring import Wiring

COOKIE: Final = "__Host-oidc"
START: Final = "/console/oidc"
LOGOUT: Final = "/console/oidc/back-channel-logout"

_TITLE: Final = "You are not signed in"
_FAULTS: Final[dict[type[StaffError], tuple[str, int]]] = {
    InvitationError: (
        "The one-time code works once, and for three days. Ask the operator for a new one.",
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
    ProviderAnswerError: ("That did not work. Try again.", HTTPStatus.UNPROCESSABLE_ENTITY),
    ProviderAwayError: (
        "The place where you sign in does not answer. Try again in a minute.",
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    UnknownIdentityError: (
        "You are not known here. Ask the operator for a one-time code.",
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
}
_OWN_SITES: Final = ("none", "same-origin")

_log = structlog.get_logger(__name__)


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages, and where the provider signs people out, to the application."""
    blueprint = Blueprint("oidc", __name__)
    settings = wiring.settings

    @blueprint.get(START)
    def start() -> AnyResponse:
        there, wanted = _set(provider), pages.safe_next(request.args.get("next"))
        # Browsers say where a request is from; another site's link shows the page with the button.
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
            return redirect(f"{pages.SIGN_IN}?next={quote(wanted)}", HTTPStatus.SEE_OTHER)
        try:
            begun = federation.start_login(wiring, there, wanted=wanted)
        except (ProviderAnswerError, ProviderAwayError) as error:
            return refused(settings, error)
        response = redirect(begun.url, HTTPStatus.SEE_OTHER)
        keep_browser(response, begun)
        return response

    @blueprint.get(CALLBACK)
    def callback() -> AnyResponse:
        there, browser = _set(provider), request.cookies.get(COOKIE, "")
        try:
            proven = federation.finish_login(wiring, there, request.args.to_dict(flat=False), browser=browser)
            response = _finished(wiring, proven)
        except (InvitationError, ProviderAnswerError, ProviderAwayError, UnknownIdentityError) as error:
            response = refused(settings, error)
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
        return response

    back_channel = Blueprint("oidc_logout", __name__)

    @back_channel.post(LOGOUT)
    def logout() -> AnyResponse:
        there, tokens = _set(provider), request.form.getlist("logout_token")
        try:
            federation.sign_out(wiring, there, tokens[0] if len(tokens) == 1 else "")
        except (ProviderAnswerError, ProviderAwayError) as error:
            _log.warning("oidc.logout_refused", reason=str(error))
            response = jsonify({"error": "invalid_request"})
            response.status_code = int(HTTPStatus.BAD_REQUEST)
            return response
        return Response(status=HTTPStatus.OK)

    app.register_blueprint(blueprint)
    app.register_blueprint(back_channel)


def _finished(wiring: Wiring, proven: Proven) -> AnyResponse:
    """Sign in whoever came back; or let them go on with what they proved themself for, in the session they have."""
    if proven.purpose is None:
        return signed_in(wiring, federation.sign_in(wiring, proven), wanted=proven.wanted)
    federation.finish_step_up(wiring, proven)
    return redirect(pages.safe_next(proven.wanted), HTTPStatus.SEE_OTHER)


def keep_browser(response: AnyResponse, begun: Begun) -> None:
    """Bind a login to the browser that this answer goes to."""
    response.set_cookie(
        COOKIE,
        begun.browser,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def refused(settings: Settings, error: StaffError) -> AnyResponse:
    """Return the page for somebody who was not signed in, and tell the log why."""
    _log.warning("oidc.refused", fault=type(error).__name__, reason=str(error))
    sentence, status = _FAULTS.get(type(error), _FAULTS[ProviderAnswerError])
    return pages.render(settings, "not_signed_in.html", title=_TITLE, status=status, sentence=sentence)


def _set(provider: Provider | None) -> Provider:
    """The provider, where there is one.

    Raises: Problem: 404.
    """
    if provider is None:
        raise Problem(NOT_FOUND)
    return provider
