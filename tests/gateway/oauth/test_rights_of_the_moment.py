"""What was taken away is gone at the next request: at the token endpoint and for tokens already issued."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from agencies.model import AgencyCode
from gateway.oauth.errors import RegistrationError
from gateway.oauth.model import ClientId
from gateway.oauth.registration import register_client
from gateway.oauth.repository import find_client, practitioner_standing
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner, new_key
from tests.support.statements import statements

Taking = Callable[[Council, Partner], None]


def _taking(statement: str) -> Taking:
    def take(council: Council, partner: Partner) -> None:
        council.change("camhs", statement, client=partner.client_id)

    return take


TAKEN: dict[str, Taking] = {
    "client revoked": _taking("UPDATE gateway.oauth_client SET state = 'revoked' WHERE client_id = :client"),
    "client suspended": _taking(
        "UPDATE gateway.oauth_client SET state = 'suspended' WHERE client_id = :client"
    ),
    "key over": _taking(
        "UPDATE gateway.oauth_client_key SET ends_on = (now() AT TIME ZONE 'Europe/London')::date"
        " WHERE client_id = :client"
    ),
    "key removed": _taking("UPDATE gateway.oauth_client_key SET state = 'removed' WHERE client_id = :client"),
    "agency suspended": _taking("UPDATE agencies.agency SET state = 'suspended' WHERE agency_code = 'camhs'"),
    "agency ended": _taking("UPDATE agencies.agency SET state = 'ended' WHERE agency_code = 'camhs'"),
    "agreement ended": _taking(
        "UPDATE agencies.agreement SET valid_until = (now() AT TIME ZONE 'Europe/London')::date"
        " WHERE agency_code = 'camhs'"
    ),
    "agreement not begun": _taking(
        "UPDATE agencies.agreement SET valid_from = (now() AT TIME ZONE 'Europe/London')::date + 1"
        " WHERE agency_code = 'camhs'"
    ),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN.keys())
def test_what_was_taken_away_ends_tokens_and_gives_no_new_one(own_council: Council, take: Taking) -> None:
    """Half a token's life is too long for a suspended agency."""
    partner = own_council.partner()
    token = partner.token()
    assert partner.get("/v1/me", token).status_code == 200
    take(own_council, partner)
    answer = partner.get("/v1/me", token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    refused = partner.ask()
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_client")
    assert own_council.partner("charity").ask().status_code == 200


def test_a_practitioner_who_left_ends_tokens_and_gets_no_new_one(own_council: Council) -> None:
    partner = own_council.partner()
    token = partner.token()
    own_council.change(
        "camhs",
        "UPDATE agencies.practitioner SET active_until = (now() AT TIME ZONE 'Europe/London')::date"
        " WHERE agency_code = 'camhs'",
    )
    assert partner.get("/v1/me", token).status_code == 401
    assert partner.ask().get_json()["error"] == "invalid_authorization_details"


def test_a_scope_that_was_taken_away_is_missing_at_once(own_council: Council) -> None:
    partner = own_council.partner()
    token = partner.token()
    own_council.change(
        "camhs",
        "UPDATE gateway.oauth_client SET scopes = '{log:read}' WHERE client_id = :client",
        client=partner.client_id,
    )
    assert partner.get("/v1/cases/x/extract", token).status_code == 403
    assert partner.get("/v1/me", token).get_json()["scopes"] == []


def test_an_agency_that_starts_a_register_holds_tokens_to_it(own_council: Council) -> None:
    """From asserted to registered: whoever is not on the new list is out."""
    charity = own_council.partner("charity")
    details = '[{"type":"case_extract","purpose":"P1","practitioner":{"id":"volunteer-9"}}]'
    token = charity.token(authorization_details=details)
    own_council.change(
        "charity",
        "UPDATE agencies.agency SET practitioner_policy = 'registered' WHERE agency_code = 'charity'",
    )
    assert charity.get("/v1/me", token).status_code == 401


def test_a_request_costs_two_statements(council: Council) -> None:
    """Proof used and rights read in one round trip, so there is no moment between the two; then the count."""
    partner = council.partner()
    token = partner.token()
    partner.get("/v1/me", token)  # the signing key is looked up once per process
    with statements() as sent:
        assert partner.get("/v1/me", token).status_code == 200
    assert [2, 1, 1] == [
        len(sent),
        sum("gateway.oauth_replay" in one for one in sent),
        sum("gateway.rate_bucket" in one for one in sent),
    ]


def test_one_client_of_an_agency_falls_alone(own_council: Council) -> None:
    other = own_council.register("camhs", ["extract:read"], new_key())
    TAKEN["client revoked"](own_council, own_council.partner())
    assert other.ask().status_code == 200


def test_dates_turn_at_midnight_in_london(own_council: Council) -> None:
    """In summer that is 23:00 UTC of the day before; valid_until itself is no day of the agreement."""
    own_council.change(
        "camhs",
        "UPDATE agencies.agreement SET valid_from = '2026-07-01', valid_until = '2026-08-01'"
        " WHERE agency_code = 'camhs'",
    )
    client = own_council.partner().client_id
    moments = {
        datetime(2026, 6, 30, 22, 59, tzinfo=UTC): False,
        datetime(2026, 6, 30, 23, 0, tzinfo=UTC): True,
        datetime(2026, 7, 31, 22, 59, tzinfo=UTC): True,
        datetime(2026, 7, 31, 23, 0, tzinfo=UTC): False,
    }
    with own_council.wiring.engine.connect() as connection:
        found = {now: find_client(connection, client, now=now) is not None for now in moments}
    assert found == moments


def test_a_practitioner_is_active_between_two_dates(own_council: Council) -> None:
    own_council.change(
        "camhs",
        "UPDATE agencies.practitioner SET active_from = '2026-12-01', active_until = '2026-12-03'"
        " WHERE agency_code = 'camhs'",
    )
    client = own_council.partner().client_id
    start = datetime(2026, 11, 30, 12, tzinfo=UTC)
    with own_council.wiring.engine.connect() as connection:
        listed = [
            practitioner_standing(
                connection,
                ClientId(client),
                practitioner="worker-1",
                believed_days=3650,
                now=start + timedelta(days=day),
            ).may_act
            for day in range(4)
        ]
    assert listed == [False, True, True, False]


def test_a_registration_that_moves_no_gate_is_refused(own_council: Council) -> None:
    """A new client can change what is released, so the release path must notice it."""
    with pytest.raises(IntegrityError, match="gate"), own_council.wiring.engine.begin() as connection:
        register_client(
            connection,
            agency=AgencyCode("camhs"),
            scopes=["log:read"],
            keys=[new_key().as_dict(private=False)],
        )


@pytest.mark.parametrize(
    ("agency", "scopes"),
    [
        ("camhs", []),
        ("camhs", ["unknown"]),
        ("camhs", ["extract:read", "consent:write"]),
        ("camhs", ["extract:read", "referral:read"]),
        (None, ["extract:read"]),
        (None, ["case:write", "log:read"]),
    ],
)
def test_scopes_that_do_not_fit_are_never_registered(
    council: Council, agency: str | None, scopes: list[str]
) -> None:
    with pytest.raises(RegistrationError):
        council.register(agency, scopes, new_key())


def test_only_public_members_of_a_key_are_stored(own_council: Council) -> None:
    with own_council.wiring.engine.connect() as connection:
        stored = connection.scalars(text("SELECT jwk FROM gateway.oauth_client_key")).all()
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert len(stored) == 4
    assert all(private.isdisjoint(jwk) for jwk in stored)
