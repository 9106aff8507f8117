"""What consent asks of the rows of cases and agencies, inside the caller's transaction."""

from datetime import date
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import AgencyCode
from gateway.cases.model import CaseIdentity


def case_by_case_ref(
    connection: Connection, case_ref: UUID, *, agency: AgencyCode | None = None
) -> CaseIdentity | None:
    """The case that an agency knows by this reference of its own; absent when there is none.

    Args:
        agency: whose reference it has to be; absent: any agency's.
    """
    row = connection.execute(
        text(
            "SELECT c.case_id, c.family_id FROM gateway.pairwise p"
            " JOIN gateway.case_record c ON c.case_id = p.thing_id WHERE p.ref = :ref"
            " AND (CAST(:agency AS text) IS NULL OR p.agency_code = :agency)"
        ),
        {"ref": case_ref, "agency": agency},
    ).one_or_none()
    return None if row is None else CaseIdentity(row.case_id, row.family_id)


def identity_of(connection: Connection, family_id: UUID) -> CaseIdentity | None:
    """The case of a family; absent when it was erased."""
    row = connection.execute(
        text("SELECT case_id, family_id FROM gateway.case_record WHERE family_id = :family"),
        {"family": family_id},
    ).one_or_none()
    return None if row is None else CaseIdentity(row.case_id, row.family_id)


def person_by_ref(
    connection: Connection, ref: UUID | None, *, agency: AgencyCode, family_id: UUID
) -> UUID | None:
    """The person of a family whom an agency knows by this id of its own; absent when there is none."""
    found: UUID | None = connection.execute(
        text(
            "SELECT c.person_id FROM gateway.pairwise p JOIN gateway.case_person c"
            " ON c.person_id = p.thing_id AND c.family_id = p.family_id"
            " WHERE p.ref = :ref AND p.agency_code = :agency AND p.family_id = :family"
        ),
        {"ref": ref, "agency": agency, "family": family_id},
    ).scalar_one_or_none()
    return found


def works_on(connection: Connection, case_id: UUID, *, worker: str, today: date) -> bool:
    """True while this practitioner or member of staff is a named worker of the case."""
    found: bool = connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM gateway.case_worker WHERE case_id = :case AND worker = :worker"
            " AND from_date <= :today AND (to_date IS NULL OR :today < to_date))"
        ),
        {"case": case_id, "worker": worker, "today": today},
    ).scalar_one()
    return found


def profile_versions(connection: Connection) -> frozenset[tuple[str, int]]:
    """Every stored profile version, by agency and number."""
    rows = connection.execute(text("SELECT agency_code, version FROM agencies.profile_version"))
    return frozenset((row.agency_code, row.version) for row in rows)


def everyone(connection: Connection, family_id: UUID) -> list[UUID]:
    """Everyone who is in the family's case or ever decided in it, in order of id."""
    rows = connection.execute(
        text(
            "SELECT person_id FROM gateway.case_person WHERE family_id = :family"
            " UNION SELECT person_id FROM consent_registry.subject WHERE family_id = :family ORDER BY person_id"
        ),
        {"family": family_id},
    )
    return list(rows.scalars())
