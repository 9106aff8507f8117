"""Used once means once: in sequence, in parallel, and after a sweep (A-16)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.oauth.replay import Kind, Use, sweep, use_all
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner

PARALLEL = 24
NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _use(jti: str, *, kind: Kind = Kind.ASSERTION, party: str = "ag_x", address: str = "") -> Use:
    return Use(kind, party, jti, NOW.timestamp() + 60, address)


def _together(council: Council, send: Callable[[Partner], TestResponse]) -> list[int]:
    """The status of the same request sent at once by many threads, each with a connection of its own."""
    barrier = Barrier(PARALLEL)

    def one(partner: Partner) -> int:
        barrier.wait()
        return send(partner).status_code

    with ThreadPoolExecutor(PARALLEL) as pool:
        return sorted(pool.map(one, [council.partner() for _ in range(PARALLEL)]))


def test_an_assertion_used_by_24_requests_at_once_gives_one_token(council: Council, partner: Partner) -> None:
    """Each with a fresh proof of its own: the assertion alone decides."""
    assertion = partner.assertion()
    statuses = _together(council, lambda one: one.ask(client_assertion=assertion))
    assert statuses == [200] + [400] * (PARALLEL - 1)


def test_a_proof_used_by_24_token_requests_at_once_gives_one_token(
    council: Council, partner: Partner
) -> None:
    proof = partner.proof()
    statuses = _together(council, lambda one: one.ask(proof=proof))
    assert statuses == [200] + [400] * (PARALLEL - 1)


def test_a_proof_used_by_24_api_requests_at_once_is_served_once(council: Council, partner: Partner) -> None:
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token)
    statuses = _together(council, lambda one: one.get("/v1/me", token, proof=proof))
    assert statuses == [200] + [401] * (PARALLEL - 1)


def test_a_replayed_assertion_is_an_invalid_client(partner: Partner) -> None:
    assertion = partner.assertion()
    assert partner.ask(client_assertion=assertion).status_code == 200
    assert partner.ask(client_assertion=assertion).get_json()["error"] == "invalid_client"


def test_a_refused_proof_leaves_the_assertion_usable(partner: Partner) -> None:
    """A client whose proof was refused may send the same assertion with a better one."""
    assertion = partner.assertion()
    assert partner.ask(client_assertion=assertion, proof=partner.proof(htm="GET")).status_code == 400
    assert partner.ask(client_assertion=assertion).status_code == 200


def test_a_replayed_proof_leaves_the_assertion_usable(partner: Partner) -> None:
    """Both are used together or not at all."""
    proof, assertion = partner.proof(), partner.assertion()
    assert partner.ask(proof=proof).status_code == 200
    assert partner.ask(proof=proof, client_assertion=assertion).get_json()["error"] == "invalid_dpop_proof"
    assert partner.ask(client_assertion=assertion).status_code == 200


def test_a_refused_scope_has_used_the_assertion(partner: Partner) -> None:
    """Rights are decided after the use, so no assertion probes them twice."""
    assertion = partner.assertion()
    assert partner.ask(client_assertion=assertion, scope="unknown").get_json()["error"] == "invalid_scope"
    assert partner.ask(client_assertion=assertion).get_json()["error"] == "invalid_client"


def test_the_same_jti_under_another_client_is_another(asking: Callable[[str], Partner]) -> None:
    """Or one partner could use up the identifiers of another."""
    first, second = asking("camhs"), asking("charity")
    answers = [one.ask(client_assertion=one.assertion(jti="same")) for one in (first, second)]
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    "other",
    [_use("b"), _use("a", kind=Kind.PROOF), _use("a", party="ag_y"), _use("a", address="https://a/")],
)
def test_a_digest_tells_kind_party_jti_and_address_apart(other: Use) -> None:
    assert other.digest != _use("a").digest


def test_parts_of_a_digest_do_not_run_into_each_other() -> None:
    assert _use("bc", party="a").digest != _use("c", party="ab").digest


def test_all_are_used_or_none(wiring: Wiring) -> None:
    def use(*jtis: str) -> list[str]:
        with wiring.engine.connect() as connection:
            return [used.jti for used in use_all(connection, [_use(jti) for jti in jtis])]

    assert use("a") == []
    assert use("a", "b") == ["a"]
    assert use("b", "c") == []
    assert use("b", "c") == ["b", "c"]


def test_a_sweep_forgets_only_what_is_stale(wiring: Wiring) -> None:
    """What could still be accepted somewhere is remembered, clocks that differ included."""
    with wiring.engine.connect() as connection:
        use_all(connection, [_use("a")])
    with wiring.autocommit.connect() as connection:
        assert sweep(connection, now=NOW + timedelta(seconds=119)) == 0
        assert sweep(connection, now=NOW + timedelta(seconds=121)) == 1
        assert connection.scalar(text("SELECT count(*) FROM gateway.oauth_replay")) == 0


def test_token_requests_sweep(own_council: Council) -> None:
    """Nobody has to remember to clean up."""
    partner = own_council.partner()
    with own_council.wiring.engine.connect() as connection:
        use_all(connection, [_use("stale")])
        connection.execute(
            text("INSERT INTO gateway.oauth_replay VALUES ('\\x00', now() - interval '1 second')")
        )
        connection.commit()
    partner.token()
    with own_council.wiring.engine.connect() as connection:
        stale = connection.scalar(text("SELECT count(*) FROM gateway.oauth_replay WHERE expires_at < now()"))
    assert stale == 0
