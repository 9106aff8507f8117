"""The worker on the real queue, as the app role: each time of a job once, faults by type alone, ended at once."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from gateway.database import open_engine
from gateway.oauth.replay import Kind, Use, use_all
from gateway.ops import worker as module
from gateway.ops.embedded import ADMINISTRATOR
from gateway.ops.worker import JOBS, Job, enqueue, queue_of, run_job, run_once, silence_libraries
from gateway.ops.worker_command import worker
from gateway.wiring import Wiring
from tests.support.rooms import environment
from tests.support.throwaway import Cluster, Database

ROOT = Path(__file__).resolve().parents[3]
COMMAND = "from gateway.ops.worker_command import worker; worker()"
EVERY_SECOND = "* * * * * *"

CUSTOM = """
import sys, time
import structlog
from gateway.commands import command_wiring
from gateway.ops.worker import Job, run_worker
from gateway.ops.worker_command import _log_as_json

def fail(wiring, now):
    raise ValueError("Mary Shelleyname")

def hang(wiring, now):
    print("hanging", flush=True)
    time.sleep(60)

def fine(wiring, now):
    return 7

_log_as_json()
with command_wiring() as wiring:
    run_worker(wiring, [Job(name, "* * * * * *", globals()[name]) for name in sys.argv[1:]])
"""
"""A worker with other jobs, due every second."""


@dataclass
class Process:
    """A worker as a process of its own, whose output is a file."""

    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> list[dict[str, Any]]:
        """What it wrote that is JSON, line by line."""
        lines = self.output.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def runs(self) -> list[dict[str, Any]]:
        return [line for line in self.said() if line["event"] == "worker.run"]

    def wait_for(self, count: int, *, seconds: float = 30) -> Sequence[Mapping[str, Any]]:
        """Its first runs, as soon as there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.runs()) < count:
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)
        return self.runs()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Its exit status, and how many seconds it took to end."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=20), time.monotonic() - started


@contextmanager
def running(
    wiring: Wiring, output: Path, *, code: str = COMMAND, arguments: Sequence[str] = ()
) -> Iterator[Process]:
    settings = {name: value for name, value in environment(wiring).items() if value is not None}
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 -- our own code, no shell
            [sys.executable, "-W", "error", "-c", code, *arguments],
            env={**os.environ, **settings},
            stdout=file,
            stderr=file,
            cwd=ROOT,
        )
    try:
        yield Process(process, output)
    finally:
        process.kill()
        process.wait()


def queued(wiring: Wiring) -> list[tuple[str, str, dict[str, Any]]]:
    with wiring.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT task_name, status::text, args FROM jobs.procrastinate_jobs ORDER BY id")
        )
        return [(row.task_name, row.status, row.args) for row in rows]


def work_off(wiring: Wiring, jobs: Sequence[Job]) -> None:
    """Serve the queue until it is empty; no time of a job comes meanwhile."""

    async def serve() -> None:
        app = queue_of(wiring, jobs)
        app.periodic_registry.periodic_tasks.clear()
        async with app.open_async():
            await app.run_worker_async(wait=False, listen_notify=False)

    asyncio.run(serve())


# --- Once ---------------------------------------------------------------------------------------------------


