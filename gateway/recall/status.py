"""Whether an agency's copy is still current and permitted: a short-lived answer that the gateway signs.

INVARIANTS
- Nothing is released by asking, and what is answered is one of three words.
- Only an agency's own extract is there; everything else is one and the same absence.
- The purpose is that of the token: what was pulled for the panel is asked about as such, or it is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from certs.errors import CertsError
from gateway.caller import Caller
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import open_entry
from gateway.disclosure_log.repository import database_now
from gateway.instants import precise
from gateway.keyring import KeyErasedError
from gateway.oauth.statements import sign_statement
from gateway.release.standing_answer import would_release
from gateway.wiring import Wiring

LIFETIME: Final = timedelta(minutes=5)
TYPE: Final = "extract-status+jwt"

_ENTRY: Final = text(
    "SELECT e.entry_id, e.body, p.sealed, t.family_id FROM gateway.log_trace t"
    " JOIN gateway.log_entry e USING (entry_id) JOIN gateway.log_payload p USING (entry_id)"
    " WHERE t.extract_id = :extract AND t.agency_code = :agency"
)


class CopyStatus(StrEnum):
    """What a copy is now."""

    CURRENT = "current"
    """The same would be released now."""
    NEITHER = "neither"
    """Nothing would be released now, or its time is over."""
    PERMITTED = "permitted"
    """Something would be released now, but not the same: pull it again."""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The answer, good until ``valid_until``, and the gateway's signature of it."""

    status: CopyStatus
    checked_at: datetime
    valid_until: datetime
    signature: str


def status_of(wiring: Wiring, *, caller: Caller, extract_id: UUID) -> StatusAnswer | None:
    """Return what this agency's copy is now; absent: there is no such extract of its own, pulled for this purpose."""
    with wiring.engine.connect() as connection:
        row = connection.execute(_ENTRY, {"extract": extract_id, "agency": caller.agency}).one_or_none()
        try:
            entry = None if row is None else open_entry(connection, keyring=wiring.keyring, row=row)
        except (CertsError, KeyErasedError):  # erased, or damaged: either way nothing can be said of it
            entry = None
        if entry is None or entry.internal.get("kind") != EntryKind.EXTRACT_RELEASE:
            return None
        if entry.recipient["purpose"] != caller.purpose:
            return None
        now = database_now(connection)
    status = _status(wiring, caller, internal=entry.internal, recipient=entry.recipient, now=now)
    valid_until = now + LIFETIME
    claims = {
        "sub": str(extract_id),
        "aud": caller.client_id,
        "status": status.value,
        "iat": int(now.timestamp()),
        "exp": int(valid_until.timestamp()),
    }
    with wiring.engine.connect() as connection:
        signature = sign_statement(wiring, connection, kind=TYPE, claims=claims)
    return StatusAnswer(status, now, valid_until, signature)


def _status(
    wiring: Wiring,
    caller: Caller,
    *,
    internal: Mapping[str, Any],
    recipient: Mapping[str, Any],
    now: datetime,
) -> CopyStatus:
    if datetime.fromisoformat(internal["use_until"]) <= now:
        return CopyStatus.NEITHER
    try:
        _, found = would_release(wiring, caller=caller, case_ref=UUID(recipient["case_ref"]))
    except (CertsError, LookupError, TypeError, ValueError):  # damaged: nothing would be released
        return CopyStatus.NEITHER
    if found is None:
        return CopyStatus.NEITHER
    return CopyStatus.CURRENT if found == internal["record_sha256"] else CopyStatus.PERMITTED


def rendered(extract_id: UUID, answer: StatusAnswer) -> dict[str, str]:
    """Return the body of the answer."""
    return {
        "extract_id": str(extract_id),
        "status": answer.status.value,
        "checked_at": precise(answer.checked_at),
        "valid_until": precise(answer.valid_until),
        "signature": answer.signature,
    }
