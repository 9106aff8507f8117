"""JSON Web Keys: make signing keys, show their public part, accept other parties' key sets.

Invariants:
- The public part is built from a closed list of public members; a private member cannot slip through.
- An accepted key set holds only public signature keys that FAPI 2.0 allows: EC P-256, Ed25519, RSA of 2048 to 4096 bits.
- Every accepted key has a ``kid``, unique in its set; nothing in a key makes the gateway fetch anything.

Sources: RFC 7517, RFC 7518 §6, RFC 7638 (thumbprint), RFC 8037 §2, FAPI 2.0 Security Profile §5.4, RFC 8725 §3.5.
"""

import base64
from collections.abc import Mapping
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from certs.errors import JwkError

Jwk = dict[str, str]

RSA_BITS: Final = (2048, 4096)  # FAPI 2.0 §5.4.1 asks for at least 2048; more than 4096 only costs us time
_RSA_EXPONENT_MINIMUM: Final = 65537  # FIPS 186-5 §5.1
_KEYS_MAXIMUM: Final = 16
_KID_MAXIMUM: Final = 128
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
    "RSA": ("n", "e"),
}
_CURVES: Final[Mapping[str, str]] = {"EC": "P-256", "OKP": "Ed25519"}
_ALGORITHMS: Final[Mapping[str, frozenset[str]]] = {
    "EC": frozenset({"ES256"}),
    "OKP": frozenset({"EdDSA", "Ed25519"}),
    "RSA": frozenset({"PS256"}),
}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_CARRIED: Final = ("kid", "use", "alg")


def new_es256_key() -> Jwk:
    """A fresh private P-256 key for ES256, its ``kid`` the RFC 7638 thumbprint."""
    key = ECKey.generate_key("P-256", private=True)
    members = {name: str(value) for name, value in key.as_dict(private=True).items()}
    return {**members, "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}


def public_part(jwk: Mapping[str, object]) -> Jwk:
    """The public members of ``jwk`` alone, with ``kid``, ``use`` and ``alg`` where present.

    Raises: JwkError, the key type is not EC, OKP or RSA, or a public member is missing.
    """
    names = ("kty", *_MEMBERS[_key_type(jwk, pointer="")])
    required = {name: _text(jwk, name, pointer="") for name in names}
    carried = {name: _text(jwk, name, pointer="") for name in _CARRIED if name in jwk}
    return required | carried


def sanitise_jwks(document: object) -> dict[str, list[Jwk]]:
    """Accept another party's key set, or say what is wrong with it.

    Returns: ``{"keys": [...]}``, each key reduced to the members the gateway uses, with a ``kid``.
    Raises: JwkError, the set is empty or too long, two keys share a ``kid``, or one key is private,
        symmetric, weak, on another curve, off its curve, or meant for something else than signatures.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= _KEYS_MAXIMUM:
        raise JwkError(pointer="/keys", reason=f"a key set has 1 to {_KEYS_MAXIMUM} keys")
    accepted = [_sanitise_key(key, pointer=f"/keys/{place}") for place, key in enumerate(keys)]
    if len({key["kid"] for key in accepted}) != len(accepted):
        raise JwkError(pointer="/keys", reason="two keys share one kid")
    return {"keys": accepted}


def _sanitise_key(jwk: object, *, pointer: str) -> Jwk:
    if not isinstance(jwk, Mapping):
        raise JwkError(pointer=pointer, reason="a key is a JSON object")
    if not _PRIVATE.isdisjoint(jwk):
        raise JwkError(
            pointer=pointer, reason="a private or symmetric key is never sent; treat it as compromised"
        )
    key_type = _key_type(jwk, pointer=pointer)
    members = {name: _text(jwk, name, pointer=pointer) for name in ("kty", *_MEMBERS[key_type])}
    if key_type in _CURVES and members["crv"] != _CURVES[key_type]:
        raise JwkError(pointer=f"{pointer}/crv", reason="the curve is not P-256 or Ed25519")
    carried = {name: _text(jwk, name, pointer=pointer) for name in _CARRIED if name in jwk}
    _check_intent(carried, key_type=key_type, pointer=pointer)
    return {**members, "kid": _checked_thumbprint(members, pointer=pointer), **carried}


def _check_intent(carried: Mapping[str, str], *, key_type: str, pointer: str) -> None:
    if carried.get("use", "sig") != "sig":
        raise JwkError(pointer=f"{pointer}/use", reason="the key is not for signatures")
    if "alg" in carried and carried["alg"] not in _ALGORITHMS[key_type]:
        raise JwkError(pointer=f"{pointer}/alg", reason="the algorithm is not ES256, PS256 or Ed25519")
    if not 0 < len(carried.get("kid", "-")) <= _KID_MAXIMUM:
        raise JwkError(pointer=f"{pointer}/kid", reason=f"a kid has 1 to {_KID_MAXIMUM} characters")


def _checked_thumbprint(members: Jwk, *, pointer: str) -> str:
    """The thumbprint of a key whose numbers were checked: a point on its curve, a modulus long enough."""
    try:
        match members["kty"]:
            case "RSA":
                return _rsa_thumbprint(members, pointer=pointer)
            case "EC":
                key: ECKey | OKPKey = ECKey.import_key(dict(members))
            case _:
                key = OKPKey.import_key(dict(members))
        _ = key.public_key  # the numbers are checked when the key is built, and it is built on first use
        return key.thumbprint()
    except (JoseError, ValueError, KeyError) as error:
        raise JwkError(pointer=pointer, reason="the numbers of the key are not valid") from error


def _rsa_thumbprint(members: Jwk, *, pointer: str) -> str:
    # The library only warns about a short modulus, so its length is read before the key is built.
    modulus, exponent = _number(members["n"]), _number(members["e"])
    shortest, longest = RSA_BITS
    if not shortest <= modulus.bit_length() <= longest:
        raise JwkError(pointer=f"{pointer}/n", reason=f"an RSA modulus has {shortest} to {longest} bits")
    if not _RSA_EXPONENT_MINIMUM <= exponent < 1 << 32:
        raise JwkError(pointer=f"{pointer}/e", reason=f"an RSA exponent is at least {_RSA_EXPONENT_MINIMUM}")
    key = RSAKey.import_key(dict(members))
    _ = key.public_key
    return key.thumbprint()


def _number(text: str) -> int:
    """A Base64urlUInt (RFC 7518 §2); raises ValueError for anything else."""
    return int.from_bytes(
        base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True), "big"
    )


def _key_type(jwk: Mapping[str, object], *, pointer: str) -> str:
    key_type = _text(jwk, "kty", pointer=pointer)
    if key_type not in _MEMBERS:
        raise JwkError(pointer=f"{pointer}/kty", reason="the key type is not EC, OKP or RSA")
    return key_type


def _text(jwk: Mapping[str, object], name: str, *, pointer: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise JwkError(pointer=f"{pointer}/{name}", reason="the member is missing or not text")
    return value
