"""Access tokens (RFC 9068): issued for one resource, one client, one key; verified from the ground up.

INVARIANTS
- ``typ`` is ``at+jwt``, ``aud`` is our one resource, ``iss`` our issuer; ``cnf`` has exactly one member, the
  thumbprint of a DPoP key or of a certificate: there is no token that whoever finds it can use.
- A token names the client key it was issued to (``client_key``), so that removing that key ends it; one that
  was issued to a client that came by certificate names none.
- Of a token seen before, only "its signature verified" is remembered; everything else is read again.

Sources: RFC 9068 sections 2 and 4, RFC 8705 section 3.1, RFC 9449 section 6, RFC 8725 section 3.11.
"""

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Final

from joserfc import jws
from joserfc.jwk import ECKey

from gateway.oauth import jose
from gateway.oauth.authorization_details import parse_entry
from gateway.oauth.claims import FUTURE_SECONDS, numeric_date, unique_id
from gateway.oauth.errors import InvalidAuthorizationDetailsError, InvalidTokenError, JoseError
from gateway.oauth.keys import SigningKey
from gateway.oauth.model import (
    ENTRY_OF,
    AuthorizationEntry,
    ClientId,
    Confirmation,
    ConfirmationMethod,
    Entry,
    Scope,
    Thumbprint,
)

TYPE: Final = "at+jwt"
REMEMBERED: Final = 4096
"""Tokens of which a process remembers that their signatures verified."""
_CONFIRMATIONS: Final = frozenset(ConfirmationMethod)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says, before it is issued and after it is verified.

    Attributes:
        client_key: the registered key that the client authenticated with; None: it came by certificate.
        confirmation: what the token is bound to.
        entry: absent when the scopes need none.
    """

    client_id: ClientId
    client_key: Thumbprint | None
    confirmation: Confirmation
    scopes: frozenset[Scope]
    entry: AuthorizationEntry | None

    @property
    def scope(self) -> str:
        """The scopes as RFC 6749 section 3.3 writes them, in alphabetical order."""
        return " ".join(sorted(self.scopes))

    @property
    def details(self) -> list[dict[str, object]] | None:
        """The authorization details as RFC 9396 writes them."""
        return None if self.entry is None else [self.entry.to_json()]


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token of ours that is in date; what it is bound to and today's rights are still to be checked.

    Attributes:
        token_id: its ``jti``, by which it is revoked.
        issued: NumericDate.
        expires: NumericDate.
        signing_key: ``kid`` of the key that signed it.
    """

    grant: Grant
    token_id: str
    issued: float
    expires: float
    signing_key: str


def new_token_id() -> str:
    """Return a ``jti`` that nobody can guess and no other token has."""
    return secrets.token_urlsafe(16)


def issue(
    grant: Grant,
    *,
    token_id: str,
    signing_key: SigningKey,
    issuer: str,
    resource: str,
    now: datetime,
    seconds: int,
) -> str:
    """Return a signed token of this id, valid from ``now`` for ``seconds``."""
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": grant.client_id,
        "client_id": grant.client_id,
        "aud": resource,
        "iat": issued,
        "exp": issued + seconds,
        "jti": token_id,
        "scope": grant.scope,
        "cnf": {str(grant.confirmation.method): grant.confirmation.thumbprint},
    }
    if grant.client_key is not None:
        claims["client_key"] = grant.client_key
    if grant.details is not None:
        claims["authorization_details"] = grant.details
    header = {"alg": "ES256", "typ": TYPE, "kid": signing_key.kid}
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(header, payload, signing_key.key, algorithms=list(jose.TOKEN_ALGORITHMS))


