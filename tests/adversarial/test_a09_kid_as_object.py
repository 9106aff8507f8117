"""A-9: a ``kid`` that is no text.

Expected: 400 ``invalid_client`` for an assertion, ``invalid_dpop_proof`` (401 at the API) for a proof, 401
``invalid_token`` for a token; never a fault of ours.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import TARGETS, Attack, assert_refused
from tests.adversarial.conftest import DoorPlace


def _kid(value: Any) -> Attack:
    return lambda honest: honest.changed({"kid": value})


def _right_kid_inside(honest: Any) -> str:
    kid = honest.header.get("kid", honest.key.thumbprint())
    return str(honest.changed({"kid": [kid]}))


ATTACKS: Mapping[str, Attack] = {
    "object": _kid({"kid": 1}),
    "empty object": _kid({}),
    "list": _kid(["kid"]),
    "number": _kid(1),
    "true": _kid(True),
    "the right one in a list": _right_kid_inside,
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_kid_is_text(door: DoorPlace, target: str) -> None:
    assert_refused(TARGETS[target](door), ATTACKS)
