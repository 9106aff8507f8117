"""Liveness and readiness, for load balancers and people at 3 a.m."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.wiring import Wiring


def register(app: Flask, wiring: Wiring) -> None:
    """Add ``/healthz`` (the process answers) and ``/readyz`` (it can record what it releases)."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @health.get("/readyz")
    def readyz() -> Response:
        parts = {"database": _database_answers(wiring)}
        response = jsonify({"status": "ready" if all(parts.values()) else "not ready", "parts": parts})
        response.status_code = int(HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE)
        return response

    app.register_blueprint(health)


def _database_answers(wiring: Wiring) -> bool:
    """True when the log can be read as the app role: without it nothing may be released."""
    try:
        with wiring.autocommit.connect() as connection:
            connection.execute(text("SELECT size FROM gateway.log_head"))
    except SQLAlchemyError:
        return False
    return True
