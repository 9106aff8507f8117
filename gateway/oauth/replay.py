"""What may be used once: digests of used identifiers, in PostgreSQL.

INVARIANTS
- An identifier is used by the statement that stores it: of any number of simultaneous uses exactly one wins.
- Either every identifier of a set is used or none is.
- Only digests are kept, and only until the thing they stand for would be stale anyway.

Source: RFC 9449 section 11.1, RFC 7523 section 3 (7).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

_MARGIN: Final = timedelta(seconds=60)  # nodes whose clocks differ must agree that a thing is stale
_SWEEP_LOCK: Final = 0x6F61757468  # "oauth"


class Kind(StrEnum):
    """What an identifier identifies; the same text under another kind is another identifier."""

    ASSERTION = "assertion"
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class Use:
    """One identifier about to be used.

    Attributes:
        party: the client id, or the thumbprint of the proof's key.
        address: the proof's address; empty for an assertion.
        expires: NumericDate after which it would be refused anyway.
    """

    kind: Kind
    party: str
    jti: str
    expires: float
    address: str = ""

    @property
    def digest(self) -> bytes:
        """SHA-256 over the four parts, unambiguously joined."""
        parts = [self.kind, self.party, self.jti, self.address]
        return hashlib.sha256(json.dumps(parts).encode("ascii")).digest()

    @property
    def forget_at(self) -> datetime:
        """When the row may be swept."""
        return datetime.fromtimestamp(self.expires, UTC) + _MARGIN


def use_all(connection: Connection, uses: Sequence[Use]) -> list[Use]:
    """Use every identifier, or none of them.

    Args:
        connection: in a transaction of its own, which ends here: committed if all were fresh.

    Returns: those that were used before; empty: all are used now, durably.
    """
    ordered = sorted(uses, key=lambda use: use.digest)  # two requests with the same pair never deadlock
    stored = connection.execute(
        text(
            "INSERT INTO gateway.oauth_replay (digest, expires_at)"
            " SELECT * FROM unnest(CAST(:digests AS bytea[]), CAST(:expiries AS timestamptz[]))"
            " ON CONFLICT DO NOTHING RETURNING digest"
        ),
        {"digests": [use.digest for use in ordered], "expiries": [use.forget_at for use in ordered]},
    )
    fresh = {bytes(row.digest) for row in stored}
    used_before = [use for use in uses if use.digest not in fresh]
    if used_before:
        connection.rollback()
    else:
        connection.commit()
    return used_before


def sweep(connection: Connection, *, now: datetime) -> int:
    """Forget what is stale; return how many. One process sweeps at a time, the others pass by."""
    swept = connection.execute(
        text(
            "WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(:lock) AS mine)"
            " DELETE FROM gateway.oauth_replay r USING turn WHERE turn.mine AND r.expires_at < :now"
        ),
        {"lock": _SWEEP_LOCK, "now": now},
    )
    return swept.rowcount
