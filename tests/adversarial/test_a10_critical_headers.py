"""A-10: a header that calls an extension critical (``crit``), or a payload that is not encoded (``b64``).

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token. Unknown members that are not called critical are ignored (RFC 7515 section 4).
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import PASSED, TARGETS, Attack, Honest, assert_refused, outcome
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import encode, part


def _header(**members: Any) -> Attack:
    return lambda honest: honest.changed(members)


def _unencoded(honest: Honest) -> str:
    """RFC 7797: the payload stands there as it is, and was signed as it is."""
    head = part({**honest.header, "b64": False, "crit": ["b64"]})
    payload = encode(json.dumps(honest.claims).encode())
    return f"{head}.{payload}.{honest.compact.rpartition('.')[2]}"


ATTACKS: Mapping[str, Attack] = {
    "unknown": _header(crit=["unknown"], unknown=1),
    "one we know": _header(crit=["alg"]),
    "expiry": _header(crit=["exp"], exp=4102444800),
    "empty list": _header(crit=[]),
    "text": _header(crit="exp"),
    "null": _header(crit=None),
    "object": _header(crit={"exp": 1}),
    "b64": _header(b64=False, crit=["b64"]),
    "b64, not called critical": _header(b64=False),
    "b64 is true": _header(b64=True),
    "b64 is null": _header(b64=None),
    "unencoded payload": _unencoded,
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_critical_extension_is_refused(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)


@pytest.mark.parametrize("target", TARGETS)
def test_an_unknown_member_is_ignored(door: DoorPlace, target: str) -> None:
    honest = TARGETS[target](door)
    assert PASSED == outcome(honest.send(honest.changed({"unknown": {"deep": [1]}, "cty": "x"})))
