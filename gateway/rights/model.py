"""A statement as values: what happened to one person's information, and how much of it a paper may tell. Pure.

INVARIANTS
- An event is about one person: what happened to somebody else has no place in these values.
- An event that is not told leaves nothing behind: lines are numbered when all of them are known.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from agencies.model import FieldName
from consent_registry.model import Act, Scope
from gateway.recall.model import Answer, Ground

ServiceName: TypeAlias = str


class View(StrEnum):
    """How much a paper tells."""

    ALOUD = "aloud"
    """Safe to read aloud, whoever listens."""
    PLAIN = "plain"
    """Without the services that are themselves a secret: for staff who do not work with the family."""
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Released:
    """A service got an extract with something about the person.

    Attributes:
        fields: of the person alone; absent: its entry does not say.
        article6, article9: the basis that the profile stated; empty: it cannot be read any more.
    """

    agency: str
    fields: frozenset[FieldName] | None
    purpose: str
    article6: str
    article9: str


@dataclass(frozen=True, slots=True)
class Decided:
    """Something was decided about sharing the person's information.

    Attributes:
        noted: it was written down and changed nothing.
        called_back: agencies that were told to stop using what they had.
    """

    act: Act
    scope: Scope
    noted: bool
    called_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """A service said what it did when it was told to stop."""

    agency: str
    answer: Answer
    ground: Ground | None


@dataclass(frozen=True, slots=True)
class Referred:
    """A referral with agreement, which somebody decided to show.

    Attributes:
        destination: its name.
        fields: of the person alone.
    """

    destination: str
    fields: frozenset[FieldName]
    article6: str
    article9: str


What: TypeAlias = Released | Decided | Answered | Referred


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, with the entry that has it on record.

    Attributes:
        minute: of the entry, aware.
        restricted: its entry carries the family's restricted tag.
    """

    entry_id: UUID
    minute: datetime
    what: What
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """For whom a statement is, and how it tells things.

    Attributes:
        subject: tells papers of one person from another's, and nobody who they are.
        of_child: it is read to whoever looks after a child.
        names: what each service is called on it, by code.
        secret: codes of services that are not on it.
        left_out: categories and fields that are not on it.
        shielded: somebody of the family is protected: no place is named.
        extract_days: longest use of an extract.
    """

    subject: str
    council: str
    view: View
    made_on: date
    of_child: bool
    names: Mapping[str, ServiceName]
    secret: frozenset[str]
    left_out: frozenset[str]
    shielded: bool
    extract_days: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line in words; it gets its number when the statement is written.

    Attributes:
        mark: of its entry: 64 hexadecimal digits, which only who knows the entry can tell.
        kinds: of information; empty where none is told.
    """

    mark: str
    on: str
    who: str
    what: str
    basis: str
    now: str
    kinds: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


def mark_of(entry_id: UUID) -> str:
    """Return by what an entry is known on paper: the SHA-256 of its id, in hex."""
    return hashlib.sha256(str(entry_id).encode()).hexdigest()


def subject_of(person_id: UUID) -> str:
    """Return what tells the papers of one person from another's: half the SHA-256 of the random id, in hex."""
    return hashlib.sha256(b"statement:" + person_id.bytes).hexdigest()[:32]
