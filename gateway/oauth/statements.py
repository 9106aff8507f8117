"""Short statements that the gateway signs for a partner to keep (RFC 7515), with the keys that sign its tokens.

INVARIANT: a statement has a type of its own in its protected header, so that it never passes as a token (RFC 8725
section 3.11).
"""

import json
from collections.abc import Mapping

from joserfc import jws
from sqlalchemy import Connection

from gateway.oauth import jose
from gateway.oauth.keys import active_key
from gateway.oauth.tokens import TYPE
from gateway.wiring import Wiring


def sign_statement(wiring: Wiring, connection: Connection, *, kind: str, claims: Mapping[str, object]) -> str:
    """Return the claims as a compact JWS, to be checked against ``/.well-known/jwks.json``.

    Args:
        kind: the type, as ``extract-status+jwt``; not an access token's.
    """
    if kind == TYPE:
        raise ValueError("a statement is no token")
    key = active_key(connection, wiring.keyring)
    header = {"alg": "ES256", "typ": kind, "kid": key.kid}
    payload = json.dumps({"iss": wiring.settings.issuer, **claims}, separators=(",", ":"))
    return jws.serialize_compact(header, payload, key.key, algorithms=list(jose.TOKEN_ALGORITHMS))
