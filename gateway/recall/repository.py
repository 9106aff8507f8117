"""Reads and writes of recalls; each works in the caller's transaction and commits nothing.

INVARIANT: only entries of the kind ``extract.release`` are copies; whatever else carries an extract's id is not there.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, text

from certs.errors import EnvelopeError
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import open_under
from gateway.keyring import Keyring
from gateway.recall.model import Answer, Copy, Ground, Recall

LIST_MAXIMUM: Final = 200

_RELEASED: Final = text(
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id, t.agency_code, t.extract_id"
    " FROM gateway.log_trace t JOIN gateway.log_entry e USING (entry_id) JOIN gateway.log_payload p USING (entry_id)"
    " WHERE t.family_id = :family AND t.extract_id IS NOT NULL ORDER BY e.leaf_index"
)
_RECALLS: Final = (
    "SELECT r.recall_id, r.extracts, r.raised_at, r.due_on, r.answer, r.ground, r.family_id, ref.ref AS case_ref"
    " FROM gateway.recall r LEFT JOIN gateway.case_record c ON c.family_id = r.family_id"
    " LEFT JOIN gateway.pairwise ref ON ref.thing_id = c.case_id AND ref.agency_code = r.agency_code"
    " WHERE r.agency_code = :agency"
)


def copies_of(connection: Connection, keyring: Keyring, family_id: UUID) -> Iterator[Copy]:
    """Yield every extract of a family that was released under agreement; one whose entry does not open is one too.

    Costs two statements, however many there are.
    Raises: KeyErasedError.
    """
    keys = keyring.family(connection, family_id)
    for row in connection.execute(_RELEASED, {"family": family_id}).all():
        try:
            entry = open_under(keys, row)
        except (AttributeError, EnvelopeError, LookupError, TypeError, ValueError):
            yield Copy(row.extract_id, row.agency_code, decisions=None)
            continue
        if entry is not None and entry.internal.get("kind") == EntryKind.EXTRACT_RELEASE:
            decisions = frozenset(map(UUID, entry.internal.get("decisions", ())))
            yield Copy(row.extract_id, row.agency_code, decisions, entry.recipient.get("purpose", ""))


def decisions_of(connection: Connection, family_id: UUID, people: Sequence[UUID] | None) -> frozenset[UUID]:
    """Return the ids of everything that these people of a family decided; absent: that anybody did."""
    rows = connection.execute(
        text(
            "SELECT d.decision_id FROM consent_registry.decision d JOIN consent_registry.subject s USING (subject_id)"
            " WHERE s.family_id = :family AND s.person_id = ANY (coalesce(CAST(:people AS uuid[]), ARRAY[s.person_id]))"
        ),
        {"family": family_id, "people": None if people is None else list(people)},
    )
    return frozenset(rows.scalars())


def called_back_or_gone(connection: Connection, family_id: UUID) -> frozenset[tuple[str, UUID]]:
    """Return by agency the copies that are gone, and those already called back and not answered."""
    rows = connection.execute(
        text(
            "SELECT r.agency_code, x.extract_id FROM gateway.recall r, unnest(r.extracts) AS x(extract_id)"
            " WHERE r.family_id = :family AND (r.answer IS NULL OR r.answer = ANY (CAST(:ends AS text[])))"
        ),
        {"family": family_id, "ends": [each.value for each in Answer if each.ends]},
    )
    return frozenset((row.agency_code, row.extract_id) for row in rows)


def add_recall(
    connection: Connection,
    *,
    family_id: UUID,
    agency: str,
    extracts: Sequence[UUID],
    now: datetime,
    due_on: date,
) -> UUID:
    """Store a recall and return its id."""
    recall_id = uuid4()
    connection.execute(
        text(
            "INSERT INTO gateway.recall (recall_id, family_id, agency_code, extracts, raised_at, due_on)"
            " VALUES (:id, :family, :agency, CAST(:extracts AS uuid[]), :now, :due)"
        ),
        {
            "id": recall_id,
            "family": family_id,
            "agency": agency,
            "extracts": list(extracts),
            "now": now,
            "due": due_on,
        },
    )
    return recall_id


def lapse_listings(connection: Connection, family_id: UUID, *, now: datetime) -> None:
    """Say that the family's case is not ready for any panel it is listed for; it stays listed."""
    connection.execute(
        text(
            "UPDATE gateway.agenda_item SET not_ready_since = :now"
            " WHERE family_id = :family AND not_ready_since IS NULL"
        ),
        {"family": family_id, "now": now},
    )


def recalls_of(connection: Connection, agency: str) -> list[Recall]:
    """Return an agency's recalls: first what waits for an answer, the oldest first; at most ``LIST_MAXIMUM``."""
    rows = connection.execute(
        text(_RECALLS + " ORDER BY r.answer IS NOT NULL, r.raised_at, r.recall_id LIMIT :most"),
        {"agency": agency, "most": LIST_MAXIMUM},
    )
    return [_recall(row) for row in rows]


def hold_recall(connection: Connection, recall_id: UUID, *, agency: str) -> tuple[Recall, UUID] | None:
    """Return an agency's recall and its family, its row held until the commit; absent: it has no such recall."""
    row = connection.execute(
        text(_RECALLS + " AND r.recall_id = :id FOR UPDATE OF r"), {"agency": agency, "id": recall_id}
    ).one_or_none()
    return None if row is None else (_recall(row), row.family_id)


def put_answer(
    connection: Connection, recall_id: UUID, *, answer: Answer, ground: Ground | None, now: datetime
) -> None:
    """Store what an agency answered, in place of what it answered before."""
    connection.execute(
        text(
            "UPDATE gateway.recall SET answer = :answer, ground = :ground, answered_at = :now WHERE recall_id = :id"
        ),
        {"id": recall_id, "answer": answer.value, "ground": ground, "now": now},
    )


def overdue(connection: Connection, *, today: date) -> Sequence[Row[Any]]:
    """Return recall_id, agency_code and family_id of what was not answered by its last day; each row is held."""
    return connection.execute(
        text(
            "SELECT recall_id, agency_code, family_id FROM gateway.recall"
            " WHERE answer IS NULL AND due_on < :today ORDER BY due_on, recall_id FOR SHARE"
        ),
        {"today": today},
    ).all()


def agencies_of(connection: Connection, recalls: Collection[UUID]) -> dict[UUID, str]:
    """Return the code of the agency of each recall that is still there."""
    rows = connection.execute(
        text(
            "SELECT recall_id, agency_code FROM gateway.recall WHERE recall_id = ANY (CAST(:recalls AS uuid[]))"
        ),
        {"recalls": list(recalls)},
    )
    return {row.recall_id: row.agency_code for row in rows}


def unanswered(connection: Connection, *, today: date) -> Sequence[Row[Any]]:
    """Return recall_id, agency_code, family_id and due_on of what was not answered by its last day, the oldest first."""
    return connection.execute(
        text(
            "SELECT recall_id, agency_code, family_id, due_on FROM gateway.recall"
            " WHERE answer IS NULL AND due_on < :today ORDER BY due_on, recall_id"
        ),
        {"today": today},
    ).all()


def _recall(row: Row[Any]) -> Recall:
    return Recall(
        row.recall_id,
        row.case_ref,
        tuple(row.extracts),
        row.raised_at,
        row.due_on,
        answer=None if row.answer is None else Answer(row.answer),
        ground=None if row.ground is None else Ground(row.ground),
    )
