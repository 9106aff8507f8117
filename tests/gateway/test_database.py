"""Statements that go past SQLAlchemy fail as SQLAlchemy's do, so that whoever knows those faults knows these."""

from collections.abc import Mapping
from enum import StrEnum

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from gateway.database import Prepared, autocommit
from gateway.wiring import Wiring

_PID = Prepared("SELECT pg_backend_pid() AS pid")


@pytest.fixture
def engine(wiring: Wiring) -> Engine:
    return autocommit(wiring.engine)


def test_rows_come_with_their_types_and_names(engine: Engine) -> None:
    with engine.connect() as connection:
        (row,) = Prepared(
            "SELECT CAST(:seals AS bytea[]) AS seals, :name::text AS name, :name = 'a:b' AS same"
        ).rows(connection, {"seals": [b"\x00", None], "name": "x"})
    assert ([b"\x00", None], "x", False) == (row.seals, row.name, row.same)


def test_a_fault_of_the_statement_is_sqlalchemys_and_says_no_value(engine: Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(DataError) as raised:
            Prepared("SELECT CAST(:value AS integer) / 0 AS canary").rows(connection, {"value": 20261129})
        assert not raised.value.connection_invalidated
        assert "20261129" not in str(raised.value)
        assert [(1,)] == Prepared("SELECT 1 AS one").rows(connection, {})


def test_texts_in_arrays_stay_what_they_are(wiring: Wiring, engine: Engine) -> None:
    """Signs that an array's own form needs must not end a text, or make two of one."""
    texts = ["", "NULL", 'a"b', "a\\b", "{a,b}", "é \n,", None]
    statement = Prepared("SELECT CAST(:texts AS text[]) AS texts")
    for each in (engine, wiring.engine):  # in autocommit, and in a transaction
        with each.connect() as connection:
            assert texts == statement.rows(connection, {"texts": texts})[0].texts


class _Code(StrEnum):
    ONE = 'a"b'


def test_a_code_is_its_text_and_what_is_no_value_of_ours_is_refused(engine: Engine) -> None:
    statement = Prepared("SELECT CAST(:one AS text) AS one, CAST(:many AS text[]) AS many")
    with engine.connect() as connection:
        assert [('a"b', ['a"b'])] == statement.rows(connection, {"one": _Code.ONE, "many": [_Code.ONE]})
        wrong: Mapping[str, object]
        for wrong in ({"one": {}, "many": []}, {"one": "", "many": [()]}, {"one": ""}):
            with pytest.raises(KeyError):
                statement.rows(connection, wrong)


def test_a_zero_byte_is_refused_not_a_shorter_text(engine: Engine) -> None:
    statement = Prepared("SELECT CAST(:one AS text), CAST(:many AS text[])")
    with engine.connect() as connection:
        for values in ({"one": "a\0b", "many": []}, {"one": "", "many": ["a\0b"]}):
            with pytest.raises(DataError):
                statement.rows(connection, values)


def test_what_was_forgotten_is_prepared_again(engine: Engine) -> None:
    """A driver throws away what was prepared when a transaction is taken back."""
    with engine.connect() as connection:
        before = _PID.rows(connection, {})
        connection.exec_driver_sql("DEALLOCATE ALL")
        assert before == _PID.rows(connection, {})


def test_what_was_read_does_not_stay_with_the_connection(engine: Engine) -> None:
    """A release's rows are sealed records: an idle connection must not hold the last ones."""
    with engine.connect() as connection:
        _PID.rows(connection, {})
        reader, _ = connection.info[_PID]
        assert reader.pgresult is None


def test_it_is_part_of_the_transaction_that_it_is_called_in(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection:
        Prepared("SELECT set_config('test.value', 'kept', true)").rows(connection, {})
        assert "kept" == connection.execute(text("SELECT current_setting('test.value')")).scalar()
        connection.rollback()
        assert "kept" != connection.execute(text("SELECT current_setting('test.value', true)")).scalar()


def test_a_connection_that_ended_is_given_up_with_all_that_wait(engine: Engine) -> None:
    """After a restart of PostgreSQL one request is told to come again, not as many as there were connections."""
    with engine.connect() as one, engine.connect() as other:
        (waiting,) = _PID.rows(other, {})
        other.close()
        with pytest.raises(OperationalError) as raised:
            Prepared("SELECT pg_terminate_backend(pg_backend_pid())").rows(one, {})
        assert raised.value.connection_invalidated
    with engine.connect() as again:
        (row,) = _PID.rows(again, {})
        assert waiting.pid != row.pid


def test_what_integrity_forbids_is_told_apart(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection, pytest.raises(IntegrityError):
        Prepared("SELECT gateway.publish_checkpoint(:size, :root, 'not there')").rows(
            connection, {"size": 10**12, "root": bytes(32)}
        )
