"""Connections to PostgreSQL.

INVARIANT: the process connects as the app role. Reads of the release path and ``append()`` run in
autocommit; everything else runs in a transaction opened by the function that needs it.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

import psycopg
import sqlalchemy
from psycopg.pq import Format
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

STATEMENT_TIMEOUT_MS = 15_000
"""A statement that takes longer is ended: a stuck one must not hold a worker thread."""


CONNECT_SECONDS: Final = 5
"""A database that does not answer at all is away: a thread that waits for it serves nobody, not the emergency page either."""


def connect_url(url: str) -> URL:
    """Return the SQLAlchemy URL of a plain ``postgresql://`` URL, with the psycopg driver."""
    return make_url(url).set(drivername="postgresql+psycopg")


def open_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine whose sessions run in UTC, READ COMMITTED, with a statement timeout.

    Args:
        url: a ``postgresql://`` URL.
        pool_size: connections kept; as many as the process has threads.
    """
    return sqlalchemy.create_engine(
        connect_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        isolation_level="READ COMMITTED",
        connect_args={
            # One plan for every value: planning anew took two thirds of the read of a release.
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}"
            " -c plan_cache_mode=force_generic_plan",
            "application_name": "early-help-gateway",
            "connect_timeout": CONNECT_SECONDS,
        },
    )


def autocommit(engine: Engine) -> Engine:
    """Return the same pool in autocommit: one statement, one round trip, one transaction."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def prepared(connection: Connection, statement: str, parameters: Sequence[object]) -> list[Any]:
    """Run a statement of the hot path past SQLAlchemy, whose share of it was more than the driver's, and return its rows.

    It is prepared once on each connection, in whatever transaction the connection is in, and answers in binary.

    Args:
        statement: with ``$1`` and so on for the parameters, in their order.

    Returns: named tuples.
    Raises: sqlalchemy.exc.DBAPIError, as SQLAlchemy would; a connection that ended is given up, and with it all that wait in
        the pool.
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
    try:
        cursor = psycopg.RawCursor(driver, row_factory=namedtuple_row)
        cursor.format = Format.BINARY
        return cursor.execute(statement, parameters, prepare=True).fetchall()
    except psycopg.Error as error:
        ended = driver.closed
        if ended:
            connection.invalidate(error)
            connection.engine.dispose()
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=ended
        ) from error