class SignatureMemory:
    """Remembers which tokens had a good signature, by digest, at most ``capacity`` of them; thread-safe."""

    def __init__(self, *, capacity: int = REMEMBERED) -> None:
        self._capacity = capacity
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def knows(self, token: str) -> bool:
        """True when exactly this token was remembered and has not been pushed out since."""
        digest = _digest(token)
        with self._lock:
            if digest not in self._digests:
                return False
            self._digests.move_to_end(digest)
            return True

    def remember(self, token: str) -> None:
        """Remember that the signature of exactly this token verified."""
        with self._lock:
            self._digests[_digest(token)] = None
            if len(self._digests) > self._capacity:
                self._digests.popitem(last=False)


def verify_token(
    token: str,
    *,
    key_of: Callable[[str], ECKey | None],
    memory: SignatureMemory,
    issuer: str,
    resource: str,
    now: datetime,
) -> VerifiedToken:
    """Return what a token of ours grants.

    Args:
        key_of: finds one of our public keys by ``kid``; whether it is still published is checked later,
            in the statement that reads the client.

    Raises: InvalidTokenError.
    """
    try:
        unverified = jose.read(token, types=(TYPE,), algorithms=jose.TOKEN_ALGORITHMS)
        if unverified.key_id is None:
            raise InvalidTokenError
        if not memory.knows(token):
            key = key_of(unverified.key_id)
            if key is None:
                raise InvalidTokenError
            jose.verify(unverified, key=key, algorithms=jose.TOKEN_ALGORITHMS)
            memory.remember(token)
    except JoseError as error:
        raise InvalidTokenError from error
    claims = unverified.claims
    token_id = unique_id(claims)
    if claims.get("iss") != issuer or claims.get("aud") != resource or token_id is None:
        raise InvalidTokenError
    issued, expires = _times(claims, now.timestamp())
    return VerifiedToken(_grant(claims), token_id, issued, expires, unverified.key_id)


def _times(claims: jose.Claims, now: float) -> tuple[float, float]:
    issued, expires = numeric_date(claims, "iat"), numeric_date(claims, "exp")
    if issued is None or expires is None or issued > now + FUTURE_SECONDS or now >= expires:
        raise InvalidTokenError
    return issued, expires


def _grant(claims: jose.Claims) -> Grant:
    """Read our own claims as strictly as a stranger's: a grant is whole or there is none."""
    client_id, client_key, scope = claims.get("client_id"), claims.get("client_key"), claims.get("scope")
    if not (
        isinstance(client_id, str)
        and (client_key is None or isinstance(client_key, str))
        and isinstance(scope, str)
        and claims.get("sub") == client_id
    ):
        raise InvalidTokenError
    try:
        scopes = frozenset(Scope(name) for name in scope.split(" "))
        (kind,) = {ENTRY_OF[name] for name in scopes}
    except ValueError as error:
        raise InvalidTokenError from error
    return Grant(
        client_id=ClientId(client_id),
        client_key=None if client_key is None else Thumbprint(client_key),
        confirmation=_confirmation(claims),
        scopes=scopes,
        entry=_entry(claims, kind),
    )


def _confirmation(claims: jose.Claims) -> Confirmation:
    """What the token is bound to: one thing, or the token is none of ours (RFC 7800 section 3.1)."""
    confirmation = claims.get("cnf")
    if not isinstance(confirmation, Mapping) or len(confirmation) != 1:
        raise InvalidTokenError
    ((method, thumbprint),) = confirmation.items()
    if method not in _CONFIRMATIONS or not isinstance(thumbprint, str):
        raise InvalidTokenError
    return Confirmation(ConfirmationMethod(method), Thumbprint(thumbprint))


def _entry(claims: jose.Claims, kind: Entry) -> AuthorizationEntry | None:
    details = claims.get("authorization_details")
    if kind is Entry.NONE and details is None:
        return None
    if kind is Entry.NONE or not isinstance(details, list) or len(details) != 1:
        raise InvalidTokenError
    try:
        return parse_entry(details[0], kind=kind)
    except InvalidAuthorizationDetailsError as error:
        raise InvalidTokenError from error


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
