"""One room alone: its routes with an admitted caller and no tokens in front, or its commands."""

from collections.abc import Callable

from flask import Flask, g
from flask.testing import FlaskClient
from flask_smorest import Api

from gateway.caller import Caller
from gateway.settings import environ_of
from gateway.wiring import Wiring


def room_client(wiring: Wiring, caller: Caller, *, register: Callable[[Api, Wiring], None]) -> FlaskClient:
    """Return a client of an application that has only this room's routes and always this caller."""
    app = Flask("room")
    app.config.update(API_TITLE="Room", API_VERSION="v1", OPENAPI_VERSION="3.1.0")

    @app.before_request
    def admit() -> None:
        g.caller = caller

    register(Api(app), wiring)
    return app.test_client()


def environment(wiring: Wiring) -> dict[str, str]:
    """Return the settings that give a command the same parts."""
    return environ_of(wiring.settings)
