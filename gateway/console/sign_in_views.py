"""Signing in and out, making a passkey with a one-time code, and one's own sessions."""

from contextlib import suppress
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, current_app, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import oidc_views, pages
from gateway.console.session_cookie import forget_ticket, signed_in
from gateway.console.words import METHOD_WORDS
from gateway.oauth.access import SESSION_COOKIE, current_staff
from gateway.staff import federation, service
from gateway.staff.errors import InvitationError, ProviderAnswerError, ProviderAwayError, SignInError
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

_CODE_FAULT: Final = "Enter the code as you were given it. It works once, and for three days."
_CODE_TITLE: Final = "Use your one-time code"
_PASSKEY_FAULT: Final = "The passkey was not accepted. Try again, or ask the operator for a new code."


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("sign_in", __name__)
    settings = wiring.settings

    @blueprint.get("/console/sessions")
    def sessions() -> Response:
        own = [
            {"session": each, "method": METHOD_WORDS[each.method]}
            for each in service.sessions(wiring, current_staff())
        ]
        return pages.render(settings, "sessions.html", title="Where you are signed in", sessions=own)

    @blueprint.post("/console/sessions/<session_id>/end")
    def end_session(session_id: str) -> AnyResponse:
        with suppress(ValueError):  # no id of a session at all
            service.end_session(wiring, current_staff(), UUID(session_id))
        return redirect("/console/sessions", HTTPStatus.SEE_OTHER)

    @blueprint.post("/console/sign-out")
    def sign_out() -> AnyResponse:
        who = current_staff()
        service.end_session(wiring, who, who.session.id)
        response = redirect(pages.SIGN_IN, HTTPStatus.SEE_OTHER)
        response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="Lax")
        forget_ticket(response)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    @blueprint.get("/console/sign-in")
    def form() -> Response:
        return _sign_in_page(wiring, wanted=request.args.get("next"))

    @blueprint.post("/console/sign-in")
    def passkey() -> AnyResponse:
        try:
            secret = service.sign_in(wiring, request.form.get("credential", ""))
        except SignInError:
            return _sign_in_page(wiring, wanted=request.form.get("next"), error=_PASSKEY_FAULT)
        return signed_in(wiring, secret, wanted=request.form.get("next"))

    @blueprint.get("/console/invitation")
    def invitation() -> Response:
        return pages.render(settings, "invitation.html", title=_CODE_TITLE)

    @blueprint.post("/console/invitation")
    def use_invitation() -> AnyResponse:
        code, credential = request.form.get("code", "").strip(), request.form.get("credential")
        if provider is not None and not credential:
            return _linking(wiring, provider, code)
        return _used_invitation(wiring, code, credential)

    app.register_blueprint(blueprint)


def _used_invitation(wiring: Wiring, code: str, credential: str | None) -> AnyResponse:
    """Ask for a passkey where a code is good, and sign in where one was made with it."""
    try:
        if credential:
            return signed_in(wiring, service.enrol(wiring, code, credential), wanted=None)
        return _passkey_page(wiring, code)
    except InvitationError:
        return _no_invitation(wiring)
    except SignInError:
        return _passkey_page(wiring, code, error=_PASSKEY_FAULT)


def _linking(wiring: Wiring, provider: Provider, code: str) -> AnyResponse:
    """Offer the way to the provider where a code is good; a sealed account makes a passkey."""
    try:
        offer = federation.offer_link(wiring, provider, code)
    except InvitationError:
        return _no_invitation(wiring)
    except (ProviderAnswerError, ProviderAwayError) as error:
        return oidc_views.refused(wiring.settings, error)
    if offer is None:
        return _used_invitation(wiring, code, None)
    response = pages.render(
        wiring.settings,
        "provider.html",
        title="Sign in for the first time",
        username=offer.username,
        provider=provider.settings.name,
        url=offer.begun.url,
    )
    oidc_views.keep_browser(response, offer.begun)
    return response


def _no_invitation(wiring: Wiring) -> Response:
    return pages.render(
        wiring.settings,
        "invitation.html",
        title=_CODE_TITLE,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        error=_fault("code", _CODE_FAULT),
    )


def _sign_in_page(wiring: Wiring, *, wanted: str | None, error: str | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "sign_in.html",
        title="Sign in",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=_fault("passkey", error),
        options=service.offer_sign_in(wiring),
        wanted=pages.safe_next(wanted),
        provider=None if wiring.settings.provider is None else wiring.settings.provider.name,
        demo="demo.people" in current_app.view_functions,
    )


def _passkey_page(wiring: Wiring, code: str, *, error: str | None = None) -> Response:
    enrolment = service.offer_enrolment(wiring, code)
    return pages.render(
        wiring.settings,
        "passkey.html",
        title="Make your passkey",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=_fault("passkey", error),
        username=enrolment.username,
        options=enrolment.options,
        code=code,
    )


def _fault(field: str, sentence: str | None) -> dict[str, str] | None:
    """What the page says is wrong, and beside which element; nothing where nothing is."""
    return None if sentence is None else {"field": field, "sentence": sentence}
