"""Signing in to the demo: a page of people who do not exist, one click each.

INVARIANT: only ``gateway.demo_wsgi`` registers it, no setting does, and where people may be real it refuses to be.
"""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.session_cookie import signed_in
from gateway.problems import NOT_FOUND, Problem
from gateway.staff.errors import SignInError
from gateway.staff.repository import members
from gateway.staff.service import sign_in_by_click
from gateway.wiring import Wiring


class NotADemoError(Exception):
    """The people of this gateway may be real."""


def register(app: Flask, wiring: Wiring) -> None:
    """Add the page and its one act to the application.

    Raises: NotADemoError.
    """
    if not wiring.settings.synthetic_people:
        raise NotADemoError
    blueprint = Blueprint("demo", __name__)

    @blueprint.get("/console/demo")
    def people() -> Response:
        with wiring.engine.connect() as connection:
            active = [member for member, acts in members(connection) if acts]
        return pages.render(
            wiring.settings, "demo.html", title="Who do you want to be?", people=active, status=HTTPStatus.OK
        )

    @blueprint.post("/console/demo")
    def click() -> AnyResponse:
        try:
            secret = sign_in_by_click(wiring, request.form.get("username", ""))
        except SignInError as error:
            raise Problem(NOT_FOUND) from error
        return signed_in(wiring, secret, wanted=None)

    app.register_blueprint(blueprint)
