"""What became of a client's requests for tokens: how many are good now, when it last got one, what it was last refused.

INVARIANTS
- A token is counted before it leaves, so no count misses one that works.
- Nothing of what a token says is kept: which client, by which key, from when until when.
- A refusal is kept of a client that proved who it is, and of no other: nobody writes here about somebody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from agencies.model import AgencyCode
from gateway.oauth.model import ClientId
from gateway.oauth.repository import token_digest
from gateway.oauth.tokens import Grant

_ISSUED: Final = text(
    "WITH later AS (SELECT set_config('synchronous_commit', 'off', true))"
    " INSERT INTO gateway.oauth_issued_token (digest, client_id, client_key, issued_at, expires_at)"
    " SELECT :digest, :client, :key, :now, :expires FROM later"
)
_REFUSED: Final = text(
    "INSERT INTO gateway.oauth_refused_request (client_id, error, refused_at) VALUES (:client, :error, :now)"
    " ON CONFLICT (client_id) DO UPDATE SET error = excluded.error, refused_at = excluded.refused_at"
)
# A key that was taken away, or is over, ended its tokens already.
_CONTACTS: Final = text(
    "SELECT c.client_id, r.error, r.refused_at, t.passed_at,"
    " (SELECT max(i.issued_at) FROM gateway.oauth_issued_token i WHERE i.client_id = c.client_id) AS issued_at,"
    " (SELECT coalesce(jsonb_object_agg(u.client_key, u.used_at), '{}') FROM (SELECT i.client_key,"
    "    max(i.issued_at) AS used_at FROM gateway.oauth_issued_token i WHERE i.client_id = c.client_id"
    "    AND i.client_key IS NOT NULL GROUP BY i.client_key) u) AS key_uses,"
    " (SELECT count(*) FROM gateway.oauth_issued_token i WHERE i.client_id = c.client_id AND i.expires_at > :now"
    "    AND NOT EXISTS (SELECT FROM gateway.oauth_revoked_token v WHERE v.digest = i.digest)"
    "    AND (i.client_key IS NULL OR EXISTS (SELECT FROM gateway.oauth_client_key k WHERE k.client_id = i.client_id"
    "      AND k.thumbprint = i.client_key AND k.state = 'active' AND (k.ends_on IS NULL"
    "      OR (CAST(:now AS timestamptz) AT TIME ZONE 'Europe/London')::date < k.ends_on)))) AS alive"
    " FROM gateway.oauth_client c"
    " LEFT JOIN gateway.oauth_refused_request r ON r.client_id = c.client_id"
    " LEFT JOIN gateway.connection_test t ON t.client_id = c.client_id"
    " WHERE c.agency_code IS NOT NULL"
)
_END: Final = text(
    "INSERT INTO gateway.oauth_revoked_token (digest, expires_at) SELECT i.digest, i.expires_at"
    " FROM gateway.oauth_issued_token i JOIN gateway.oauth_client c USING (client_id)"
    " WHERE i.expires_at > now() AND (c.client_id = :client OR c.agency_code = :agency) ON CONFLICT DO NOTHING"
)
_SWEEP: Final = text(
    "DELETE FROM gateway.oauth_issued_token i WHERE i.expires_at < :now AND EXISTS ("
    "SELECT FROM gateway.oauth_issued_token n WHERE n.client_id = i.client_id"
    " AND n.client_key IS NOT DISTINCT FROM i.client_key AND (n.issued_at, n.digest) > (i.issued_at, i.digest))"
)


@dataclass(frozen=True, slots=True)
class Contact:
    """What the gateway saw of one client at its token endpoint.

    Attributes:
        issued_at: when it last got a token; absent: it never did.
        key_uses: when each key last got one, by thumbprint.
        alive: tokens that are neither over nor revoked; they work if client and agency may be served.
        error: what it was last refused for (RFC 6749 section 5.2), at ``refused_at``; absent: it never was.
        tested_at: when it last proved who it is while it, or its key, was not effective yet; absent: it never did.
    """

    issued_at: datetime | None
    key_uses: dict[str, datetime]
    alive: int
    error: str | None
    refused_at: datetime | None
    tested_at: datetime | None

    @property
    def connected(self) -> bool:
        """Whether the client ever proved who it is."""
        return any((self.issued_at, self.refused_at, self.tested_at))


def note_issued(connection: Connection, grant: Grant, *, token_id: str, now: datetime, seconds: int) -> None:
    """Count a token that is about to leave.

    Args:
        connection: in autocommit; a crash may forget the row, and the token's client asks again.
    """
    connection.execute(
        _ISSUED,
        {
            "digest": token_digest(token_id),
            "client": grant.client_id,
            "key": grant.client_key,
            "now": now,
            "expires": now + timedelta(seconds=seconds),
        },
    )


def note_refused(connection: Connection, client_id: ClientId, *, error: str, now: datetime) -> None:
    """Remember for what a client that proved who it is was refused a token."""
    connection.execute(_REFUSED, {"client": client_id, "error": error, "now": now})


def end_tokens(
    connection: Connection, *, client_id: ClientId | None = None, agency: AgencyCode | None = None
) -> int:
    """End every token of a client, or of all clients of an agency, for good; return how many.

    Whoever is let in again after a stop asks for new ones: one that was stolen before does not come back to life.
    """
    return connection.execute(_END, {"client": client_id, "agency": agency}).rowcount


def contacts(connection: Connection, *, now: datetime) -> dict[ClientId, Contact]:
    """Return what was seen of every client of an agency.

    Args:
        now: aware instant.
    """
    return {
        ClientId(row.client_id): Contact(
            row.issued_at,
            {name: datetime.fromisoformat(at) for name, at in row.key_uses.items()},
            row.alive,
            row.error,
            row.refused_at,
            row.passed_at,
        )
        for row in connection.execute(_CONTACTS, {"now": now})
    }


def sweep_issued_tokens(connection: Connection, *, now: datetime) -> int:
    """Forget tokens that are over, but the newest of each client and key; return how many."""
    return connection.execute(_SWEEP, {"now": now}).rowcount
