"""What stands of everybody of a family towards every agency: the matrix that a page of the council's staff shows.

INVARIANT: it is computed from the decisions themselves, by the rules that a release is decided by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import KINDS_WITHOUT_CASES, Purpose
from agencies.register import Agency, AgencyState
from agencies.repository import all_agencies
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS, Birthdays, birthdays_of
from consent_registry.model import ConsentDecision, Granted, NotGranted, Reason, Standing
from consent_registry.repository import find_subject, read_history
from consent_registry.standing import State, evaluate, fold, state_of
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import family_person_keys
from gateway.cases.sealing import births_that_open
from gateway.disclosure_log.repository import database_now
from gateway.keyring import FamilyKeys
from gateway.settings import Settings

SERVED: Final = (Purpose.P1, Purpose.P2, Purpose.P3)
"""The purposes for which anything is released under agreement."""

_PEOPLE: Final = text("SELECT person_id, born FROM gateway.case_person WHERE case_id = :case")


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """What one person decided, and what stands.

    Attributes:
        history: oldest first; their number is the version that an act that opens is decided on.
    """

    standing: Standing
    state: State
    birthdays: Birthdays
    history: tuple[ConsentDecision, ...]

    @property
    def version(self) -> int:
        """How many decisions there were."""
        return len(self.history)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one agency may be told of one person, by agreement.

    Attributes:
        purposes: for which anything is agreed; none: ``reason`` says why.
        data: categories and named fields that are agreed, without what was closed since.
        until: aware instant at which the first of it ends.
    """

    purposes: frozenset[str]
    data: frozenset[str]
    until: datetime | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Overview:
    """One family towards every agency that takes part in cases."""

    now: datetime
    agencies: tuple[Agency, ...]
    people: Mapping[UUID, PersonStanding]

    def cell(self, agency: str, person_id: UUID) -> Cell:
        """What stands of one person towards one agency.

        Raises: KeyError, there is no such person.
        """
        person = self.people[person_id]
        results = {
            purpose.value: evaluate(
                person.standing,
                agency=agency,
                purpose=purpose.value,
                now=self.now,
                birthdays=person.birthdays,
            )
            for purpose in SERVED
        }
        granted = {code: each for code, each in results.items() if isinstance(each, Granted)}
        refused = [each.reason for each in results.values() if isinstance(each, NotGranted)]
        return Cell(
            frozenset(granted),
            frozenset[str]().union(
                *(
                    (each.categories - each.closed_categories) | (each.fields - each.closed_fields)
                    for each in granted.values()
                )
            ),
            min((each.valid_until for each in granted.values()), default=None),
            refused[0] if refused and not granted else None,
        )


def overview(
    connection: Connection, identity: CaseIdentity, keys: FamilyKeys, settings: Settings
) -> Overview:
    """Return what stands of a family now, in the caller's transaction.

    A day of birth that does not open counts as unknown here; a release gives nothing on it.
    """
    now = database_now(connection)
    rows = connection.execute(_PEOPLE, {"case": identity.case_id}).all()
    born, _ = births_that_open(
        keys,
        family_person_keys(connection, identity.family_id),
        {row.person_id: bytes(row.born) for row in rows if row.born is not None},
    )
    people = {}
    for row in rows:
        subject = find_subject(connection, family_id=identity.family_id, person_id=row.person_id)
        history = () if subject is None else tuple(read_history(connection, subject))
        day = born.get(row.person_id)
        birthdays = (
            UNKNOWN_BIRTHDAYS
            if day is None
            else birthdays_of(day, lapse_at_sixteen=settings.lapse_at_sixteen)
        )
        standing = fold(history)
        people[row.person_id] = PersonStanding(
            standing, state_of(standing, now=now, birthdays=birthdays), birthdays, history
        )
    taking_part = tuple(
        each
        for each in all_agencies(connection)
        if each.kind not in KINDS_WITHOUT_CASES and each.state is AgencyState.ACTIVE
    )
    return Overview(now, taking_part, people)
