"""Attacks on access tokens at the API, as named cases: forged, exchanged, downgraded, moved (A-21, A-23)."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey

from gateway.oauth.errors import InvalidTokenError
from gateway.oauth.keys import active_key
from gateway.oauth.tokens import SignatureMemory, verify_token
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import (
    CASE_ACTION,
    Partner,
    claims_of,
    header_of,
    new_key,
    part,
    sign,
    without,
)

Attack = Callable[[str, ECKey], str]


def _signed_by_us(header: Mapping[str, Any] | None = None, **changes: Any) -> Attack:
    """Forge with the gateway's own key: what a signature alone must not make good."""

    def attack(token: str, ours: ECKey) -> str:
        return sign(
            without({**header_of(token), **(header or {})}), without({**claims_of(token), **changes}), ours
        )

    return attack


def _payload_exchanged(token: str, _key: ECKey) -> str:
    """The same header and signature around claims that would be good: purpose P2 instead of P1."""
    head, _, signature = token.split(".")
    details = [{**claims_of(token)["authorization_details"][0], "purpose": "P2"}]
    return f"{head}.{part({**claims_of(token), 'authorization_details': details})}.{signature}"


ATTACKS: Mapping[str, Attack] = {
    "empty": lambda _t, _k: "",
    "garbage": lambda _t, _k: "garbage",
    "20 kB": lambda t, _k: t + "A" * 20_000,
    "alg none": lambda t, _k: f"{part({**header_of(t), 'alg': 'none'})}.{part(claims_of(t))}.",
    "signature stripped": lambda t, _k: t.rpartition(".")[0] + ".",
    "signed by a stranger under our kid": lambda t, _k: sign(header_of(t), claims_of(t), new_key()),
    "unknown kid": lambda t, _k: sign({**header_of(t), "kid": "unknown"}, claims_of(t), new_key()),
    "kid speaks SQL": lambda t, _k: sign({**header_of(t), "kid": "' OR 1=1 --"}, claims_of(t), new_key()),
    "payload exchanged": _payload_exchanged,
    "nested payload": lambda t, k: sign(header_of(t), b"[" * 3000, k),
    "no kid": _signed_by_us({"kid": ...}),
    "typ JWT": _signed_by_us({"typ": "JWT"}),
    "no typ": _signed_by_us({"typ": ...}),
    "typ of a proof": _signed_by_us({"typ": "dpop+jwt"}),
    "another issuer": _signed_by_us(iss="https://evil.example"),
    "another audience": _signed_by_us(aud="https://evil.example/v1"),
    "two audiences": _signed_by_us(aud=["https://gateway.test:8443/v1"]),
    "no audience": _signed_by_us(aud=...),
    "expired": _signed_by_us(exp=int(time.time()) - 1),
    "no exp": _signed_by_us(exp=...),
    "from the future": _signed_by_us(iat=int(time.time()) + 3600),
    "no jti": _signed_by_us(jti=...),
    "not bound to a key": _signed_by_us(cnf=...),
    "bound to nothing": _signed_by_us(cnf={}),
    "bound to another key": _signed_by_us(cnf={"jkt": "x" * 43}),
    "subject and client differ": _signed_by_us(sub="ag_someone-else-0000000"),
    "unknown client": _signed_by_us(sub="ag_nobody-nobody-000000", client_id="ag_nobody-nobody-000000"),
    "no client key": _signed_by_us(client_key=...),
    "another client key": _signed_by_us(client_key="x" * 43),
    "no scope": _signed_by_us(scope=...),
    "empty scope": _signed_by_us(scope=""),
    "unknown scope": _signed_by_us(scope="everything"),
    "mixed scopes": _signed_by_us(scope="extract:read panel:read"),
    "no entry": _signed_by_us(authorization_details=...),
    "two entries": _signed_by_us(authorization_details=CASE_ACTION * 2),
    "entry of another type": _signed_by_us(authorization_details=CASE_ACTION),
    "entry for nothing": _signed_by_us(scope="log:read"),
    "practitioner not on the list": _signed_by_us(
        authorization_details=[{"type": "case_extract", "purpose": "P1", "practitioner": {"id": "nobody"}}]
    ),
    "purpose that no stage serves": _signed_by_us(
        authorization_details=[{"type": "case_extract", "purpose": "P4", "practitioner": {"id": "worker-1"}}]
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_a_token_is_unauthorized(council: Council, partner: Partner, attack: Attack) -> None:
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring).key
    token = partner.token()
    answer = partner.get("/v1/me", attack(token, ours))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_token", algs=')
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "attack", [_signed_by_us(), _signed_by_us({"extra": 1}, extra=2)], ids=["same", "extra"]
)
def test_the_forger_of_these_attacks_is_able_to_forge(
    council: Council, partner: Partner, attack: Attack
) -> None:
    """The control of the table above: signed by us and otherwise unchanged, a token is accepted."""
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring).key
    assert partner.get("/v1/me", attack(partner.token(), ours)).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP ", " DPoP", "Basic", "DPoPx", "DPoP,DPoP", "DPoP\t"])
