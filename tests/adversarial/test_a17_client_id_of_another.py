"""A-17: a client that comes with its own key or certificate and says that it is another.

Expected: 400 ``invalid_client``, the same for a client that is unknown, for one that has no such key, and for one that
is recognised by another certificate or by another kind of name in it (RFC 8705 section 2.1.2).
"""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography import x509

from gateway.oauth.model import NameKind
from tests.adversarial.attackers import (
    BINDINGS,
    EVERY_WAY,
    IC,
    PASSED,
    by_certificate_alone,
    issued_to,
    named,
    outcome,
    registered_by_certificate,
    showing,
)
from tests.adversarial.conftest import DoorPlace
from tests.support.door import ClientFiles

UNKNOWN = "ag_nobody-nobody-nobody"
ENDPOINTS = ("/oauth/introspect", "/oauth/revoke")
ADDRESS = "192.0.2.7"
"""A text that can stand in every place of a certificate where a name can."""


@pytest.mark.parametrize("bound", BINDINGS)
def test_the_client_id_is_that_of_the_assertion(door: DoorPlace, bound: str) -> None:
    """The parameter may repeat it and say nothing else; a refusal uses nothing up."""
    partner = BINDINGS[bound](door)
    others = [door.partner("charity").client_id, by_certificate_alone(door).client_id, UNKNOWN, "x"]
    assertion = partner.assertion()
    for other in others:
        assert IC == outcome(partner.ask(client_assertion=assertion, client_id=other))
    assert PASSED == outcome(partner.ask(client_assertion=assertion, client_id=partner.client_id))


@pytest.mark.parametrize("bound", BINDINGS)
def test_a_key_signs_for_its_own_client_only(door: DoorPlace, bound: str) -> None:
    partner = BINDINGS[bound](door)
    rivals = {
        "the council": replace(partner, key=door.partner("council").key),
        "an agency that is registered by certificate": replace(
            partner, client_id=by_certificate_alone(door).client_id
        ),
        "unknown": replace(partner, client_id=UNKNOWN),
    }
    answers = {name: outcome(rival.ask()) for name, rival in rivals.items()}
    assert dict.fromkeys(rivals, IC) == answers
    assert PASSED == outcome(partner.ask())


def test_a_certificate_stands_for_its_own_client_only(door: DoorPlace) -> None:
    """All of them are valid, of the authority that the clients are registered with, and some of the same agency."""
    victim = by_certificate_alone(door)
    rival, _ = registered_by_certificate(door)
    shown: Mapping[str, ClientFiles | None] = {
        "of another client of the agency": issued_to(door, rival.client_id),
        "of the agency alone": door.client(),
        "of another agency": issued_to(door, UNKNOWN, agency="charity"),
        "of an agency that is called like the client": door.client(victim.client_id),
        "none": None,
    }
    answers = {name: outcome(showing(door, files, victim).ask()) for name, files in shown.items()}
    assert dict.fromkeys(shown, IC) == answers
    assert PASSED == outcome(victim.ask())
    assert PASSED == outcome(rival.ask())


def test_a_certificate_of_the_client_is_as_good_as_another(door: DoorPlace) -> None:
    """The control of the last: a renewed certificate needs no new registration."""
    partner = by_certificate_alone(door)
    renewed = issued_to(door, partner.client_id)
    assert PASSED == outcome(showing(door, renewed, partner).ask())


def test_a_name_counts_in_its_own_place_only(door: DoorPlace) -> None:
    """Each client is registered with the same text; only the certificate that has it in the right place is its own."""
    places: Mapping[NameKind, x509.GeneralName] = {
        NameKind.DNS: x509.DNSName(ADDRESS),
        NameKind.URI: x509.UniformResourceIdentifier(ADDRESS),
        NameKind.ADDRESS: x509.IPAddress(ip_address(ADDRESS)),
        NameKind.EMAIL: x509.RFC822Name(ADDRESS),
    }
    shown = {kind: named(door, [name]) for kind, name in places.items()}
    shown[NameKind.SUBJECT] = named(door, [x509.DNSName("other.example")], subject=ADDRESS)
    values = {**dict.fromkeys(places, ADDRESS), NameKind.SUBJECT: f"CN={ADDRESS}"}
    clients = {
        kind: registered_by_certificate(door, shown[kind], kind=kind, value=value)[0]
        for kind, value in values.items()
    }
    answers = {
        (registered, place): outcome(showing(door, files, client).ask())
        for registered, client in clients.items()
        for place, files in shown.items()
    }
    assert {pair: PASSED if pair[0] is pair[1] else IC for pair in answers} == answers
    assert len(NameKind) ** 2 == len(answers)


@pytest.mark.parametrize("kind", NameKind)
def test_the_urn_of_a_client_is_a_uri_and_nothing_else(door: DoorPlace, kind: NameKind) -> None:
    """What our own authority issues, met by a client that was registered with the right text as the wrong kind."""
    partner, _ = registered_by_certificate(door, kind=kind)
    assert (PASSED if kind is NameKind.URI else IC) == outcome(partner.ask())


def test_a_client_without_a_registered_certificate_cannot_come_by_one(door: DoorPlace) -> None:
    """Its own agency's certificate, with its very id in it: still it was registered with a key."""
    partner = door.partner()
    files = issued_to(door, partner.client_id)
    by_certificate = replace(showing(door, files, partner), method="tls_client_auth")
    assert IC == outcome(by_certificate.ask())
    assert PASSED == outcome(replace(by_certificate, method="private_key_jwt").ask())


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_nobody_asks_or_ends_under_another_name(door: DoorPlace, way: str, path: str) -> None:
    partner = EVERY_WAY[way](door)
    token = partner.token()
    rival, _ = registered_by_certificate(door)
    impostor = replace(rival, client_id=partner.client_id)
    assert IC == outcome(impostor.about(path, token))
    assert IC == outcome(partner.about(path, token, client_id=rival.client_id))
    assert 200 == partner.get("/v1/me", token).status_code
