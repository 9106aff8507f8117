"""PostgreSQL crashes between an append and its publication: what was not flushed is gone, and nobody minds.

The append of a release does not wait for the disk; the publication after it does. Here the crash falls between them,
with the writer of the write-ahead log held back, so that the append is lost for certain.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from gateway import migrations
from gateway.ops.embedded import EmbeddedPostgres
from gateway.release.model import Released, Unavailable
from tests.faults.desk import Desk, opened_desk, second_node
from tests.faults.masters import crash_database
from tests.faults.matrix import PUBLISH
from tests.faults.wire import Fault
from tests.support.throwaway import new_database


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, which crashes."""
    with (
        TemporaryDirectory(prefix="gateway-faults-") as folder,
        EmbeddedPostgres.start(Path(folder) / "database") as started,
    ):
        yield started


@pytest.fixture
def crashing(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Desk]:
    """A desk over it; what is not asked to be flushed stays in memory for ten seconds."""
    with new_database(server) as database:
        migrations.upgrade(database.owner_url)
        with psycopg.connect(database.admin_url, autocommit=True) as superuser:
            superuser.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            superuser.execute("SELECT pg_reload_conf()")
        with opened_desk(database, tmp_path) as desk:
            yield desk


def test_a_lost_append_is_neither_answered_nor_held_against_the_database(
    server: EmbeddedPostgres, crashing: Desk, tmp_path: Path
) -> None:
    """Found here: a process that took an unflushed tree for known, and sees a contradiction in its loss."""
    desk = crashing
    with second_node(desk, tmp_path / "other") as other, ThreadPoolExecutor(1) as pool:
        before = desk.log().tree.size
        with desk.wire.faulty(Fault.FROZEN_BEFORE, matching=PUBLISH) as plan:
            asked = pool.submit(desk.pull)
            assert plan.hit_before(asked)
            assert before + 1 == desk.log().tree.size
            crash_database(server)
        assert isinstance(asked.result(30)[0], Unavailable)
        assert before == desk.log().tree.size, "the append was flushed: the test proves nothing"
        for wiring in (other, desk.wiring, other):
            outcomes = [desk.pull(wiring=wiring)[0], desk.pull(wiring=wiring)[0]]
            assert any(isinstance(outcome, Released) for outcome in outcomes)
            assert isinstance(outcomes[1], Released), "only connections of before the crash may fail, once"
            assert not wiring.log.contradicted
        desk.check()