def test_a_bound_token_works_under_its_own_scheme_only(partner: Partner, scheme: str) -> None:
    """A-21: the downgrade to a bearer token."""
    assert partner.get("/v1/me", partner.token(), scheme=scheme).status_code == 401


def test_the_scheme_is_compared_without_case(partner: Partner) -> None:
    """RFC 9110 section 11.1."""
    token = partner.token()
    assert [partner.get("/v1/me", token, scheme=s).status_code for s in ("dpop", "DPOP")] == [200, 200]


@pytest.mark.parametrize("second", ["DPoP {token}", "Bearer x", ""])
def test_two_authorization_headers_are_refused(partner: Partner, second: str) -> None:
    token = partner.token()
    extra = [("Authorization", second.format(token=token))]
    assert partner.get("/v1/me", token, headers=extra).status_code == 401


def test_a_token_in_the_query_is_refused(partner: Partner) -> None:
    """A-21: addresses end up in logs (FAPI 2.0 section 5.3.4)."""
    token = partner.token()
    assert partner.http.get(f"/v1/me?access_token={token}").status_code == 400
    assert partner.get(f"/v1/me?access_token={token}", token).status_code == 400


def test_no_token_at_all_is_challenged_without_an_error(partner: Partner) -> None:
    """RFC 6750 section 3.1: no error code for a request without any authentication."""
    answer = partner.http.get("/v1/me")
    assert answer.status_code == 401
    assert "error" not in answer.headers["WWW-Authenticate"]


def test_a_missing_scope_is_forbidden_and_says_which(partner: Partner) -> None:
    """The same answer for every reference: nothing was looked up."""
    token = partner.token(scope="log:read", authorization_details=...)
    answers = [partner.get(f"/v1/cases/{ref}/extract", token) for ref in ("known", "unknown")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].data == answers[1].data
    assert (
        answers[0]
        .headers["WWW-Authenticate"]
        .startswith('DPoP error="insufficient_scope", scope="extract:read", algs=')
    )


def test_a_route_without_a_row_is_refused_to_everyone(partner: Partner) -> None:
    """A forgotten row closes a route instead of opening it."""
    assert partner.get("/forgotten", partner.token()).status_code == 403
    assert partner.http.get("/forgotten").status_code == 403


def test_what_does_not_exist_is_absent_for_everyone(partner: Partner) -> None:
    assert partner.http.get("/v1/nothing").status_code == 404
    assert partner.http.delete("/v1/me").status_code == 405


def test_a_remembered_signature_is_that_of_exactly_one_token() -> None:
    """The memory holds digests of whole tokens, and only so many."""
    memory = SignatureMemory(capacity=2)
    for token in ("a", "b"):
        memory.remember(token)
    assert memory.knows("a")
    memory.remember("c")
    assert [memory.knows(token) for token in ("a", "b", "c", "d")] == [True, False, True, False]


def test_a_remembered_token_is_still_read_again(partner: Partner) -> None:
    """A token remembered as signed by us, exchanged for one with the same signature, is another token."""
    token = partner.token()
    assert partner.get("/v1/me", token).status_code == 200
    assert partner.get("/v1/me", _payload_exchanged(token, ECKey.generate_key())).status_code == 401


def test_a_signature_is_checked_once_per_token(council: Council, partner: Partner) -> None:
    """What the memory is for; the second look finds no key and needs none."""
    token, memory, asked = partner.token(), SignatureMemory(), []
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring)

    def key_of(kid: str) -> ECKey:
        asked.append(kid)
        return ours.key

    for _ in range(2):
        verify_token(
            token,
            key_of=key_of,
            memory=memory,
            issuer=partner.issuer,
            resource=partner.resource,
            now=datetime.now(UTC),
        )
    assert asked == [ours.kid]


def test_a_token_ends_on_the_second_and_may_come_from_a_clock_ahead(
    council: Council, partner: Partner
) -> None:
    """Half-open: valid at issue, not any more 300 s later; time enters as a value."""
    token = partner.token()
    issued = claims_of(token)["iat"]
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring)

    def valid(moment: float) -> bool:
        try:
            verify_token(
                token,
                key_of=lambda _kid: ours.key,
                memory=SignatureMemory(),
                issuer=partner.issuer,
                resource=partner.resource,
                now=datetime.fromtimestamp(moment, UTC),
            )
        except InvalidTokenError:
            return False
        return True

    offsets = {offset: valid(issued + offset) for offset in (-31, -30, 0, 299.9, 300)}
    assert offsets == {-31: False, -30: True, 0: True, 299.9: True, 300: False}
