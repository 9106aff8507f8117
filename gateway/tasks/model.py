"""What can become a task, and whose task it is. Pure.

INVARIANTS
- A kind that is not listed cannot be raised, and every kind is for exactly one role.
- What a task says without an erasable id are codes, counts and dates: a value of any other form is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

Facts: TypeAlias = Mapping[str, str | int]
"""What helps whoever does the task: codes and counts, and practitioners' ids, which are their agency's own."""

_NAME: Final = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9._@:-]{0,128}", re.ASCII)


class TaskKind(StrEnum):
    """Every kind of task: ``noun.verb``, in alphabetical order."""

    AGREEMENT_EXPIRING = "agreement.expiring"
    APPROVAL_WAITING = "approval.waiting"
    ATTESTATION_DUE = "attestation.due"
    ATTESTATION_OVERDUE = "attestation.overdue"
    CASE_OPENED = "case.opened"
    CERTIFICATE_EXPIRING = "certificate.expiring"
    CONSENT_DISPUTE = "consent.dispute"
    CONSENT_EXPIRING = "consent.expiring"
    CONSENT_FOLLOW_UP = "consent.follow_up"
    CONSENT_GIVING = "consent.giving"
    CONSENT_HELD = "consent.held"
    CONSENT_INVALIDATED = "consent.invalidated"
    CONSENT_LAPSING = "consent.lapsing"
    CONSENT_NOT_ALONE = "consent.not_alone"
    CONSENT_NOTED = "consent.noted"
    CONSENT_RECONSENT = "consent.reconsent"
    CONSENT_RECORDER = "consent.recorder"
    CONSENT_REPORTS = "consent.reports"
    CONSENT_STOPPED = "consent.stopped"
    EMERGENCY_NOTE = "emergency.note"
    KEY_EXPIRING = "key.expiring"
    LOG_FORKED = "log.forked"
    LOG_PROMISE_BROKEN = "log.promise_broken"
    LOG_ROLLED_BACK = "log.rolled_back"
    PULLING_FAMILY = "pulling.family"
    PULLING_HOURS = "pulling.hours"
    PULLING_VOLUME = "pulling.volume"
    RECALL_FAILED = "recall.failed"
    RECALL_NOT_RECEIVED = "recall.not_received"
    RECALL_OVERDUE = "recall.overdue"
    RELEASE_KEPT_BACK = "release.kept_back"
    STAFF_BREAK_GLASS = "staff.break_glass"


class Audience(StrEnum):
    """The roles of staff that tasks are for, as the register of staff names them."""

    AUDITOR = "auditor"
    CASEWORKER = "caseworker"
    DATA_PROTECTION_OFFICER = "data protection officer"
    MANAGER = "manager"
    OPERATOR = "operator"
    PANEL_COORDINATOR = "panel coordinator"
    SAFEGUARDING_LEAD = "safeguarding lead"
    SECOND_APPROVER = "second approver"


AUDIENCE_OF: Final[Mapping[TaskKind, Audience]] = MappingProxyType(
    {
        TaskKind.AGREEMENT_EXPIRING: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.APPROVAL_WAITING: Audience.SECOND_APPROVER,
        TaskKind.ATTESTATION_DUE: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.ATTESTATION_OVERDUE: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.CASE_OPENED: Audience.MANAGER,
        TaskKind.CERTIFICATE_EXPIRING: Audience.OPERATOR,
        TaskKind.CONSENT_DISPUTE: Audience.MANAGER,
        TaskKind.CONSENT_EXPIRING: Audience.CASEWORKER,
        TaskKind.CONSENT_FOLLOW_UP: Audience.CASEWORKER,
        TaskKind.CONSENT_GIVING: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.CONSENT_HELD: Audience.MANAGER,
        TaskKind.CONSENT_INVALIDATED: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.CONSENT_LAPSING: Audience.CASEWORKER,
        TaskKind.CONSENT_NOT_ALONE: Audience.SAFEGUARDING_LEAD,
        TaskKind.CONSENT_NOTED: Audience.CASEWORKER,
        TaskKind.CONSENT_RECONSENT: Audience.CASEWORKER,
        TaskKind.CONSENT_RECORDER: Audience.MANAGER,
        TaskKind.CONSENT_REPORTS: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.CONSENT_STOPPED: Audience.CASEWORKER,
        TaskKind.EMERGENCY_NOTE: Audience.SAFEGUARDING_LEAD,
        TaskKind.KEY_EXPIRING: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.LOG_FORKED: Audience.OPERATOR,
        TaskKind.LOG_PROMISE_BROKEN: Audience.OPERATOR,
        TaskKind.LOG_ROLLED_BACK: Audience.OPERATOR,
        TaskKind.PULLING_FAMILY: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.PULLING_HOURS: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.PULLING_VOLUME: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.RECALL_FAILED: Audience.OPERATOR,
        TaskKind.RECALL_NOT_RECEIVED: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.RECALL_OVERDUE: Audience.DATA_PROTECTION_OFFICER,
        TaskKind.RELEASE_KEPT_BACK: Audience.SAFEGUARDING_LEAD,
        TaskKind.STAFF_BREAK_GLASS: Audience.DATA_PROTECTION_OFFICER,
    }
)
"""Whose task a kind is."""


class TaskState(StrEnum):
    """How far a task is."""

    DONE = "done"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to look at.

    Attributes:
        about: a code: an agency's, a client's, a certificate's thumbprint; empty: nothing in particular.
        ref: erasable id of a family or such; absent: none, or it was erased.
        due: aware instant; tasks are done in this order.
        done_by: who did it, as the log names actors; absent: it is open.
        occasion: what it was raised for, once; empty: nothing in particular.
    """

    id: int
    kind: TaskKind
    about: str
    ref: UUID | None
    facts: Facts
    due: datetime
    raised_at: datetime
    done_by: str | None = None
    occasion: str = ""

    @property
    def audience(self) -> Audience:
        """The role whose task it is."""
        return AUDIENCE_OF[self.kind]

    @property
    def state(self) -> TaskState:
        """Open until somebody did it."""
        return TaskState.OPEN if self.done_by is None else TaskState.DONE


def kinds_for(audience: Audience) -> frozenset[TaskKind]:
    """Return the kinds of task that are this role's."""
    return frozenset(kind for kind, whose in AUDIENCE_OF.items() if whose is audience)


def check_codes(*, about: str, occasion: str, facts: Facts) -> None:
    """Let pass what is made of codes and counts; the fault of whoever raises a task otherwise.

    Raises: ValueError, naming the part, never its value.
    """
    for part, text in (("about", about), ("occasion", occasion)):
        if "@" in text or not _CODE.fullmatch(text):
            raise ValueError(f"{part} is not a code")
    for name, value in facts.items():
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a fact is not a plain word")
        if not isinstance(value, int) and not _CODE.fullmatch(value):
            raise ValueError(f"the fact {name} is neither a code nor a count")
