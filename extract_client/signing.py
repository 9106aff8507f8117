"""The client's two keys and what they sign: its own for assertions, a fresh one per run for DPoP proofs.

Sources: RFC 7523 (assertion), RFC 9449 section 4.2 (proof); the audience is the issuer (FAPI 2.0).
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from extract_client.errors import ConfigurationError

PrivateKey = ECKey | OKPKey | RSAKey

ASSERTION_SECONDS: Final = 60
_KINDS: Final[Mapping[str, tuple[type[PrivateKey], str]]] = {
    "EC": (ECKey, "ES256"),
    "OKP": (OKPKey, "Ed25519"),
    "RSA": (RSAKey, "PS256"),
}


def load_key(path: Path) -> PrivateKey:
    """Read the client's private key, one JWK.

    Raises: ConfigurationError.
    """
    try:
        members = json.loads(path.read_text("utf-8"))
        key = _KINDS[members["kty"]][0].import_key(members)
    except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
        raise ConfigurationError(f"The key file {path} does not hold a private key (JWK).") from error
    if not key.is_private:
        raise ConfigurationError(f"The key file {path} does not hold a private key (JWK).")
    return key


def new_proof_key() -> ECKey:
    """A fresh key for DPoP proofs; never used with another gateway and never stored."""
    return ECKey.generate_key("P-256")


def client_assertion(key: PrivateKey, *, client_id: str, issuer: str, now: int) -> str:
    """Return a new assertion, good once and for a minute.

    Args:
        now: seconds since 1970.
    """
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(16),
    }
    return _sign({"typ": "JWT", "kid": key.thumbprint()}, claims, key)


def dpop_proof(
    key: ECKey, *, method: str, url: str, now: int, token: str | None = None, nonce: str | None = None
) -> str:
    """Return a new proof for one request.

    Args:
        url: without query and fragment.
        token: the access token sent along; None at the token endpoint.
        nonce: what the gateway asked for; None: nothing.
    """
    claims: dict[str, object] = {"htm": method, "htu": url, "iat": now, "jti": secrets.token_urlsafe(16)}
    if token is not None:
        digest = hashlib.sha256(token.encode("ascii")).digest()
        claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    if nonce is not None:
        claims["nonce"] = nonce
    return _sign({"typ": "dpop+jwt", "jwk": key.as_dict(private=False)}, claims, key)


def _sign(header: Mapping[str, object], claims: Mapping[str, object], key: PrivateKey) -> str:
    algorithm = _KINDS[key.key_type][1]
    return jws.serialize_compact(
        {**header, "alg": algorithm}, json.dumps(claims), key, algorithms=[algorithm]
    )
