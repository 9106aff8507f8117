"""What can be done with cases: import, shield, close, erase.

INVARIANTS
- Every change is one act of the disclosure log: gates first, entry last, all or nothing.
- Nothing of a faulty family is stored, and one family's fault touches no other family.
- Shielding and closing never wait for the log and answer a replay with success.
- Whoever a record newly protects is protected in every family, and before the record is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from agencies.values import Fault
from gateway.cases import erasure, repository
from gateway.cases.erasure import Obstacle
from gateway.cases.errors import CaseMovedError, ErasureRefusedError, FamilyRefusedError, UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.schemas import read_family, read_file
from gateway.cases.store import AfterShield, Stored, end_agreements, shield_first, store_family
from gateway.disclosure_log import erasure as log_erasure
from gateway.disclosure_log.service import act
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

Progress = Callable[[int, int], None]
"""Told after each family: how many are done, of how many."""

_ATTEMPTS = 3


class Outcome(StrEnum):
    """What became of one family of a file."""

    IMPORTED = "imported"
    REPLACED = "replaced"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One family of the file.

    Attributes:
        row: its place in the file's families, from 0, as in the pointers.
        faults: pointers into the file; empty unless refused.
    """

    row: int
    outcome: Outcome
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every family of a file, in its order."""

    rows: tuple[ImportRow, ...]

    def count(self, outcome: Outcome) -> int:
        """How many families had this outcome."""
        return sum(row.outcome is outcome for row in self.rows)


def import_cases(
    wiring: Wiring,
    data: bytes,
    *,
    actor: str,
    progress: Progress | None = None,
    after: AfterShield | None = None,
) -> ImportReport:
    """Import a file of families, each in a transaction of its own.

    Args:
        data: the file (see ``schemas``), at most 64 MiB.
        actor: who imports: a staff username, a client id or a command.
        after: what else follows where somebody is shielded more than before.

    Raises: CaseFileError, the file is not one: nothing was stored. Faults of the log or the database end the
        import; families before it are stored, and importing the file again is safe.
    """
    families = read_file(data)
    with wiring.engine.connect() as connection:
        today = repository.today(connection)
    rows = []
    for row, outcome in enumerate(_outcomes(wiring, families, today=today, actor=actor, after=after)):
        faults = tuple(Fault(f"/families/{row}{fault.pointer}", fault.reason) for fault in outcome.faults)
        rows.append(replace(outcome, row=row, faults=faults))
        if progress is not None:
            progress(row + 1, len(families))
    return ImportReport(tuple(rows))


def import_family(
    wiring: Wiring, raw: JsonValue, *, today: date, actor: str, after: AfterShield | None = None
) -> Outcome:
    """Check and store one family of the import format.

    Args:
        today: the day in Europe/London.
        after: what else follows where somebody is shielded more than before.

    Raises: FamilyRefusedError, with every fault; nothing of it was stored. CaseMovedError, NotAppendedError.
    """
    document = read_family(raw, today=today, synthetic=wiring.settings.synthetic_people)
    for person_id, (family_id, level) in shield_first(wiring, document).items():
        with suppress(UnknownCaseError):  # out of that family since: storing looks at every other again
            shield(wiring, family_id=family_id, person_id=person_id, level=level, actor=actor, after=after)
    stored = store_family(wiring, document, actor=actor, after=after)
    return Outcome.IMPORTED if stored is Stored.IMPORTED else Outcome.REPLACED


def shield(
    wiring: Wiring,
    *,
    family_id: UUID,
    person_id: UUID,
    level: Shield,
    actor: str,
    after: AfterShield | None = None,
) -> None:
    """Shield a person at least this strictly, in this family and in every other that they belong to.

    A stricter shield stays. Lifting one opens, so it is not done here.

    Args:
        after: what else follows; not called where nothing changed.

    Raises: UnknownCaseError, the person is not of this family; CaseMovedError.
    """
    if level is Shield.NONE:
        raise ValueError("lifting a shield is an act that opens")
    weaker = [str(each) for each in Shield if each.strength < level.strength]
    for _ in range(_ATTEMPTS):
        with wiring.engine.connect() as connection:
            families = _families_of(connection, person_id)
        if family_id not in families:
            raise UnknownCaseError("there is no such person in such a case")
        with act(wiring, families=sorted(families), closes=True) as change:
            _hold_person(change.connection, person_id)
            if _families_of(change.connection, person_id) != families:
                change.nothing_changed()  # a family more or less than we moved the gates of: look again
                continue
            shielded = change.connection.execute(
                text(
                    "UPDATE gateway.case_person SET shield = :level"
                    " WHERE person_id = :person AND shield = ANY (CAST(:weaker AS text[]))"
                ),
                {"level": str(level), "person": person_id, "weaker": weaker},
            )
            if not shielded.rowcount:
                change.nothing_changed()
                return
            for each in sorted(families):
                recalls = after(change, each) if after else ()
                change.record(
                    kind="case.shield",
                    family_id=each,
                    actor=actor,
                    restricted=True,
                    internal={
                        "person_id": str(person_id),
                        "level": str(level),
                        **({"recalls": [str(recall) for recall in recalls]} if recalls else {}),
                    },
                )
        return
    raise CaseMovedError("the person's families kept changing")


def close_case(wiring: Wiring, *, family_id: UUID, actor: str) -> None:
    """Close a family's case: nothing of it is released from now on, and everything that was agreed has ended.

    Raises: UnknownCaseError.
    """
    with act(wiring, families=(family_id,), closes=True) as change:
        row = change.connection.execute(
            text("SELECT case_id, status FROM gateway.case_record WHERE family_id = :family"),
            {"family": family_id},
        ).one_or_none()
        if row is None:
            raise UnknownCaseError("there is no such case")
        if row.status == "closed":
            change.nothing_changed()
            return
        change.connection.execute(
            text(
                "UPDATE gateway.case_record SET status = 'closed', version = version + 1 WHERE case_id = :case"
            ),
            {"case": row.case_id},
        )
        keys = wiring.keyring.family(change.connection, family_id)
        over = end_agreements(change, keys, actor=actor)
        change.record(
            kind="case.close",
            family_id=family_id,
            actor=actor,
            internal={"case_id": str(row.case_id), **over},
        )


def erase_family(
    eraser: Engine,
    *,
    wiring: Wiring,
    family_id: UUID,
    requested_by: str,
    approved_by: str,
    obstacles: Sequence[Obstacle] = erasure.OBSTACLES,
) -> None:
    """Destroy a family's keys and every erasable row about it, evidence last.

    1. One act moves the gate, sets the family's keys aside, asks for obstacles, deletes the family's rows and
       appends an entry, sealed under the reserved key: the family of this random id was erased, with so many entries.
    2. A checkpoint that includes the entry is published.
    3. The ledger outside the database names the family.
    4. Its payloads, traces and keys are deleted.

    After 1 nothing of the family is released or found; stopped anywhere after it, ``resume_erasures`` does the rest.

    Args:
        eraser: an engine of the role ``gateway_eraser``.
        wiring: for the keyring and the log.
        requested_by: a member of staff; ``approved_by`` is another one.
        obstacles: what may stand against it, those of rooms above included.

    True afterwards: nothing sealed for this family can be opened from this database, and no id leads to it.
    Raises: UnknownCaseError; ErasureRefusedError, NotAppendedError, nothing was erased; what ``resume_erasures``
        raises: 1 stands, 4 is owed.
    """
    if not wiring.settings.synthetic_people:
        raise ErasureRefusedError("Real families are erased only by members of staff who signed in.")
    if requested_by.casefold() == approved_by.casefold():
        raise ErasureRefusedError("Whoever asks for an erasure cannot be the one who approves it.")
    with act(replace(wiring, engine=eraser), families=(family_id,)) as change:
        keys = log_erasure.take_keys(change.connection, family_id)
        if keys is None:
            raise UnknownCaseError("there is no such family")
        reasons = erasure.obstacles_to(change.connection, family_id, among=obstacles)
        if reasons:
            raise ErasureRefusedError("Something about the family is still open.", reasons=reasons)
        erasure.delete_rows(change.connection, family_id)
        change.record(
            kind="case.erase",
            actor=requested_by,
            internal={
                "approved_by": approved_by,
                "entries": log_erasure.owe_destruction(change.connection, keys),
                "family_id": str(family_id),
            },
        )
    erasure.resume_erasures(wiring, eraser)


def _outcomes(
    wiring: Wiring, families: list[JsonValue], *, today: date, actor: str, after: AfterShield | None
) -> Iterator[ImportRow]:
    """Import family after family; rows and pointers are not yet of the file."""
    seen: set[str] = set()
    for raw in families:
        reference = raw.get("source_ref") if isinstance(raw, dict) else None
        if isinstance(reference, str) and reference.casefold() in seen:
            again = Fault("/source_ref", "was given before in this file")
            yield ImportRow(0, Outcome.REFUSED, (again,))
            continue
        if isinstance(reference, str):
            seen.add(reference.casefold())
        try:
            yield ImportRow(0, import_family(wiring, raw, today=today, actor=actor, after=after))
        except FamilyRefusedError as error:
            yield ImportRow(0, Outcome.REFUSED, error.faults)


def _families_of(connection: Connection, person_id: UUID) -> set[UUID]:
    rows = connection.execute(
        text("SELECT family_id FROM gateway.case_person WHERE person_id = :person"), {"person": person_id}
    )
    return {row.family_id for row in rows}


def _hold_person(connection: Connection, person_id: UUID) -> None:
    tokens = connection.execute(
        text("SELECT source_ref_index FROM gateway.person WHERE person_id = :person"), {"person": person_id}
    ).scalars()
    repository.hold_people(connection, [bytes(token) for token in tokens])
