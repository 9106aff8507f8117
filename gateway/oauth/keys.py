"""The gateway's own signing keys: ``next`` (published, not used), ``active`` (signs), ``retired``, ``gone``.

INVARIANTS
- Exactly one key is active, by a unique index; only the active key signs, and its ``kid`` stands in every token.
- A ``kid`` is the key's RFC 7638 thumbprint: the same kid is always the same key.
- A key is published for as long as JWKS caches need before it signs, and until its last token expired after.
- Private keys are stored sealed under the reserved family's key and opened for one signature at a time; a key
  that no longer signs has none any more.
- A key that was stolen is gone at once, and with it every token it signed.

Sources: FAPI 2.0 section 5.4.2, RFC 7517; the rotation is that of OpenID Connect Core section 10.1.1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from joserfc.jwk import ECKey
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from certs.envelope import seal, unseal
from certs.jwk import new_es256_key, public_part
from gateway.keyring import NULL_FAMILY, Keyring
from gateway.oauth.errors import SigningKeyError

JWKS_SECONDS: Final = 300
"""How long anyone may cache the published keys."""

RETIRED_SECONDS: Final = 600
"""How long a retired key stays published: longer than any token it signed, clocks included."""

PUBLISHED: Final = (
    "(s.state IN ('next', 'active') OR s.state = 'retired'"
    f" AND s.changed_at > CAST(:now AS timestamptz) - CAST('{RETIRED_SECONDS} seconds' AS interval))"
)
"""SQL: the key ``s`` is published at ``:now``; a stolen key is worth nothing once it is not."""
_RETIRED: Final = (
    "UPDATE gateway.oauth_signing_key s SET state = 'gone', changed_at = :now WHERE s.state = 'retired'"
)
_SWEEP: Final = text(_RETIRED + " AND NOT " + PUBLISHED)
_KEYS: Final = "SELECT s.public FROM gateway.oauth_signing_key s WHERE "
_PUBLIC: Final = text(_KEYS + PUBLISHED + " ORDER BY s.state = 'active' DESC, s.kid")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The active key, open."""

    kid: str
    key: ECKey


def ensure_signing_key(connection: Connection, keyring: Keyring) -> None:
    """Make sure that one key is active and a next one is published; safe to repeat and to race."""
    _add(connection, keyring, state="active")
    if not connection.scalar(
        text("SELECT EXISTS (SELECT FROM gateway.oauth_signing_key WHERE state = 'next')")
    ):
        _add(connection, keyring, state="next")


def rotate_signing_key(
    connection: Connection, keyring: Keyring, *, now: datetime, stolen: bool = False
) -> str:
    """Retire the active key, sign with the next one from now on, publish another next; return the new ``kid``.

    Args:
        stolen: the active key is gone at once, its tokens with it, and the next one signs however short it
            was published; a client that cached the key set may have to read it again.

    Raises: SigningKeyError, no next key has been published for as long as JWKS caches live.
    """
    published_by = now if stolen else now - timedelta(seconds=JWKS_SECONDS)
    kid = connection.scalar(
        text(
            "SELECT kid FROM gateway.oauth_signing_key WHERE state = 'next' AND changed_at <= :published_by"
            " ORDER BY changed_at, kid LIMIT 1 FOR UPDATE"
        ),
        {"published_by": published_by},
    )
    if not isinstance(kid, str):
        raise SigningKeyError("No next signing key has been published for five minutes; try again then.")
    connection.execute(
        text(
            "UPDATE gateway.oauth_signing_key SET state = :state, changed_at = :now, sealed = NULL"
            " WHERE state = 'active'"
        ),
        {"state": "gone" if stolen else "retired", "now": now},
    )
    connection.execute(
        text("UPDATE gateway.oauth_signing_key SET state = 'active', changed_at = :now WHERE kid = :kid"),
        {"now": now, "kid": kid},
    )
    _add(connection, keyring, state="next")
    return kid


def sweep_retired_keys(connection: Connection, *, now: datetime) -> int:
    """Let keys go whose last token has expired; return how many."""
    swept = connection.execute(_SWEEP, {"now": now})
    return swept.rowcount


@dataclass(frozen=True, slots=True)
class KeyState:
    """One key of the gateway's, as an operator looks at it."""

    kid: str
    state: str
    changed_at: datetime


def key_states(connection: Connection) -> list[KeyState]:
    """Return every key there ever was, the newest change first."""
    rows = connection.execute(
        text("SELECT kid, state, changed_at FROM gateway.oauth_signing_key ORDER BY changed_at DESC, kid")
    )
    return [KeyState(row.kid, row.state, row.changed_at) for row in rows]


def active_key(connection: Connection, keyring: Keyring) -> SigningKey:
    """Return the key that signs, opened.

    Raises: SigningKeyError, there is none; EnvelopeError, the stored key was damaged or exchanged.
    """
    row = connection.execute(
        text(
            "SELECT k.kid, k.sealed, f.kek_epoch, f.wrapped FROM gateway.oauth_signing_key k"
            " JOIN gateway.family_key f ON f.family_id = :reserved WHERE k.state = 'active'"
        ),
        {"reserved": NULL_FAMILY},
    ).one_or_none()
    if row is None:
        raise SigningKeyError("There is no active signing key: run gateway migrate.")
    reserved = keyring.open_family(NULL_FAMILY, row.wrapped)
    private = json.loads(unseal(reserved.data_key, row.sealed, aad=_aad(row.kid)))
    return SigningKey(row.kid, ECKey.import_key(private))


def published_keys(connection: Connection, *, now: datetime) -> list[Mapping[str, str]]:
    """Return the public keys that anyone may verify our tokens with, the active one first."""
    rows = connection.execute(_PUBLIC, {"now": now})
    return [row.public for row in rows]


def public_key(connection: Connection, kid: str) -> ECKey | None:
    """Return one of our public keys by its ``kid``; None when it is not ours."""
    public = connection.scalar(
        text("SELECT public FROM gateway.oauth_signing_key WHERE kid = :kid"), {"kid": kid}
    )
    return None if public is None else ECKey.import_key(public)


def _add(connection: Connection, keyring: Keyring, *, state: str) -> None:
    private = new_es256_key()
    kid = private["kid"]
    sealed = seal(keyring.reserved(connection).data_key, json.dumps(private).encode(), aad=_aad(kid))
    connection.execute(
        text(
            "INSERT INTO gateway.oauth_signing_key (kid, public, sealed, state)"
            " VALUES (:kid, :public, :sealed, :state)"
            " ON CONFLICT (state) WHERE state = 'active' DO NOTHING"
        ),
        {"kid": kid, "public": Jsonb(public_part(private)), "sealed": sealed, "state": state},
    )


def _aad(kid: str) -> bytes:
    return b"oauth_signing_key:" + kid.encode("ascii")
