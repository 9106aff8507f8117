"""The worker: what the gateway does without being asked, at its times, once, wherever it runs.

INVARIANTS
- A job is a plain function of the room that owns its rule; here is only when it runs.
- Every job is idempotent and leaves its work in whole transactions: stopping it at any moment does no harm.
- A run that fails is logged by the type of its fault alone, is repeated, and stops nothing else.
- Any number of workers may run: PostgreSQL gives each time of each job to one of them.

Sources: procrastinate 3.10, "periodic tasks" and "retry stalled jobs"; PostgreSQL, LISTEN and NOTIFY only wake.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol

import structlog
from procrastinate import App, PsycopgConnector, RetryStrategy
from sqlalchemy import Connection, text

from gateway.agency.attestation import watch_attestation
from gateway.agency.expiry import watch_expiry
from gateway.bank_holidays import bank_holidays_around
from gateway.consent.reminders import watch_consent
from gateway.database import STATEMENT_TIMEOUT_MS
from gateway.disclosure_log.entry_marking import mark_log
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.tending import tend_log
from gateway.disclosure_log.witnessing import CRON, collect
from gateway.oauth import replay
from gateway.oauth.certificates import refresh_list
from gateway.oauth.contact import sweep_issued_tokens
from gateway.oauth.keys import sweep_retired_keys
from gateway.oauth.rate_limit import sweep_buckets
from gateway.oauth.repository import sweep_revoked_tokens
from gateway.recall.service import watch_recalls
from gateway.release.watch.service import watch_pulling
from gateway.safeguarding.drafts import take_in
from gateway.sampling.service import draw_due
from gateway.wiring import Wiring

STOP_SECONDS: Final = 2.0
"""How long a running job may go on after the worker was told to stop."""
CONNECT_SECONDS: Final = 5.0
"""How long the queue waits for a connection before the database counts as gone."""
RESTART_SECONDS: Final = 5.0
"""How long to wait before serving the queue again after the database was gone."""
MADE_UP_SECONDS: Final = 3900
"""A time of a job that no worker was there for is made up for this long: a little more than the longest period."""

_SCHEMA: Final = "jobs"
_QUEUE: Final = "gateway"
_RETRY: Final = RetryStrategy(max_attempts=5, wait=60)
_LIBRARIES: Final = ("asyncio", "procrastinate", "psycopg.pool")
_OUTSIDE: Final = App(connector=PsycopgConnector())
"""The queue as callers see it: never opened, it works on the connection it is given."""

_log = structlog.get_logger(__name__)


class Sweeper(Protocol):
    """Deletes what is stale, in the caller's transaction; returns how many rows."""

    def __call__(self, connection: Connection, *, now: datetime) -> int:
        """Delete what is stale at ``now``."""
        ...


SWEEPERS: Final[tuple[Sweeper, ...]] = (
    replay.sweep,
    sweep_buckets,
    sweep_issued_tokens,
    sweep_retired_keys,
    sweep_revoked_tokens,
)
"""What ``sweep`` runs, each in a transaction of its own."""


def sweep(wiring: Wiring, now: datetime) -> int:
    """Delete everything that is stale; return how many rows."""
    swept = 0
    for sweeper in SWEEPERS:
        with wiring.engine.begin() as connection:
            swept += sweeper(connection, now=now)
    return swept


@dataclass(frozen=True, slots=True)
class Job:
    """One thing the worker does.

    Attributes:
        cron: when, in UTC: minute, hour, day of the month, month, day of the week; a sixth field: seconds.
        run: takes the wiring and the database's time, and what it was enqueued with; returns a count to be logged.
    """

    name: str
    cron: str
    run: Callable[..., int]


JOBS: Final = (
    Job("watch_pulling", "*/5 * * * *", partial(watch_pulling, bank_holidays=bank_holidays_around)),
    Job("watch_attestation", "0 * * * *", watch_attestation),
    Job("watch_expiry", "0 * * * *", watch_expiry),
    Job("watch_consent", "0 * * * *", watch_consent),
    Job("watch_recalls", "0 * * * *", watch_recalls),
    Job("draw_samples", "20 * * * *", draw_due),
    Job("take_in_notes", "* * * * *", take_in),
    Job("refresh_list", "30 * * * *", refresh_list),
    Job("sweep", "*/10 * * * *", sweep),
    Job("mark_log", "* * * * *", mark_log),
    Job("tend_log", "* * * * *", tend_log),
    Job("collect_cosignatures", CRON, collect),
)
"""Everything that runs at its times, in the order in which ``gateway worker --once`` runs it."""


@dataclass(slots=True)
class Run:
    """One run of a job.

    Attributes:
        count: what the job returned; 0 if it failed.
        fault: name of the type of what ended it; absent: it came to its end.
    """

    job: str
    count: int = 0
    fault: str | None = None
    seconds: float = 0.0


class JobFailedError(Exception):
    """A run failed; it was logged. Tells the queue to repeat it, and carries nothing of the fault."""


