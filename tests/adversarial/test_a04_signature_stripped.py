"""A-4: a JWS without its signature, with half of it, with another's, or signed by a stranger.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token, also when its signature was checked before and is remembered.
"""

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.adversarial.attackers import ORDER_OF_P256, TARGETS, TOKENS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import encode, new_key, part, sign


def _unsigned(honest: Honest) -> str:
    return honest.compact.rpartition(".")[0]


def _signature(text: str) -> Attack:
    return lambda honest: f"{_unsigned(honest)}.{text}"


def _raw(signature: bytes) -> Attack:
    return _signature(encode(signature))


def _as_x509_writes_it(honest: Honest) -> str:
    """In DER, not as two numbers (RFC 7518 section 3.4)."""
    key = honest.key.private_key
    assert isinstance(key, EllipticCurvePrivateKey)
    return f"{_unsigned(honest)}.{encode(key.sign(_unsigned(honest).encode(), ECDSA(SHA256())))}"


def _one_bit(honest: Honest) -> str:
    head, first = honest.compact.rpartition(".")[::2]
    return f"{head}.{'B' if first[0] == 'A' else 'A'}{first[1:]}"


def _padded(honest: Honest) -> str:
    """The last of its characters holds four bits that mean nothing: another text for the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    compact = honest.compact
    return compact[:-1] + alphabet[alphabet.index(compact[-1]) ^ 1]


ATTACKS: Mapping[str, Attack] = {
    "nothing": lambda _: " ",
    "garbage": lambda _: "garbage",
    "dots": lambda _: "..",
    "stripped": _signature(""),
    "two parts": _unsigned,
    "one part": lambda honest: honest.compact.partition(".")[0],
    "zeros": _raw(bytes(64)),
    "the order of the curve": _raw(ORDER_OF_P256.to_bytes(32, "big") * 2),
    "half": lambda honest: honest.compact[:-43],
    "twice": lambda honest: honest.compact + honest.compact.rpartition(".")[2],
    "one bit": _one_bit,
    "other characters for the same bytes": _padded,
    "as X.509 writes it": _as_x509_writes_it,
    "of other claims": lambda honest: f"{_unsigned(honest)}.{honest.changed(more=1).rpartition('.')[2]}",
    "of another header": lambda honest: f"{_unsigned(honest)}.{honest.changed({'x': 1}).rpartition('.')[2]}",
    "of a stranger": lambda honest: sign(honest.header, honest.claims, new_key()),
    "of nobody": lambda honest: f"{part(honest.header)}.{part(honest.claims)}.{'A' * 86}",
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_jws_without_its_own_signature_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)


@pytest.mark.parametrize("target", TOKENS)
def test_a_remembered_signature_carries_no_other_claims(door: DoorPlace, target: str) -> None:
    """The token was served, so its signature is remembered: for exactly these bytes."""
    honest = TOKENS[target](door)
    served = honest.compact
    assert 200 == honest.send(served).status_code
    head, _, signature = served.split(".")
    details = [{**honest.claims["authorization_details"][0], "purpose": "P2"}]
    others = part({**honest.claims, "authorization_details": details})
    assert_refused(honest, {"purpose exchanged": lambda _: f"{head}.{others}.{signature}"})