def test_once_runs_every_job_in_order_and_says_what_it_did(wiring: Wiring) -> None:
    stale = Use(Kind.PROOF, "party", "jti", datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    with wiring.engine.connect() as connection:
        use_all(connection, [stale])
    result = CliRunner().invoke(worker, ["--once"], env=environment(wiring))
    did = {"sweep": 1, "tend_log": 1}  # the first cover of an empty log
    expected = "".join(f"{job.name}: {did.get(job.name, 0)}\n" for job in JOBS)
    assert (0, expected) == (result.exit_code, result.output)
    assert [] == queued(wiring), "it leaves the queue alone"


def test_once_goes_on_after_a_job_that_fails_and_says_so_at_the_end(
    wiring: Wiring, database: Database
) -> None:
    """A cron job that ends with 0 is never looked at."""
    owner = open_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(text("DROP TABLE gateway.pull_watch"))
    owner.dispose()
    result = CliRunner().invoke(worker, ["--once"], env=environment(wiring))
    first, *others = result.output.splitlines()
    assert (1, "watch_pulling: failed (ProgrammingError)") == (result.exit_code, first)
    assert [f"{job.name}: {int(job.name == 'tend_log')}" for job in JOBS[1:]] == others


def test_a_fault_is_known_by_its_type_alone(wiring: Wiring) -> None:
    def fail(_wiring: Wiring, _now: datetime) -> int:
        raise ValueError("Mary Shelleyname")

    (failed, fine) = run_once(
        wiring, [Job("fail", EVERY_SECOND, fail), Job("fine", EVERY_SECOND, lambda *_: 3)]
    )
    assert ("ValueError", 0) == (failed.fault, failed.count)
    assert (None, 3) == (fine.fault, fine.count)
    assert "Mary" not in repr(failed)


def test_an_interrupt_is_no_fault_of_a_job(wiring: Wiring) -> None:
    """Ctrl+C in the middle of a job must end the command."""

    def interrupt(_wiring: Wiring, _now: datetime) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(wiring, Job("interrupt", EVERY_SECOND, interrupt))


def test_a_job_is_told_the_time_of_the_database(wiring: Wiring) -> None:
    told: list[datetime] = []

    def look(_wiring: Wiring, now: datetime) -> int:
        told.append(now)
        return 0

    run_job(wiring, Job("look", EVERY_SECOND, look))
    with wiring.engine.connect() as connection:
        now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert timedelta() <= now - told[0] < timedelta(seconds=5)


def test_the_jobs_have_names_of_their_own() -> None:
    """The queue knows a job by its name: two of one name would be one."""
    assert len(JOBS) == len({job.name for job in JOBS})


# --- At their times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_runs_its_jobs_and_ends_at_once(wiring: Wiring, tmp_path: Path, number: int) -> None:
    """Started at any minute, it makes up the last time of every job, and the queue is left empty."""
    with running(wiring, tmp_path / "log") as process:
        process.wait_for(len(JOBS))
        deadline = time.monotonic() + 20
        while queued(wiring) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = queued(wiring)
        status, seconds = process.stop(number)
        output = (tmp_path / "log").read_text()
    runs = process.runs()
    assert [] == left
    assert {job.name for job in JOBS} == {run["job"] for run in runs}
    assert {(None, "info")} == {(run["fault"], run["level"]) for run in runs}
    assert 0 == status, output
    assert 3 > seconds
    assert process.said()[-1]["event"] == "worker.stopped"
    assert len(process.said()) == len(output.splitlines()), "every line is JSON"


def test_two_workers_never_run_one_time_of_a_job_twice(wiring: Wiring, tmp_path: Path) -> None:
    with (
        running(wiring, tmp_path / "one", code=CUSTOM, arguments=["fine"]) as one,
        running(wiring, tmp_path / "two", code=CUSTOM, arguments=["fine"]) as two,
    ):
        one.wait_for(1)
        two.wait_for(1, seconds=60)
        deadline = time.monotonic() + 30
        while len(one.runs()) + len(two.runs()) < 8 and time.monotonic() < deadline:
            time.sleep(0.1)
        one.stop()
        two.stop()
    slots = sorted(run["slot"] for each in (one, two) for run in each.runs())
    assert sorted(set(slots)) == slots
    assert len(slots) >= 8


def test_a_job_that_fails_stops_nothing_and_is_run_again(wiring: Wiring, tmp_path: Path) -> None:
    with running(wiring, tmp_path / "log", code=CUSTOM, arguments=["fail", "fine"]) as process:
        process.wait_for(6)
        status, _ = process.stop()
    runs = process.runs()
    assert 0 == status
    assert 2 <= sum(run["job"] == "fail" for run in runs)
    assert {("fail", "ValueError", "error"), ("fine", None, "info")} == {
        (run["job"], run["fault"], run["level"]) for run in runs
    }
    output = (tmp_path / "log").read_text()
    assert "Mary" not in output
    assert "Traceback" not in output


def test_a_job_that_does_not_end_is_cut_off(wiring: Wiring, tmp_path: Path) -> None:
    """A restart must not wait for a job: it would be killed, later and harder."""
    with running(wiring, tmp_path / "log", code=CUSTOM, arguments=["hang"]) as process:
        deadline = time.monotonic() + 30
        while "hanging" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        status, seconds = process.stop()
    assert 0 == status
    assert 3 > seconds
    assert "worker.cut_off" in [line["event"] for line in process.said()]


def test_a_worker_outlives_its_database(
    wiring: Wiring, database: Database, cluster: Cluster, tmp_path: Path
) -> None:
    """A restart of PostgreSQL at night must not leave everybody without alerts in the morning."""
    admin = cluster.url(ADMINISTRATOR, "postgres")
    with running(wiring, tmp_path / "log", code=CUSTOM, arguments=["fine"]) as process:
        process.wait_for(1)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name]
            )
            deadline = time.monotonic() + 30
            while "worker.interrupted" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
                time.sleep(0.1)
            before = len(process.runs())
            connection.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS true')
        process.wait_for(before + 2, seconds=60)
        status, _ = process.stop()
    assert 0 == status
    output = (tmp_path / "log").read_text()
    assert "worker.interrupted" in output
    assert len(process.said()) == len(output.splitlines()), output


