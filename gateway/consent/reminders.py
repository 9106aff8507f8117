"""Reminding the caseworker in time: an agreement ends by its date, or by a child's birthday.

INVARIANTS
- Nothing here ends or refuses anything: what ended is refused at the next request, whether a worker ran or not.
- A reminder is raised once per agreement and threshold, however often and wherever this runs.
- A task tells no birthday, neither by its text nor by the time at which it was raised or is due: only the month.
- Only people of open cases are watched, and none of them who is listed as a risk.

Source: Family Law Reform Act 1969 s.8 (16); the thresholds are the council's practice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from certs.errors import CertsError
from consent_registry.birthdays import (
    EIGHTEEN,
    LONDON,
    SIXTEEN,
    UNKNOWN_BIRTHDAYS,
    Birthdays,
    birthdays_of,
    midnight,
)
from consent_registry.errors import StoredStandingError
from consent_registry.model import Capacity, Given, Standing
from consent_registry.standing import State, state_of
from gateway.cases.errors import UnreadablePartError
from gateway.cases.sealing import open_births
from gateway.tasks.model import Facts, TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

EXPIRY_NOTICE_DAYS: Final = (30, 7)
"""Days before the end of an agreement at which the caseworker is reminded."""
LAPSE_NOTICE: Final = timedelta(days=30)
"""How long before a birthday the caseworker knows at the latest that the young person has to be asked."""

_RUNNING: Final = frozenset({State.ACTIVE, State.SCHEDULED})

_STANDINGS: Final = text(
    "SELECT s.subject_id, s.family_id, s.body, p.person_id, p.born, k.wrapped, f.wrapped AS family_wrapped"
    " FROM consent_registry.standing s"
    " JOIN consent_registry.subject u ON u.subject_id = s.subject_id"
    " JOIN gateway.case_person p ON p.family_id = u.family_id AND p.person_id = u.person_id"
    " JOIN gateway.case_record c ON c.case_id = p.case_id"
    " JOIN gateway.family_key f ON f.family_id = s.family_id"
    " LEFT JOIN gateway.person_key k ON k.family_id = p.family_id AND k.person_id = p.person_id"
    " WHERE s.body -> 'given' IS NOT NULL AND c.status = 'open' AND NOT p.risk_person"
    " ORDER BY s.subject_id"
)
_HOLD: Final = text("SELECT FROM consent_registry.standing WHERE subject_id = :subject FOR SHARE")


@dataclass(frozen=True, slots=True)
class Reminder:
    """One thing to tell the caseworker.

    Attributes:
        due: aware instant.
        occasion: what makes it happen once.
    """

    kind: TaskKind
    due: datetime
    occasion: str
    facts: Facts


def watch_consent(wiring: Wiring, now: datetime) -> int:
    """Raise the reminders that are due and were not raised before; return how many.

    Args:
        now: the database's, aware.
    Raises: CertsError, StoredStandingError or UnreadablePartError, a stored value is damaged; every other person's
        reminders were raised.
    """
    with wiring.engine.connect() as connection:
        rows: Sequence[Row[Any]] = connection.execute(_STANDINGS).all()
    raised = 0
    damaged: Exception | None = None
    for row in rows:
        try:
            standing = Standing.from_json(row.body)
            birthdays = _birthdays(wiring, row, standing)
        except (CertsError, StoredStandingError, UnreadablePartError) as error:
            damaged = error
            continue
        for reminder in reminders(standing, birthdays, now=now):
            with wiring.engine.begin() as connection:
                raised += _raise(connection, reminder, subject_id=row.subject_id, family_id=row.family_id)
    if damaged is not None:
        raise damaged
    return raised


def reminders(standing: Standing, birthdays: Birthdays, *, now: datetime) -> Iterator[Reminder]:
    """Tell what there is to remind of at ``now``, for one person."""
    given = standing.given
    if given is None or state_of(standing, now=now, birthdays=birthdays) not in _RUNNING:
        return
    left = given.valid_until - now
    days = min((days for days in EXPIRY_NOTICE_DAYS if left <= timedelta(days=days)), default=None)
    if days is not None:
        ends = given.valid_until.astimezone(LONDON).date()
        yield Reminder(
            TaskKind.CONSENT_EXPIRING,
            due=given.valid_until,
            occasion=f"{given.decision_id}:{days}",
            facts={"decision": str(given.decision_id), "ends": ends.isoformat(), "notice": days},
        )
    yield from _lapse(given, birthdays, now=now)


def _lapse(given: Given, birthdays: Birthdays, *, now: datetime) -> Iterator[Reminder]:
    """The birthday on which what a parent agreed ends: by its month, and told in the month's time."""
    if given.capacity is not Capacity.PARENTAL_RESPONSIBILITY:
        return
    birthday, age = birthdays.sixteenth, SIXTEEN
    if birthday is None:
        birthday, age = birthdays.eighteenth, EIGHTEEN
    if birthday is None or birthday >= given.valid_until:
        return
    begins = midnight(birthday.astimezone(LONDON).date().replace(day=1))
    if now >= begins - LAPSE_NOTICE:
        yield Reminder(
            TaskKind.CONSENT_LAPSING,
            due=begins,
            occasion=f"{given.decision_id}:{age}",
            facts={"age": age, "decision": str(given.decision_id)},
        )


def _birthdays(wiring: Wiring, row: Row[Any], standing: Standing) -> Birthdays:
    """The birthdays that count for what stands; nothing is opened of somebody who spoke for themself."""
    given = standing.given
    if given is None or given.capacity is not Capacity.PARENTAL_RESPONSIBILITY:
        return UNKNOWN_BIRTHDAYS
    if row.born is None or row.wrapped is None:
        return UNKNOWN_BIRTHDAYS
    family = wiring.keyring.open_family(row.family_id, row.family_wrapped)
    born = open_births(family, {row.person_id: row.wrapped}, {row.person_id: row.born})
    return birthdays_of(born[row.person_id], lapse_at_sixteen=wiring.settings.lapse_at_sixteen)


def _raise(connection: Connection, reminder: Reminder, *, subject_id: UUID, family_id: UUID) -> bool:
    """Raise one reminder while its standing is there: an erasure waits for the commit."""
    if connection.execute(_HOLD, {"subject": subject_id}).one_or_none() is None:
        return False
    return raise_task(
        connection,
        kind=reminder.kind,
        due=reminder.due,
        ref=family_id,
        facts=reminder.facts,
        occasion=reminder.occasion,
    )
