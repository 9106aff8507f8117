"""openid-client and oauth4webapi against a real gateway: what others read in the standards is what we do.

Each program runs once and tells everything it found out; the tests read that.
"""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.npm import PACKAGES, InstallError, Programs, install
from tests.clients.site import ALGORITHMS, PartnerSystem, Site, expected_extract, identity

NOT_FOUND = "urn:early-help-gateway:problem:not-found"
DISCOVERY = {"ES256": "oauth2", "PS256": "oidc", "Ed25519": "oauth2"}
"""Which of the two well-known documents each client reads."""

Found = dict[str, Any]


def what_it_needs(site: Site, system: PartnerSystem) -> dict[str, object]:
    """The options that every program takes."""
    return {
        "issuer": site.issuer,
        "resource": site.resource,
        "client_id": system.client_id,
        "algorithm": system.algorithm,
        "key_file": str(system.key_file),
        "authorization_details": system.authorization_details,
    }


def pull_with_dpop(programs: Programs, site: Site, system: PartnerSystem) -> Found:
    return programs.run(
        "pull_with_dpop.mjs",
        **what_it_needs(site, system),
        discovery=DISCOVERY[system.algorithm],
        proof_algorithm=system.algorithm,
        extract_url=site.extract_url(system.agency),
        absent_url=f"{site.resource}/cases/{uuid4()}/extract",
    )


@pytest.fixture(scope="module", params=ALGORITHMS)
def by_proof(request: pytest.FixtureRequest, programs: Programs, gateway_node: Site) -> Found:
    """What openid-client found with an assertion and a proof of each algorithm."""
    system = gateway_node.council.equip("camhs", request.param)
    return pull_with_dpop(programs, gateway_node, system)


def test_a_token_is_bound_to_the_proof_and_says_what_it_is_for(by_proof: Found, gateway_node: Site) -> None:
    """openid-client compares the token's type with the way it asked; scope and entry come back as granted."""
    token = by_proof["token"]
    assert ("dpop", "extract:read", 300) == (token["token_type"], token["scope"], token["expires_in"])
    details = gateway_node.council.equip("camhs").authorization_details
    assert json.loads(details) == token["authorization_details"]


def test_an_extract_is_pulled_under_a_proof(by_proof: Found, gateway_node: Site) -> None:
    assert expected_extract(gateway_node, "camhs") == identity(by_proof["extract"])


def test_an_unknown_case_is_an_absence_and_no_challenge(by_proof: Found) -> None:
    """The library throws on a WWW-Authenticate: a 404 has none, so a program can go on to its next case."""
    absence = by_proof["absence"]
    assert (404, NOT_FOUND) == (absence["status"], absence["body"]["type"])


def test_a_client_asks_about_its_own_token(by_proof: Found, gateway_node: Site) -> None:
    alive = by_proof["alive"]
    assert (True, gateway_node.resource, "extract:read") == (alive["active"], alive["aud"], alive["scope"])
    assert ["jkt"] == list(alive["cnf"])


def test_a_revoked_token_is_dead_everywhere_at_once(by_proof: Found) -> None:
    assert {"active": False} == by_proof["dead"]
    assert {"error": "invalid_token", "status": 401} == by_proof["revoked"]


def test_nothing_was_asked_twice(by_proof: Found, gateway_node: Site) -> None:
    """Where no nonce is needed none is asked for: a client makes one request for one thing."""
    extract = gateway_node.extract_url("camhs").removeprefix(gateway_node.issuer)
    assert [["POST", "/oauth/token", 200], ["GET", extract, 200]] == by_proof["requests"][1:3]


def test_the_library_follows_the_demand_for_a_nonce(programs: Programs, nonce_node: Site) -> None:
    """Refused once at the token endpoint and once at the API, with a new assertion and proof each time: the client
    that is used as its manual says notices nothing."""
    found = pull_with_dpop(programs, nonce_node, nonce_node.council.equip("charity"))
    assert expected_extract(nonce_node, "charity") == identity(found["extract"])
    extract = nonce_node.extract_url("charity").removeprefix(nonce_node.issuer)
    demanded = [["POST", "/oauth/token", 400], ["POST", "/oauth/token", 200]]
    demanded += [["GET", extract, 401], ["GET", extract, 200]]
    assert demanded == found["requests"][1:5]
    assert {"error": "invalid_token", "status": 401} == found["revoked"]


@pytest.fixture(scope="module", params=["tls_client_auth", "private_key_jwt"])
def by_certificate(request: pytest.FixtureRequest, programs: Programs, gateway_node: Site) -> Found:
    """What openid-client found over mutual TLS."""
    system, other = gateway_node.council.equip("camhs"), gateway_node.council.equip("charity")
    return programs.run(
        "pull_with_certificate.mjs",
        **what_it_needs(gateway_node, system),
        method=request.param,
        authority=str(gateway_node.authority),
        certificate=str(system.tls.certificate),
        certificate_key=str(system.tls.key),
        other_certificate=str(other.tls.certificate),
        other_certificate_key=str(other.tls.key),
        extract_url=gateway_node.extract_url("camhs", base=gateway_node.mutual_url),
    )


