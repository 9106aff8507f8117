"""What is sent to PostgreSQL, whichever way: SQLAlchemy's statements and those that go past it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg


@contextmanager
def on_statement(act: Callable[[str], None]) -> Iterator[None]:
    """Call ``act`` with each statement of any thread before it is sent; what it raises is raised where it was sent from."""
    execute = psycopg.Cursor.execute

    def watched(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        act(query.decode() if isinstance(query, bytes) else str(query))
        return execute(cursor, query, *arguments, **options)

    with patch.object(psycopg.Cursor, "execute", watched):
        yield


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield the text of every statement sent meanwhile, without its parameters."""
    sent: list[str] = []
    with on_statement(lambda statement: sent.append(" ".join(statement.split()))):
        yield sent
