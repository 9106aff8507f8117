"""Opening entries for those who operate the gateway.

INVARIANT: an entry under a restricted tag does not exist here; those who may see it have their own way.
INVARIANT: an entry whose family was erased shows as nothing more than that.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from certs.envelope import unseal
from gateway.disclosure_log.entry import tag
from gateway.keyring import KeyErasedError, Keyring

ERASED = "(erased)"

_NEWEST = text(
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id FROM gateway.log_entry e "
    "JOIN gateway.log_payload p USING (entry_id) LEFT JOIN gateway.log_trace t USING (entry_id) "
    "ORDER BY e.leaf_index DESC LIMIT :count"
)


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry in words: codes and ids only."""

    leaf_index: int
    minute: datetime
    kind: str
    actor: str
    agency: str
    purpose: str
    reasons: str


def newest(connection: Connection, *, keyring: Keyring, count: int) -> Iterator[EntryLine]:
    """Yield the newest entries, oldest first, opened."""
    for row in reversed(connection.execute(_NEWEST, {"count": count}).all()):
        line = _line(connection, keyring, row)
        if line is not None:
            yield line


def _line(connection: Connection, keyring: Keyring, row: Row[Any]) -> EntryLine | None:
    members = json.loads(row.body)
    minute = datetime.fromtimestamp(members["t"], UTC)
    try:
        keys = keyring.family(connection, row.family_id)
    except KeyErasedError:
        return EntryLine(row.leaf_index, minute, ERASED, "", "", "", "")
    if not hmac.compare_digest(tag(keys.tag_key, row.entry_id), members["f"]):
        return None
    opening = json.loads(
        unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + bytes.fromhex(members["c"]))
    )
    internal, recipient = opening["i"], opening["r"]
    return EntryLine(
        leaf_index=row.leaf_index,
        minute=minute,
        kind=internal["kind"],
        actor=internal["actor"],
        agency=internal.get("agency", ""),
        purpose=recipient.get("purpose", internal.get("purpose", "")),
        reasons=",".join(internal.get("reasons", [])),
    )
