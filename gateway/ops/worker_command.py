"""``gateway worker``: the jobs at their times, or each of them once."""

import sys

import click
import structlog

from gateway.commands import command_wiring


@click.command()
@click.option(
    "--once", is_flag=True, help="Run every job once, in order, and end: for cron and for trying out."
)
def worker(*, once: bool) -> None:
    """Run the periodic jobs until SIGTERM or SIGINT; writes one JSON object per run. Any number may run at once."""
    from gateway.ops.worker import run_once, run_worker  # noqa: PLC0415 -- no other command loads the queue

    with command_wiring() as wiring:
        if not once:
            _log_as_json()
            run_worker(wiring)
            return
        failed = False
        for run in run_once(wiring):
            failed = failed or run.fault is not None
            click.echo(f"{run.job}: {run.count if run.fault is None else f'failed ({run.fault})'}")
    if failed:
        sys.exit(1)


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
    )
