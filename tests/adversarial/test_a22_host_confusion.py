"""A-22: a request that says it is for another host, and a proof or an assertion that was made for that host.

A look-alike that forwards what its victims send would profit. Expected: 400 for another ``Host``, before anything else;
401 ``invalid_dpop_proof`` (400 at the token endpoint) for a proof of another host, whatever the headers say.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import DP, DP_AT_API, EVERY_WAY, IC, ME, PASSED, outcome, with_proofs
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import FORM, Partner

EVIL = "https://evil.example"
METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
FORWARDED: Mapping[str, list[tuple[str, str]]] = {
    "host": [("X-Forwarded-Host", "evil.example")],
    "host and more": [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Prefix", "/x"),
        ("X-Forwarded-Server", "evil.example"),
    ],
    "RFC 7239": [("Forwarded", "for=192.0.2.1;host=evil.example;proto=http")],
    "original": [
        ("X-Original-URL", "/healthz"),
        ("X-Rewrite-URL", "/healthz"),
        ("X-Original-Host", "evil.example"),
    ],
    "override": [("X-HTTP-Method-Override", "POST"), ("X-Host", "evil.example")],
}


def _hosts(door: DoorPlace) -> dict[str, list[tuple[str, str]]]:
    own = door.public.url.removeprefix("https://")
    return {
        "another": [("Host", "evil.example")],
        "another with our port": [("Host", f"evil.example:{own.rpartition(':')[2]}")],
        "ours below another": [("Host", "localhost.evil.example")],
        "another below ours": [("Host", "evil.localhost")],
        "ours as a user": [("Host", "localhost@evil.example")],
        "a path behind ours": [("Host", "localhost/evil.example")],
        "an address": [("Host", "192.0.2.1")],
        "an address of IPv6": [("Host", "[2001:db8::1]")],
        "empty": [("Host", "")],
        "two, ours first": [("Host", own), ("Host", "evil.example")],
        "two, ours last": [("Host", "evil.example"), ("Host", own)],
        "two in one": [("Host", f"{own}, evil.example")],
    }


def _request(partner: Partner, token: str, proof: str | None) -> list[tuple[str, str]]:
    proofs = [] if proof is None else [("DPoP", proof)]
    return [("Authorization", f"{partner.scheme} {token}"), *proofs]


@pytest.mark.parametrize("way", EVERY_WAY)
def test_another_host_is_not_served(door: DoorPlace, way: str) -> None:
    """Not even a request that is right in everything else; and it uses nothing up."""
    partner = EVERY_WAY[way](door)
    token, form = partner.token(), partner.form()
    for_api = None if partner.by_certificate else partner.proof("GET", partner.issuer + ME, token=token)
    for_token = [] if partner.by_certificate else [("DPoP", partner.proof())]
    for name, host in _hosts(door).items():
        answers = (
            partner.http.get(ME, headers=[*host, *_request(partner, token, for_api)]),
            partner.post("/oauth/token", data=form, content_type=FORM, headers=[*host, *for_token]),
            partner.http.get("/healthz", headers=host),
        )
        assert [400] * 3 == [answer.status_code for answer in answers], name
    assert PASSED == outcome(partner.get(ME, token, proof=for_api))
    assert PASSED == outcome(partner.post("/oauth/token", data=form, content_type=FORM, headers=for_token))


@pytest.mark.parametrize("headers", FORWARDED)
@pytest.mark.parametrize("host", [EVIL, None], ids=["another host", "our host"])
def test_a_proof_for_another_host_works_nowhere(door: DoorPlace, headers: str, host: str | None) -> None:
    """Neither with that host's name in the request, nor with ours."""
    partner = with_proofs(door)
    token = partner.token()
    forwarded = FORWARDED[headers]
    proof = partner.proof("GET", EVIL + ME, token=token)
    sent: dict[str, Any] = {"base_url": host or partner.issuer}
    at_api = partner.http.get(ME, headers=[*_request(partner, token, proof), *forwarded], **sent)
    for_token = partner.proof(htu=f"{EVIL}/oauth/token")
    at_token = partner.post(
        "/oauth/token",
        data=partner.form(),
        content_type=FORM,
        headers=[("DPoP", for_token), *forwarded],
        **sent,
    )
    if host is None:
        assert [DP_AT_API, DP] == [outcome(at_api), outcome(at_token)]
    else:
        assert [400, 400] == [at_api.status_code, at_token.status_code]


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("headers", FORWARDED)
def test_forwarded_headers_change_nothing(door: DoorPlace, way: str, headers: str) -> None:
    """The honest request passes with all of them in it, as what it is."""
    partner = EVERY_WAY[way](door)
    answer = partner.get(ME, partner.token(), headers=FORWARDED[headers])
    assert (200, partner.client_id) == (answer.status_code, answer.get_json()["client_id"])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:1"])
def test_a_name_that_is_answered_is_not_believed(door: DoorPlace, host: str) -> None:
    """Health checks and the demo use other names than the public one; nothing is derived from them."""
    partner = with_proofs(door)
    token = partner.token()
    other = f"https://{host}"
    for path in METADATA:
        document = partner.http.get(path, headers=[("Host", host)]).get_json()
        assert partner.issuer == document["issuer"]
        assert partner.token_url == document["token_endpoint"]
    proof = partner.proof("GET", other + ME, token=token)
    answer = partner.http.get(ME, headers=[("Host", host), *_request(partner, token, proof)])
    assert DP_AT_API == outcome(answer)
    assert IC == outcome(partner.ask(client_assertion=partner.assertion(aud=other)))
    good = partner.proof("GET", partner.issuer + ME, token=token)
    assert 200 == partner.http.get(ME, headers=[("Host", host), *_request(partner, token, good)]).status_code


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_request_line_with_a_host_in_it_changes_nothing(door: DoorPlace, way: str) -> None:
    """As for a proxy (RFC 9112 section 3.2.2), where the host of the line counts, not that of the header."""
    partner = EVERY_WAY[way](door)
    token = partner.token()
    if not partner.by_certificate:
        evil = partner.proof("GET", EVIL + ME, token=token)
        headers = [("Host", "localhost"), *_request(partner, token, evil)]
        assert 400 <= partner.http.get(EVIL + ME, headers=headers).status_code < 500
    assert PASSED == outcome(partner.get(ME, token))
