"""Call back what was shared, take the agencies' answers, and chase what is overdue.

INVARIANTS
- Recalls are written in the transaction of the act that calls for them, and can never keep it from being committed: a
  fault in here leaves the act as it is, and a task.
- An answer is idempotent; once a copy is said to be gone, no other answer is taken.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from certs.errors import CertsError
from consent_registry.birthdays import LONDON, midnight
from consent_registry.model import Scope
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import add_working_days
from gateway.caller import Caller
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import KeyErasedError
from gateway.recall import repository
from gateway.recall.errors import AnswerStandsError, UnknownRecallError
from gateway.recall.model import Answer, Ground, Recall, to_call_back
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

_FAULTS: Final = (CertsError, KeyErasedError, SQLAlchemyError, KeyError, TypeError, ValueError)
_DAY: Final = timedelta(days=1)


def after_closing(
    wiring: Wiring, change: Change, *, family_id: UUID, people: Sequence[UUID], scope: Scope
) -> list[UUID]:
    """Call back what an act that closes leaves no agreement for, inside that act; return the recalls, for its entry.

    True afterwards: the family's case is not ready for any panel; every agency in the scope with a copy that rests on
    these people's decisions, and is neither gone nor called back already, has one recall with all such copies.
    """
    connection = change.connection
    now = database_now(connection)
    try:
        with connection.begin_nested():
            repository.lapse_listings(connection, family_id, now=now)
            called = to_call_back(
                repository.copies_of(connection, wiring.keyring, family_id),
                scope=scope,
                decisions=repository.decisions_of(connection, family_id, people),
                done=repository.called_back_or_gone(connection, family_id),
            )
            today = now.astimezone(LONDON).date()
            due_on = add_working_days(
                today, wiring.settings.recall_days, holidays=bank_holidays_around(today)
            )
            recalls = [
                repository.add_recall(
                    connection, family_id=family_id, agency=agency, extracts=extracts, now=now, due_on=due_on
                )
                for agency, extracts in called.items()
            ]
    except _FAULTS:
        raise_task(connection, kind=TaskKind.RECALL_FAILED, due=now, ref=family_id)
        return []
    return recalls


def answer_recall(
    wiring: Wiring, recall_id: UUID, *, answer: Answer, ground: Ground | None, caller: Caller
) -> Recall:
    """Store what an agency did with its copies.

    Args:
        ground: why it keeps them; for ``retained``, and for nothing else.
    Raises: UnknownRecallError; AnswerStandsError. Nothing was stored.
    """
    agency = caller.agency or ""
    with act(wiring, closes=True) as change:
        held = repository.hold_recall(change.connection, recall_id, agency=agency)
        if held is None:
            raise UnknownRecallError
        recall, family_id = held
        if (recall.answer, recall.ground) == (answer, ground):
            change.nothing_changed()
            return recall
        if recall.answer is not None and recall.answer.ends and not answer.ends:
            raise AnswerStandsError
        now = database_now(change.connection)
        repository.put_answer(change.connection, recall_id, answer=answer, ground=ground, now=now)
        if answer is Answer.NOT_RECEIVED:
            raise_task(
                change.connection,
                kind=TaskKind.RECALL_NOT_RECEIVED,
                due=now,
                about=agency,
                ref=family_id,
                occasion=str(recall_id),
            )
        change.record(
            kind="recall.answer",
            family_id=family_id,
            actor=caller.client_id,
            agency=agency,
            internal={"recall": str(recall_id), "answer": answer.value},
        )
    return replace(recall, answer=answer, ground=ground)


def watch_recalls(wiring: Wiring, now: datetime) -> int:
    """Raise a task, once, for every recall that was not answered by its last day; return how many are new."""
    raised = 0
    with wiring.engine.begin() as connection:
        today = now.astimezone(LONDON).date()
        for row in repository.overdue(connection, today=today):
            raised += raise_task(
                connection,
                kind=TaskKind.RECALL_OVERDUE,
                due=midnight(today + _DAY),
                about=row.agency_code,
                ref=row.family_id,
                occasion=str(row.recall_id),
            )
    return raised
