"""One's own passkeys: adding and removing one takes a fresh proof of who it is, bound to exactly that."""

import base64
from http import HTTPStatus

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.proof import Proof
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.staff import service
from gateway.staff.errors import LastPasskeyError, SignInError
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

PASSKEYS = "/console/passkeys"
_LAST = "It is your only passkey: add another one first, or you could not sign in again."
_AGAIN = "The passkey was not accepted. Try again."


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("passkeys", __name__)
    proof = Proof(wiring, provider)

    @blueprint.get("/console/passkeys")
    def own() -> Response:
        return _own_page(wiring)

    @blueprint.post("/console/passkeys/add")
    def add() -> AnyResponse:
        return proof.then(action="passkey.add", record="", back=PASSKEYS, go_on=lambda: _make_page(wiring))

    @blueprint.post("/console/passkeys/made")
    def made() -> AnyResponse:
        try:
            service.add_passkey(wiring, current_staff(), request.form.get("credential", ""))
        except SignInError:
            return _make_page(wiring, error={"field": "passkey", "sentence": _AGAIN})
        return redirect(PASSKEYS, HTTPStatus.SEE_OTHER)

    @blueprint.post("/console/passkeys/<passkey_id>/remove")
    def remove(passkey_id: str) -> AnyResponse:
        try:
            known = base64.b64decode(passkey_id + "=" * (-len(passkey_id) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise Problem(NOT_FOUND) from error
        if known not in {each.credential_id for each in service.own_passkeys(wiring, current_staff())}:
            raise Problem(NOT_FOUND)
        return proof.then(
            action="passkey.remove",
            record=passkey_id,
            back=PASSKEYS,
            go_on=lambda: _removed(wiring, known),
        )

    app.register_blueprint(blueprint)


def _make_page(wiring: Wiring, *, error: dict[str, str] | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "passkey_make.html",
        title="Make another passkey",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        options=service.offer_passkey(wiring, current_staff()),
    )


def _own_page(wiring: Wiring, *, error: dict[str, str] | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "passkeys.html",
        title="Your passkeys",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        passkeys=[
            {
                "id": base64.urlsafe_b64encode(each.credential_id).rstrip(b"=").decode(),
                "added_at": each.added_at,
                "used_at": each.used_at,
            }
            for each in service.own_passkeys(wiring, current_staff())
        ],
    )


def _removed(wiring: Wiring, credential_id: bytes) -> AnyResponse:
    try:
        service.remove_passkey(wiring, current_staff(), credential_id)
    except LastPasskeyError:
        return _own_page(wiring, error={"field": "passkeys", "sentence": _LAST})
    return redirect(PASSKEYS, HTTPStatus.SEE_OTHER)
