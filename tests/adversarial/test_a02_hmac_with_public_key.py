"""A-2: HS256 with something public as its secret: the PEM or the JWK of the very key that is trusted.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token, whose key anyone can read at ``jwks.json``.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import Key

from tests.adversarial.attackers import PROOFS, TARGETS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import encode, sign_hmac


def _public_bytes(key: Key, encoding: Encoding) -> bytes:
    public: Any = key.public_key
    return bytes(public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))


def _jwk(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


SECRETS: Mapping[str, Callable[[Key], bytes]] = {
    "PEM": lambda key: _public_bytes(key, Encoding.PEM),
    "PEM without its last line end": lambda key: _public_bytes(key, Encoding.PEM).rstrip(),
    "DER": lambda key: _public_bytes(key, Encoding.DER),
    "JWK": lambda key: json.dumps(_jwk(key)).encode(),
    "compact JWK": lambda key: json.dumps(_jwk(key), separators=(",", ":")).encode(),
    "x of the JWK": lambda key: str(_jwk(key)["x"]).encode(),
    "thumbprint": lambda key: key.thumbprint().encode(),
    "nothing": lambda _key: b"",
}


def _hmac_with(secret: Callable[[Key], bytes]) -> Attack:
    return lambda honest: sign_hmac({**honest.header, "alg": "HS256"}, honest.claims, secret(honest.key))


ATTACKS: Mapping[str, Attack] = {name: _hmac_with(secret) for name, secret in SECRETS.items()}


@pytest.mark.parametrize("target", TARGETS)
def test_a_public_key_is_no_secret(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)


def _secret_in_the_header(honest: Honest) -> str:
    secret = b"s" * 32
    header = {**honest.header, "alg": "HS256", "jwk": {"kty": "oct", "k": encode(secret)}}
    return sign_hmac(header, honest.claims, secret)


@pytest.mark.parametrize("target", PROOFS)
def test_a_secret_in_the_header_is_no_key(door: DoorPlace, target: str) -> None:
    """A proof brings its key: here one that everybody who reads it could sign with."""
    assert_refused(PROOFS[target](door), {"secret in the header": _secret_in_the_header})
