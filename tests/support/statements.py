"""What is sent to PostgreSQL, whichever way: SQLAlchemy's statements and those that go past it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import Connection

from gateway.database import Prepared


@contextmanager
def on_statement(act: Callable[[str], None]) -> Iterator[None]:
    """Call ``act`` with each statement of any thread before it is sent; what it raises is raised where it was sent from."""
    execute, rows = psycopg.Cursor.execute, Prepared.rows

    def executed(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not (isinstance(cursor, psycopg.RawCursor) or text.startswith("PREPARE ")):
            act(text)  # prepared statements are seen below, however each connection comes by them
        return execute(cursor, query, *arguments, **options)

    def answered(statement: Prepared, connection: Connection, parameters: Mapping[str, object]) -> list[Any]:
        act(statement.text)
        return rows(statement, connection, parameters)

    with patch.object(psycopg.Cursor, "execute", executed), patch.object(Prepared, "rows", answered):
        yield


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield the text of every statement sent meanwhile, without its parameters."""
    sent: list[str] = []
    with on_statement(lambda statement: sent.append(" ".join(statement.split()))):
        yield sent
