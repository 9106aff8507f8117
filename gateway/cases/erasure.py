"""Erasing one family: what may stand against it, and the rows that only the eraser role may delete.

INVARIANTS
- A family's rows go in the very act that records its erasure: from its commit on nobody finds, reads or releases
  the family, whatever happens next.
- What the log holds of the family outlives that act until the log has said so in public; then it goes too
  (``gateway.disclosure_log.erasure``). What remains still verifies, and nothing maps it to the family.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from consent_registry.model import Exit, Standing
from gateway.cases import repository
from gateway.disclosure_log import erasure as log_erasure
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.erasure import Ledger
from gateway.disclosure_log.publishing import publish_head, start
from gateway.tasks.repository import forget_ref
from gateway.wiring import Wiring

Obstacle: TypeAlias = Callable[[Connection, UUID], str | None]
"""Says why a family may not be erased yet: a code, for whoever asked; nothing: it is no obstacle."""

_DELETE: Final = (
    text("DELETE FROM gateway.pairwise WHERE family_id = :family"),
    text("DELETE FROM gateway.blind_index WHERE family_id = :family"),
    text("DELETE FROM gateway.family_opened WHERE family_id = :family"),
    text("DELETE FROM gateway.recall WHERE family_id = :family"),
    # What was done about a complaint stays; whose it was, and what anybody said of it, goes.
    text("DELETE FROM gateway.dossier_text WHERE family_id = :family"),
    text("DELETE FROM gateway.dossier_family WHERE family_id = :family"),
    # Parts, people, workers, agenda items and offers go with it.
    text("DELETE FROM gateway.case_record WHERE family_id = :family"),
    # After the case, which whoever draws a sample holds: what was drawn meanwhile is seen now.
    text("DELETE FROM gateway.sampled_access WHERE family_id = :family"),
    text("DELETE FROM gateway.person_key WHERE family_id = :family"),
    text("DELETE FROM consent_registry.standing WHERE family_id = :family"),
    text("DELETE FROM consent_registry.subject WHERE family_id = :family"),
    # Last: deleting the others left how they were.
    text("DELETE FROM gateway.past WHERE family_id = :family"),
)


def consent_hold(connection: Connection, family_id: UUID) -> str | None:
    """Somebody's consent is disputed: what was decided and what was given must stay until that is settled."""
    bodies = connection.execute(
        text("SELECT body FROM consent_registry.standing WHERE family_id = :family"), {"family": family_id}
    ).scalars()
    return "consent_hold" if any(_held(Standing.from_json(body)) for body in bodies) else None


def open_task(connection: Connection, family_id: UUID) -> str | None:
    """Somebody has yet to look at something about this family: unusual pulling, for example, a referral or a complaint.

    An incident counts while it is open and a release of the family is linked to it.

    An access that its agency did not confirm counts, too. Which of them it is nobody is told: for whoever erases
    there may be no referral.
    """
    waiting = connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM gateway.task WHERE ref = :family AND done_at IS NULL)"
            " OR EXISTS (SELECT FROM gateway.referral r WHERE r.family_id = :family"
            "   AND (r.state IN ('draft', 'sent', 'acknowledged') OR r.completed_at IS NULL))"
            " OR EXISTS (SELECT FROM gateway.sampled_access a WHERE a.family_id = :family"
            "   AND a.answer = 'no' AND a.outcome IS NULL)"
            " OR EXISTS (SELECT FROM gateway.dossier d JOIN gateway.dossier_family f USING (dossier_id)"
            "   WHERE d.open AND f.family_id = :family)"
            " OR EXISTS (SELECT FROM gateway.dossier d JOIN gateway.dossier_step s USING (dossier_id)"
            "   JOIN gateway.log_trace t ON t.entry_id = CAST(s.facts ->> 'entry' AS uuid)"
            "   WHERE d.open AND s.kind = 'link' AND t.family_id = :family"
            "   AND NOT EXISTS (SELECT FROM gateway.dossier_step u WHERE u.dossier_id = s.dossier_id"
            "     AND u.kind = 'unlink' AND u.number > s.number AND u.facts ->> 'entry' = s.facts ->> 'entry'))"
        ),
        {"family": family_id},
    ).scalar_one()
    return "open_task" if waiting else None


OBSTACLES: Final[tuple[Obstacle, ...]] = (consent_hold, open_task)
"""What stands against an erasure, in this room and below; rooms above add theirs where they call."""


def obstacles_to(connection: Connection, family_id: UUID, *, among: Sequence[Obstacle]) -> tuple[str, ...]:
    """Return the code of each obstacle that stands against erasing the family."""
    return tuple(reason for obstacle in among if (reason := obstacle(connection, family_id)) is not None)


def delete_rows(connection: Connection, family_id: UUID) -> None:
    """Delete the rows of a family whose keys were taken, in the transaction of an act that moved its gate.

    People who are in no other family are forgotten altogether; what is still of the log stays.
    """
    people = connection.execute(
        text(
            "SELECT p.person_id, p.source_ref_index FROM gateway.person p JOIN gateway.person_key k USING (person_id)"
            " WHERE k.family_id = :family"
        ),
        {"family": family_id},
    ).all()
    repository.hold_people(connection, [bytes(row.source_ref_index) for row in people])
    for statement in _DELETE:
        connection.execute(statement, {"family": family_id})
    connection.execute(
        text(
            "DELETE FROM gateway.person p WHERE p.person_id = ANY (CAST(:people AS uuid[]))"
            " AND NOT EXISTS (SELECT FROM gateway.person_key k WHERE k.person_id = p.person_id)"
        ),
        {"people": [row.person_id for row in people]},
    )
    forget_ref(connection, family_id)


def resume_erasures(wiring: Wiring, eraser: Engine) -> int:
    """Finish every erasure that is recorded and not finished; return how many. Safe to repeat at any moment.

    Args:
        wiring: of a process that may sign.
        eraser: an engine of the role ``gateway_eraser``.

    Raises: LogNotServedError, LogContradictionError, NotAppendedError: nothing more was destroyed, and the erasures
        stay to be finished.
    """
    with wiring.autocommit.connect() as connection:
        families = log_erasure.under_way(connection)
    if not families:
        return 0
    # 1. The head holds the entry of every erasure just read; once it is published, everyone can hold us to them.
    if wiring.log.known is None:
        start(wiring)
    publish_head(wiring)
    for family_id in families:
        # 2. The ledger, so that a backup taken before can be erased again.
        Ledger(wiring.settings.state_dir).add(family_id)
        # 3. Payloads, traces and keys.
        with eraser.begin() as connection:
            log_erasure.destroy_evidence(connection, family_id)
    return len(families)


def erase_again(connection: Connection, family_id: UUID) -> bool:
    """Erase a family that a restored backup brought back; its entry is in the log, so none is owed.

    Args:
        connection: in a transaction, of the owner role.

    Returns: whether anything of it was there.
    """
    log.move_gates(connection, families=(family_id,), agencies=())
    keys = log_erasure.take_keys(connection, family_id)
    delete_rows(connection, family_id)
    log_erasure.destroy_again(connection, family_id)
    return keys is not None


def _held(standing: Standing) -> bool:
    """True while something about the person waits for somebody's answer: a hold, or a dispute."""
    exits = {
        standing.closed_by,
        *(closure.exit for closure in standing.closures),
        *(objection.exit for objection in standing.objections),
    }
    return standing.dispute is not None or Exit.HELD in exits
