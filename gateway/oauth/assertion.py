"""Client assertions (``private_key_jwt``): who signs, for whom, for how long. No I/O.

INVARIANTS
- The audience is our issuer, as one string; never a list, never the token endpoint.
- The key is one of the client's registered keys; nothing in the assertion brings a key.
- A client that is unknown, revoked, suspended or out of agreement, and a wrong signature, look the same.

Sources: RFC 7523 section 3, FAPI 2.0 section 5.3.2.1 (6), (8) and (13), section 5.4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.oauth import jose
from gateway.oauth.claims import FUTURE_SECONDS, numeric_date, unique_id
from gateway.oauth.errors import InvalidClientError, JoseError
from gateway.oauth.model import Client, Thumbprint

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_SECONDS: Final = 300
_TYPES: Final = (None, "jwt", "client-authentication+jwt")
_REFUSED: Final = "The client is not known here, or its assertion does not verify."


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A verified assertion: which key signed it, and what makes it usable once.

    Attributes:
        expires: NumericDate; the ``jti`` must be remembered until then.
    """

    key: Thumbprint
    jti: str
    expires: float


def read_assertion(compact: str) -> tuple[jose.UnverifiedJws, str]:
    """Read an assertion and the client it claims to be from, which decides the keys to try and nothing else.

    Raises: InvalidClientError.
    """
    try:
        unverified = jose.read(compact, types=_TYPES, algorithms=jose.CLIENT_ALGORITHMS)
    except JoseError as error:
        raise InvalidClientError(_REFUSED) from error
    subject = unverified.claims.get("sub")
    if not isinstance(subject, str):
        raise InvalidClientError(_REFUSED)
    return unverified, subject


def verify_assertion(
    unverified: jose.UnverifiedJws, *, client: Client | None, issuer: str, now: datetime
) -> ClientAssertion:
    """Return the assertion of a client that signed it with an active key of its own.

    Args:
        client: the client named by ``sub``; None: there is none that may be served.
        issuer: our issuer identifier.

    Raises: InvalidClientError; it says what is wrong only to someone who holds the key.
    """
    if client is None:
        raise InvalidClientError(_REFUSED)
    key = _signing_key(unverified, client)
    claims = unverified.claims
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise InvalidClientError("The claims iss and sub of the assertion are the client_id, both.")
    if claims.get("aud") != issuer:
        raise InvalidClientError("The claim aud of the assertion is the issuer, as one string.")
    jti = unique_id(claims)
    if jti is None:
        raise InvalidClientError("The claim jti of the assertion has 1 to 128 characters.")
    return ClientAssertion(key=key, jti=jti, expires=_check_times(claims, now.timestamp()))


def _check_times(claims: jose.Claims, now: float) -> float:
    expires, issued = numeric_date(claims, "exp"), numeric_date(claims, "iat")
    if expires is None or not now < expires <= now + LIFETIME_SECONDS:
        raise InvalidClientError("The claim exp of the assertion lies at most 300 seconds ahead.")
    if issued is None or issued > now + FUTURE_SECONDS:
        raise InvalidClientError("The claim iat of the assertion is the time it was made.")
    not_before = numeric_date(claims, "nbf")
    if "nbf" in claims and (not_before is None or not_before > now + FUTURE_SECONDS):
        raise InvalidClientError("The claim nbf of the assertion lies ahead.")
    return expires


def _signing_key(unverified: jose.UnverifiedJws, client: Client) -> Thumbprint:
    for thumbprint, key in _candidates(unverified, client):
        try:
            jose.verify(unverified, key=key, algorithms=jose.CLIENT_ALGORITHMS)
        except JoseError:
            continue
        return thumbprint
    raise InvalidClientError(_REFUSED)


def _candidates(
    unverified: jose.UnverifiedJws, client: Client
) -> Iterator[tuple[Thumbprint, jose.VerificationKey]]:
    """A kid only narrows the client's own keys; two keys with one kid are both tried (FAPI 2.0 5.4.3)."""
    for thumbprint, members in client.keys.items():
        if unverified.key_id in (None, members.get("kid"), thumbprint):
            yield thumbprint, jose.import_key(members)
