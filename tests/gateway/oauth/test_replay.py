"""What is used once: digests, sets, sweeps. That two dozen requests at once use it once is in tests/adversarial."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gateway.oauth.replay import Kind, Use, sweep, use_all
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council

NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _use(jti: str, *, kind: Kind = Kind.ASSERTION, party: str = "ag_x", address: str = "") -> Use:
    return Use(kind, party, jti, NOW.timestamp() + 60, address)


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
