"""What follows from a decision: who has to look, who has to be told, what is called back.

INVARIANTS
- It is written in the decision's own transaction, and nothing here can keep an act that closes from being recorded.
- A yes to less than before is a stop of the rest: its copies are called back as well.
- A task holds codes and the family's erasable id, never a word of what was said.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from consent_registry import repository as registry
from consent_registry.birthdays import LONDON, midnight
from consent_registry.model import ALL, Act, Authority, Scope
from consent_registry.schemas import DecisionRequest
from consent_registry.service import Effect, Recorded
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import add_working_days
from gateway.disclosure_log.service import Change
from gateway.recall.service import after_closing
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

REPORTS_A_DAY: Final = 5
"""A client that reports more withdrawals than this on one day is looked at; it is never stopped."""
WEEKS: Final = 4
"""The weeks before the last seven days whose mean is a client's norm of giving."""
TIMES_THE_NORM: Final = 3
FEW: Final = 10
"""Fewer yeses in a week than this alert nobody, whatever the norm is."""
COMMAND: Final = "cli:"
"""What the names of commands begin with, among the names of actors."""
VERBAL: Final = frozenset({"recorded_verbal", "verbal"})
"""The methods of asking that are followed up in writing."""

_ONE_EACH: Final = frozenset(
    {
        TaskKind.CONSENT_DISPUTE,
        TaskKind.CONSENT_FOLLOW_UP,
        TaskKind.CONSENT_INVALIDATED,
        TaskKind.CONSENT_NOT_ALONE,
        TaskKind.CONSENT_NOTED,
    }
)
"""What has to be done for each decision; of everything else one open task leads to the whole family."""
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Followed:
    """A decision that was recorded just now.

    Attributes:
        recorder_known: somebody vouches for whoever recorded it.
        actor: the client or command that sent it.
        partner: it came from a partner.
    """

    request: DecisionRequest
    recorded: Recorded
    scope: Scope
    family_id: UUID
    person_id: UUID
    authority: Authority
    recorder_known: bool
    actor: str
    partner: bool
    now: datetime

    @property
    def today(self) -> date:
        """The day in London."""
        return self.now.astimezone(LONDON).date()

    @property
    def tonight(self) -> datetime:
        """The end of the day in London: when a same-day task is due."""
        return midnight(self.today + _DAY)


def follow_up(wiring: Wiring, change: Change, followed: Followed) -> list[UUID]:
    """Raise the tasks of one decision, and call back what was shared on what it closed; return the recalls."""
    if followed.request.act.opens:
        _after_a_yes(wiring, change, followed)
        return _called_back(wiring, change, followed, Scope(agencies=followed.recorded.narrowed))
    # What was said is what counts: a task that cannot be raised must not leave the data open.
    with suppress(SQLAlchemyError, ValueError), change.connection.begin_nested():
        _after_a_stop(change, followed)
    if followed.recorded.effect is Effect.NOTED:
        return []
    disputed = followed.recorded.effect is Effect.DISPUTED
    return _called_back(wiring, change, followed, Scope(agencies=ALL) if disputed else followed.scope)


def _called_back(wiring: Wiring, change: Change, followed: Followed, scope: Scope) -> list[UUID]:
    """Call back what rests on this person's decisions; nothing where no agency is named."""
    if not scope.agencies:
        return []
    return after_closing(
        wiring, change, family_id=followed.family_id, people=[followed.person_id], scope=scope
    )


def _after_a_yes(wiring: Wiring, change: Change, followed: Followed) -> None:
    request = followed.request
    if request.alone_and_safe == "no":
        _raise(change, followed, TaskKind.CONSENT_NOT_ALONE)
    if request.method in VERBAL:
        due = add_working_days(
            followed.today,
            wiring.settings.follow_up_days,
            holidays=bank_holidays_around(followed.today),
        )
        _raise(change, followed, TaskKind.CONSENT_FOLLOW_UP, due=midnight(due + _DAY))
    if followed.actor.startswith(COMMAND):  # no command gives but the demo's
        return
    count = _sent(change, followed, act=Act.GIVE, since=followed.now - _WEEK)
    earlier = _sent(
        change,
        followed,
        act=Act.GIVE,
        since=followed.now - (WEEKS + 1) * _WEEK,
        until=followed.now - _WEEK,
    )
    if count >= FEW and count * WEEKS > TIMES_THE_NORM * earlier:
        year, week, _ = followed.today.isocalendar()
        _raise_about_client(change, followed, TaskKind.CONSENT_GIVING, occasion=f"{year}-W{week}")


def _after_a_stop(change: Change, followed: Followed) -> None:
    effect, request = followed.recorded.effect, followed.request
    if effect is Effect.NOTED:
        _raise(change, followed, TaskKind.CONSENT_NOTED)
    elif effect is Effect.DISPUTED:
        _raise(change, followed, TaskKind.CONSENT_DISPUTE)
    elif effect is Effect.HELD and (followed.authority is Authority.UNKNOWN or request.faults):
        _raise(change, followed, TaskKind.CONSENT_HELD)
    elif effect is Effect.CLOSED:
        _raise(change, followed, TaskKind.CONSENT_STOPPED)
    if request.act is Act.INVALIDATE:
        _raise(change, followed, TaskKind.CONSENT_INVALIDATED)
    if not followed.recorder_known:
        _raise(change, followed, TaskKind.CONSENT_RECORDER)
    if followed.partner:
        today = midnight(followed.today)
        if _sent(change, followed, act=None, since=today) > REPORTS_A_DAY:
            occasion = followed.today.isoformat()
            _raise_about_client(change, followed, TaskKind.CONSENT_REPORTS, occasion=occasion)


def _sent(
    change: Change, followed: Followed, *, act: Act | None, since: datetime, until: datetime | None = None
) -> int:
    """How many decisions this client sent in a time, this one included."""
    ends = until or followed.now + _DAY
    return registry.count_sent(change.connection, via=followed.actor, act=act, since=since, until=ends)


def _raise(change: Change, followed: Followed, kind: TaskKind, *, due: datetime | None = None) -> None:
    decision = str(followed.recorded.decision_id)
    raise_task(
        change.connection,
        kind=kind,
        due=due or followed.tonight,
        ref=followed.family_id,
        facts={"act": followed.request.act.value, "decision": decision},
        occasion=decision if kind in _ONE_EACH else "",
    )


def _raise_about_client(change: Change, followed: Followed, kind: TaskKind, *, occasion: str) -> None:
    """Raise a task about a client: for the officer's eyes, and nothing is stopped by it."""
    raise_task(change.connection, kind=kind, due=followed.tonight, about=followed.actor, occasion=occasion)
