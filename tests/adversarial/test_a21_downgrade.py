"""A-21: a token without what it is bound to, under another scheme, or with a certificate that somebody only claims.

Expected: 401 ``invalid_token`` at the API, 400 ``invalid_client`` for a client that comes by a claimed certificate; 400
for a token in the query. Natively a request with a claim in it is refused altogether; through nginx the claim is gone
before the gateway sees it.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from werkzeug.test import TestResponse

from tests.adversarial.attackers import (
    DP_AT_API,
    EVERY_WAY,
    IC,
    IT,
    ME,
    PASSED,
    Outcome,
    by_certificate_alone,
    claiming,
    issued_to,
    outcome,
    showing,
    with_certificate,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import CASE_EXTRACT, FORM, Partner, claims_of
from tests.support.door import ClientFiles, Door

BY_CERTIFICATE = {"certificate": with_certificate, "tls_client_auth": by_certificate_alone}
PAIRS = list[tuple[str, str]]


def _files(partner: Partner) -> ClientFiles:
    assert isinstance(partner.http, Door)
    assert partner.http.client is not None
    return partner.http.client


# --- The scheme ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_token_works_under_its_own_scheme_only(door: DoorPlace, way: str) -> None:
    """With a good proof and without one: under the other scheme it would be bound to nothing."""
    partner = EVERY_WAY[way](door)
    token, own = partner.token(), partner.scheme
    other = {"DPoP": "Bearer", "Bearer": "DPoP"}[own]
    schemes = (
        other,
        other.lower(),
        "Basic",
        "Negotiate",
        f"{own}x",
        f"{own},{own}",
        f"{own}\t",
        f"{own}=",
        "PoP",
    )
    answers: dict[tuple[str, str], Outcome] = {}
    for scheme in schemes:
        proof = partner.proof("GET", partner.issuer + ME, token=token)
        answers[scheme, "proof"] = outcome(partner.get(ME, token, scheme=scheme, proof=proof))
        answers[scheme, "no proof"] = outcome(partner.get(ME, token, scheme=scheme, proof=None))
    assert dict.fromkeys(answers, IT) == answers
    assert PASSED == outcome(partner.get(ME, token))


def test_a_certificate_does_not_stand_in_for_a_proof(door: DoorPlace) -> None:
    """Where both are there, the token says which one counts."""
    partner = with_certificate(door)
    token: str = partner.ask(proof=partner.proof()).get_json()["access_token"]
    assert ["jkt"] == list(claims_of(token)["cnf"])
    proof = partner.proof("GET", partner.issuer + ME, token=token)
    assert IT == outcome(partner.get(ME, token, scheme="Bearer", proof=None))
    assert IT == outcome(partner.get(ME, token, scheme="Bearer", proof=proof))
    assert DP_AT_API == outcome(partner.get(ME, token, scheme="DPoP", proof=None))
    assert PASSED == outcome(partner.get(ME, token, scheme="DPoP", proof=proof))


# --- The certificate ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", BY_CERTIFICATE)
def test_a_bound_token_is_worth_nothing_without_its_certificate(door: DoorPlace, way: str) -> None:
    """Not even with another one of the same client, of the same authority."""
    partner = BY_CERTIFICATE[way](door)
    token = partner.token()
    thieves: Mapping[str, Partner] = {
        "another of the client": showing(door, issued_to(door, partner.client_id), partner),
        "another of the agency": showing(door, door.client(), partner),
        "of another agency": showing(door, door.client("charity"), partner),
        "none": showing(door, None, partner),
        "none can be shown": replace(partner, http=door.public),
    }
    proof = partner.proof("GET", partner.issuer + ME, token=token)
    answers = {
        (name, scheme, with_proof): outcome(
            thief.get(ME, token, scheme=scheme, proof=proof if with_proof else None)
        )
        for name, thief in thieves.items()
        for scheme in ("Bearer", "DPoP")
        for with_proof in (True, False)
    }
    assert dict.fromkeys(answers, IT) == answers
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("way", BY_CERTIFICATE)
def test_without_proof_and_certificate_there_is_no_token(door: DoorPlace, way: str) -> None:
    """A bound token or none (FAPI 2.0 section 5.3.2.1 (4))."""
    partner = BY_CERTIFICATE[way](door)
    expected = {"certificate": (400, "invalid_dpop_proof"), "tls_client_auth": IC}[way]
    for without in (showing(door, None, partner), replace(partner, http=door.public)):
        assert expected == outcome(without.ask())
    assert PASSED == outcome(partner.ask())


# --- Certificates that are only claimed -----------------------------------------------------------------------------


def _rfc9440(files: ClientFiles) -> str:
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    return f":{base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}:"


def _renamed(change: Callable[[str], str]) -> Callable[[ClientFiles], PAIRS]:
    return lambda files: [(change(name), value) for name, value in claiming(files)]


CLAIMS: Mapping[str, Callable[[ClientFiles], PAIRS]] = {
    "as nginx says it": claiming,
    "in other capitals": _renamed(str.upper),
    "twice": lambda files: claiming(files) * 2,
    "verified alone": lambda files: claiming(files)[:1],
    "certificate alone": lambda files: claiming(files)[1:],
    "verified, then not": lambda files: [*claiming(files), ("X-SSL-Client-Verify", "NONE")],
    "RFC 9440": lambda files: [("Client-Cert", _rfc9440(files))],
    "RFC 9440 chain": lambda files: [
        ("Client-Cert", _rfc9440(files)),
        ("Client-Cert-Chain", _rfc9440(files)),
    ],
    "both": lambda files: [*claiming(files), ("Client-Cert", _rfc9440(files))],
}
UNREAD: Mapping[str, Callable[[ClientFiles], PAIRS]] = {
    "underscores": _renamed(lambda name: name.replace("-", "_")),
    "one underscore": _renamed(lambda name: name.replace("-C", "_C")),
    "as Envoy says it": lambda files: [("X-Forwarded-Client-Cert", f'Cert="{claiming(files)[1][1]}"')],
    "as Apache says it": _renamed(lambda name: name.removeprefix("X-").replace("-", "_").upper()),
    "forwarded": lambda _: [("X-Forwarded-For", ""), ("X-Real-IP", ""), ("Forwarded", "for=unix:")],
}
"""What the gateway reads from nobody, and what nobody reads."""

ENTRANCES: Mapping[str, Callable[[DoorPlace], Door]] = {
    "public": lambda place: place.public,
    "mutual": lambda place: place.mutual(),
    "mutual with another certificate": lambda place: place.mutual(place.client("charity")),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_claimed_certificate_authenticates_nobody(door: DoorPlace, entrance: str) -> None:
    victim = by_certificate_alone(door)
    thief = replace(victim, http=ENTRANCES[entrance](door))
    claims = {name: claim(_files(victim)) for name, claim in {**CLAIMS, **UNREAD}.items()}
    answers = {name: outcome(_token_request(thief, headers)) for name, headers in claims.items()}
    assert dict.fromkeys(claims, IC) == answers
    assert PASSED == outcome(victim.ask())


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("way", BY_CERTIFICATE)
def test_a_claimed_certificate_opens_nothing(door: DoorPlace, way: str, entrance: str) -> None:
    """The token is real and so is the certificate, which anyone who ever saw a handshake has: its key is missing."""
    victim = BY_CERTIFICATE[way](door)
    token = victim.token()
    thief = replace(victim, http=ENTRANCES[entrance](door))
    claims = {name: claim(_files(victim)) for name, claim in {**CLAIMS, **UNREAD}.items()}
    answers = {name: outcome(thief.get(ME, token, headers=headers)) for name, headers in claims.items()}
    assert dict.fromkeys(claims, IT) == answers
    assert PASSED == outcome(victim.get(ME, token))


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_claim_is_refused_natively_and_gone_behind_nginx(door: DoorPlace, entrance: str) -> None:
    """From a client that needs none: its honest request fails with the claim in it, or goes on as if it were not there."""
    partner = replace(with_proofs(door), http=ENTRANCES[entrance](door))
    files = _files(with_certificate(door))
    token = partner.token()
    native = door.node.kind == "native"
    for name, claim in {**CLAIMS, **UNREAD}.items():
        headers = claim(files)
        refused = native and name in CLAIMS
        asked = _token_request(partner, headers)
        assert (IC if refused else PASSED) == outcome(asked), name
        assert (IT if refused else PASSED) == outcome(partner.get(ME, token, headers=headers)), name
        if not refused:
            cnf = claims_of(asked.get_json()["access_token"])["cnf"]
            assert {"jkt": partner.proof_key.thumbprint()} == cnf, name


def _token_request(partner: Partner, headers: PAIRS) -> TestResponse:
    proofs = [("DPoP", partner.proof())] if partner.method == "private_key_jwt" else []
    return partner.post("/oauth/token", data=partner.form(), content_type=FORM, headers=[*headers, *proofs])


# --- Where the token stands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_token_stands_in_its_header_only(door: DoorPlace, way: str) -> None:
    """Addresses end up in logs and bodies in nobody's check (FAPI 2.0 section 5.3.4 (2))."""
    partner = EVERY_WAY[way](door)
    token = partner.token()
    in_query = f"{ME}?access_token={token}"
    proof = (
        [] if partner.by_certificate else [("DPoP", partner.proof("GET", partner.issuer + ME, token=token))]
    )
    answers = {
        "query": outcome(partner.http.get(in_query, headers=proof)),
        "query and header": outcome(partner.get(in_query, token)),
        "query, empty, and header": outcome(partner.get(f"{ME}?access_token=", token)),
    }
    assert dict.fromkeys(answers, (400, "invalid_request")) == answers
    nowhere = {
        "body": partner.http.open(
            ME, method="GET", data=f"access_token={token}", content_type=FORM, headers=proof
        ),
        "cookie": partner.http.get(ME, headers=[*proof, ("Cookie", f"access_token={token}")]),
        "another header": partner.http.get(ME, headers=[*proof, ("X-Access-Token", token)]),
        "the proxy's header": partner.http.get(
            ME, headers=[*proof, ("Proxy-Authorization", f"Bearer {token}")]
        ),
        "nowhere": partner.http.get(ME, headers=proof),
    }
    # RFC 6750 section 3.1: no error code for a request without any authentication.
    assert dict.fromkeys(nowhere, (401, "")) == {name: outcome(answer) for name, answer in nowhere.items()}
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_two_authorization_headers_are_refused(door: DoorPlace, way: str) -> None:
    """Whichever of them a proxy or we would take: 401 by us, or 400 by nginx."""
    partner = EVERY_WAY[way](door)
    token = partner.token()
    seconds = (f"{partner.scheme} {token}", "Bearer x", "Basic YTpi", "")
    answers = {
        second: partner.get(ME, token, headers=[("Authorization", second)]).status_code for second in seconds
    }
    assert set(answers.values()) <= {400, 401}, answers
    assert PASSED == outcome(partner.get(ME, token))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_odd_spellings_of_the_header_are_refused(door: DoorPlace, way: str) -> None:
    partner = EVERY_WAY[way](door)
    token = partner.token()
    own = partner.scheme
    spellings = {
        "two blanks": f"{own}  {token}",
        "no blank": f"{own}{token}",
        "quoted": f'{own} "{token}"',
        "something behind": f"{own} {token} x",
        "a comma behind": f"{own} {token},",
        "two tokens": f"{own} {token},{own} {token}",
        "as a parameter": f"{own} token={token}",
        "padded": f"{own} {token}=",
        "token alone": token,
        "scheme alone": own,
        "not ASCII": f"{own} {token}\xe9",
    }
    proof = (
        [] if partner.by_certificate else [("DPoP", partner.proof("GET", partner.issuer + ME, token=token))]
    )
    answers = {
        name: outcome(partner.http.get(ME, headers=[("Authorization", spelling), *proof]))
        for name, spelling in spellings.items()
    }
    assert dict.fromkeys(spellings, IT) == answers
    assert PASSED == outcome(partner.http.get(ME, headers=[("Authorization", f"{own} {token}"), *proof]))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_token_is_granted_what_it_says_and_no_more(door: DoorPlace, way: str) -> None:
    """A scope that is missing is missing for every reference alike: nothing was looked up."""
    partner = EVERY_WAY[way](door)
    token = partner.token(scope="log:read", authorization_details=...)
    answers = [partner.get(f"/v1/cases/{ref}/extract", token) for ref in ("known", "unknown")]
    assert [(403, "insufficient_scope")] * 2 == [outcome(answer) for answer in answers]
    assert answers[0].get_data() == answers[1].get_data()
    assert CASE_EXTRACT == claims_of(partner.token())["authorization_details"]
