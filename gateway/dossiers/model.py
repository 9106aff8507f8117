"""Incidents and complaints: the steps that somebody took, and what follows from them and the time alone. Pure.

INVARIANTS
- A dossier is what its steps say: none is ever changed, and the newest of a kind counts.
- What is due follows from the steps alone: nothing has to run for a clock to be there.
- It is closed only when everything that the law asks of it was answered.

Sources: UK GDPR articles 33 (72 hours; the reason for a delay; documentation) and 34; Data Protection Act 2018 section
164A (complaints: 30 days); the Commissioner's guidance on complaints (the day of receipt is not counted; a last day
that is no working day moves to the next).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

from consent_registry.birthdays import midnight
from gateway.calendar import is_working_day

Facts: TypeAlias = Mapping[str, str]
"""Codes, counts, days and instants of a step; several codes of one name stand apart by spaces."""

NOTIFY_WITHIN: Final = timedelta(hours=72)
"""From becoming aware, day and night."""
ACKNOWLEDGE_DAYS: Final = 30
"""Days of the calendar after the day of receipt."""
GIVEN: Final = "given"
"""The fact that names which sealed answers a step has."""
_DAY: Final = timedelta(days=1)


class Sort(StrEnum):
    """What a dossier is of."""

    COMPLAINT = "complaint"
    """By somebody about their own data (Data Protection Act 2018 section 164A)."""
    INCIDENT = "incident"
    """A personal data breach (UK GDPR article 4(12))."""


class StepKind(StrEnum):
    """What somebody did about it."""

    ACKNOWLEDGE = "acknowledge"
    ACT = "act"
    CLOSE = "close"
    COMMISSIONER = "commissioner"
    """The Commissioner was notified, or need not be."""
    DESCRIBE = "describe"
    LINK = "link"
    NOTE = "note"
    OUTCOME = "outcome"
    PEOPLE = "people"
    """Those concerned were told, or need not be."""
    REOPEN = "reopen"
    UNLINK = "unlink"


@dataclass(frozen=True, slots=True)
class Ref:
    """Which dossier: one of another sort has another address, and is not found at this one."""

    sort: Sort
    id: UUID


ASKED: Final[Mapping[Sort, tuple[StepKind, ...]]] = MappingProxyType(
    {
        Sort.COMPLAINT: (
            StepKind.DESCRIBE,
            StepKind.ACKNOWLEDGE,
            StepKind.ACT,
            StepKind.OUTCOME,
            StepKind.NOTE,
        ),
        Sort.INCIDENT: (StepKind.DESCRIBE, StepKind.COMMISSIONER, StepKind.PEOPLE, StepKind.NOTE),
    }
)
"""The steps that have a form while it is open, in their order."""


class Need(StrEnum):
    """What has to be answered before a dossier is closed."""

    ACKNOWLEDGE = "acknowledge"
    ACT = "act"
    COMMISSIONER = "commissioner"
    CONSEQUENCES = "consequences"
    MEASURES = "measures"
    OUTCOME = "outcome"
    PEOPLE = "people"


STEP_FOR: Final[Mapping[Need, StepKind]] = MappingProxyType(
    {
        Need.ACKNOWLEDGE: StepKind.ACKNOWLEDGE,
        Need.ACT: StepKind.ACT,
        Need.COMMISSIONER: StepKind.COMMISSIONER,
        Need.CONSEQUENCES: StepKind.DESCRIBE,
        Need.MEASURES: StepKind.DESCRIBE,
        Need.OUTCOME: StepKind.OUTCOME,
        Need.PEOPLE: StepKind.PEOPLE,
    }
)
"""Which step answers it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody did.

    Attributes:
        at: aware instant of the database's clock.
        by: username.
        texts: sealed answers by name; absent: not read, or erased with the family that they are about.
    """

    id: UUID
    kind: StepKind
    at: datetime
    by: str
    facts: Facts
    texts: Mapping[str, str] | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of its sealed answers."""
        return frozenset(self.facts.get(GIVEN, "").split())


