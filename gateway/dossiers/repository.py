"""Dossiers in PostgreSQL: heads, steps, sealed texts, and whose complaint one is.

INVARIANT: a step is added and never changed; the role has no grant to.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from gateway.dossiers.model import Dossier, Ref, Sort, Step, StepKind

_HEADS: Final = "SELECT d.dossier_id, d.sort, f.family_id FROM gateway.dossier d LEFT JOIN gateway.dossier_family f USING (dossier_id)"
_OF_SORT: Final = text(_HEADS + " WHERE d.sort = :sort")
_ONE: Final = text(_HEADS + " WHERE d.dossier_id = :dossier AND d.sort = :sort")
_HOLD: Final = text("SELECT FROM gateway.dossier WHERE dossier_id = :dossier FOR UPDATE")
_STEPS: Final = text(
    "SELECT step_id, dossier_id, kind, at, by, facts FROM gateway.dossier_step"
    " WHERE dossier_id = ANY (CAST(:dossiers AS uuid[])) ORDER BY number"
)
_TEXTS: Final = text(
    "SELECT t.step_id, t.family_id, t.sealed FROM gateway.dossier_text t JOIN gateway.dossier_step s USING (step_id)"
    " WHERE s.dossier_id = :dossier"
)
_ADD: Final = text(
    "INSERT INTO gateway.dossier (dossier_id, sort) VALUES (:dossier, :sort) ON CONFLICT DO NOTHING"
)
_ADD_STEP: Final = text(
    "INSERT INTO gateway.dossier_step (step_id, dossier_id, kind, at, by, facts)"
    " VALUES (:step, :dossier, :kind, :at, :by, CAST(:facts AS jsonb))"
)
_ADD_TEXT: Final = text(
    "INSERT INTO gateway.dossier_text (step_id, family_id, sealed) VALUES (:step, CAST(:family AS uuid), :sealed)"
)
_ADD_FAMILY: Final = text(
    "INSERT INTO gateway.dossier_family (dossier_id, family_id) VALUES (:dossier, :family)"
)
_SET_OPEN: Final = text("UPDATE gateway.dossier SET open = :open WHERE dossier_id = :dossier")
_HOLD_FAMILY: Final = text("SELECT FROM gateway.case_record WHERE family_id = :family FOR SHARE")


@dataclass(frozen=True, slots=True)
class SealedText:
    """The sealed answers of one step.

    Attributes:
        family_id: under whose key; absent: nobody's.
    """

    family_id: UUID | None
    sealed: bytes


def dossiers(connection: Connection, sort: Sort) -> list[Dossier]:
    """Return every dossier of a sort, without texts."""
    return _with_steps(connection, connection.execute(_OF_SORT, {"sort": sort.value}).all())


def dossier(connection: Connection, ref: Ref) -> Dossier | None:
    """Return one dossier, without texts; absent: there is none."""
    rows = connection.execute(_ONE, {"dossier": ref.id, "sort": ref.sort.value}).all()
    return next(iter(_with_steps(connection, rows)), None)


def hold(connection: Connection, dossier_id: UUID) -> None:
    """Keep everybody else from adding a step until the end of the transaction."""
    connection.execute(_HOLD, {"dossier": dossier_id})


def hold_family(connection: Connection, family_id: UUID) -> bool:
    """Keep a family from being erased until the end of the transaction; false: it was."""
    return connection.execute(_HOLD_FAMILY, {"family": family_id}).first() is not None


def texts(connection: Connection, dossier_id: UUID) -> dict[UUID, SealedText]:
    """Return the sealed answers of a dossier by step; those of an erased family are gone."""
    rows = connection.execute(_TEXTS, {"dossier": dossier_id})
    return {row.step_id: SealedText(row.family_id, bytes(row.sealed)) for row in rows}


def add(connection: Connection, ref: Ref, *, family_id: UUID | None) -> bool:
    """Store a new dossier; false: there is one of this id."""
    if not connection.execute(_ADD, {"dossier": ref.id, "sort": ref.sort.value}).rowcount:
        return False
    if family_id is not None:
        connection.execute(_ADD_FAMILY, {"dossier": ref.id, "family": family_id})
    return True


def add_step(connection: Connection, dossier_id: UUID, step: Step) -> None:
    """Store one more step, without its texts."""
    connection.execute(
        _ADD_STEP,
        {
            "step": step.id,
            "dossier": dossier_id,
            "kind": step.kind.value,
            "at": step.at,
            "by": step.by,
            "facts": json.dumps(dict(step.facts)),
        },
    )
    if step.kind in {StepKind.CLOSE, StepKind.REOPEN}:
        connection.execute(_SET_OPEN, {"dossier": dossier_id, "open": step.kind is StepKind.REOPEN})


def add_text(connection: Connection, step_id: UUID, *, family_id: UUID | None, sealed: bytes) -> None:
    """Store the sealed answers of a step."""
    connection.execute(_ADD_TEXT, {"step": step_id, "family": family_id, "sealed": sealed})


def _with_steps(connection: Connection, rows: Sequence[Row[Any]]) -> list[Dossier]:
    heads = {row.dossier_id: row for row in rows}
    steps: dict[UUID, list[Step]] = {each: [] for each in heads}
    for row in connection.execute(_STEPS, {"dossiers": list(heads)}):
        facts: Mapping[str, str] = row.facts
        steps[row.dossier_id].append(Step(row.step_id, StepKind(row.kind), row.at, row.by, facts))
    return [Dossier(each, Sort(row.sort), row.family_id, tuple(steps[each])) for each, row in heads.items()]
