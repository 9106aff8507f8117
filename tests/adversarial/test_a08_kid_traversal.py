"""A-8: a ``kid`` that means something to a file system, a database or a shell.

Expected: 400 ``invalid_client`` for an assertion, even one that is rightly signed, 401 ``invalid_token`` for a token.
The proof's own key is the one that counts there, so whatever its ``kid`` says is ignored.
"""

from collections.abc import Mapping

import pytest

from tests.adversarial.attackers import ASSERTIONS, PASSED, PROOFS, TOKENS, Attack, assert_refused, outcome
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import new_key, sign

KIDS: Mapping[str, str] = {
    "path": "../../../../../../dev/null",
    "absolute path": "/proc/self/environ",
    "address": "file:///dev/null",
    "SQL": "' OR 1=1 --",
    "SQL that brings a key": "x' UNION SELECT '{}' --",
    "shell": "$(id)|`id`;id",
    "zero byte inside": "kid%00.pem",
    "empty": "",
    "blank": " ",
    "format": "%s%n{0.__class__}",
    "long": "k" * 2_000,
    "not ASCII": "kíd",
}


def _signed_by_owner(kid: str) -> Attack:
    return lambda honest: honest.changed({"kid": kid})


def _signed_by_stranger(kid: str) -> Attack:
    return lambda honest: sign({**honest.header, "kid": kid}, honest.claims, new_key())


ATTACKS: Mapping[str, Attack] = {
    **{name: _signed_by_owner(kid) for name, kid in KIDS.items()},
    **{f"{name}, of a stranger": _signed_by_stranger(kid) for name, kid in KIDS.items()},
}
KEYS_ARE_KNOWN = {**ASSERTIONS, **TOKENS}


@pytest.mark.parametrize("target", KEYS_ARE_KNOWN)
def test_a_kid_is_compared_and_never_followed(door: DoorPlace, target: str) -> None:
    assert_refused(KEYS_ARE_KNOWN[target](door), ATTACKS)


@pytest.mark.parametrize("kid", KIDS)
def test_the_kid_of_a_proof_means_nothing(door: DoorPlace, kid: str) -> None:
    honest = PROOFS["proof for a token"](door)
    assert PASSED == outcome(honest.send(honest.changed({"kid": KIDS[kid]})))
