"""Nonces of DPoP proofs (RFC 9449 sections 8 and 9): asked for where the policy says so, good on every node, for five
minutes."""

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.nonce import LIFETIME_SECONDS, is_fresh, needs_nonce, new_nonce
from tests.gateway.oauth.conftest import Council, build_app, settle
from tests.support.process import wired
from tests.support.throwaway import Database

KEY = os.urandom(32)
NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def strict(database: Database, tmp_path: Path) -> Iterator[Council]:
    """A council whose policy asks for nonces with extracts too."""
    with wired(database, tmp_path) as parts:
        settings = replace(parts.settings, dpop_nonce_scopes=frozenset({"extract:read"}))
        yield settle(replace(parts, settings=settings))


def test_a_nonce_is_good_for_its_time_and_for_its_key() -> None:
    nonce = new_nonce(KEY, now=NOW)
    offsets = {
        seconds: is_fresh(nonce, key=KEY, now=NOW + timedelta(seconds=seconds))
        for seconds in (-31, -30, 0, LIFETIME_SECONDS, LIFETIME_SECONDS + 1)
    }
    assert {-31: False, -30: True, 0: True, LIFETIME_SECONDS: True, LIFETIME_SECONDS + 1: False} == offsets
    assert not is_fresh(nonce, key=os.urandom(32), now=NOW)


@given(
    nonce=st.none()
    | st.integers()
    | st.text()
    | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode())
)
def test_what_is_no_nonce_of_ours_is_not_fresh(nonce: object) -> None:
    assert not is_fresh(nonce, key=KEY, now=NOW)


def test_every_bit_of_a_nonce_counts() -> None:
    """Or somebody could make the one of tomorrow today."""
    data = bytearray(base64.urlsafe_b64decode(new_nonce(KEY, now=NOW) + "=="))
    for place in range(len(data) * 8):
        data[place // 8] ^= 1 << place % 8
        changed = base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()
        data[place // 8] ^= 1 << place % 8
        assert not is_fresh(changed, key=KEY, now=NOW)


def test_the_policy_names_scopes() -> None:
    policy = frozenset({"referral:read"})
    assert [True, False, False] == [
        needs_nonce(scopes, policy=policy) for scopes in (["log:read", "referral:read"], ["log:read"], [])
    ]


def test_the_token_endpoint_asks_for_a_nonce_and_then_takes_the_same_assertion(strict: Council) -> None:
    """The refusal uses nothing up, so a client that resends its assertion is not locked out."""
    partner = strict.partner()
    assertion = partner.assertion()
    refused = partner.ask(client_assertion=assertion)
    assert (400, "use_dpop_nonce") == (refused.status_code, refused.get_json()["error"])
    partner.nonce = refused.headers["DPoP-Nonce"]
    answer = partner.ask(client_assertion=assertion)
    assert 200 == answer.status_code
    assert answer.headers["DPoP-Nonce"]  # the next one comes along


def test_the_api_asks_for_a_nonce_where_the_route_has_such_a_scope(strict: Council) -> None:
    partner = strict.partner()
    partner.nonce = partner.ask().headers["DPoP-Nonce"]
    token = partner.token()
    nonce, partner.nonce = partner.nonce, None
    refused = partner.get("/v1/cases/abc/extract", token)
    assert 401 == refused.status_code
    assert refused.headers["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce"')
    assert refused.headers["DPoP-Nonce"]
    assert 200 == partner.get("/v1/me", token).status_code  # this route is for any scope
    for good in (nonce, refused.headers["DPoP-Nonce"]):
        partner.nonce = good
        assert 200 == partner.get("/v1/cases/abc/extract", token).status_code


@pytest.mark.parametrize("nonce", ["x", "AAAA", "A" * 32, 7, ["a"], {}])
def test_a_wrong_nonce_is_refused_even_where_none_is_needed(council: Council, nonce: object) -> None:
    """A client that sends one believes that it is checked."""
    partner = council.partner()
    answer = partner.ask(proof=partner.proof(nonce=nonce))
    assert (400, "use_dpop_nonce") == (answer.status_code, answer.get_json()["error"])
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + "/v1/me", token=token, nonce=nonce)
    answer = partner.get("/v1/me", token, proof=proof)
    assert 401 == answer.status_code
    assert answer.headers["DPoP-Nonce"]


def test_a_nonce_of_one_node_is_good_at_the_next(strict: Council) -> None:
    """Nothing about it is kept: another process over the same database makes and takes the same."""
    partner = strict.partner()
    partner.nonce = partner.ask().headers["DPoP-Nonce"]
    elsewhere = replace(partner, http=build_app(strict.wiring).test_client())
    assert 200 == elsewhere.ask().status_code
