"""JSON Web Signatures from strangers: read in bounded time, verified with an explicit algorithm list.

INVARIANTS
- Nothing is verified without a list of algorithms; ``none``, HMAC and PKCS #1 v1.5 are on no list.
- A header is read by the strict JSON reader before the library sees it: no depth, size or duplicate surprises.
- ``crit`` and ``b64`` are refused, whatever they name; ``jku``, ``x5u`` and ``kid`` fetch nothing.
- Each kind of JWS has its own ``typ``, so that none passes for another.
- No foreign exception leaves this module.

Sources: RFC 7515, RFC 8725 sections 3.1 to 3.11, RFC 9864 (Ed25519 beside EdDSA), FAPI 2.0 section 5.4.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from joserfc import jws
from joserfc._rfc7515.model import JWSAlgModel
from joserfc.errors import JoseError as LibraryError
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from certs.errors import JwkError
from certs.jwk import sanitise_jwks
from gateway.oauth.errors import JoseError
from gateway.oauth.model import Thumbprint
from gateway.strict_json import JsonValue, StrictJsonError, parse_json

CLIENT_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")
"""What clients may sign with; FAPI 2.0 section 5.4.1, and the RFC 9864 name of Ed25519."""

TOKEN_ALGORITHMS: Final = ("ES256",)
"""What we sign with."""

HEADER_BYTES: Final = 4096  # an RSA-4096 proof key takes about 1,000
PAYLOAD_BYTES: Final = 8192
SIGNATURE_BYTES: Final = 1024  # RSA-4096 takes 683
COMPACT_BYTES: Final = HEADER_BYTES + PAYLOAD_BYTES + SIGNATURE_BYTES + 2

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_MAX_DEPTH: Final = 8
_KEY_TYPES: Final[Mapping[str, str]] = {"PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}

VerificationKey = RSAKey | ECKey | OKPKey
Claims = Mapping[str, JsonValue]


class _Registry(jws.JWSRegistry):
    """The library's registry with our limits, our lists only, and no warning as a side effect."""

    max_header_length = HEADER_BYTES
    max_payload_length = PAYLOAD_BYTES
    max_signature_length = SIGNATURE_BYTES

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return an algorithm of our list; the library would warn about the older name of Ed25519."""
        if self.allowed is None or name not in self.allowed:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


# Unknown headers are ignored, as RFC 7515 section 4 asks; the dangerous ones are refused in read().
_REGISTRIES: Final[Mapping[tuple[str, ...], _Registry]] = {
    algorithms: _Registry(algorithms=algorithms, strict_check_header=False)
    for algorithms in (CLIENT_ALGORITHMS, TOKEN_ALGORITHMS)
}


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A well-formed JWS whose signature nobody has checked: its content may only choose a key.

    Attributes:
        algorithm: one of the algorithms asked for.
        key_id: the ``kid``, if there is one.
    """

    compact: str
    algorithm: str
    key_id: str | None
    header: Mapping[str, JsonValue]
    claims: Claims


def read(compact: str, *, types: Collection[str | None], algorithms: tuple[str, ...]) -> UnverifiedJws:
    """Read a compact JWS of one kind.

    Args:
        types: accepted ``typ`` values in lower case, without ``application/``; None: may be absent.
        algorithms: one of the lists of this module.

    Raises: JoseError.
    """
    if len(compact) > COMPACT_BYTES or _COMPACT.fullmatch(compact) is None:
        raise JoseError("not a compact JWS")
    head, payload, _ = compact.split(".")
    header = _json_object(head, max_bytes=HEADER_BYTES)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise JoseError("the algorithm is not on the list")
    if not (key_id is None or isinstance(key_id, str)):
        raise JoseError("the kid is not text")
    if "crit" in header or "b64" in header:
        raise JoseError("an extension is called critical")
    if _media_type(header.get("typ")) not in types:
        raise JoseError("the type is another one")
    return UnverifiedJws(compact, algorithm, key_id, header, _json_object(payload, max_bytes=PAYLOAD_BYTES))


def verify(unverified: UnverifiedJws, *, key: VerificationKey, algorithms: tuple[str, ...]) -> Claims:
    """Return the claims of a JWS that ``key`` signed.

    Raises: JoseError, also when the algorithm does not go with the key.
    Source: RFC 8725 section 3.1: the algorithm is tied to the key, never picked by the header alone.
    """
    if _KEY_TYPES[unverified.algorithm] != key.key_type:
        raise JoseError("the algorithm is for another type of key")
    try:
        jws.deserialize_compact(
            unverified.compact, key, algorithms=algorithms, registry=_REGISTRIES[algorithms]
        )
    except (LibraryError, ValueError, TypeError, RecursionError) as error:
        raise JoseError("the signature does not verify") from error
    return unverified.claims


@dataclass(frozen=True, slots=True)
class AcceptedKey:
    """A public key we may verify with, and what it is called."""

    thumbprint: Thumbprint
    members: Mapping[str, str]
    key: VerificationKey


def accept_key(jwk: object) -> AcceptedKey:
    """Return a stranger's public key, checked.

    A client sends the same key with each of its proofs: what came of the last few texts is kept, which are public.

    Raises: JoseError, the key is private, symmetric, weak, or not for signatures.
    """
    return _accepted(json.dumps(jwk))


@lru_cache(maxsize=1024)
def _accepted(jwk: str) -> AcceptedKey:
    try:
        (members,) = sanitise_jwks({"keys": [json.loads(jwk)]})["keys"]
    except JwkError as error:
        raise JoseError("the key is not acceptable") from error
    key = import_key(members)
    return AcceptedKey(Thumbprint(key.thumbprint()), members, key)


def import_key(jwk: Mapping[str, str]) -> VerificationKey:
    """Return the key of a JWK that was accepted before."""
    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    return kinds[jwk["kty"]].import_key(dict(jwk))


def _media_type(value: JsonValue) -> str | None:
    """RFC 7515 section 4.1.9: compared without case, ``application/`` may be left out."""
    if not isinstance(value, str):
        # A typ that is no text is not an absent one.
        return None if value is None else ""
    return value.lower().removeprefix("application/")


def _json_object(segment: str, *, max_bytes: int) -> dict[str, JsonValue]:
    try:
        data = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
        value = parse_json(data, max_bytes=max_bytes, max_depth=_MAX_DEPTH)
    except (binascii.Error, StrictJsonError) as error:
        raise JoseError("a part is not JSON in base64url") from error
    if not isinstance(value, dict):
        raise JoseError("a part is not a JSON object")
    return value
