"""Reads and writes of approvals; each works in the caller's transaction and commits nothing.

INVARIANT: an approval is decided once, and the database keeps whoever proposed it from approving it.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Row, text

from agencies.model import AgencyCode

Waiting: TypeAlias = Row[Any]  # the columns of the statement below
"""An approval that waits for a decision."""

_COLUMNS: Final = (
    "SELECT a.approval_id, a.kind, a.agency_code, a.version, a.digest, a.proposed_by, a.proposed_at,"
    " p.username AS proposer FROM gateway.approval a JOIN gateway.staff p ON p.id = a.proposed_by"
    " WHERE a.decision IS NULL"
)
_CLIENTS: Final = text(
    "SELECT c.client_id, c.scopes, c.certificate_name_kind, c.certificate_name, c.certificate_issuer"
    " FROM gateway.oauth_client c WHERE c.agency_code = :agency AND c.state = 'proposed' ORDER BY c.client_id"
)
_KEYS: Final = text(
    "SELECT k.client_id, k.thumbprint FROM gateway.oauth_client_key k"
    " WHERE k.agency_code = :agency AND k.state = 'proposed' ORDER BY k.client_id, k.thumbprint"
)
_WHOLE: Final = text(
    "SELECT a.kind, a.name, a.practitioner_policy, a.purposes,"
    " (SELECT jsonb_agg(jsonb_build_array(g.reference, g.assessment, g.valid_from, g.valid_until)"
    "   ORDER BY g.valid_from, g.reference) FROM agencies.agreement g WHERE g.agency_code = a.agency_code)"
    "   AS agreements,"
    " (SELECT encode(v.sha256, 'hex') FROM agencies.profile_version v"
    "   WHERE v.agency_code = a.agency_code AND v.version = 1) AS profile"
    " FROM agencies.agency a WHERE a.agency_code = :agency"
)


def open_approvals(connection: Connection) -> Sequence[Waiting]:
    """What waits for somebody's decision, the oldest first."""
    return connection.execute(text(_COLUMNS + " ORDER BY a.proposed_at, a.approval_id")).all()


def hold_approval(connection: Connection, approval_id: UUID) -> Waiting | None:
    """One approval that waits, held until the commit; absent: there is none, or it was decided."""
    wanted = text(_COLUMNS + " AND a.approval_id = :id FOR UPDATE OF a")
    return connection.execute(wanted, {"id": approval_id}).one_or_none()


def add_approval(
    connection: Connection,
    *,
    kind: str,
    agency: AgencyCode,
    version: int | None,
    digest: bytes,
    staff_id: UUID,
    now: datetime,
) -> UUID | None:
    """Store what somebody proposes and return its id; absent: the same waits already."""
    stored = connection.execute(
        text(
            "INSERT INTO gateway.approval (kind, agency_code, version, digest, proposed_by, proposed_at)"
            " VALUES (:kind, :agency, :version, :digest, :staff, :now) ON CONFLICT DO NOTHING RETURNING approval_id"
        ),
        {
            "kind": kind,
            "agency": agency,
            "version": version,
            "digest": digest,
            "staff": staff_id,
            "now": now,
        },
    )
    found: UUID | None = stored.scalar_one_or_none()
    return found


def decide_approval(
    connection: Connection, approval_id: UUID, *, decision: str, staff_id: UUID, now: datetime
) -> None:
    """Store what was decided."""
    connection.execute(
        text(
            "UPDATE gateway.approval SET decision = :decision, decided_by = :staff, decided_at = :now"
            " WHERE approval_id = :id"
        ),
        {"id": approval_id, "decision": decision, "staff": staff_id, "now": now},
    )


def proposed_clients(connection: Connection, agency: AgencyCode) -> list[dict[str, Any]]:
    """The clients and keys of an agency that wait for approval, as values that can be told apart."""
    clients = connection.execute(_CLIENTS, {"agency": agency})
    keys = connection.execute(_KEYS, {"agency": agency})
    return [
        *(
            {
                "client": row.client_id,
                "scopes": sorted(row.scopes),
                "certificate": [row.certificate_name_kind, row.certificate_name, row.certificate_issuer],
            }
            for row in clients
        ),
        *({"client": row.client_id, "key": row.thumbprint} for row in keys),
    ]


def digest_of_agency(connection: Connection, agency: AgencyCode) -> bytes:
    """What tells whether a proposed agency is still exactly what was proposed: itself, agreements, profile, clients."""
    row = connection.execute(_WHOLE, {"agency": agency}).one()
    whole = {**row._asdict(), "clients": proposed_clients(connection, agency)}
    return _digest(whole)


def digest_of_clients(connection: Connection, agency: AgencyCode) -> bytes:
    """What tells whether the clients and keys that wait are still exactly those that were proposed."""
    return _digest({"clients": proposed_clients(connection, agency)})


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()
