"""Fixtures every test may use: a PostgreSQL server for the session, a migrated database for the test.

``GATEWAY_TEST_DATABASE_ADMIN_URL`` names a superuser of a PostgreSQL 15 to 18 to use instead of the
embedded server; databases are made and dropped there, and the three gateway roles get new passwords.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright
from sqlalchemy import Engine

from gateway.database import open_engine
from gateway.ops.embedded import EmbeddedPostgres
from gateway.wiring import Wiring
from tests.support.builders import compile_once
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, NamedCluster, new_database

compile_once()

FIGURE = "figure"
_ROOM = 4 << 30
"""Bytes of memory that a run may take for its databases."""
LONGEST_FIRST = (
    "tests/races/",
    "tests/faults/",
    "tests/browser/",
    "tests/gateway/ops/",
    "tests/clients/",
    "tests/gateway/staff/",
    "tests/interop/",
    "tests/adversarial/",
    "tests/path/",
    "tests/canary/",
    "tests/gateway/disclosure_log/",
)
"""A file stays in one process, and these hold the slowest: begun last, one of them would run on alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the slowest files begin first; xdist would begin with those of the most tests."""
    rank = {folder: place for place, folder in enumerate(LONGEST_FIRST)}

    def place_of(item: pytest.Item) -> int:
        return next((rank[folder] for folder in rank if item.nodeid.startswith(folder)), len(rank))

    items.sort(key=place_of)


def pytest_collection_finish() -> None:
    """Let the collector walk over what tests leave behind, not again and again over all that was loaded for them."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says a figure aloud when the run is over, whichever process measured it."""
    return lambda figure: record_property(FIGURE, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what tests measured and said."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    figures = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
    for figure in figures:
        terminalreporter.write_line(str(figure))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers; a process can have one of it."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server with the three roles. Not durable: its disk is thrown away with it."""
    named = os.environ.get("GATEWAY_TEST_DATABASE_ADMIN_URL")
    if named:
        yield NamedCluster.prepare(named)
        return
    # Not under pytest's own folder: pytest closes that to other users, and as root the server is another user.
    with (
        tempfile.TemporaryDirectory(prefix="gateway-tests-", dir=_memory()) as folder,
        EmbeddedPostgres.start(Path(folder) / "database", durable=False) as server,
    ):
        yield server


def _memory() -> Path | None:
    """A folder in memory, where there is room: every test has a database of its own, a thousand files each."""
    folder = Path("/dev/shm")  # noqa: S108 - the folder within it is made for us alone
    if not folder.is_dir() or shutil.disk_usage(folder).free < _ROOM:
        return None
    return folder


@pytest.fixture(scope="session")
def template_database(cluster: Cluster) -> Iterator[Database]:
    """The database that the tests' databases are copies of, migrated once. Nobody may stay connected to it."""
    from gateway import migrations  # noqa: PLC0415 - only tests that need a database load the migrations

    with new_database(cluster) as template:
        migrations.upgrade(template.owner_url)
        yield template


@pytest.fixture
def database(cluster: Cluster, template_database: Database) -> Iterator[Database]:
    """A database of this test alone, every migration applied, no row in it but what migrations write."""
    with new_database(cluster, template=template_database.name) as copy:
        yield copy


@pytest.fixture
def wiring(database: Database, tmp_path: Path) -> Iterator[Wiring]:
    """The parts of one process over the test's own database, with the reserved family's keys made."""
    with wired(database, tmp_path) as parts:
        yield parts


@pytest.fixture
def eraser(database: Database) -> Iterator[Engine]:
    """Connections of the role that erases, to the test's own database."""
    engine = open_engine(database.eraser_url)
    yield engine
    engine.dispose()
