"""Liveness and readiness, for load balancers and people at 3 a.m."""

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.lag import lag_of
from gateway.disclosure_log.publishing import start
from gateway.disclosure_log.repository import witnessed_at
from gateway.log_signer import LogContradictionError
from gateway.wiring import Wiring


def register(app: Flask, wiring: Wiring) -> None:
    """Add ``/healthz`` (the process answers) and ``/readyz`` (it can record, and what it says of the log).

    A log that is not served stops releases and nothing else; the node stays ready, since a withdrawal must find one.
    """
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @health.get("/readyz")
    def readyz() -> Response:
        parts = {"database": _database_answers(wiring)}
        ready = all(parts.values())
        log = _log_says(wiring) if ready else {"releases": False}
        response = jsonify({"status": "ready" if ready else "not ready", "parts": parts, "log": log})
        response.status_code = int(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
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


def _log_says(wiring: Wiring) -> dict[str, bool | str]:
    """Whether anything is released, why not, and who confirms the log; public, and without a figure."""
    try:
        if wiring.log.known is None:
            start(wiring)
        with wiring.autocommit.connect() as connection:
            witnessed = witnessed_at(connection)
    except LogNotServedError as error:
        return {"releases": False, "why": str(error)}
    except (LogContradictionError, NotAppendedError, SQLAlchemyError):
        return {"releases": False, "why": "The disclosure log cannot be signed or published."}
    settings = wiring.settings
    lag = lag_of(
        wiring.log.policy,
        witnessed_at=witnessed,
        now=datetime.now(UTC),
        warn_seconds=settings.witness_warn_seconds,
        stop_seconds=settings.witness_stop_seconds,
    )
    return {"releases": not lag.stops, "witnesses": lag.sentence}
