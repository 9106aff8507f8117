"""A-18: two authentication methods in one request, one that does not exist here, or none.

A server that picks one of two can be made to pick the weaker. Expected: 400 ``invalid_request`` for two, 400
``invalid_client`` for none that exists; nothing is used up.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import (
    BINDINGS,
    EVERY_WAY,
    IC,
    IR,
    PASSED,
    by_certificate_alone,
    outcome,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner

SECOND: Mapping[str, dict[str, Any]] = {
    "basic": {"headers": {"Authorization": "Basic YTpi"}},
    "bearer": {"headers": {"Authorization": "Bearer abc"}},
    "its own token": {"headers": {"Authorization": "DPoP abc"}},
    "nonsense": {"headers": {"Authorization": "nonsense"}},
    "secret": {"client_secret": "secret"},
    "password": {"username": "a", "password": "b"},
    "code verifier": {"code_verifier": "x" * 43},
}
NO_METHOD: Mapping[str, dict[str, Any]] = {
    "nothing": {},
    "basic": {"headers": {"Authorization": "Basic YTpi"}},
    "bearer": {"headers": {"Authorization": "Bearer abc"}},
    "secret": {"client_id": "ag_x", "client_secret": "secret"},
    "password": {"username": "a", "password": "b"},
    "public": {"client_id": "ag_x"},
    "type without an assertion": {"client_assertion_type": "urn:x"},
}
TYPES: Mapping[str, Any] = {
    "absent": ...,
    "another": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
    "in capitals": "URN:IETF:PARAMS:OAUTH:CLIENT-ASSERTION-TYPE:JWT-BEARER",
    "short": "jwt-bearer",
    "with a blank": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer ",
}


def _kept(partner: Partner) -> dict[str, Any]:
    """One assertion and one proof for all requests of a test, where the partner has them."""
    assertion = {"client_assertion": partner.assertion()} if partner.method == "private_key_jwt" else {}
    return {**assertion, **({} if partner.by_certificate else {"proof": partner.proof()})}


@pytest.mark.parametrize("way", EVERY_WAY)
def test_two_methods_are_refused(door: DoorPlace, way: str) -> None:
    partner = EVERY_WAY[way](door)
    kept = _kept(partner)
    answers = {name: outcome(partner.ask(**kept, **second)) for name, second in SECOND.items()}
    assert dict.fromkeys(SECOND, IR) == answers
    assert PASSED == outcome(partner.ask(**kept))


def test_no_other_method_exists(door: DoorPlace) -> None:
    partner = with_proofs(door)
    proof = partner.proof()
    none = {"client_assertion": ..., "client_assertion_type": ..., "proof": proof}
    answers = {name: outcome(partner.ask(**{**none, **method})) for name, method in NO_METHOD.items()}
    assert dict.fromkeys(NO_METHOD, IC) == answers
    assert PASSED == outcome(partner.ask(proof=proof))


@pytest.mark.parametrize("bound", BINDINGS)
def test_an_assertion_of_another_type_is_another_method(door: DoorPlace, bound: str) -> None:
    """RFC 7521 section 4.2: the type says how the assertion is to be read, so it must be said."""
    partner = BINDINGS[bound](door)
    kept = _kept(partner)
    answers = {name: outcome(partner.ask(**kept, client_assertion_type=kind)) for name, kind in TYPES.items()}
    assert dict.fromkeys(TYPES, IC) == answers
    assert PASSED == outcome(partner.ask(**kept))


def test_a_certificate_without_a_name_says_nobody(door: DoorPlace) -> None:
    """Whose it is, is not guessed from the certificate."""
    partner = by_certificate_alone(door)
    assert IC == outcome(partner.ask(client_id=...))
    assert PASSED == outcome(partner.ask())


def test_a_certificate_beside_an_assertion_is_no_second_method(door: DoorPlace) -> None:
    """The control: it is what the token will be bound to (RFC 8705 section 3), with and without the client's id."""
    partner = BINDINGS["certificate"](door)
    assert PASSED == outcome(partner.ask())
    assert PASSED == outcome(partner.ask(client_id=partner.client_id))
