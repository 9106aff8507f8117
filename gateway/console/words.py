"""The words that pages use for codes. Pure.

INVARIANT: every kind of task and every role has words; a new one without any is a fault that a test finds.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Final

from consent_registry.birthdays import LONDON
from gateway.staff.model import Method
from gateway.tasks.model import TaskKind

_NOON: Final = 12

TASK_WORDS: Final[Mapping[TaskKind, str]] = MappingProxyType(
    {
        TaskKind.AGREEMENT_EXPIRING: "Sharing agreements that end soon",
        TaskKind.ATTESTATION_DUE: "Agencies that have to confirm their list of practitioners",
        TaskKind.ATTESTATION_OVERDUE: "Agencies that did not confirm their list of practitioners",
        TaskKind.CERTIFICATE_EXPIRING: "Certificates that end soon",
        TaskKind.CONSENT_DISPUTE: "Parents who disagree",
        TaskKind.CONSENT_EXPIRING: "Agreements of families that end soon",
        TaskKind.CONSENT_FOLLOW_UP: "Agreements by word of mouth to confirm in writing",
        TaskKind.CONSENT_GIVING: "Unusually many agreements from one system",
        TaskKind.CONSENT_HELD: "Stops that nobody could make out",
        TaskKind.CONSENT_INVALIDATED: "Agreements that were found invalid",
        TaskKind.CONSENT_LAPSING: "Young people who turn 16 or 18 and have to be asked",
        TaskKind.CONSENT_NOT_ALONE: "People who were not alone and safe when they were asked",
        TaskKind.CONSENT_NOTED: "Objections that changed nothing",
        TaskKind.CONSENT_RECONSENT: "Families to ask again, because a profile became wider",
        TaskKind.CONSENT_RECORDER: "Stops recorded by somebody unknown",
        TaskKind.CONSENT_REPORTS: "Unusually many withdrawals reported by one agency",
        TaskKind.CONSENT_STOPPED: "Families who stopped sharing",
        TaskKind.LOG_FORKED: "The disclosure log shows two histories",
        TaskKind.LOG_PROMISE_BROKEN: "The disclosure log broke a promise",
        TaskKind.LOG_ROLLED_BACK: "The disclosure log is shorter than it was",
        TaskKind.PULLING_FAMILY: "One family asked for unusually often",
        TaskKind.PULLING_HOURS: "Extracts pulled outside working hours",
        TaskKind.PULLING_VOLUME: "Unusually many requests by one practitioner",
        TaskKind.RECALL_FAILED: "Copies that could not be called back",
        TaskKind.RECALL_NOT_RECEIVED: "Agencies that say they never had a copy",
        TaskKind.RECALL_OVERDUE: "Agencies that did not answer a recall",
    }
)
"""A worklist, as its heading."""

METHOD_WORDS: Final[Mapping[Method, str]] = MappingProxyType(
    {Method.DEMO: "one click, in the demo", Method.PASSKEY: "passkey"}
)


def instant(at: datetime) -> str:
    """An instant in London as it is said: "4 June 2025 at 9:30am"."""
    local = at.astimezone(LONDON)
    half = "am" if local.hour < _NOON else "pm"
    return f"{local.day} {local:%B %Y} at {local.hour % _NOON or _NOON}:{local:%M}{half}"


def due(at: datetime) -> str:
    """When something has to be done: an instant, and for midnight the end of the day before it."""
    local = at.astimezone(LONDON)
    if local.time() != time():
        return instant(at)
    last = local.date() - timedelta(days=1)
    return f"the end of {last.day} {last:%B %Y}"
