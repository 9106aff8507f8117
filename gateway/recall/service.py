"""Call back what was shared, take the agencies' answers, and chase what is overdue.

INVARIANTS
- Recalls are written in the transaction of the act that calls for them, and can never keep it from being committed: a
  fault in here leaves the act as it is, and a task.
- One bad copy among many is called back; it never keeps the others from being called back.
- An answer is idempotent; once a copy is said to be gone, no other answer is taken.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from agencies import repository as agencies
from agencies.model import AgencyCode
from certs.errors import CertsError
from consent_registry.birthdays import LONDON, midnight
from consent_registry.model import Scope
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import add_working_days
from gateway.caller import Caller
from gateway.cases import service as cases
from gateway.cases.model import Shield
from gateway.cases.service import ImportReport, Progress
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import KeyErasedError
from gateway.recall import repository
from gateway.recall.errors import AnswerStandsError, UnknownRecallError
from gateway.recall.model import SENSITIVE_KINDS, Answer, Ground, Recall, to_call_back
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

_FAULTS: Final = (
    ArithmeticError,
    AttributeError,
    CertsError,
    KeyErasedError,
    LookupError,
    SQLAlchemyError,
    TypeError,
    ValueError,
)
"""What a damaged stored value, a key or the database can raise; none of it may end the act."""
_DAY: Final = timedelta(days=1)


def after_closing(
    wiring: Wiring, change: Change, *, family_id: UUID, people: Sequence[UUID] | None, scope: Scope
) -> list[UUID]:
    """Call back what an act that closes leaves no agreement for, inside that act; return the recalls, for its entry.

    Args:
        people: whose sharing it closes; absent: everybody's of the family.

    True afterwards: the family's case is not ready for any panel; every agency in the scope with a copy that rests on
    these people's decisions, and is neither gone nor called back already, has one recall with all such copies.
    """
    connection = change.connection
    now = database_now(connection)
    # On its own: a fault in finding the copies must not put the case back on the panel's list.
    with suppress(SQLAlchemyError), connection.begin_nested():
        repository.lapse_listings(connection, family_id, now=now)
    try:
        with connection.begin_nested():
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


def shield(wiring: Wiring, *, family_id: UUID, person_id: UUID, level: Shield, actor: str) -> None:
    """Shield a person as ``gateway.cases.service.shield`` does, and call back every copy of each of their families.

    An address is the household's, whoever agreed to the extract that carries it.
    Raises: UnknownCaseError, the person is not of this family; CaseMovedError.
    """
    cases.shield(
        wiring,
        family_id=family_id,
        person_id=person_id,
        level=level,
        actor=actor,
        after=partial(_call_everything_back, wiring),
    )


def import_cases(
    wiring: Wiring, data: bytes, *, actor: str, progress: Progress | None = None
) -> ImportReport:
    """Import as ``gateway.cases.service.import_cases`` does; who is newly shielded calls copies back as by ``shield``.

    Raises: CaseFileError.
    """
    after = partial(_call_everything_back, wiring)
    return cases.import_cases(wiring, data, actor=actor, progress=progress, after=after)


def _call_everything_back(wiring: Wiring, change: Change, family_id: UUID) -> list[UUID]:
    return after_closing(wiring, change, family_id=family_id, people=None, scope=Scope())


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
        register = agencies.agency(change.connection, AgencyCode(agency))
        change.record(
            kind="recall.answer",
            family_id=family_id,
            actor=caller.client_id,
            agency=agency,
            restricted=register is None or register.kind in SENSITIVE_KINDS,
            internal={
                "recall": str(recall_id),
                "answer": answer.value,
                **({"ground": ground.value} if ground else {}),
                **({"practitioner": caller.practitioner.id} if caller.practitioner else {}),
            },
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
