"""Families with consent, and panel files, for the tests of this room."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from consent_registry.model import Closure, DecisionId, Exit, Given, Scope, Standing
from gateway.cases.repository import case_by_source_ref, today
from gateway.cases.service import import_family
from gateway.disclosure_log.repository import move_gates
from gateway.wiring import Wiring

NOW = datetime.now(UTC)


def add_family(
    wiring: Wiring, source_ref: str, *, level: int = 2, status: str = "open", born: str = "2019-02-28"
) -> UUID:
    """Import a mother, her child and a man who is a risk to them; return the family's id."""
    raw: Any = {
        "source_ref": source_ref,
        "threshold_level": level,
        "status": status,
        "seals": [],
        "people": [
            {"id": f"{source_ref}-mother", "role": "adult"},
            {"id": f"{source_ref}-child", "role": "child"},
            {"id": f"{source_ref}-risk", "role": "other", "risk_person": True},
        ],
        "workers": [],
        "items": [
            {
                "field": "child_name",
                "about": [f"{source_ref}-child"],
                "source_agency": "early-help",
                "as_of": "2026-01-05",
                "kind": "fact",
                "value": {"type": "legal", "given": "Ada", "family": "Byron"},
            },
            {
                "field": "child_dob",
                "about": [f"{source_ref}-child"],
                "source_agency": "early-help",
                "as_of": "2026-01-05",
                "kind": "fact",
                "value": {"date": born, "certainty": "exact"},
            },
        ],
    }
    with wiring.engine.connect() as connection:
        day = today(connection)
    import_family(wiring, raw, today=day, actor="test")
    return family_id(wiring, source_ref)


def family_id(wiring: Wiring, source_ref: str) -> UUID:
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
    assert identity is not None
    return identity.family_id


def agree(
    wiring: Wiring,
    family: UUID,
    *,
    agencies: Iterable[str] = ("camhs",),
    purposes: Iterable[str] = ("P1",),
    role: str = "child",
    ends: datetime = NOW + timedelta(days=90),
    closures: tuple[Closure, ...] = (),
) -> None:
    """Let the yes of one person of a family stand, in place of what stood."""
    scope = Scope(agencies=frozenset(agencies), categories=frozenset({"name"}), purposes=frozenset(purposes))
    given = Given(
        DecisionId(uuid4()),
        scope,
        NOW - timedelta(days=1),
        ends,
        profiles_shown=dict.fromkeys(agencies, 1),
    )
    stand(wiring, family, Standing(given=given, closures=closures), role=role)


def withdraw(wiring: Wiring, family: UUID, *, role: str = "child") -> None:
    """Let nothing of one person stand."""
    stand(wiring, family, Standing(closed_by=Exit.WITHDRAWN), role=role)


_SUBJECT = text(
    "INSERT INTO consent_registry.subject SELECT gen_random_uuid(), family_id, person_id FROM gateway.case_person"
    " WHERE family_id = :family AND role = :role ON CONFLICT DO NOTHING"
)
_STANDING = text(
    "INSERT INTO consent_registry.standing SELECT s.subject_id, s.family_id, 1, CAST(:body AS jsonb)"
    " FROM consent_registry.subject s JOIN gateway.case_person p USING (family_id, person_id)"
    " WHERE family_id = :family AND p.role = :role ON CONFLICT (subject_id) DO UPDATE SET body = excluded.body"
)


def stand(wiring: Wiring, family: UUID, standing: Standing, *, role: str) -> None:
    """Write a standing as the consent registry would, with the gate moved."""
    names = {"family": family, "role": role, "body": json.dumps(standing.to_json())}
    with wiring.engine.begin() as connection:
        move_gates(connection, families=[family], agencies=[])
        connection.execute(_SUBJECT, names)
        connection.execute(_STANDING, names)


def meeting(ref: str = "M-1", **changes: object) -> dict[str, Any]:
    """One meeting of a panel file, today."""
    row = {
        "ref": ref,
        "title": "North panel",
        "held_on": NOW.date().isoformat(),
        "members": ["camhs"],
        "agenda": ["EH-1"],
    }
    return {**row, **changes}


def offer(ref: str = "O-1", **changes: object) -> dict[str, Any]:
    """One offer of a panel file."""
    row = {
        "ref": ref,
        "source_ref": "EH-1",
        "agency": "camhs",
        "service": "Parenting course",
        "accepted_on": "2026-01-05",
    }
    return {**row, **changes}


def panel_file(*meetings: dict[str, Any], offers: Iterable[dict[str, Any]] = (), **more: object) -> bytes:
    """A panel file."""
    return json.dumps({"format": 1, "meetings": list(meetings), "offers": list(offers), **more}).encode()


def gate(wiring: Wiring, family: UUID) -> int:
    """The version of a family's gate."""
    with wiring.engine.connect() as connection:
        version: int = connection.execute(
            text("SELECT version FROM gateway.family_gate WHERE family_id = :f"), {"f": family}
        ).scalar_one()
    return version


def rows(wiring: Wiring, table: str) -> int:
    """How many rows a table has."""
    with wiring.engine.connect() as connection:
        count: int = connection.execute(text(f"SELECT count(*) FROM gateway.{table}")).scalar_one()
    return count
