"""Watching that agencies confirm their lists of practitioners, and ending the tasks when they did.

INVARIANTS
- Nothing here refuses anybody: a list that lapsed is no longer believed, whether a task was raised or not.
- A task says codes and days, no name.

Source: Caldicott Principles 4 and 5 (need to know, awareness of duties).
"""

from datetime import datetime

from sqlalchemy import Connection

from agencies import repository
from agencies.model import AgencyCode
from agencies.register import AttestationState, PractitionerPolicy, attestation_due, attestation_state
from consent_registry.birthdays import LONDON, midnight
from gateway.settings import Settings
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish, open_tasks, raise_task
from gateway.wiring import Wiring

KIND_OF = {
    AttestationState.DUE: TaskKind.ATTESTATION_DUE,
    AttestationState.LAPSED: TaskKind.ATTESTATION_OVERDUE,
}
"""The task that a state calls for; a current list calls for none."""


def watch_attestation(wiring: Wiring, now: datetime) -> int:
    """Raise a task for every active agency whose registered list is due or lapsed; return how many are new.

    A task is due at the instant at which the list lapses, or now where it was never confirmed; one that is still
    open is not raised again.

    Args:
        now: aware instant.
    """
    raised = 0
    with wiring.engine.begin() as connection:
        for agency in repository.active_agencies(connection):
            if agency.practitioner_policy is PractitionerPolicy.REGISTERED:
                raised += _watch(connection, agency.code, settings=wiring.settings, now=now)
    return raised


def finish_attestation_tasks(connection: Connection, code: AgencyCode, *, actor: str, now: datetime) -> None:
    """End every open task that asks for the confirmation that ``code`` has now given."""
    for task in open_tasks(connection):
        if task.about == code and task.kind in KIND_OF.values():
            finish(connection, task.id, actor=actor, now=now)


def _watch(connection: Connection, code: AgencyCode, *, settings: Settings, now: datetime) -> bool:
    last = repository.last_attested_on(connection, code)
    days, grace = settings.attestation_days, settings.attestation_grace_days
    state = attestation_state(last, today=now.astimezone(LONDON).date(), days=days, grace=grace)
    if state is AttestationState.CURRENT:
        return False
    due, facts = now, {}
    if last is not None:
        lapses = attestation_due(last, days=days + grace)
        due = midnight(lapses)
        facts = {"attested_on": last.isoformat(), "lapses_on": lapses.isoformat()}
    return raise_task(connection, kind=KIND_OF[state], due=due, about=code, facts=facts)
