"""A-23: what another server said: its tokens, its certificates, even under the names that we know.

Expected: 401 ``invalid_token`` for a token of another issuer or for another audience, also if our key signed it. A
certificate that no authority of ours issued ends the handshake (behind nginx: 400); one of another trusted authority
with a client's name in it is 400 ``invalid_client``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from certs import authority as certificate_authority
from certs.authority import CLIENT_PROFILE, Issued, create_authority, issue_server
from certs.certificate import read_certificate
from tests.adversarial.attackers import (
    DAY,
    DP,
    IC,
    IT,
    ME,
    PASSED,
    TOKENS,
    Attack,
    assert_refused,
    by_certificate_alone,
    issued_to,
    outcome,
    registered_by_certificate,
    showing,
    token_of,
    trusting,
    turned_away,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.conftest import Council, settle
from tests.gateway.oauth.partner import Partner
from tests.support.door import ClientFiles
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database

OTHER = "https://other.example"


@pytest.fixture(scope="module")
def elsewhere(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Council]:
    """The gateway of another council."""
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    with new_database(cluster, template=template_database.name) as database, wired(database, folder) as parts:
        yield settle(parts)


@pytest.fixture(scope="module")
def there(elsewhere: Council, door: DoorPlace) -> Partner:
    """Our partner as the other gateway knows it: with the same key."""
    return elsewhere.register("camhs", ["extract:read"], with_proofs(door).key)


# --- Tokens -------------------------------------------------------------------------------------------------------


def _claims(**changes: object) -> Attack:
    return lambda honest: honest.changed(**changes)


@pytest.mark.parametrize("target", TOKENS)
def test_a_token_for_somebody_else_is_refused(door: DoorPlace, target: str) -> None:
    """Signed with our own key: as if one key served two issuers or two resources."""
    issuer, resource = door.settings.issuer, door.settings.resource
    attacks: Mapping[str, Attack] = {
        "another issuer": _claims(iss=OTHER),
        "issuer with a slash": _claims(iss=f"{issuer}/"),
        "issuer is the mutual-TLS address": _claims(iss=door.settings.mtls_url),
        "issuers": _claims(iss=[issuer]),
        "another audience": _claims(aud=f"{OTHER}/v1"),
        "audience is the issuer": _claims(aud=issuer),
        "audience below ours": _claims(aud=f"{resource}/me"),
        "audience with a slash": _claims(aud=f"{resource}/"),
        "audience at the mutual-TLS address": _claims(aud=f"{door.settings.mtls_url}/v1"),
        "ours in a list": _claims(aud=[resource]),
        "ours and another": _claims(aud=[resource, OTHER]),
        "no audience": _claims(aud=...),
    }
    assert_refused(TOKENS[target](door), attacks)


def test_a_token_of_another_gateway_is_refused(door: DoorPlace, elsewhere: Council, there: Partner) -> None:
    """The cuckoo: genuine there, for a client that is known here, and bound to a key that is at hand."""
    here = with_proofs(door)
    there = replace(there, proof_key=here.proof_key)
    genuine = there.token()
    assert 200 == there.get(ME, genuine).status_code
    assert IT == outcome(here.get(ME, genuine))
    own = token_of(here, door.wiring)
    renamed = replace(token_of(there, elsewhere.wiring), claims=own.claims)
    under_our_kid = replace(renamed, header=own.header)
    assert_refused(own, {"renamed": lambda _: renamed.compact, "our kid": lambda _: under_our_kid.compact})


def test_what_was_sent_to_another_gateway_is_refused_here(door: DoorPlace, there: Partner) -> None:
    """Forwarded by a server that the client trusts: its key is the same, its words are not."""
    here = with_proofs(door)
    sent = replace(here, issuer=there.issuer)
    assert IC == outcome(here.ask(client_assertion=sent.assertion()))
    assert DP == outcome(here.ask(proof=sent.proof()))
    assert PASSED == outcome(here.ask())


# --- Certificates that nobody here vouches for -----------------------------------------------------------------------


def _rogue(door: DoorPlace) -> Issued:
    """An authority that calls itself like ours."""
    name = door.authority.certificate.subject.rdns[0]
    return create_authority(str(next(iter(name)).value), now=datetime.now(UTC))


def _by_a_client(door: DoorPlace, client_id: str) -> ClientFiles:
    """Issued by somebody whom our authority certified as a client, not as an authority."""
    files = door.client()
    issuer = Issued.from_pem(key=files.key.read_bytes(), certificate=files.certificate.read_bytes())
    key = generate_private_key(SECP256R1())
    names = certificate_authority._client_names("camhs", client_id)
    made = certificate_authority._builder(
        CLIENT_PROFILE,
        subject=certificate_authority._name("camhs"),
        issuer=issuer.certificate.subject,
        public_key=key.public_key(),
        now=datetime.now(UTC),
        until=datetime.now(UTC) + DAY,
    )
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = made.sign(issuer.key, SHA256())
    return door.node.certificates.keep(Issued(key, certificate))


UNTRUSTED: Mapping[str, Callable[[DoorPlace, str], ClientFiles]] = {
    "expired": lambda door, client: issued_to(door, client, now=datetime.now(UTC) - 2 * DAY, lifetime=DAY),
    "not valid yet": lambda door, client: issued_to(door, client, now=datetime.now(UTC) + DAY),
    "self-signed": lambda door, _: door.node.certificates.keep(
        create_authority("camhs", now=datetime.now(UTC))
    ),
    "of an authority with our authority's name": lambda door, client: issued_to(
        door, client, authority=_rogue(door)
    ),
    "issued by a client": _by_a_client,
    "a server's": lambda door, _: door.node.certificates.keep(
        issue_server(door.authority, names=["localhost"], now=datetime.now(UTC))
    ),
    "the authority's own": lambda door, _: door.node.certificates.keep(door.authority),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_a_certificate_that_nobody_vouches_for_comes_through_no_door(door: DoorPlace, name: str) -> None:
    """Whatever names are in it. Without any certificate the same address answers."""
    victim = by_certificate_alone(door)
    token = victim.token()
    thief = showing(door, UNTRUSTED[name](door, victim.client_id), victim)
    assert turned_away(thief.ask)
    assert turned_away(lambda: thief.get(ME, token))
    assert turned_away(lambda: showing(door, UNTRUSTED[name](door, victim.client_id)).ask())
    assert IC == outcome(showing(door, None, victim).ask())
    assert PASSED == outcome(victim.ask())


def test_another_trusted_authority_vouches_for_its_own_clients_only(door: DoorPlace) -> None:
    """Two authorities are trusted; each client is registered with the one that may name it."""
    other = create_authority("Other authority", now=datetime.now(UTC))
    ours, our_files = registered_by_certificate(door)
    with trusting(door, other):
        theirs, their_files = registered_by_certificate(door, issuer="CN=Other authority")
        shown = {
            ("ours", "by ours"): showing(door, our_files, ours),
            ("ours", "by the other"): showing(door, issued_to(door, ours.client_id, authority=other), ours),
            ("theirs", "by ours"): showing(door, their_files, theirs),
            ("theirs", "by the other"): showing(
                door, issued_to(door, theirs.client_id, authority=other), theirs
            ),
        }
        answers = {pair: outcome(partner.ask()) for pair, partner in shown.items()}
        assert {
            ("ours", "by ours"): PASSED,
            ("ours", "by the other"): IC,
            ("theirs", "by ours"): IC,
            ("theirs", "by the other"): PASSED,
        } == answers
        token = ours.token()
        assert IT == outcome(shown["ours", "by the other"].get(ME, token))
        assert PASSED == outcome(ours.get(ME, token))


def test_a_certificate_counts_until_it_ends_and_not_for_as_long_as_its_connection(door: DoorPlace) -> None:
    """The handshake was in time. What comes over the same connection afterwards is judged by the clock."""
    known = by_certificate_alone(door)
    files = issued_to(door, known.client_id, lifetime=timedelta(seconds=3))
    partner = showing(door, files, known)
    token = partner.token()
    assert PASSED == outcome(partner.get(ME, token))
    end = read_certificate(files.certificate.read_bytes()).not_after
    sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()))
    assert IT == outcome(partner.get(ME, token))
    assert IC == outcome(partner.ask())
    assert turned_away(showing(door, files, partner).ask)
