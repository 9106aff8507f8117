"""Reads and writes of approvals; each works in the caller's transaction and commits nothing.

INVARIANT: an approval is decided once, and the database keeps whoever proposed it, or wrote it, from approving it.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
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


def digest_of_agency(connection: Connection, agency: AgencyCode, *, effective: int | None = None) -> bytes:
    """What tells whether a proposed agency is still exactly what was proposed: itself, agreements, profile, clients.

    Args:
        effective: of an agency that took part before, the profile version that releases; absent: none did.
    """
    row = connection.execute(_WHOLE, {"agency": agency}).one()
    before = {} if effective is None else {"effective": effective}
    whole = {**row._asdict(), **before, "clients": proposed_clients(connection, agency)}
    return _digest(whole)


def digest_of_clients(connection: Connection, agency: AgencyCode) -> bytes:
    """What tells whether the clients and keys that wait are still exactly those that were proposed."""
    return _digest({"clients": proposed_clients(connection, agency)})


DraftRow: TypeAlias = Row[Any]  # the columns of the statement below
"""A profile that is being written."""

_DRAFT: Final = text(
    "SELECT d.document, d.started_from, d.authors, d.edited_at, s.username AS editor"
    " FROM gateway.profile_draft d JOIN gateway.staff s ON s.id = d.edited_by WHERE d.agency_code = :agency"
)
_BEGIN: Final = text(
    "INSERT INTO gateway.profile_draft (agency_code, document, started_from, authors, edited_by, edited_at)"
    " VALUES (:agency, :document, :started_from, ARRAY[CAST(:staff AS uuid)], :staff, now())"
    " ON CONFLICT DO NOTHING"
)
_EDIT: Final = text(
    "UPDATE gateway.profile_draft SET document = :document, edited_by = :staff, edited_at = now(),"
    " authors = CASE WHEN :staff = ANY (authors) THEN authors ELSE authors || CAST(:staff AS uuid) END"
    " WHERE agency_code = :agency AND document = :shown"
)
_DISCARD: Final = text("DELETE FROM gateway.profile_draft WHERE agency_code = :agency AND document = :shown")


def draft(connection: Connection, agency: AgencyCode) -> DraftRow | None:
    """The draft of an agency's next profile; absent: nobody writes one."""
    return connection.execute(_DRAFT, {"agency": agency}).one_or_none()


def begin_draft(
    connection: Connection, agency: AgencyCode, *, document: str, started_from: int | None, staff_id: UUID
) -> bool:
    """Store a draft where there is none; return whether there was none."""
    values = {"agency": agency, "document": document, "started_from": started_from, "staff": staff_id}
    return connection.execute(_BEGIN, values).rowcount > 0


def edit_draft(
    connection: Connection, agency: AgencyCode, *, shown: str, document: str, staff_id: UUID
) -> bool:
    """Put a text in the place of the one that was shown; return whether that was still the draft's."""
    values = {"agency": agency, "shown": shown, "document": document, "staff": staff_id}
    return connection.execute(_EDIT, values).rowcount > 0


def discard_draft(connection: Connection, agency: AgencyCode, *, shown: str) -> bool:
    """Delete a draft; return whether it was still what was shown."""
    return connection.execute(_DISCARD, {"agency": agency, "shown": shown}).rowcount > 0


def add_authors(
    connection: Connection, agency: AgencyCode, *, version: int, authors: Collection[UUID]
) -> None:
    """Store who wrote a profile version."""
    connection.execute(
        text(
            "INSERT INTO gateway.profile_author (agency_code, version, staff_id)"
            " SELECT :agency, :version, unnest(CAST(:authors AS uuid[])) ON CONFLICT DO NOTHING"
        ),
        {"agency": agency, "version": version, "authors": sorted(authors)},
    )


def is_author(connection: Connection, agency: AgencyCode, *, version: int, staff_id: UUID) -> bool:
    """Whether a member of staff wrote a profile version, or a part of it."""
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT FROM gateway.profile_author WHERE agency_code = :agency"
                " AND version = :version AND staff_id = :staff)"
            ),
            {"agency": agency, "version": version, "staff": staff_id},
        ).scalar_one()
    )


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()
