"""A-3: the right key with an algorithm that is not allowed, or an allowed algorithm with another kind of key.

PKCS #1 v1.5 is the one to fear: every RSA key can sign with it, and FAPI 2.0 section 5.4.1 forbids it. Expected: 400
``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401 ``invalid_token``.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from joserfc.jwk import ECKey

from tests.adversarial.attackers import (
    TARGETS,
    Attack,
    Honest,
    Target,
    api_proof_of,
    assert_refused,
    assertion_of,
    proof_of,
    showing,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner, new_key, part, sign


def _signed_with(algorithm: str) -> Attack:
    return lambda honest: honest.changed({"alg": algorithm})


FORBIDDEN: Mapping[str, Attack] = {
    name: _signed_with(name) for name in ("RS256", "RS384", "RS512", "PS384", "PS512")
}


def _with_rsa(place: DoorPlace) -> Partner:
    """The charity signs with an RSA key, here its proofs too."""
    charity = place.partner("charity")
    return replace(charity, proof_key=charity.key, proof_algorithm="PS256")


WITH_RSA: Mapping[str, Target] = {
    "assertion": lambda place: assertion_of(_with_rsa(place)),
    "assertion with a certificate": lambda place: assertion_of(
        showing(place, place.client("charity"), _with_rsa(place))
    ),
    "proof for a token": lambda place: proof_of(_with_rsa(place)),
    "proof for the API": lambda place: api_proof_of(_with_rsa(place)),
}


@pytest.mark.parametrize("target", WITH_RSA)
def test_an_rsa_key_signs_with_ps256_only(door: DoorPlace, target: str) -> None:
    """The honest original is PS256 with the very same key."""
    assert_refused(WITH_RSA[target](door), FORBIDDEN)


def _on_curve(algorithm: str, curve: str) -> Attack:
    """A key of a kind that we do not know, which a proof may even bring along."""

    def attack(honest: Honest) -> str:
        key = ECKey.generate_key(curve)
        brought = {"jwk": key.as_dict(private=False)} if "jwk" in honest.header else {}
        return sign({**honest.header, **brought, "alg": algorithm}, honest.claims, key)

    return attack


_stranger = cache(new_key)
"""A key of the stranger's, one for each algorithm."""


def _of_another_kind(algorithm: str) -> Attack:
    """An allowed algorithm and a key that goes with it; the trusted one is on P-256."""
    return lambda honest: sign({**honest.header, "alg": algorithm}, honest.claims, _stranger(algorithm))


def _renamed(algorithm: str) -> Attack:
    """A real ES256 signature under another name."""
    return lambda honest: part({**honest.header, "alg": algorithm}) + "." + honest.compact.partition(".")[2]


CONFUSIONS: Mapping[str, Attack] = {
    "P-384": _on_curve("ES384", "P-384"),
    "P-521": _on_curve("ES512", "P-521"),
    "secp256k1": _on_curve("ES256K", "secp256k1"),
    "another RSA key": _of_another_kind("PS256"),
    "another RSA key, PKCS #1": _of_another_kind("RS256"),
    "another Ed25519 key": _of_another_kind("Ed25519"),
    "called PS256": _renamed("PS256"),
    "called Ed25519": _renamed("Ed25519"),
    "called EdDSA": _renamed("EdDSA"),
    "called ES384": _renamed("ES384"),
    "called es256": _renamed("es256"),
}


@pytest.mark.parametrize("target", TARGETS)
def test_an_algorithm_goes_with_its_key_only(door: DoorPlace, target: str) -> None:
    """RFC 8725 section 3.1: the header names the algorithm, but the key decides."""
    assert_refused(TARGETS[target](door), CONFUSIONS)
