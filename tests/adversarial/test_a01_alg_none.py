"""A-1: a JWS whose header says that it needs no signature, in any spelling, with or without one.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import TARGETS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import part, without


def _says(algorithm: Any, signature: str = "") -> Attack:
    def attack(honest: Honest) -> str:
        header = without({**honest.header, "alg": algorithm})
        return f"{part(header)}.{part(honest.claims)}.{signature}"

    return attack


def _real_signature(honest: Honest) -> str:
    header = {**honest.header, "alg": "none"}
    return f"{part(header)}.{honest.compact.partition('.')[2]}"


ATTACKS: Mapping[str, Attack] = {
    "none": _says("none"),
    "nOnE": _says("nOnE"),
    "NONE": _says("NONE"),
    "none with a signature": _says("none", "AAAA"),
    "none with the real signature": _real_signature,
    "nothing": _says(..., "AAAA"),
    "null": _says(None, "AAAA"),
    "empty": _says("", "AAAA"),
    "a list": _says(["none", "ES256"], "AAAA"),
    "an object": _says({"ES256": "none"}, "AAAA"),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_jws_that_calls_itself_unsigned_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)
