"""A-11: a header of 20 kB, and a body of more than 64 kB.

Expected: 400 ``invalid_client`` for an assertion whose header is that long. A proof or a token travels in an HTTP
header, which the door itself refuses. 413 for the body, by the application: nginx would let a megabyte through.
"""

from contextlib import nullcontext, suppress

import pytest

from tests.adversarial.attackers import (
    ASSERTIONS,
    EVERY_WAY,
    IR,
    ME,
    PASSED,
    assert_refused,
    outcome,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.support.door import DoorClosedError

PADDING = "x" * 20_000
JUST_TOO_MUCH = 64 * 1024
ENDPOINTS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")


@pytest.mark.parametrize("target", ASSERTIONS)
def test_a_long_assertion_is_refused(door: DoorPlace, target: str) -> None:
    """Before anything in it is decoded."""
    attacks = {
        "header": lambda honest: honest.changed({"padding": PADDING}),
        "claims": lambda honest: honest.changed(padding=PADDING),
        "signature": lambda honest: honest.compact + "A" * len(PADDING),
        "one character too many in the header": lambda honest: honest.changed({"padding": "x" * 4_096}),
    }
    assert_refused(ASSERTIONS[target](door), attacks)


def test_a_long_proof_or_token_comes_through_no_door(door: DoorPlace) -> None:
    partner = with_proofs(door)
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + ME, token=token, header={"padding": PADDING})
    for answer in (
        partner.ask(proof=partner.proof(header={"padding": PADDING})),
        partner.get(ME, token, proof=proof),
        partner.get(ME, token + "A" * len(PADDING)),
    ):
        assert 400 <= answer.status_code < 500
        assert "access_token" not in answer.get_data(as_text=True)
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_body_of_more_than_64_kb_is_too_large(door: DoorPlace, way: str, path: str) -> None:
    """Nothing of it is read, so the same assertion and proof pass afterwards."""
    partner = EVERY_WAY[way](door)
    token = partner.token()
    sent = partner.form(token=token)
    proof = None if partner.by_certificate else partner.proof()
    answer = partner.about(path, token, proof=proof, **sent, padding="x" * JUST_TOO_MUCH)
    assert (413, "invalid_request") == outcome(answer)
    assert PASSED == outcome(partner.about(path, token, proof=proof, **sent))


def test_a_body_of_64_kb_is_read(door: DoorPlace) -> None:
    """The limit is where it is said to be, and what is too long in there is refused for itself."""
    partner = with_proofs(door)
    assert IR != outcome(partner.ask(client_assertion="x" * (JUST_TOO_MUCH - 2_000)))


def test_a_body_that_nobody_reads_costs_nobody_else_an_answer(door: DoorPlace) -> None:
    """A stranger sends it without any token. gunicorn closes a connection over it, which nginx must not share.

    Whoever is still writing when gunicorn closes may miss the answer; nginx keeps it for them.
    """
    stranger, other = door.node.public(), door.node.public()
    may_miss_it = suppress(DoorClosedError) if door.node.kind == "native" else nullcontext()
    for _ in range(20):
        with may_miss_it:
            assert 401 == stranger.get(ME, data="x" * 200_000).status_code
        assert 200 == other.get("/healthz").status_code