def test_an_extract_is_pulled_under_a_certificate(by_certificate: Found, gateway_node: Site) -> None:
    assert "bearer" == by_certificate["token"]["token_type"]
    assert ["x5t#S256"] == list(by_certificate["alive"]["cnf"])
    assert expected_extract(gateway_node, "camhs") == identity(by_certificate["extract"])


def test_the_endpoints_for_certificates_are_found_by_their_aliases(
    by_certificate: Found, gateway_node: Site
) -> None:
    names = {
        "token_endpoint": "token",
        "introspection_endpoint": "introspect",
        "revocation_endpoint": "revoke",
    }
    expected = {name: f"{gateway_node.mutual_url}/oauth/{path}" for name, path in names.items()}
    assert expected == by_certificate["endpoints"]


@pytest.mark.parametrize("thief", ["without", "other"])
def test_a_stolen_token_is_worth_nothing_on_another_connection(by_certificate: Found, thief: str) -> None:
    """Without a certificate, or with another partner's, which the handshake accepts."""
    assert {"error": "invalid_token", "status": 401} == by_certificate["stolen"][thief]


def test_a_revoked_token_is_dead_under_its_certificate_too(by_certificate: Found) -> None:
    assert {"error": "invalid_token", "status": 401} == by_certificate["revoked"]


@pytest.fixture(scope="module")
def validated(programs: Programs, gateway_node: Site) -> Found:
    """What oauth4webapi and jose say of our token, when they are the ones who decide."""
    system = gateway_node.council.equip("charity")
    return programs.run(
        "validate.mjs",
        **what_it_needs(gateway_node, system),
        authority=str(gateway_node.authority),
        certificate=str(system.tls.certificate),
        certificate_key=str(system.tls.key),
        extract_url=gateway_node.extract_url("charity"),
    )


def test_another_resource_server_would_accept_our_token(validated: Found, gateway_node: Site) -> None:
    """RFC 9068 and RFC 9449 as others read them: header type, claims, signature by the published key, proof."""
    claims, system = validated["claims"], gateway_node.council.equip("charity")
    assert (gateway_node.issuer, gateway_node.resource) == (claims["iss"], claims["aud"])
    assert (system.client_id, system.client_id) == (claims["sub"], claims["client_id"])
    assert 300 == claims["exp"] - claims["iat"]
    assert ["jkt"] == list(claims["cnf"])
    assert expected_extract(gateway_node, "charity") == identity(validated["extract"])


MISUSES = {
    "no proof": "the request has no DPoP HTTP Header",
    "a proof of another key": "JWT Access Token confirmation mismatch",
    "the other scheme": "Authorization HTTP Header scheme is not DPoP",
    "another address": "DPoP Proof htu mismatch",
    "another audience": 'unexpected JWT "aud"',
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_another_resource_server_would_refuse_it_misused(validated: Found, misuse: str) -> None:
    """So the acceptance above rests on the proof, and on this server's claims."""
    assert MISUSES[misuse] in validated["refused"][misuse]


def test_another_library_finds_the_certificate_in_the_token(validated: Found) -> None:
    """RFC 8705 section 3.1: the thumbprint is that of the certificate's DER, as another language computes it."""
    bound = validated["bound"]
    assert ("bearer", "at+jwt") == (bound["type"], bound["header"]["typ"])
    assert {"x5t#S256": validated["thumbprint"]} == bound["claims"]["cnf"]


def test_the_resource_describes_itself(validated: Found, gateway_node: Site) -> None:
    """RFC 9728: found at the address that follows from the resource, and naming the same resource and its server."""
    described = validated["described"]
    assert (gateway_node.resource, [gateway_node.issuer]) == (
        described["resource"],
        described["authorization_servers"],
    )
    assert described["tls_client_certificate_bound_access_tokens"] is True


def test_the_lock_pins_every_package_and_names_no_registry() -> None:
    """An address in the lock would be one machine's; without a hash, any content would do."""
    lock = json.loads((PACKAGES / "package-lock.json").read_text())
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert locked
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert not any("resolved" in entry for entry in locked.values())


def test_half_an_install_is_never_used(tmp_path: Path) -> None:
    """npm that is stopped leaves a folder that looks installed; the next run must not find it."""
    stopped = ["sh", "-c", "mkdir node_modules && echo EINTEGRITY >&2 && exit 1"]
    with pytest.raises(InstallError, match="EINTEGRITY"):
        install(tmp_path / "clients", npm=stopped)
    assert [] == list((tmp_path / "clients").iterdir())
