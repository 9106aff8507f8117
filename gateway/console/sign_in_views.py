"""Signing in and out, making a passkey with a one-time code, and one's own sessions."""

from contextlib import suppress
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, current_app, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.words import METHOD_WORDS
from gateway.oauth.access import SESSION_COOKIE, current_staff
from gateway.staff import service
from gateway.staff.errors import InvitationError, SignInError
from gateway.staff.model import ABSOLUTE
from gateway.wiring import Wiring

_CODE_FAULT: Final = "Enter the code as you were given it. It works once, and for three days."
_CODE_TITLE: Final = "Use your one-time code"
_PASSKEY_FAULT: Final = "The passkey was not accepted. Try again, or ask the operator for a new code."


def register(app: Flask, wiring: Wiring) -> None:
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
        return signed_in(secret, wanted=request.form.get("next"))

    @blueprint.get("/console/invitation")
    def invitation() -> Response:
        return pages.render(settings, "invitation.html", title=_CODE_TITLE)

    @blueprint.post("/console/invitation")
    def use_invitation() -> AnyResponse:
        return _used_invitation(wiring, request.form.get("code", "").strip(), request.form.get("credential"))

    app.register_blueprint(blueprint)


def signed_in(secret: str, *, wanted: str | None) -> AnyResponse:
    """Return the way to the page that somebody wanted, with the cookie of their new session."""
    response = redirect(pages.safe_next(wanted), HTTPStatus.SEE_OTHER)
    set_session(response, secret)
    return response


def set_session(response: AnyResponse, secret: str) -> None:
    """Let an answer bring the cookie of a session."""
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def _used_invitation(wiring: Wiring, code: str, credential: str | None) -> AnyResponse:
    """Ask for a passkey where a code is good, and sign in where one was made with it."""
    try:
        if credential:
            return signed_in(service.enrol(wiring, code, credential), wanted=None)
        return _passkey_page(wiring, code)
    except InvitationError:
        return pages.render(
            wiring.settings,
            "invitation.html",
            title=_CODE_TITLE,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            error=_fault("code", _CODE_FAULT),
        )
    except SignInError:
        return _passkey_page(wiring, code, error=_PASSKEY_FAULT)


def _sign_in_page(wiring: Wiring, *, wanted: str | None, error: str | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "sign_in.html",
        title="Sign in",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=_fault("passkey", error),
        options=service.offer_sign_in(wiring),
        wanted=pages.safe_next(wanted),
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
