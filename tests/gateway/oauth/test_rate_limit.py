"""How often a client may ask: counted once for all nodes, told to the caller, and never in the way of a withdrawal."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from gateway.oauth.access import CASE_ROUTES, ROUTES, UNLIMITED
from gateway.oauth.rate_limit import Bucket, sweep_buckets, take
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council, settle
from tests.gateway.oauth.partner import CASE_ACTION
from tests.support.process import wired
from tests.support.throwaway import Database

SLOW = 3600 * 24
"""Seconds in which a bucket of these tests fills: nothing comes back while they run."""


def _take(wiring: Wiring, *buckets: Bucket) -> list[bool]:
    with wiring.autocommit.connect() as connection:
        return [level.allowed for level in take(connection, buckets)]


def test_a_bucket_gives_what_it_holds_and_no_more(wiring: Wiring) -> None:
    bucket = Bucket("x", ("a",), 3, SLOW)
    assert [True, True, True, False, False] == [_take(wiring, bucket)[0] for _ in range(5)]


def test_simultaneous_requests_share_one_bucket(wiring: Wiring) -> None:
    """Counted in the database: threads and nodes cannot each have a bucket of their own."""
    bucket = Bucket("x", ("a",), 10, SLOW)
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: _take(wiring, bucket)[0], range(40)))
    assert 10 == sum(allowed)


def test_many_buckets_are_taken_from_in_any_order_without_a_deadlock(wiring: Wiring) -> None:
    one, other = Bucket("x", ("a",), 1000, SLOW), Bucket("x", ("b",), 1000, SLOW)

    def both(turn: int) -> list[bool]:
        return _take(wiring, *((one, other) if turn % 2 else (other, one)))

    with ThreadPoolExecutor(8) as pool:
        assert [[True, True]] * 64 == list(pool.map(both, range(64)))


def test_a_bucket_fills_evenly(wiring: Wiring) -> None:
    """Half of the time brings half of what it holds; time is the database's, so the row is moved back."""
    bucket = Bucket("x", ("a",), 4, SLOW)
    for _ in range(4):
        _take(wiring, bucket)
    with wiring.engine.begin() as connection:
        connection.execute(text("UPDATE gateway.rate_bucket SET filled_at = filled_at - interval '12 hours'"))
    assert [True, True, False] == [_take(wiring, bucket)[0] for _ in range(3)]


def test_a_bucket_never_holds_more_than_it_can(wiring: Wiring) -> None:
    bucket = Bucket("x", ("a",), 2, SLOW)
    _take(wiring, bucket)
    with wiring.engine.begin() as connection:
        connection.execute(text("UPDATE gateway.rate_bucket SET filled_at = filled_at - interval '30 days'"))
    assert [True, True, False] == [_take(wiring, bucket)[0] for _ in range(3)]


def test_a_new_limit_holds_for_buckets_that_exist(wiring: Wiring) -> None:
    """A council that lowers a limit in a crisis must not wait a day for it."""
    _take(wiring, Bucket("x", ("a",), 100, SLOW))
    assert [True, False] == [_take(wiring, Bucket("x", ("a",), 1, SLOW))[0] for _ in range(2)]


def test_names_and_parts_are_told_apart() -> None:
    digests = {
        Bucket(name, parts, 1).digest for name, parts in (("a", ("b", "c")), ("a", ("bc",)), ("ab", ("c",)))
    }
    assert 3 == len(digests)


def test_idle_buckets_are_forgotten(wiring: Wiring) -> None:
    _take(wiring, Bucket("x", ("a",), 1, SLOW))
    with wiring.engine.begin() as connection:
        assert 0 == sweep_buckets(connection, now=datetime.now(UTC))
        assert 1 == sweep_buckets(connection, now=datetime.now(UTC) + timedelta(days=1, minutes=1))


@pytest.fixture
def limited(database: Database, tmp_path: Path) -> Iterator[Callable[..., Council]]:
    """A council with limits of its own."""
    with wired(database, tmp_path) as parts:
        yield lambda **limits: settle(replace(parts, settings=replace(parts.settings, **limits)))


def test_a_client_is_told_its_limits_and_when_to_come_back(limited: Callable[..., Council]) -> None:
    partner = limited(client_requests_per_minute=2, practitioner_requests_per_minute=5).partner()
    token = partner.token()
    answers = [partner.get("/v1/me", token) for _ in range(3)]
    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert '"client";q=2;w=60, "practitioner";q=5;w=60' == answers[0].headers["RateLimit-Policy"]
    assert '"client";r=1;t=30, "practitioner";r=4;t=12' == answers[0].headers["RateLimit"]
    assert answers[2].headers["RateLimit"].startswith('"client";r=0;')
    assert 0 < int(answers[2].headers["Retry-After"]) <= 30
    assert "urn:early-help-gateway:problem:too-many-requests" == answers[2].get_json()["type"]


