"""What consent asks of the case rows, inside the caller's transaction."""

from uuid import UUID

from sqlalchemy import Connection, text

from gateway.cases.model import CaseIdentity


def case_by_case_ref(connection: Connection, case_ref: UUID) -> CaseIdentity | None:
    """The case that some agency knows by this reference of its own; absent when there is none."""
    row = connection.execute(
        text(
            "SELECT c.case_id, c.family_id FROM gateway.pairwise p"
            " JOIN gateway.case_record c ON c.case_id = p.thing_id WHERE p.ref = :ref"
        ),
        {"ref": case_ref},
    ).one_or_none()
    return None if row is None else CaseIdentity(row.case_id, row.family_id)


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
