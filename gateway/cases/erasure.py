"""Erasing one family: the statements that only the eraser role may run.

INVARIANT: the keys go with the rows, so copies of the rows elsewhere stay unreadable once the key-encryption
    key's epoch is retired. What the log holds still verifies; nothing maps it to the family any more.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from gateway.cases import repository
from gateway.tasks.repository import forget_ref

_BY_FAMILY: Final = (
    "gateway.pairwise",
    "gateway.blind_index",
    "gateway.case_record",  # parts, people, workers, agenda items and offers go with it
    "gateway.person_key",
    "gateway.family_key",  # its recent pulls go with it
    "consent_registry.standing",
    "consent_registry.subject",
    "gateway.log_trace",
)


def delete_family(connection: Connection, family_id: UUID) -> bool:
    """Delete everything of a family, in the transaction of an act that moved its gate.

    People who are in no other family are forgotten altogether.
    Returns: whether there was such a family.
    """
    people = connection.execute(
        text(
            "SELECT p.person_id, p.source_ref_index FROM gateway.person p JOIN gateway.person_key k USING (person_id)"
            " WHERE k.family_id = :family"
        ),
        {"family": family_id},
    ).all()
    repository.hold_people(connection, [bytes(row.source_ref_index) for row in people])
    deleted = {
        table: connection.execute(
            text(f"DELETE FROM {table} WHERE family_id = :family"),  # noqa: S608 - our own names
            {"family": family_id},
        ).rowcount
        for table in _BY_FAMILY
    }
    connection.execute(
        text(
            "DELETE FROM gateway.person p WHERE p.person_id = ANY (CAST(:people AS uuid[]))"
            " AND NOT EXISTS (SELECT FROM gateway.person_key k WHERE k.person_id = p.person_id)"
        ),
        {"people": [row.person_id for row in people]},
    )
    forget_ref(connection, family_id)
    return deleted["gateway.family_key"] == 1


def sweep_traces(connection: Connection, family_id: UUID) -> None:
    """Delete traces that the erasure's own append wrote for entries that had been waiting."""
    connection.execute(text("DELETE FROM gateway.log_trace WHERE family_id = :family"), {"family": family_id})
