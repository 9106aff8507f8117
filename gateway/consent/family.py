"""What the record says about who may decide for whom, opened inside the act that records a decision.

INVARIANT: of the record only relationships, days of birth, languages and the presence of what calls for care are read;
nothing of it is kept, logged or answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import Connection, text

from gateway.cases.errors import UnreadablePartError
from gateway.cases.model import CaseIdentity, Role, Shield
from gateway.cases.people import read_members
from gateway.cases.sealing import open_births
from gateway.keyring import FamilyKeys

NO_RESPONSIBILITY = "none"
"""The stated basis of somebody who holds no parental responsibility."""


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the case, as far as deciding goes.

    Attributes:
        born: the day of birth, or of expected birth; absent: nobody knows it.
        language: BCP 47 tag of what they speak, where it is recorded.
        needs_interpreter: recorded with the language.
    """

    role: Role
    risk_person: bool = False
    shield: Shield = Shield.NONE
    born: date | None = None
    language: str | None = None
    needs_interpreter: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """Everybody of a case, and what they are to each other.

    Attributes:
        parental: the stated basis of parental responsibility, by (who holds it, for which child); ``none``: stated not
            to hold it.
        abuse: the record holds something about domestic abuse.
    """

    members: Mapping[UUID, Member] = field(default_factory=dict)
    parental: Mapping[tuple[UUID, UUID], str] = field(default_factory=dict)
    abuse: bool = False

    @property
    def needs_care(self) -> bool:
        """True when whoever is asked must be asked alone: abuse is recorded, or somebody is shielded."""
        return self.abuse or any(each.shield is not Shield.NONE for each in self.members.values())


def read_family(connection: Connection, identity: CaseIdentity, keys: FamilyKeys) -> Family:
    """Return what the record says.

    Raises: UnreadablePartError, it is damaged.
    """
    found = read_members(connection, identity, keys)
    if found.damaged:
        raise UnreadablePartError("who may decide cannot be made out")
    return Family(
        {
            each.person_id: Member(
                each.role,
                each.risk_person,
                each.shield,
                each.born,
                each.language,
                each.needs_interpreter,
            )
            for each in found.people
        },
        found.parental,
        found.abuse,
    )


def read_birth(
    connection: Connection, identity: CaseIdentity, keys: FamilyKeys, person_id: UUID
) -> date | None:
    """Return one person's day of birth, or of expected birth; absent: nobody knows it.

    Raises: UnreadablePartError, it is damaged.
    """
    row = connection.execute(
        text(
            "SELECT p.born, k.wrapped FROM gateway.case_person p JOIN gateway.person_key k"
            " USING (family_id, person_id) WHERE p.case_id = :case AND p.person_id = :person"
        ),
        {"case": identity.case_id, "person": person_id},
    ).one_or_none()
    if row is None or row.born is None:
        return None
    return open_births(keys, {person_id: bytes(row.wrapped)}, {person_id: bytes(row.born)})[person_id]