@dataclass(frozen=True, slots=True)
class Dossier:
    """One incident or complaint.

    Attributes:
        family_id: whose complaint it is; absent: of no family that we know, or it was erased.
        steps: the oldest first; the first describes it.
    """

    id: UUID
    sort: Sort
    family_id: UUID | None
    steps: Sequence[Step]

    @property
    def ref(self) -> Ref:
        """Which it is."""
        return Ref(self.sort, self.id)

    def newest(self, kind: StepKind) -> Step | None:
        """The newest step of a kind; absent: nobody took one."""
        return next((step for step in reversed(self.steps) if step.kind is kind), None)

    @property
    def described(self) -> Step:
        """How it is described now."""
        return next(step for step in reversed(self.steps) if step.kind is StepKind.DESCRIBE)

    @property
    def is_open(self) -> bool:
        """True until it is closed, and again once it is opened again."""
        turns = (step.kind for step in reversed(self.steps) if step.kind in {StepKind.CLOSE, StepKind.REOPEN})
        return next(turns, None) is not StepKind.CLOSE

    @property
    def aware_at(self) -> datetime:
        """When the council became aware of an incident."""
        return datetime.fromisoformat(self.described.facts["aware"])

    @property
    def received_on(self) -> date:
        """The day on which a complaint came."""
        return date.fromisoformat(self.described.facts["received"])

    @property
    def since(self) -> datetime:
        """From when on its clock runs."""
        return self.aware_at if self.sort is Sort.INCIDENT else midnight(self.received_on)

    @property
    def incident_id(self) -> UUID | None:
        """The incident that a complaint is about; absent: none."""
        told = self.described.facts.get("incident")
        return None if told is None else UUID(told)

    def linked(self) -> tuple[Step, ...]:
        """The steps by which entries are linked that still are, the oldest first."""
        found: dict[str, Step] = {}
        for step in self.steps:
            if step.kind is StepKind.LINK:
                found[step.facts["entry"]] = step
            elif step.kind is StepKind.UNLINK:
                found.pop(step.facts["entry"], None)
        return tuple(found.values())

    def without(self, entries: frozenset[str]) -> "Dossier":
        """The same, as if some entries had never been linked."""
        kept = [step for step in self.steps if step.facts.get("entry") not in entries]
        return Dossier(self.id, self.sort, self.family_id, tuple(kept))


def needs(dossier: Dossier) -> tuple[Need, ...]:
    """Return what is not answered yet, in the order in which it is asked."""
    given, taken = dossier.described.given, {step.kind for step in dossier.steps}
    if dossier.sort is Sort.INCIDENT and is_unexplained(dossier):
        taken.discard(StepKind.COMMISSIONER)
    wanted = (
        (Need.COMMISSIONER, Need.PEOPLE)
        if dossier.sort is Sort.INCIDENT
        else (Need.ACKNOWLEDGE, Need.ACT, Need.OUTCOME)
    )
    found = [need for need in wanted if STEP_FOR[need] not in taken]
    if Need.ACKNOWLEDGE in found and StepKind.OUTCOME in taken:  # who was told the outcome knows that it came
        found.remove(Need.ACKNOWLEDGE)
    if dossier.sort is Sort.INCIDENT:
        found = [need for need in (Need.CONSEQUENCES, Need.MEASURES) if need.value not in given] + found
    return tuple(found)


def is_unexplained(dossier: Dossier) -> bool:
    """True for an incident of which the Commissioner was notified late, as it is described now, and nobody said why."""
    step = dossier.newest(StepKind.COMMISSIONER)
    told_at = None if step is None else step.facts.get("told_at")
    if step is None or told_at is None or "delay" in step.given:
        return False
    return datetime.fromisoformat(told_at) >= notify_by(dossier.aware_at)


def notify_by(aware_at: datetime) -> datetime:
    """Return the first instant that is too late to notify the Commissioner without saying why (article 33(1))."""
    return aware_at + NOTIFY_WITHIN


def acknowledge_by(received_on: date, *, holidays: frozenset[date]) -> datetime:
    """Return the first instant that is too late to acknowledge a complaint.

    Args:
        holidays: bank holidays of every year that can be reached.
    """
    last = received_on + ACKNOWLEDGE_DAYS * _DAY
    while not is_working_day(last, holidays=holidays):
        last += _DAY
    return midnight(last + _DAY)


def due(dossier: Dossier, *, holidays: frozenset[date]) -> datetime | None:
    """Return the first instant that is too late for what the clock of an open dossier runs for; absent: none runs.

    Args:
        holidays: bank holidays around its first day.
    """
    waits = needs(dossier)
    if not dossier.is_open:
        return None
    if Need.COMMISSIONER in waits:
        return notify_by(dossier.aware_at)
    return acknowledge_by(dossier.received_on, holidays=holidays) if Need.ACKNOWLEDGE in waits else None
