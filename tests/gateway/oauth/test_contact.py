"""What is on record of a client's requests for tokens: counted before they leave, forgotten when they are over."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.oauth.contact import Contact, contacts, end_tokens, sweep_issued_tokens
from gateway.oauth.model import ClientId
from gateway.oauth.registration import end_keys
from gateway.oauth.repository import find_client
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import CASE_ACTION, Partner, new_key

SECONDS = 300
"""How long a token is good."""


def contact(council: Council, partner: Partner, *, later: float = 0) -> Contact:
    """What is known of a client, so many seconds from now."""
    now = datetime.now(UTC) + timedelta(seconds=later)
    with council.wiring.engine.connect() as connection:
        return contacts(connection, now=now)[ClientId(partner.client_id)]


def test_every_token_is_counted_until_it_is_over(own_council: Council) -> None:
    partner = own_council.partner()
    assert (0, False) == (contact(own_council, partner).alive, contact(own_council, partner).connected)
    held = [partner.token() for _ in range(3)]
    partner.token(scope="panel:read", authorization_details=json.dumps(CASE_ACTION))
    seen = contact(own_council, partner)
    assert (4, True) == (seen.alive, seen.connected)
    assert {partner.key.thumbprint(): seen.issued_at} == seen.key_uses
    partner.about("/oauth/revoke", held[0])
    assert [3, 0] == [contact(own_council, partner, later=later).alive for later in (0, SECONDS + 1)]
    assert 0 == contact(own_council, own_council.partner("charity")).alive


def test_tokens_of_a_key_that_went_are_not_counted(own_council: Council) -> None:
    partner = own_council.partner()
    partner.token()
    own_council.change(
        "camhs",
        "UPDATE gateway.oauth_client_key SET state = 'removed' WHERE client_id = :client",
        client=partner.client_id,
    )
    assert 0 == contact(own_council, partner).alive


REFUSED = {
    "invalid_scope": {"scope": "case:write"},
    "invalid_target": {"resource": "https://elsewhere.example/v1"},
    "invalid_authorization_details": {"authorization_details": "[]"},
}


@pytest.mark.parametrize(("error", "changes"), REFUSED.items(), ids=REFUSED.keys())
def test_what_a_client_was_refused_for_is_there_to_be_told(
    own_council: Council, error: str, changes: dict[str, Any]
) -> None:
    partner = own_council.partner()
    assert error == partner.ask(**changes).get_json()["error"]
    seen = contact(own_council, partner)
    assert (error, 0, None) == (seen.error, seen.alive, seen.issued_at)
    assert seen.refused_at is not None


def test_nobody_writes_about_a_client_who_is_not_it(own_council: Council) -> None:
    """Else whoever knows a client's id could make the council believe that it connects."""
    partner = own_council.partner()
    stranger = replace(partner, key=new_key())
    assert "invalid_client" == stranger.ask(scope="case:write").get_json()["error"]
    assert not contact(own_council, partner).connected


def test_of_tokens_that_are_over_the_newest_of_each_key_stays(own_council: Council) -> None:
    """When a key was last used is still known after a night; the table does not grow with the requests."""
    partner, charity = own_council.partner(), own_council.partner("charity")
    for _ in range(3):
        partner.token()
    charity.token(authorization_details='[{"type":"case_extract","purpose":"P1","practitioner":{"id":"v"}}]')
    before = contact(own_council, partner)
    with own_council.wiring.engine.begin() as connection:
        now = datetime.now(UTC)
        assert 0 == sweep_issued_tokens(connection, now=now)
        assert 2 == sweep_issued_tokens(connection, now=now + timedelta(seconds=SECONDS + 1))
    after = contact(own_council, partner)
    assert (before.issued_at, before.key_uses, 1) == (after.issued_at, after.key_uses, after.alive)


def test_tokens_that_were_ended_stay_so(own_council: Council) -> None:
    partner, charity = own_council.partner(), own_council.partner("charity")
    held, kept = partner.token(), charity.token()
    with own_council.wiring.engine.begin() as connection:
        assert 1 == end_tokens(connection, client_id=ClientId(partner.client_id))
        assert 0 == end_tokens(connection, client_id=ClientId(partner.client_id))
    assert [401, 200] == [partner.get("/v1/me", held).status_code, charity.get("/v1/me", kept).status_code]
    assert 200 == partner.get("/v1/me", partner.token()).status_code


def test_a_key_ends_at_midnight_in_london(own_council: Council) -> None:
    """In summer that is 23:00 UTC of the day before."""
    own_council.change(
        "camhs",
        "UPDATE agencies.agreement SET valid_from = '2026-01-01', valid_until = '2027-01-01'"
        " WHERE agency_code = 'camhs'",
    )
    partner = own_council.partner()
    with own_council.wiring.engine.begin() as connection:
        connection.execute(text("SELECT gateway.move_gates('{}', ARRAY['camhs'])"))
        ended = end_keys(connection, ClientId(partner.client_id), ends_on=date(2026, 8, 1))
        assert [partner.key.thumbprint()] == ended
        assert [] == end_keys(connection, ClientId(partner.client_id), ends_on=date(2026, 9, 1))
    found = {}
    with own_council.wiring.engine.connect() as connection:
        for hour, minute in ((22, 59), (23, 0)):
            now = datetime(2026, 7, 31, hour, minute, tzinfo=UTC)
            client = find_client(connection, partner.client_id, now=now)
            found[hour] = client is not None and bool(client.keys)
    assert {22: True, 23: False} == found
