"""A connection that the database ended is no fault of ours, and no reason to give up: the answer says try again."""

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.disclosure_log.service import act
from tests.support.served import Served, gateway

__all__ = ["gateway"]


def held_up(gateway: Served) -> None:
    """An act that stops in the middle for longer than it may."""
    with act(gateway.wiring) as change:
        change.connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
        time.sleep(0.5)
        change.record(kind="log.cover", actor="test")


def test_an_act_whose_session_was_ended_is_answered_503(gateway: Served) -> None:
    """A node that is held up inside an act is put out, so that it holds up nobody else; its caller asks again."""
    with pytest.raises(DBAPIError) as ended:
        held_up(gateway)
    with gateway.app.test_request_context():
        answer = gateway.app.make_response(gateway.app.handle_user_exception(ended.value))
    assert (503, "1") == (answer.status_code, answer.headers["Retry-After"])
