"""What a caller and the log learn when something of ours breaks: that it did, and nothing about anybody."""

import pytest
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gateway.release.combining import Combiner
from gateway.release.model import Unavailable
from tests.support.served import Served, everything_logged
from tests.support.world import household

SECRET = "Zebedee Quartermaine"


def test_a_fault_nobody_foresaw_tells_neither_caller_nor_log_its_message(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library's message may quote the value it choked on; the log says which line it was, for the repair."""

    def broken() -> ResponseReturnValue:
        raise LookupError(SECRET)

    monkeypatch.setitem(gateway.app.view_functions, "health.healthz", broken)
    with everything_logged() as written:
        answer = gateway.http.get("/healthz")
    assert 500 == answer.status_code
    assert "application/problem+json" == answer.mimetype
    assert answer.json is not None
    assert "urn:early-help-gateway:problem:internal" == answer.json["type"]
    assert SECRET not in answer.get_data(as_text=True) + written.getvalue()
    assert answer.headers["X-Request-ID"] in written.getvalue()
    assert "LookupError" in written.getvalue()
    assert f"{__file__}:{broken.__code__.co_firstlineno + 1}" in written.getvalue()


def test_what_could_not_be_recorded_is_answered_with_nothing_but_try_again(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing leaves before its entry stands; the same request works once the log does."""
    gateway.world.join("camhs")
    household(gateway.world, "EH-1")
    case_ref = gateway.world.case_ref("camhs", "EH-1")
    with monkeypatch.context() as log_is_down:
        log_is_down.setattr(Combiner, "ask", lambda *_: Unavailable())
        answer = gateway.pull("camhs", case_ref)
    assert 503 == answer.status_code
    assert answer.headers["Retry-After"].isdecimal()
    assert answer.json is not None
    assert "urn:early-help-gateway:problem:unavailable" == answer.json["type"]
    assert 200 == gateway.pull("camhs", case_ref).status_code


def test_a_database_that_went_in_the_middle_of_an_act_is_away(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after in the same act fails in another way, and nothing was committed: come again, not our fault."""

    def broken() -> ResponseReturnValue:
        with gateway.wiring.engine.connect() as connection, connection.begin(), connection.begin_nested():
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            connection.execute(text("SELECT 1"))
        return "done"

    monkeypatch.setitem(gateway.app.view_functions, "health.healthz", broken)
    answer = gateway.http.get("/healthz")
    assert 503 == answer.status_code
    assert answer.headers["Retry-After"].isdecimal()
