"""``gateway task``: what waits for somebody, and that it was done."""

from datetime import UTC, datetime
from typing import Final

import click

from consent_registry.birthdays import LONDON
from gateway.commands import command_actor, command_wiring
from gateway.tasks.model import Audience
from gateway.tasks.repository import finish, open_tasks

_LARGEST_ID: Final = 2**63 - 1  # of a bigint


@click.group(name="task")
def task() -> None:
    """What members of staff should look at."""


@task.command(name="list")
@click.option("--role", type=click.Choice([str(each) for each in Audience]), help="Only this role's tasks.")
def list_tasks(role: str | None) -> None:
    """Print what waits, first what is due first: number, due day, kind, about, ref and facts, separated by tabs."""
    audience = None if role is None else Audience(role)
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        waiting = open_tasks(connection, audience=audience)
    for one in waiting:
        facts = " ".join(f"{name}={value}" for name, value in sorted(one.facts.items()))
        day = one.due.astimezone(LONDON).date()
        click.echo(f"{one.id}\t{day}\t{one.kind}\t{one.about}\t{one.ref or ''}\t{facts}")


@task.command(name="done")
@click.argument("task_id", metavar="ID", type=click.IntRange(1, _LARGEST_ID))
def finish_task(task_id: int) -> None:
    """Say that the task ID is done."""
    with command_wiring() as wiring, wiring.engine.begin() as connection:
        done = finish(connection, task_id, actor=command_actor(), now=datetime.now(UTC))
    if not done:
        raise click.ClickException("There is no such open task.")
    click.echo("Done.")
