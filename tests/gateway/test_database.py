"""Statements that go past SQLAlchemy fail as SQLAlchemy's do, so that whoever knows those faults knows these."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from gateway.database import autocommit, prepared
from gateway.wiring import Wiring


@pytest.fixture
def engine(wiring: Wiring) -> Engine:
    return autocommit(wiring.engine)


def test_rows_come_with_their_types_and_names(engine: Engine) -> None:
    with engine.connect() as connection:
        (row,) = prepared(connection, "SELECT $1::bytea[] AS seals, $2::text AS name", [[b"\x00", None], "x"])
    assert ([b"\x00", None], "x") == (row.seals, row.name)


def test_a_fault_of_the_statement_is_sqlalchemys_and_says_no_value(engine: Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(DataError) as raised:
            prepared(connection, "SELECT $1::integer / 0 AS canary", [20261129])
        assert not raised.value.connection_invalidated
        assert "20261129" not in str(raised.value)
        assert [(1,)] == prepared(connection, "SELECT 1 AS one", [])


def test_it_is_part_of_the_transaction_that_it_is_called_in(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection:
        prepared(connection, "SELECT set_config('test.value', 'kept', true)", [])
        assert "kept" == connection.execute(text("SELECT current_setting('test.value')")).scalar()
        connection.rollback()
        assert "kept" != connection.execute(text("SELECT current_setting('test.value', true)")).scalar()


def test_a_connection_that_ended_is_given_up_with_all_that_wait(engine: Engine) -> None:
    """After a restart of PostgreSQL one request is told to come again, not as many as there were connections."""
    with engine.connect() as one, engine.connect() as other:
        (waiting,) = prepared(other, "SELECT pg_backend_pid() AS pid", [])
        other.close()
        with pytest.raises(OperationalError) as raised:
            prepared(one, "SELECT pg_terminate_backend(pg_backend_pid())", [])
        assert raised.value.connection_invalidated
    with engine.connect() as again:
        (row,) = prepared(again, "SELECT pg_backend_pid() AS pid", [])
        assert waiting.pid != row.pid


def test_what_integrity_forbids_is_told_apart(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection, pytest.raises(IntegrityError):
        prepared(
            connection, "SELECT gateway.publish_checkpoint($1, $2, $3)", [10**12, bytes(32), "not there"]
        )
