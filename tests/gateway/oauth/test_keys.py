"""The gateway's signing keys: one signs, three kinds are published, none lies readable in the database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from certs.errors import EnvelopeError
from gateway.oauth.errors import SigningKeyError
from gateway.oauth.keys import active_key, ensure_signing_key, published_keys, rotate_signing_key
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import header_of


def _states(wiring: Wiring) -> dict[str, str]:
    with wiring.engine.connect() as connection:
        rows = connection.execute(text("SELECT kid, state FROM gateway.oauth_signing_key"))
        return {row.kid: row.state for row in rows}


def _published(wiring: Wiring, now: datetime) -> list[str]:
    with wiring.engine.connect() as connection:
        return [key["kid"] for key in published_keys(connection, now=now)]


def _rotate(wiring: Wiring, now: datetime) -> str:
    with wiring.engine.begin() as connection:
        return rotate_signing_key(connection, wiring.keyring, now=now)


def test_ensuring_twice_changes_nothing(wiring: Wiring) -> None:
    def ensure() -> dict[str, str]:
        with wiring.engine.begin() as connection:
            ensure_signing_key(connection, wiring.keyring)
        return _states(wiring)

    first = ensure()
    assert sorted(first.values()) == ["active", "next"]
    assert ensure() == first


def test_many_processes_that_start_at_once_make_one_active_key(wiring: Wiring) -> None:
    def ensure(_: int) -> None:
        with wiring.engine.begin() as connection:
            ensure_signing_key(connection, wiring.keyring)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ensure, range(8)))
    assert list(_states(wiring).values()).count("active") == 1


def test_without_an_active_key_nothing_is_signed(wiring: Wiring) -> None:
    with wiring.engine.connect() as connection, pytest.raises(SigningKeyError):
        active_key(connection, wiring.keyring)


def test_a_key_signs_only_after_every_cache_knows_it(own_council: Council) -> None:
    """A verifier with a cached key set must never meet a kid it cannot know."""
    with pytest.raises(SigningKeyError):
        _rotate(own_council.wiring, datetime.now(UTC) + timedelta(seconds=290))


def test_a_rotation_keeps_tokens_valid_and_signs_with_the_next_key(own_council: Council) -> None:
    """The whole life of a key: next, active, retired, gone."""
    wiring, partner = own_council.wiring, own_council.partner()
    before = partner.token()
    old = header_of(before)["kid"]
    now = datetime.now(UTC) + timedelta(seconds=301)
    new = _rotate(wiring, now)
    after = partner.token()
    states = _states(wiring)
    assert (states[old], states[new]) == ("retired", "active")
    assert sorted(states.values()) == ["active", "next", "retired"]
    assert header_of(after)["kid"] == new
    assert [partner.get("/v1/me", token).status_code for token in (before, after)] == [200, 200]
    assert _published(wiring, now)[0] == new
    assert old in _published(wiring, now + timedelta(seconds=599))
    assert old not in _published(wiring, now + timedelta(seconds=601))


def test_a_key_that_is_no_longer_published_signs_nothing_good(own_council: Council) -> None:
    """A stolen key dies with its publication, also in processes that remember its signatures."""
    partner = own_council.partner()
    token = partner.token()
    assert partner.get("/v1/me", token).status_code == 200
    with own_council.wiring.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE gateway.oauth_signing_key"
                " SET state = 'retired', sealed = NULL, changed_at = now() - interval '601 s'"
                " WHERE state = 'active'"
            )
        )
    assert partner.get("/v1/me", token).status_code == 401


def test_a_private_key_lies_sealed(own_council: Council) -> None:
    """A dump of the table signs nothing, and a key moved to another row does not open."""
    wiring = own_council.wiring
    with wiring.engine.begin() as connection:
        key = active_key(connection, wiring.keyring)
        private = str(key.key.as_dict(private=True)["d"]).encode()
        sealed = [
            bytes(one) for one in connection.scalars(text("SELECT sealed FROM gateway.oauth_signing_key"))
        ]
        assert not any(private in one for one in sealed)
        connection.execute(
            text(
                "UPDATE gateway.oauth_signing_key SET sealed ="
                " (SELECT sealed FROM gateway.oauth_signing_key WHERE state = 'next') WHERE state = 'active'"
            )
        )
        with pytest.raises(EnvelopeError):
            active_key(connection, wiring.keyring)
