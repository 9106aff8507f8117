"""The sealed payloads held against their entries: each opens and is what was committed to, or its loss is on record.

INVARIANTS
- A payload without the trace or the key that opens it is a contradiction: only an erasure takes them, and it takes
  the payload with them.
- As many payloads are missing as the log's own entries account for: one ``case.erase`` per erased family, and
  ``log.restore`` for what a restored backup lost.
- Nothing of what a payload says is kept, beyond its kind.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from certs.envelope import unseal
from certs.errors import EnvelopeError
from gateway.disclosure_log.entry import commitment_of, tag
from gateway.disclosure_log.model import EntryKind
from gateway.keyring import NULL_FAMILY, FamilyKeys, Keyring

_UNDER_WAY: Final = text(
    "SELECT count(*) FROM gateway.log_erasure JOIN gateway.log_trace USING (family_id)"
    " JOIN gateway.log_payload USING (entry_id)"
)
_ACCOUNTS: Final = (EntryKind.CASE_ERASE, EntryKind.LOG_RESTORE)


class Openings:
    """Every payload of a log, one after the other.

    Attributes:
        opened: payloads that are what their entry commits to.
        covers: of which are cover entries.
        unknown_refs: of which are refusals of references that nobody has.
        missing: entries without a payload.
    """

    def __init__(self, keyring: Keyring, found: Callable[[str, str], None]) -> None:
        """Tell each finding to ``found``, with its kind."""
        self._keyring = keyring
        self._found = found
        self._accounted = 0
        self.opened = self.covers = self.unknown_refs = self.missing = 0

    def check(self, row: Row[Any]) -> None:
        """Check the payload of one entry.

        Args:
            row: leaf_index, entry_id, body, and sealed, family_id and wrapped, each absent where it is not there.
        """
        if row.sealed is None:
            self.missing += 1
            if row.family_id is not None:
                self._found("payload", f"The payload of entry {row.leaf_index} is gone, but not its trace.")
            return
        if row.family_id is None or row.wrapped is None:
            lost = "trace" if row.family_id is None else "key"
            self._found("opening", f"The payload of entry {row.leaf_index} is there, but its {lost} is gone.")
            return
        try:
            internal = self._open(row)
        except (EnvelopeError, ValueError, KeyError, TypeError):
            sentence = f"The payload of entry {row.leaf_index} is not the one that the entry commits to."
            self._found("opening", sentence)
            return
        self.opened += 1
        self._count(internal, row.family_id)

    def finish(self, connection: Connection) -> None:
        """Hold what is missing against what the log accounts for."""
        coming = connection.execute(_UNDER_WAY).scalar_one()
        if self.missing + coming != self._accounted:
            self._found(
                "missing",
                f"{self.missing + coming} payloads are gone or going, and the log accounts for {self._accounted}.",
            )

    def _open(self, row: Row[Any]) -> Mapping[str, Any]:
        """The internal part of an entry; raises what says that it is not the committed one."""
        keys = self._keyring.open_family(row.family_id, row.wrapped)
        members = json.loads(row.body)
        commitment = bytes.fromhex(members["c"])
        opening = json.loads(unseal(keys.data_key, row.sealed, aad=row.entry_id.bytes + commitment))
        parts = [
            commitment_of(opening[part], salt=bytes.fromhex(opening[salt]))
            for part, salt in (("r", "sr"), ("i", "si"))
        ]
        if hashlib.sha256(b"".join(parts)).digest() != commitment:
            raise ValueError("another opening")
        if not _is_tagged(keys, row.entry_id, members["f"]):
            raise ValueError("another family's tag")
        internal: Mapping[str, Any] = opening["i"]
        return internal

    def _count(self, internal: Mapping[str, Any], family_id: UUID) -> None:
        kind = internal.get("kind")
        if family_id != NULL_FAMILY:
            return
        self.covers += kind == EntryKind.LOG_COVER
        self.unknown_refs += kind == EntryKind.EXTRACT_REFUSE
        if kind in _ACCOUNTS:
            self._accounted += int(internal.get("entries", 0))


def _is_tagged(keys: FamilyKeys, entry_id: UUID, told: str) -> bool:
    tags = (tag(key, entry_id) for key in (keys.tag_key, keys.restricted_tag_key))
    return any(hmac.compare_digest(each, told) for each in tags)
