"""What anybody would write first: a row by its primary key as JSON; and the same with one INSERT beside it.

Served by gunicorn under the gateway's own configuration, so that nothing differs but the application. It checks
nobody and proves nothing: it says what this machine, this Python and this PostgreSQL need for the bare work.
"""

import os
from typing import Any

from flask import Flask, Response, abort, jsonify
from sqlalchemy import text

from gateway.database import open_engine

ROW = text("SELECT id, body FROM bench.record WHERE id = :id")
LOG = text("INSERT INTO bench.read_log (agency, record) VALUES (:agency, :record)")

app = Flask("floor", static_folder=None)
engine = open_engine(os.environ["GATEWAY_DATABASE_URL"])


@app.get("/healthz")
def healthz() -> Response:
    """It is up."""
    return jsonify(status="ok")


@app.get("/floor/<int:number>")
def floor(number: int) -> Response:
    """One row, no check, no log."""
    with engine.connect() as connection:
        row: Any = connection.execute(ROW, {"id": number}).one_or_none()
    return _answer(row)


@app.get("/logged/<agency>/<int:number>")
def logged(agency: str, number: int) -> Response:
    """The same, and one row committed that says who read it, before the answer."""
    with engine.begin() as connection:
        row: Any = connection.execute(ROW, {"id": number}).one_or_none()
        connection.execute(LOG, {"agency": agency, "record": number})
    return _answer(row)


def _answer(row: Any) -> Response:
    if row is None:
        abort(404)
    return jsonify(id=row.id, record=row.body)
