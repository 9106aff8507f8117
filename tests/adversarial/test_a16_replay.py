"""A-16: an assertion or a proof that was used before, here or at the node next door, by one thief or by two dozen.

Expected: 400 ``invalid_client`` for the assertion, ``invalid_dpop_proof`` (401 at the API) for the proof. Of 24
requests at one moment, half of them at each of two nodes over one database, exactly one is answered 200.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from tests.adversarial.attackers import (
    BINDINGS,
    DP,
    DP_AT_API,
    IC,
    ME,
    ORDER_OF_P256,
    PASSED,
    beside,
    outcome,
    showing,
    together,
    with_certificate,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner, encode
from tests.support.door import Door

PARALLEL = 24
RACES = 2
INTROSPECT = "/oauth/introspect"

Send = Callable[[Partner], TestResponse]


@pytest.fixture(scope="module")
def second(door: DoorPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorPlace]:
    """Another node of the same gateway."""
    with beside(door, tmp_path_factory.mktemp("second")) as place:
        yield place


def _at(place: DoorPlace, partner: Partner) -> Partner:
    """The same partner, with the same certificate if it has one, at another node."""
    assert isinstance(partner.http, Door)
    if not partner.by_certificate:
        return replace(partner, http=place.public)
    return showing(place, partner.http.client, partner)


def _races(
    door: DoorPlace, second: DoorPlace, partner: Partner, start: Callable[[], Send]
) -> set[tuple[int, ...]]:
    """The statuses of each of several races: two requests that overlap by chance alone would not in every one."""
    nodes = [_at(door, partner), _at(second, partner)]
    return {together(door, nodes * (PARALLEL // 2), start()) for _ in range(RACES)}


def _one_of(refusal: int) -> set[tuple[int, ...]]:
    return {(200, *[refusal] * (PARALLEL - 1))}


@pytest.mark.parametrize("bound", BINDINGS)
def test_an_assertion_gives_one_token(door: DoorPlace, second: DoorPlace, bound: str) -> None:
    """Each request has a fresh proof, or the right certificate: the assertion alone decides."""
    partner = BINDINGS[bound](door)

    def start() -> Send:
        assertion = partner.assertion()
        return lambda one: one.ask(client_assertion=assertion)

    assert _one_of(400) == _races(door, second, partner, start)


@pytest.mark.parametrize("bound", BINDINGS)
def test_an_assertion_asks_one_question(door: DoorPlace, second: DoorPlace, bound: str) -> None:
    """Introspection and revocation use it up as the token endpoint does."""
    partner = BINDINGS[bound](door)
    token = partner.token()

    def start() -> Send:
        assertion = partner.assertion()
        return lambda one: one.about(INTROSPECT, token, client_assertion=assertion)

    assert _one_of(400) == _races(door, second, partner, start)


@pytest.mark.parametrize("bound", BINDINGS)
def test_a_proof_gives_one_token(door: DoorPlace, second: DoorPlace, bound: str) -> None:
    """Beside a certificate, too: who sends a proof wants a token for its key."""
    partner = BINDINGS[bound](door)

    def start() -> Send:
        proof = partner.proof()
        return lambda one: one.ask(proof=proof)

    assert _one_of(400) == _races(door, second, partner, start)


def test_a_proof_opens_the_api_once(door: DoorPlace, second: DoorPlace) -> None:
    partner = with_proofs(door)
    token = partner.token()

    def start() -> Send:
        proof = partner.proof("GET", partner.issuer + ME, token=token)
        return lambda one: one.get(ME, token, proof=proof)

    assert _one_of(401) == _races(door, second, partner, start)


def _other_valid_signature(assertion: str) -> str:
    """Of (r, s) another: (r, n - s). Nobody needs the key for it."""
    head, _, signature = assertion.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    mirrored = ORDER_OF_P256 - int.from_bytes(raw[32:], "big")
    return f"{head}.{encode(raw[:32] + mirrored.to_bytes(32, 'big'))}"


AGAIN: Mapping[str, Callable[[Partner, str], str]] = {
    "the same": lambda _, assertion: assertion,
    "its other valid signature": lambda _, assertion: _other_valid_signature(assertion),
}


@pytest.mark.parametrize("bound", BINDINGS)
@pytest.mark.parametrize("again", AGAIN)
def test_a_used_assertion_is_used_everywhere(
    door: DoorPlace, second: DoorPlace, bound: str, again: str
) -> None:
    partner = BINDINGS[bound](door)
    token, assertion = partner.token(), partner.assertion()
    replayed = AGAIN[again](partner, assertion)
    assert PASSED == outcome(partner.ask(client_assertion=assertion))
    for node in (partner, _at(second, partner)):
        assert IC == outcome(node.ask(client_assertion=replayed))
        assert IC == outcome(node.about(INTROSPECT, token, client_assertion=replayed))


def test_the_other_valid_signature_is_one(door: DoorPlace) -> None:
    """The control: it was refused for its use, not for itself."""
    partner = with_proofs(door)
    assert PASSED == outcome(partner.ask(client_assertion=_other_valid_signature(partner.assertion())))


@pytest.mark.parametrize("bound", BINDINGS)
def test_a_used_proof_is_used_everywhere(door: DoorPlace, second: DoorPlace, bound: str) -> None:
    partner = BINDINGS[bound](door)
    proof = partner.proof()
    assert PASSED == outcome(partner.ask(proof=proof))
    for node in (partner, _at(second, partner)):
        assert DP == outcome(node.ask(proof=proof))


def test_a_proof_that_opened_the_api_is_used_everywhere(door: DoorPlace, second: DoorPlace) -> None:
    """At the other address of the same node, too."""
    partner = with_proofs(door)
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + ME, token=token)
    assert PASSED == outcome(partner.get(ME, token, proof=proof))
    with_a_certificate = replace(partner, http=with_certificate(door).http)
    for node in (partner, _at(second, partner), with_a_certificate):
        assert DP_AT_API == outcome(node.get(ME, token, proof=proof))


@pytest.mark.parametrize("bound", BINDINGS)
def test_assertion_and_proof_are_used_together_or_not_at_all(door: DoorPlace, bound: str) -> None:
    """A client whose proof was refused may send the same assertion with a better one."""
    partner = BINDINGS[bound](door)
    used, assertion = partner.proof(), partner.assertion()
    assert PASSED == outcome(partner.ask(proof=used))
    for bad in (used, partner.proof(htm="GET")):
        assert DP == outcome(partner.ask(client_assertion=assertion, proof=bad))
    good = partner.proof()
    assert PASSED == outcome(partner.ask(client_assertion=assertion, proof=good))
    assert IC == outcome(partner.ask(client_assertion=assertion))
    assert DP == outcome(partner.ask(proof=good))


@pytest.mark.parametrize("bound", BINDINGS)
def test_a_refused_scope_has_used_the_assertion(door: DoorPlace, bound: str) -> None:
    """Rights are decided after the use, so no assertion probes them twice."""
    partner = BINDINGS[bound](door)
    assertion = partner.assertion()
    assert (400, "invalid_scope") == outcome(partner.ask(client_assertion=assertion, scope="unknown"))
    assert IC == outcome(partner.ask(client_assertion=assertion))


@pytest.mark.parametrize("bound", BINDINGS)
def test_the_identifier_of_another_client_is_another(door: DoorPlace, bound: str) -> None:
    """Or one partner could use up the identifiers of the next."""
    first = BINDINGS[bound](door)
    other = replace(door.partner("charity"), http=first.http, by_certificate=first.by_certificate)
    jti = first.assertion_claims()["jti"]
    answers = [outcome(one.ask(client_assertion=one.assertion(jti=jti))) for one in (first, other, first)]
    assert [PASSED, PASSED, IC] == answers
