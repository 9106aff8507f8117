"""Connections to PostgreSQL.

INVARIANT: the process connects as the app role. Reads of the release path and ``append()`` run in
autocommit; everything else runs in a transaction opened by the function that needs it.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import psycopg
import sqlalchemy
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

STATEMENT_TIMEOUT_MS = 15_000
"""A statement that takes longer is ended: a stuck one must not hold a worker thread."""


CONNECT_SECONDS: Final = 5
"""A database that does not answer at all is away: a thread that waits for it serves nobody, not the emergency page either."""

_SILENCE: Final = {
    "keepalives_idle": CONNECT_SECONDS,
    "keepalives_interval": CONNECT_SECONDS,
    "keepalives_count": 3,
    "tcp_user_timeout": 4 * CONNECT_SECONDS * 1_000,
}
"""After some twenty seconds without a sign of a database's machine a connection ends, and whoever waits for it goes on."""

_NAME_SIGNS: Final = 32
_UNKNOWN_STATEMENT: Final = b"26000"
_INTERVENTION: Final = "57P"
"""Of a server that ends connections; one that ended without a word says nothing."""
_row_of: Final[Any] = NamedTuple


class _ByType(dict[type, Callable[[Any], Any]]):
    """By type, and for a type that is not there what goes with the next that it is made from: a code is a text."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        """Raises: KeyError."""
        known = next((base for base in kind.__mro__ if base in self), None)
        if known is None:
            raise KeyError(kind)
        self[kind] = found = self[known]
        return found


_VALUES: Final[Mapping[type, Callable[[Any], str]]] = {
    str: str,
    int: str,
    float: repr,
    bool: str,
    bytes: lambda value: "\\x" + value.hex(),
    UUID: str,
    datetime: datetime.isoformat,
}
_TEXTS: Final = _ByType({**_VALUES, type(None): lambda _: None})
"""How PostgreSQL reads a value of each type that a statement of the hot path takes."""
_IN_ARRAY: Final = _ByType(
    {
        **_VALUES,
        type(None): lambda _: "NULL",
        str: lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"',
        bytes: lambda value: '"\\\\x' + value.hex() + '"',
        datetime: lambda value: f'"{value.isoformat()}"',
    }
)
"""The same within an array."""
_PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")


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
        pool_use_lifo=True,  # the last one has everything prepared
        isolation_level="READ COMMITTED",
        connect_args={
            # One plan for every value: planning anew took two thirds of the read of a release.
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}"
            " -c plan_cache_mode=force_generic_plan",
            "application_name": "early-help-gateway",
            "connect_timeout": CONNECT_SECONDS,
            **_SILENCE,
        },
    )


def autocommit(engine: Engine) -> Engine:
    """Return the same pool in autocommit: one statement, one round trip, one transaction."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


class Prepared:
    """A statement of the hot path, which goes past SQLAlchemy and most of the driver: they took more of its time than it did.

    It is prepared once on each connection, takes its parameters as text, and answers in binary.

    Args:
        statement: with ``:name`` for each parameter, cast where its type does not follow from where it stands.

    Attributes:
        text: the statement with ``$1`` and so on.
    """

    def __init__(self, statement: str) -> None:
        self._names = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
        places = {name: f"${place}" for place, name in enumerate(self._names, start=1)}
        self.text = _PARAMETER.sub(lambda found: places[found[1]], statement)
        name = hashlib.sha256(self.text.encode()).hexdigest()[:_NAME_SIGNS]
        self._name, self._preparation = name.encode(), f'PREPARE "{name}" AS {self.text}'.encode()

    def rows(self, connection: Connection, parameters: Mapping[str, object]) -> list[Any]:
        """Run it in whatever transaction the connection is in, and return its rows, named tuples.

        Args:
            parameters: of the types in ``_TEXTS``, or lists of those.

        Raises: sqlalchemy.exc.DBAPIError, as SQLAlchemy would; a connection that ended is given up, and with it all that
            wait in the pool. KeyError, a parameter is missing or of another type.
        """
        given = [parameters[name] for name in self._names]
        texts = [
            "{" + ",".join([_IN_ARRAY[type(each)](each) for each in value]) + "}"
            if isinstance(value, list)
            else _TEXTS[type(value)](value)
            for value in given
        ]
        driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
        try:
            if any("\0" in text for text in texts if text is not None):
                raise psycopg.DataError("a text ends at a zero byte")
            if not driver.autocommit:  # the driver may have to begin the transaction
                cursor = psycopg.RawCursor(driver, row_factory=namedtuple_row)
                cursor.format = Format.BINARY
                return cursor.execute(self.text, texts, prepare=True).fetchall()
            values: list[Any] = [None if text is None else text.encode() for text in texts]
            # A rollback elsewhere makes the driver forget what was prepared: then once more.
            for reader in (connection.info.get(self), None):
                if reader is None:
                    driver.execute(
                        self._preparation
                    )  # never by libpq alone, which would keep every thread waiting
                result = driver.pgconn.exec_prepared(self._name, values, result_format=Format.BINARY)
                if result.status == ExecStatus.TUPLES_OK:
                    transformer, row = connection.info[self] = reader or _reader(driver, result)
                    transformer.set_pgresult(result)
                    rows: list[Any] = transformer.load_rows(0, result.ntuples, row)
                    transformer.set_pgresult(None)  # what was read does not stay with the connection
                    return rows
                if result.error_field(DiagnosticField.SQLSTATE) != _UNKNOWN_STATEMENT:
                    break
            raise _fault(result)
        except psycopg.Error as error:
            code = (error.sqlstate or _INTERVENTION) if isinstance(error, psycopg.OperationalError) else ""
            if driver.closed or code.startswith(_INTERVENTION):
                # SQLAlchemy sees for itself that it ended, and gives it up with all that wait in the pool.
                connection.exec_driver_sql("SELECT 1")
            raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def _reader(driver: "psycopg.Connection[Any]", result: PGresult) -> tuple[Any, Callable[..., Any]]:
    """What reads the columns of results like this one, and what makes a row of them."""
    columns = [((result.fname(place) or b"").decode(), Any) for place in range(result.nfields)]
    return Transformer(driver), _row_of("Row", columns)._make


def _fault(result: PGresult) -> psycopg.Error:
    """What a result says that is none; without a code of PostgreSQL's the connection ended."""
    if result.error_field(DiagnosticField.SQLSTATE) is None:
        return psycopg.OperationalError("the connection to the database ended")
    return error_from_result(result)
