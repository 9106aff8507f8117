"""DPoP proofs (RFC 9449 section 4.3): possession of a key, for one method, one address, one time. No I/O.

INVARIANTS
- The address is compared with the configured URLs, never with the Host header.
- The key comes from the proof and is public, asymmetric and strong; it proves possession, not identity.
- A verified proof is not yet a fresh one: whoever calls this burns its ``jti`` before acting.
"""

import base64
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from gateway.oauth import jose
from gateway.oauth.claims import FUTURE_SECONDS, numeric_date, unique_id
from gateway.oauth.errors import InvalidProofError, JoseError
from gateway.oauth.model import Thumbprint
from gateway.oauth.replay import Kind, Use
from gateway.strict_json import JsonValue

PAST_SECONDS: Final = 60
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"
_WRITTEN: Final = re.compile(r"[!-~]+")  # the URL parser would quietly drop blanks and line ends


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof.

    Attributes:
        key: thumbprint of the key that signed it, to compare with a token's ``cnf.jkt``.
        address: the normalised ``htu``.
        expires: NumericDate from which the proof is stale anyway.
        nonce: the claim as it was sent, of any type; None: absent.
    """

    key: Thumbprint
    jti: str
    address: str
    expires: float
    nonce: JsonValue

    @property
    def use(self) -> Use:
        """The proof as something that may be used once."""
        return Use(Kind.PROOF, self.key, self.jti, self.expires, self.address)


def verify_proof(
    header: str | None, *, method: str, addresses: Collection[str], now: datetime, token: str | None = None
) -> Proof:
    """Return the proof in a ``DPoP`` header.

    Args:
        header: its value; None: absent. Two headers arrive joined by a comma and are refused.
        method: HTTP method of the request.
        addresses: configured URLs of the request, without query: the public one, and the mutual-TLS listener's.
        token: the access token presented with it, absent at the token endpoint.

    Raises: InvalidProofError.
    """
    if not header:
        raise InvalidProofError("Send exactly one DPoP header with a proof.")
    try:
        unverified = jose.read(header, types=("dpop+jwt",), algorithms=jose.CLIENT_ALGORITHMS)
        accepted = jose.accept_key(unverified.header.get("jwk"))
        claims = jose.verify(unverified, key=accepted.key, algorithms=jose.CLIENT_ALGORITHMS)
    except JoseError as error:
        raise InvalidProofError("The DPoP proof does not verify.") from error
    address = normalise(claims.get("htu"))
    if claims.get("htm") != method or not address or address not in map(normalise, addresses):
        raise InvalidProofError("The DPoP proof is for another method or address.")
    if token is not None and claims.get("ath") != access_token_hash(token):
        raise InvalidProofError("The DPoP proof is for another access token.")
    jti, issued, instant = unique_id(claims), numeric_date(claims, "iat"), now.timestamp()
    if jti is None:
        raise InvalidProofError("The claim jti of the DPoP proof has 1 to 128 characters.")
    if issued is None or not instant - PAST_SECONDS <= issued <= instant + FUTURE_SECONDS:
        raise InvalidProofError("The claim iat of the DPoP proof is not the time it was made.")
    return Proof(accepted.thumbprint, jti, address, issued + PAST_SECONDS, claims.get("nonce"))


def access_token_hash(token: str) -> str:
    """Return the ``ath`` of a token (RFC 9449 section 4.2)."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def normalise(address: object) -> str:
    """Return a URL without query and fragment, in the one spelling we compare (RFC 3986 section 6.2).

    Returns: the empty text for everything that is no ``https`` URL, which equals no public URL.
    """
    if not isinstance(address, str) or _WRITTEN.fullmatch(address) is None:
        return ""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    # An encoded slash would make two different paths look the same once decoded.
    if parts.scheme != "https" or not host or parts.username is not None or "%2f" in parts.path.lower():
        return ""
    authority = host if port in (None, 443) else f"{host}:{port}"
    path = quote(unquote(parts.path, errors="surrogateescape"), safe=_PATH_SAFE, errors="surrogateescape")
    return f"https://{authority}{path or '/'}"
