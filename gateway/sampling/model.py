"""Samples of past accesses as values: when one is drawn, what is drawn, and how late its answers are. Pure.

INVARIANTS
- Whoever knows the seed and the population draws the same sample; no release is likelier than another.
- A release that is gone takes no other out of the sample and changes no other's place in the order.
- How late an answer is follows from the row and the day: no job has to have run.

Sources: UK GDPR Art. 5(2), 24 and 32(1)(d): regularly testing and evaluating what is to ensure security.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

SEED_BYTES: Final = 32
LARGEST: Final = 50
"""Releases of one sample."""
LONGEST: Final = 366
"""Days that a sample drawn by hand may reach back."""
_YEAR: Final = 12
_INDEX_BYTES: Final = 8


class Answer(StrEnum):
    """Was it for the purpose named, by that practitioner, and still needed?"""

    CANNOT_TELL = "cannot_tell"
    NO = "no"
    YES = "yes"


class Channel(StrEnum):
    """How the agency answered."""

    DESK = "desk"
    EMAIL = "email"
    LETTER = "letter"
    MEETING = "meeting"
    TELEPHONE = "telephone"


class Outcome(StrEnum):
    """What came of a no."""

    EXPLAINED = "explained"
    INCIDENT = "incident"
    PUT_RIGHT = "put_right"


class State(StrEnum):
    """How far a question is."""

    ANSWERED = "answered"
    ASKED = "asked"
    ESCALATED = "escalated"
    """The agency was reminded, and is silent still."""
    REMINDED = "reminded"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, the last not included."""

    first: date
    end: date


@dataclass(frozen=True, slots=True)
class Clock:
    """Until when an answer is awaited.

    Attributes:
        due_on: the last day for an answer.
        escalate_on: the first day on which silence is the officer's.
    """

    due_on: date
    escalate_on: date

    def state(self, *, today: date) -> State:
        """How far a question is that nobody answered."""
        if today >= self.escalate_on:
            return State.ESCALATED
        return State.REMINDED if today > self.due_on else State.ASKED


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn of one agency's accesses, and from how many.

    Attributes:
        since, until: aware instants, the last not included.
        wanted: how many accesses were to be drawn.
        population: how many there were.
        log_size: of the log then; what came later was not drawn from.
        drawn_by: a username or a job, as in the log.
    """

    id: UUID
    agency: str
    since: datetime
    until: datetime
    wanted: int
    population: int
    log_size: int
    seed: bytes
    drawn_by: str
    drawn_at: datetime
    clock: Clock


@dataclass(frozen=True, slots=True)
class Told:
    """What an agency said otherwise than at its desk.

    Attributes:
        by: who said it, in words; sealed where it is kept.
        on: the day of the letter.
    """

    by: str
    channel: Channel
    on: date


@dataclass(frozen=True, slots=True)
class Access:
    """One release that an agency is asked about, by what it may know of it: what its own receipt says.

    Attributes:
        family_id: our own id, for nobody but who looks whether the family is there for them.
        case_ref: the agency's own reference; absent, with practitioner and purpose: the entry does not open any more.
        answered_by: username.
        told: who said it and how; absent: it was answered at the desk, or not at all.
        outcome: what came of a no.
    """

    id: UUID
    sample: Sample
    family_id: UUID
    leaf_index: int
    minute: datetime
    case_ref: UUID | None
    practitioner: str
    purpose: str
    answer: Answer | None = None
    answered_by: str = ""
    answered_at: datetime | None = None
    told: Told | None = None
    outcome: Outcome | None = None

    @property
    def is_open(self) -> bool:
        """True for a no that nobody has settled."""
        return self.answer is Answer.NO and self.outcome is None

    def state(self, *, today: date) -> State:
        """How far the question is."""
        return self.sample.clock.state(today=today) if self.answer is None else State.ANSWERED


def clock_of(today: date, *, answer_days: int, escalate_days: int) -> Clock:
    """Return the clock of a sample that is drawn today: so many days to answer, and so many more until escalation."""
    due_on = today + timedelta(days=answer_days)
    return Clock(due_on, due_on + timedelta(days=escalate_days))


def period_due(today: date, *, day: int, months: int) -> Period:
    """Return the newest period whose sample is due: whole months, drawn from this day of the month after them on.

    Args:
        day: of the month, 1 to 28.
        months: a divisor of 12; the periods of a year begin with January.
    """
    drawn = today.year * _YEAR + today.month - 1 - (today.day < day)
    end = drawn - drawn % months
    return Period(_first_of(end - months), _first_of(end))


def in_order(places: Iterable[int], seed: bytes) -> list[int]:
    """Return leaf indexes in the order in which this seed draws them.

    Each has a number of its own, SHA-256(seed || index as 8 bytes, big-endian), the smallest first: taking others away
    changes nothing between those that are left.
    """
    return sorted(
        places, key=lambda place: hashlib.sha256(seed + place.to_bytes(_INDEX_BYTES, "big")).digest()
    )


def _first_of(month: int) -> date:
    """The first day of a month, counted from the beginning of the calendar."""
    return date(month // _YEAR, month % _YEAR + 1, 1)