@pytest.mark.parametrize("library", ["asyncio", "procrastinate.worker", "psycopg.pool"])
def test_what_a_library_says_of_a_fault_is_its_type_alone(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task that died with its connection would write out the statement and where the database is."""
    for name in ("asyncio", "procrastinate", "psycopg.pool"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
    silence_libraries()
    fault = ValueError("postgresql://secret")
    with capture_logs() as said:
        logging.getLogger(library).error("Task exception was never retrieved", exc_info=fault)
    assert [{"event": "worker.fault", "source": library, "fault": "ValueError", "log_level": "error"}] == said
    assert ("", "") == capsys.readouterr()


# --- The queue ----------------------------------------------------------------------------------------------


def test_an_enqueued_job_is_there_with_the_commit(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection:
        enqueue(connection, "sweep", agency="camhs", count=3)
        assert [] == queued(wiring), "nobody else sees it yet"
    assert [("sweep", "todo", {"agency": "camhs", "count": 3})] == queued(wiring)


def test_a_rollback_takes_an_enqueued_job_with_it(wiring: Wiring) -> None:
    """Work for a change that never happened."""
    with wiring.engine.connect() as connection, connection.begin() as transaction:
        enqueue(connection, "sweep")
        transaction.rollback()
    with wiring.engine.connect() as connection, connection.begin():
        with connection.begin_nested() as savepoint:
            enqueue(connection, "sweep")
            savepoint.rollback()
        enqueue(connection, "watch_expiry")
        connection.commit()
    assert ["watch_expiry"] == [name for name, _, _ in queued(wiring)]


def test_enqueuing_leaves_the_connection_as_it_was(wiring: Wiring) -> None:
    """Names without a schema must not mean something else for the rest of the transaction."""
    with wiring.engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path = gateway, public"))
        enqueue(connection, "sweep")
        assert "gateway, public" == connection.execute(text("SHOW search_path")).scalar_one()
    with wiring.engine.connect() as connection:
        assert '"$user", public' == connection.execute(text("SHOW search_path")).scalar_one()


def test_a_job_that_does_not_exist_cannot_be_enqueued(wiring: Wiring) -> None:
    with wiring.engine.begin() as connection, pytest.raises(KeyError):
        enqueue(connection, "sweeep")
    assert [] == queued(wiring)


def test_an_enqueued_job_is_run_with_what_it_was_given(wiring: Wiring) -> None:
    given: list[dict[str, Any]] = []

    def keep(_wiring: Wiring, _now: datetime, **arguments: Any) -> int:
        given.append(arguments)
        return 1

    with wiring.engine.begin() as connection:
        enqueue(connection, "sweep", agency="camhs")
    work_off(wiring, [Job("sweep", "0 0 1 1 *", keep)])
    assert [{"agency": "camhs"}] == given
    assert [] == queued(wiring)


def test_an_enqueued_job_that_fails_waits_to_be_run_again(wiring: Wiring) -> None:
    """It stands for something that was committed: it must not be lost to one bad moment."""

    def fail(_wiring: Wiring, _now: datetime) -> int:
        raise ValueError("Mary Shelleyname")

    with wiring.engine.begin() as connection:
        enqueue(connection, "sweep")
    with capture_logs() as logged:
        work_off(wiring, [Job("sweep", "0 0 1 1 *", fail)])
    assert [("sweep", "todo", {})] == queued(wiring)
    assert [("worker.run", "ValueError")] == [(line["event"], line["fault"]) for line in logged]


def test_a_job_whose_worker_died_goes_to_one_that_lives(wiring: Wiring) -> None:
    """Killed in the middle of a job, a worker says nothing; its heart stops."""
    with wiring.engine.begin() as connection:
        enqueue(connection, "sweep")
        connection.execute(text("SET LOCAL search_path = jobs"))
        dead = connection.execute(
            text("SELECT worker_id FROM procrastinate_register_worker_v1()")
        ).scalar_one()
        connection.execute(text("SELECT procrastinate_fetch_job_v2(NULL, :worker)"), {"worker": dead})
    assert ["doing"] == [status for _, status, _ in queued(wiring)]

    async def rescue() -> None:
        app = queue_of(wiring, JOBS)
        async with app.open_async():
            await app.tasks["rescue"](timestamp=0)

    asyncio.run(rescue())
    assert ["doing"] == [status for _, status, _ in queued(wiring)], "its worker may still be at it"
    with wiring.engine.begin() as connection:
        connection.execute(
            text("UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        )
    asyncio.run(rescue())
    assert ["todo"] == [status for _, status, _ in queued(wiring)]


# --- What is where ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "SELECT jobs.procrastinate_cancel_job_v1(1, true, true)", id="a function it does not need"
        ),
        pytest.param("SELECT jobs.procrastinate_retry_job_v1(1, now(), 0, '', '')", id="an old function"),
        pytest.param("SELECT FROM jobs.procrastinate_events", id="the history"),
        pytest.param("TRUNCATE jobs.procrastinate_jobs CASCADE", id="truncate"),
        pytest.param("CREATE TABLE jobs.mine ()", id="a table of its own"),
        pytest.param(
            "CREATE FUNCTION jobs.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''",
            id="a function of its own",
        ),
    ],
)
def test_the_app_has_in_the_queue_what_a_worker_needs_and_no_more(wiring: Wiring, statement: str) -> None:
    with wiring.engine.begin() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text(statement))


def test_nobody_else_has_anything_in_the_queue(database: Database) -> None:
    eraser = open_engine(database.eraser_url)
    with eraser.connect() as connection, pytest.raises(DBAPIError, match="permission denied for schema jobs"):
        connection.execute(text("SELECT FROM jobs.procrastinate_jobs"))
    eraser.dispose()


def test_the_library_lies_in_its_own_schema_and_nothing_else_does(wiring: Wiring) -> None:
    """Whatever it brings along would otherwise stand among families' data, or in public."""
    with wiring.engine.connect() as connection:
        strays = connection.execute(
            text(
                "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE (c.relname LIKE '%procrastinate%') <> (n.nspname = 'jobs')"
                " UNION ALL SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
                " WHERE (p.proname LIKE 'procrastinate%') <> (n.nspname = 'jobs')"
            )
        ).all()
    assert [] == strays


def test_faults_of_the_library_are_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """Its errors carry whole tracebacks, arguments of jobs and where the database is."""
    logger = logging.getLogger("tests.procrastinate")
    logger.addHandler(module._FaultsOnly())
    logger.propagate = False
    with capture_logs() as logged:
        logger.error("it failed for Mary Shelleyname", exc_info=ValueError("Mary Shelleyname"))
        logger.error("a job failed", exc_info=module.JobFailedError())
        logger.warning("only a warning")
    expected = {
        "event": "worker.fault",
        "source": "tests.procrastinate",
        "fault": "ValueError",
        "log_level": "error",
    }
    assert [expected] == logged
    assert not caplog.records
