"""Finding people whose records are sealed: keyed blind indexes of names with dates of birth, and of numbers.

INVARIANT: the database holds tokens only; without the index key a guess cannot be checked against them.
INVARIANT: a search finds whole equal values, never parts of them: there is nothing to browse.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection

from certs.blind_index import blind_index
from gateway.cases import repository
from gateway.cases.model import CaseDocument, CaseItem
from gateway.keyring import Keyring


class IndexKind(StrEnum):
    """What can be searched for."""

    NAME_DOB = "name_dob"
    NHS_NUMBER = "nhs_number"
    PUPIL_NUMBER = "pupil_number"


@dataclass(frozen=True, slots=True)
class Found:
    """A person of a family, by our ids."""

    family_id: UUID
    person_id: UUID


def find_people(connection: Connection, *, keyring: Keyring, kind: IndexKind, value: str) -> list[Found]:
    """Return everyone indexed under a value; spelling a reader would not notice makes no difference.

    Args:
        value: ``name_and_birth(...)`` for NAME_DOB; the number as written for the others.
    """
    token = _token(keyring.index_key(connection), kind, value)
    return [Found(family, person) for family, person in repository.people_by_token(connection, token)]


def name_and_birth(given: str, family: str, born: str) -> str:
    """The searchable form of a full name with a date of birth, year-month-day."""
    return f"{given} {family}|{born}"


def tokens(index_key: bytes, document: CaseDocument) -> Iterator[tuple[str, bytes]]:
    """Yield (council's person id, token) for everything of a case that can be searched for."""
    births = {item.about[0]: item for item in document.items if item.field in {"child_dob", "adult_dob"}}
    for item in document.items:
        for kind, value in _values(item, births):
            yield item.about[0], _token(index_key, kind, value)


def _values(item: CaseItem, births: dict[str, CaseItem]) -> Iterator[tuple[IndexKind, str]]:
    match item.field:
        case "child_name" | "adult_name" if item.about[0] in births:
            born = str(births[item.about[0]].value["date"])
            yield (
                IndexKind.NAME_DOB,
                name_and_birth(str(item.value["given"]), str(item.value["family"]), born),
            )
        case "nhs_number":
            yield IndexKind.NHS_NUMBER, str(item.value["number"])
        case "pupil_number":
            yield IndexKind.PUPIL_NUMBER, str(item.value["upn"])
        case _:
            return


def _token(index_key: bytes, kind: IndexKind, value: str) -> bytes:
    written = value if kind is IndexKind.NAME_DOB else value.replace(" ", "").replace("-", "")
    return blind_index(index_key, kind=kind, value=written)
