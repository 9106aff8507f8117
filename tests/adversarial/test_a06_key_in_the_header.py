"""A-6: a JWS that brings the key to verify it with.

Only a DPoP proof brings its key, and the key is then what the token is bound to. Expected: 400 ``invalid_client`` for
an assertion, 401 ``invalid_token`` for a token; for a proof whose key did not sign it 400 ``invalid_dpop_proof``, 401
at the API.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import create_authority
from tests.adversarial.attackers import ASSERTIONS, PROOFS, TOKENS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import new_key, sign


def _own_key(honest: Honest) -> str:
    intruder = new_key()
    return sign({**honest.header, "jwk": intruder.as_dict(private=False)}, honest.claims, intruder)


def _own_key_under_the_right_kid(honest: Honest) -> str:
    intruder = new_key()
    kid = honest.key.thumbprint()
    jwk = {**intruder.as_dict(private=False), "kid": kid}
    return sign({**honest.header, "jwk": jwk, "kid": kid}, honest.claims, intruder)


def _own_certificate(honest: Honest) -> str:
    made = create_authority("camhs", now=datetime.now(UTC))
    chain = [base64.b64encode(made.certificate.public_bytes(Encoding.DER)).decode()]
    intruder = type(honest.key).import_key(made.key_pem)
    return sign({**honest.header, "x5c": chain}, honest.claims, intruder)


ATTACKS: Mapping[str, Attack] = {
    "own key": _own_key,
    "own key under the right kid": _own_key_under_the_right_kid,
    "own certificate": _own_certificate,
}
KEYS_ARE_KNOWN = {**ASSERTIONS, **TOKENS}


@pytest.mark.parametrize("target", KEYS_ARE_KNOWN)
def test_a_key_that_comes_along_verifies_nothing(door: DoorPlace, target: str) -> None:
    assert_refused(KEYS_ARE_KNOWN[target](door), ATTACKS)


BROUGHT: Mapping[str, Attack] = {
    "key of another": lambda honest: honest.changed({"jwk": new_key().as_dict(private=False)}),
    "signed by another": lambda honest: sign(honest.header, honest.claims, new_key()),
}


@pytest.mark.parametrize("target", PROOFS)
def test_the_key_of_a_proof_is_the_one_that_signed_it(door: DoorPlace, target: str) -> None:
    assert_refused(PROOFS[target](door), BROUGHT)
