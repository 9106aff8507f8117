"""Reads and writes of tasks; each works in the caller's transaction and commits nothing.

INVARIANTS
- A task is there exactly if the change that called for it is.
- The database keeps a task from being raised twice, also by two transactions at once.
- A task outlives the family it is about, but not its way to it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.tasks.model import Audience, Facts, Task, TaskKind, check_codes, kinds_for
from gateway.tasks.tables import TASK


def raise_task(
    connection: Connection,
    *,
    kind: TaskKind,
    due: datetime,
    about: str = "",
    ref: UUID | None = None,
    facts: Facts | None = None,
    occasion: str = "",
) -> bool:
    """Give somebody something to look at; return whether that is new.

    Args:
        due: aware instant.
        about: a code (agency, client, thumbprint), never anything personal.
        ref: erasable id of a family or such. Whoever gives one keeps it from being erased until the commit: by a
            lock on a row that the erasure deletes, for example.
        facts: codes and counts; a practitioner's id may stand here and nowhere else.
        occasion: a code of something that happens once (a day, a threshold). With one, the task is raised once and
            never again, even when it is done; without, not while one of the same kind, about and ref is open.

    Raises: ValueError, a part is not made of codes.
    """
    check_codes(about=about, occasion=occasion, facts=facts or {})
    stored = connection.execute(
        insert(TASK)
        .values(kind=kind, about=about, occasion=occasion, ref=ref, facts=dict(facts or {}), due=due)
        .on_conflict_do_nothing()
        .returning(TASK.c.task_id)
    )
    return stored.one_or_none() is not None


def open_tasks(connection: Connection, *, audience: Audience | None = None) -> Sequence[Task]:
    """Return what waits, first what is due first.

    Args:
        audience: only this role's; absent: everyone's.
    """
    query = select(TASK).where(TASK.c.done_at.is_(None)).order_by(TASK.c.due, TASK.c.task_id)
    if audience is not None:
        query = query.where(TASK.c.kind.in_(sorted(kinds_for(audience))))
    return [_task(row) for row in connection.execute(query)]


def finish(connection: Connection, task_id: int, *, actor: str, now: datetime) -> bool:
    """Say that a task is done, and by whom; return whether it was open.

    Args:
        actor: a staff username or a command, as in the log.
        now: aware instant.
    """
    done = connection.execute(
        update(TASK)
        .where(TASK.c.task_id == task_id, TASK.c.done_at.is_(None))
        .values(done_at=now, done_by=actor)
    )
    return done.rowcount == 1


def finish_about(
    connection: Connection, ref: UUID, *, kinds: Collection[TaskKind], actor: str, now: datetime
) -> None:
    """Say that every open task of these kinds about ``ref`` is done, and by whom.

    Args:
        actor: a staff username or a command, as in the log.
        now: aware instant.
    """
    connection.execute(
        update(TASK)
        .where(TASK.c.ref == ref, TASK.c.kind.in_(sorted(kinds)), TASK.c.done_at.is_(None))
        .values(done_at=now, done_by=actor)
    )


def forget_ref(connection: Connection, ref: UUID) -> None:
    """Take from every task about ``ref`` what leads to it; the tasks themselves stay.

    Runs as the role ``gateway_eraser``, after the rows of whatever is erased were deleted: tasks of transactions
    that held those rows are then there to be seen.
    """
    connection.execute(
        update(TASK).where(TASK.c.ref == ref).values(ref=None, facts={}, occasion="", forgotten=True)
    )


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.task_id,
        kind=TaskKind(row.kind),
        about=row.about,
        ref=row.ref,
        facts=row.facts,
        due=row.due,
        raised_at=row.raised_at,
        done_by=row.done_by,
        occasion=row.occasion,
    )