def test_a_practitioner_has_a_limit_of_their_own(limited: Callable[..., Council]) -> None:
    """One person's script does not use up what the whole agency may ask."""
    council = limited(practitioner_requests_per_minute=1)
    charity = council.partner("charity")
    tokens = [
        charity.token(
            authorization_details=f'[{{"type":"case_extract","purpose":"P1","practitioner":{{"id":"{who}"}}}}]'
        )
        for who in ("one", "two")
    ]
    statuses = [charity.get("/v1/me", token).status_code for token in (tokens[0], tokens[0], tokens[1])]
    assert [200, 429, 200] == statuses


def test_one_client_does_not_use_up_anothers_limit(limited: Callable[..., Council]) -> None:
    council = limited(client_requests_per_minute=1)
    first, second = council.partner("camhs"), council.partner("charity")
    tokens = [first.token(), second.token()]
    assert [200, 429] == [first.get("/v1/me", tokens[0]).status_code for _ in range(2)]
    assert 200 == second.get("/v1/me", tokens[1]).status_code


def test_token_requests_are_counted_for_who_proved_to_be_the_client(limited: Callable[..., Council]) -> None:
    """A stranger who knows a client id cannot lock its owner out."""
    council = limited(client_requests_per_minute=2)
    partner = council.partner()
    stranger = replace(partner, key=council.partner("council").key)
    assert {400} == {stranger.ask().status_code for _ in range(5)}
    answers = [partner.ask() for _ in range(3)]
    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert "temporarily_unavailable" == answers[2].get_json()["error"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 30


def test_a_withdrawal_is_never_told_to_wait(limited: Callable[..., Council]) -> None:
    """Acts that close never wait, and their route cannot know yet what the body says."""
    assert frozenset({"consent.decisions"}) == UNLIMITED
    council = limited(client_requests_per_minute=1).partner("council")
    token = council.token(scope="consent:write", authorization_details=...)
    for _ in range(4):
        url = council.issuer + "/v1/consent-decisions"
        headers = {"Authorization": f"DPoP {token}", "DPoP": council.proof("POST", url, token=token)}
        answer = council.http.open("/v1/consent-decisions", method="POST", headers=headers)
        assert 200 == answer.status_code
        assert "RateLimit" not in answer.headers


def test_a_token_to_withdraw_with_is_never_told_to_wait(limited: Callable[..., Council]) -> None:
    """A withdrawal needs a token first: a limit there would be a limit on it, in whatever the client did before."""
    council = limited(client_requests_per_minute=1)
    own, agency = council.partner("council"), council.partner("camhs")
    asked: dict[str, Any] = {"scope": "consent:write", "authorization_details": ...}
    assert [200] * 4 == [own.ask(**asked).status_code for _ in range(4)]
    assert [200, 429] == [
        own.ask(scope="case:write", authorization_details=...).status_code for _ in range(2)
    ]
    assert 200 == own.ask(**asked).status_code
    assert [200, 429] == [agency.ask().status_code for _ in range(2)]
    report: dict[str, Any] = {
        "scope": "consent:report-withdrawal",
        "authorization_details": json.dumps(CASE_ACTION),
    }
    assert 200 == agency.ask(**report).status_code


def test_asking_for_a_scope_one_has_not_goes_round_no_limit(limited: Callable[..., Council]) -> None:
    agency = limited(client_requests_per_minute=1).partner("camhs")
    asked: dict[str, Any] = {"scope": "consent:write", "authorization_details": ...}
    assert [400, 429] == [agency.ask(**asked).status_code for _ in range(2)]


def test_ending_a_token_is_never_told_to_wait(limited: Callable[..., Council]) -> None:
    """It closes: somebody may have lost the token a minute ago. Asking about one is counted."""
    partner = limited(client_requests_per_minute=2).partner()
    token = partner.token()
    assert [200, 429] == [partner.about("/oauth/introspect", token).status_code for _ in range(2)]
    assert 429 == partner.ask().status_code
    assert 200 == partner.about("/oauth/revoke", token).status_code
    assert 401 == partner.get("/v1/me", token).status_code


def test_every_case_route_is_ruled_on() -> None:
    """A new route below /v1/cases must count its absences, or guessing goes on there."""
    assert CASE_ROUTES <= ROUTES.keys()
    assert CASE_ROUTES.isdisjoint(UNLIMITED)


def test_a_client_gets_so_many_absences_and_then_nothing_more(limited: Callable[..., Council]) -> None:
    """Then even a case that is there is not looked up, so the answer tells nothing; what was found never counts."""
    council = limited(absences_per_hour=2)
    partner = council.partner()
    token = partner.token()
    assert [200, 200, 200] == [partner.get("/v1/cases/known/extract", token).status_code for _ in range(3)]
    statuses = [partner.get(f"/v1/cases/absent-{uuid4()}/extract", token).status_code for _ in range(4)]
    assert [404, 404, 429, 429] == statuses
    assert 429 == partner.get("/v1/cases/known/extract", token).status_code
    assert 200 == partner.get("/v1/me", token).status_code
    other = council.partner("charity")
    assert 200 == other.get("/v1/cases/known/extract", other.token()).status_code
