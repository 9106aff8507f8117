"""A desk of each test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.desk import Desk, opened_desk
from tests.support.throwaway import Database


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """One family, one agency, and a process whose wire to PostgreSQL can be cut."""
    with opened_desk(database, tmp_path) as made:
        yield made
