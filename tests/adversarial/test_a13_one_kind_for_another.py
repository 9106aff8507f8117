"""A-13: a token or a proof in place of an assertion, and every other exchange of one kind for another.

Expected: 400 ``invalid_client`` in place of an assertion, ``invalid_dpop_proof`` (401 at the API) in place of a proof,
401 ``invalid_token`` in place of a token. Each kind has its own ``typ`` (RFC 8725 section 3.11).
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import (
    ASSERTIONS,
    PASSED,
    PROOFS,
    TARGETS,
    TOKENS,
    Attack,
    assert_refused,
    outcome,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import sign


@pytest.mark.parametrize("target", TARGETS)
def test_each_kind_passes_in_its_own_place_only(door: DoorPlace, target: str) -> None:
    """What passes elsewhere is genuine, and still not what is asked for here."""
    kinds = [ASSERTIONS, PROOFS, TOKENS]
    (own,) = (kind for kind in kinds if target in kind)
    others = {name: made for kind in kinds if kind is not own for name, made in kind.items()}
    strangers: dict[str, str] = {name: made(door).compact for name, made in others.items()}
    attacks: dict[str, Attack] = {name: _instead(compact) for name, compact in strangers.items()}
    assert_refused(TARGETS[target](door), attacks)


def _instead(compact: str) -> Attack:
    return lambda _: compact


def _typ(value: Any) -> Attack:
    return lambda honest: honest.changed({"typ": value})


TYPES: Mapping[str, Any] = {
    "assertion": "client-authentication+jwt",
    "proof": "dpop+jwt",
    "token": "at+jwt",
    "JWT": "JWT",
    "absent": ...,
    "another": "logout+jwt",
    "empty": "",
    "number": 1,
    "list": ["JWT", "dpop+jwt", "at+jwt"],
    "blank behind": "dpop+jwt ",
    "other prefix": "text/dpop+jwt",
}
ACCEPTED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(ASSERTIONS, frozenset({"assertion", "JWT", "absent"})),
    **dict.fromkeys(PROOFS, frozenset({"proof"})),
    **dict.fromkeys(TOKENS, frozenset({"token"})),
}


@pytest.mark.parametrize("target", TARGETS)
def test_everything_right_but_the_type_is_refused(door: DoorPlace, target: str) -> None:
    """Rightly signed: only the type tells it from the real one."""
    attacks = {name: _typ(typ) for name, typ in TYPES.items() if name not in ACCEPTED[target]}
    assert_refused(TARGETS[target](door), attacks)


@pytest.mark.parametrize("target", TARGETS)
def test_a_type_is_a_media_type(door: DoorPlace, target: str) -> None:
    """RFC 7515 section 4.1.9: without case, and with or without its prefix."""
    for name in ACCEPTED[target] - {"absent"}:
        for spelling in (TYPES[name].upper(), f"application/{TYPES[name]}"):
            honest = TARGETS[target](door)
            assert PASSED == outcome(honest.send(honest.changed({"typ": spelling}))), spelling


@pytest.mark.parametrize("target", ASSERTIONS)
def test_a_client_does_not_sign_tokens(door: DoorPlace, target: str) -> None:
    """The claims and the header of a real token, signed by the client that it was issued to."""
    assertion = ASSERTIONS[target](door)
    honest = TOKENS["token bound to a key"](door)
    attacks = {"own token": lambda _: sign(honest.header, honest.claims, assertion.key)}
    assert_refused(honest, attacks)