def run_job(wiring: Wiring, job: Job, **arguments: Any) -> Run:
    """Run one job now, to its end or its fault; a fault is a part of the answer."""
    run = Run(job.name)
    started = time.monotonic()
    with _Fault() as fault:
        with wiring.engine.connect() as connection:
            now = database_now(connection)
        run.count = job.run(wiring, now, **arguments)
    run.fault, run.seconds = fault.type_name, round(time.monotonic() - started, 3)
    return run


def run_once(wiring: Wiring, jobs: Sequence[Job] = JOBS) -> Iterator[Run]:
    """Run every job once, in order; one that fails keeps none from running."""
    for job in jobs:
        yield run_job(wiring, job)


def run_worker(wiring: Wiring, jobs: Sequence[Job] = JOBS) -> None:
    """Run the jobs at their times until SIGTERM or SIGINT; a job that does not end in time is cut off then.

    A database that is gone is waited for.
    """
    silence_libraries()
    asyncio.run(_serve(queue_of(wiring, jobs)))


def enqueue(connection: Connection, name: str, **arguments: str | int) -> int:
    """Ask for one run of a job soon, in the caller's transaction; return its number in the queue.

    Args:
        connection: in a transaction: with its commit the job is there, with its rollback it never was.
        name: of one of ``JOBS``.
        arguments: codes and ids for the job; they stand readable in the queue until the run is over.

    Raises: KeyError, there is no such job.
    """
    job = {each.name: each for each in JOBS}[name]
    # The library's statements find its functions by search_path; everything of ours names its schema.
    before = connection.execute(text("SELECT current_setting('search_path')")).scalar_one()
    _set_search_path(connection, _SCHEMA)
    deferrer = _OUTSIDE.configure_task(
        job.name, queue=_QUEUE, connection=connection.connection.driver_connection
    )
    number = deferrer.defer(**arguments)
    _set_search_path(connection, before)
    return number


def queue_of(wiring: Wiring, jobs: Sequence[Job] = JOBS) -> App:
    """Return the queue as a worker serves it, connected as the app role when it is opened."""
    app = App(
        connector=PsycopgConnector(
            conninfo=wiring.settings.database_url,
            kwargs={
                "options": f"-c search_path={_SCHEMA} -c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}",
                "application_name": "early-help-gateway worker",
            },
            min_size=1,
            max_size=4,
            timeout=CONNECT_SECONDS,
        ),
        worker_defaults={
            "install_signal_handlers": False,
            "shutdown_graceful_timeout": STOP_SECONDS,
            "delete_jobs": "always",
        },
        periodic_defaults={"max_delay": MADE_UP_SECONDS},
    )
    for job in jobs:
        _register(app, wiring, job)
    _register_rescue(app)
    return app


def _register(app: App, wiring: Wiring, job: Job) -> None:
    @app.periodic(cron=job.cron)
    @app.task(name=job.name, queue=_QUEUE, retry=_RETRY)
    def run(timestamp: int | None = None, **arguments: Any) -> None:
        done = run_job(wiring, job, **arguments)
        slot = None if timestamp is None else datetime.fromtimestamp(timestamp, UTC).isoformat()
        level = _log.info if done.fault is None else _log.error
        level("worker.run", job=job.name, slot=slot, count=done.count, fault=done.fault, seconds=done.seconds)
        if done.fault is not None:
            raise JobFailedError


def _register_rescue(app: App) -> None:
    @app.periodic(cron="*/5 * * * *")
    @app.task(name="rescue", queue=_QUEUE)
    async def rescue(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is told its time
        """Give jobs of workers that died in the middle to those that live."""
        for stalled in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(stalled)


async def _serve(app: App) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        working = asyncio.create_task(_work(app))
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            fault = working.exception()
            _log.error("worker.interrupted", fault=None if fault is None else type(fault).__name__)
            await asyncio.wait({stopping}, timeout=RESTART_SECONDS)
        else:
            loop.call_later(STOP_SECONDS, _cut_off)
            working.cancel()
            await asyncio.wait({working})
    _log.info("worker.stopped")


def _cut_off() -> None:
    """End the process: a job in a thread cannot be ended otherwise. The database takes back what it was at."""
    _log.warning("worker.cut_off")
    os._exit(0)


async def _work(app: App) -> None:
    """Serve the queue until cancelled; returns or raises when the database is gone."""
    async with app.open_async():
        await app.run_worker_async()


def _set_search_path(connection: Connection, value: str) -> None:
    connection.execute(text("SELECT set_config('search_path', :value, true)"), {"value": value})


def silence_libraries() -> None:
    """Let the libraries' own words not reach the output: they write out arguments and where the database is."""
    for name in _LIBRARIES:
        logging.getLogger(name).addHandler(_FaultsOnly())


class _FaultsOnly(logging.Handler):
    """Logs that a library had a fault, by its type alone."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log errors other than failed runs, which logged themselves."""
        kind = record.exc_info[0] if record.exc_info else None
        if record.levelno >= logging.ERROR and kind is not JobFailedError:
            _log.error("worker.fault", source=record.name, fault=None if kind is None else kind.__name__)


class _Fault(contextlib.AbstractContextManager["_Fault"]):
    """The last handler of a run: whatever ends the block is kept by the name of its type, and goes no further."""

    type_name: str | None = None

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        self.type_name = kind.__name__
        return True
