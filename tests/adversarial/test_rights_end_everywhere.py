"""What was taken away is gone at the next request, at every node, for tokens that every node has served before.

A node remembers that the signature of a token was good, and nothing else. Each test takes something from an agency of
its own, by the service that the council uses, and asks at two nodes over one database. Nobody else loses anything.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from agencies.model import AgencyCode, AgencyKind
from certs.authority import Issued
from certs.certificate import read_certificate
from certs.revocation import Reason
from gateway.agency import service as agency_service
from gateway.disclosure_log.service import act
from gateway.oauth import service
from gateway.oauth.certificates import publish_list, record, store_authority
from gateway.oauth.model import ClientId
from tests.adversarial.attackers import (
    EVERY_WAY,
    IC,
    IT,
    ME,
    ORDER_OF_P256,
    PASSED,
    Outcome,
    beside,
    outcome,
    registered_by_certificate,
    showing,
    turned_away,
    with_proofs,
)
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner, new_key
from tests.support.agencies import onboard
from tests.support.door import ClientFiles
from tests.support.served import authorization

PRACTITIONER = "worker.one"
DETAILS = authorization(purpose="P1", practitioner=PRACTITIONER)
REFUSED_DETAILS: Outcome = (400, "invalid_authorization_details")
ACTOR = "test"


@dataclass(frozen=True)
class Leaver:
    """An agency of one test, its one client, and how that comes.

    Attributes:
        certificate: of its connection, if it has one; recorded as its own.
    """

    place: DoorPlace
    agency: AgencyCode
    partner: Partner
    certificate: ClientFiles | None

    @property
    def client_id(self) -> ClientId:
        return ClientId(self.partner.client_id)

    @property
    def thumbprint(self) -> str:
        """Of its certificate."""
        assert self.certificate is not None
        return read_certificate(self.certificate.certificate.read_bytes()).thumbprint

    def at(self, node: DoorPlace) -> Partner:
        """The client at a node, over a connection that stays open."""
        if self.certificate is None:
            return replace(self.partner, http=node.public)
        return showing(node, self.certificate, self.partner)

    def change(self, statement: str) -> None:
        """Change the register as no service does yet, its gate moved."""
        self.place.council.change(self.agency, statement, code=self.agency, client=self.client_id)


def _leaver(place: DoorPlace, way: str) -> Leaver:
    agency = onboard(place.wiring, f"leaver-{secrets.token_hex(4)}", kind=AgencyKind("health"))
    if way == "tls_client_auth":
        partner, files = registered_by_certificate(place, agency=agency)
        return Leaver(place, agency, partner, files)
    key = new_key()
    client_id = service.register_client(
        place.wiring,
        agency=agency,
        scopes=["extract:read", "log:read"],
        keys=[key.as_dict(private=False)],
        actor=ACTOR,
    )
    service.approve_synthetic(place.wiring, agency=agency, actor=ACTOR)
    partner = replace(place.partner(), client_id=client_id, key=key)
    if way == "proof":
        return Leaver(place, agency, partner, None)
    files = place.client(agency)
    _record(place, agency, client_id, files)
    return Leaver(place, agency, showing(place, files, partner), files)


def _record(place: DoorPlace, agency: AgencyCode, client_id: str, files: ClientFiles) -> None:
    with act(place.wiring, agencies=(agency,)) as change:
        record(
            change.connection, files.certificate.read_bytes(), agency=agency, client_id=ClientId(client_id)
        )
        change.record(kind="certificate.issue", actor=ACTOR, agency=agency)


@pytest.fixture(scope="module")
def nodes(door: DoorPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DoorPlace, DoorPlace]]:
    """Two nodes of one gateway."""
    with beside(door, tmp_path_factory.mktemp("second")) as second:
        yield door, second


@dataclass(frozen=True)
class Taking:
    """Something that can be taken away.

    Attributes:
        asked: what a request for a new token is answered afterwards.
        ways: of coming, to which it can happen.
    """

    take: Callable[[Leaver], object]
    asked: Outcome = IC
    ways: tuple[str, ...] = tuple(EVERY_WAY)


def _sql(statement: str) -> Callable[[Leaver], object]:
    return lambda leaver: leaver.change(statement)


def _revoke_client(leaver: Leaver) -> bool:
    return service.revoke_client(leaver.place.wiring, client_id=leaver.client_id, actor=ACTOR)


def _remove_key(leaver: Leaver) -> bool:
    thumbprint = leaver.partner.key.thumbprint()
    return service.remove_key(
        leaver.place.wiring, client_id=leaver.client_id, thumbprint=thumbprint, actor=ACTOR
    )


def _revoke_certificate(leaver: Leaver) -> bool:
    """Its row says so from now on; the revocation list of the listeners does not yet."""
    return service.revoke_certificate(
        leaver.place.wiring,
        thumbprint=leaver.thumbprint,
        reason=Reason.KEY_COMPROMISE,
        now=datetime.now(UTC),
        actor=ACTOR,
    )


TODAY = "(now() AT TIME ZONE 'Europe/London')::date"
TAKEN: Mapping[str, Taking] = {
    "client revoked": Taking(_revoke_client),
    "client suspended": Taking(
        lambda leaver: service.suspend_client(leaver.place.wiring, client_id=leaver.client_id, actor=ACTOR)
    ),
    "key over": Taking(
        _sql(f"UPDATE gateway.oauth_client_key SET ends_on = {TODAY} WHERE client_id = :client"),
        ways=("proof", "certificate"),
    ),
    "key removed": Taking(_remove_key, ways=("proof", "certificate")),
    "certificate revoked": Taking(_revoke_certificate, ways=("certificate", "tls_client_auth")),
    "certificate named anew": Taking(
        _sql("UPDATE gateway.oauth_client SET certificate_name = 'urn:x' WHERE client_id = :client"),
        ways=("tls_client_auth",),
    ),
    "authority named anew": Taking(
        _sql("UPDATE gateway.oauth_client SET certificate_issuer = 'CN=x' WHERE client_id = :client"),
        ways=("tls_client_auth",),
    ),
    "agency suspended": Taking(
        lambda leaver: agency_service.suspend(leaver.place.wiring, code=leaver.agency, actor=ACTOR)
    ),
    "agency ended": Taking(_sql("UPDATE agencies.agency SET state = 'ended' WHERE agency_code = :code")),
    "agreement ended": Taking(
        _sql(f"UPDATE agencies.agreement SET valid_until = {TODAY} WHERE agency_code = :code")
    ),
    "practitioner gone": Taking(
        lambda leaver: agency_service.end_practitioner(
            leaver.place.wiring, code=leaver.agency, practitioner_id=PRACTITIONER, actor=ACTOR
        ),
        asked=REFUSED_DETAILS,
    ),
    "purpose taken away": Taking(
        _sql("UPDATE agencies.agency SET purposes = '{P2}' WHERE agency_code = :code"),
        asked=REFUSED_DETAILS,
    ),
}
CASES = [(name, way) for name, taking in TAKEN.items() for way in taking.ways]


@pytest.mark.parametrize(("name", "way"), CASES, ids=lambda word: word)
def test_what_was_taken_away_is_gone_at_every_node(
    nodes: tuple[DoorPlace, DoorPlace], name: str, way: str
) -> None:
    taking = TAKEN[name]
    leaver = _leaver(nodes[0], way)
    token = leaver.partner.token(authorization_details=DETAILS)
    bystander = with_proofs(nodes[0])
    kept = bystander.token()
    here = [leaver.at(node) for node in nodes]
    assert [PASSED] * 2 == [outcome(one.get(ME, token)) for one in here]
    assert taking.take(leaver) is not False
    assert [IT] * 2 == [outcome(one.get(ME, token)) for one in here]
    assert [taking.asked] * 2 == [outcome(one.ask(authorization_details=DETAILS)) for one in here]
    for node in nodes:
        assert PASSED == outcome(replace(bystander, http=node.public).get(ME, kept))


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_revoked_token_is_gone_at_every_node(nodes: tuple[DoorPlace, DoorPlace], way: str) -> None:
    """It was ended at the one, and both had served it. The next one of the same client is good."""
    leaver = _leaver(nodes[0], way)
    token, other = (leaver.partner.token(authorization_details=DETAILS) for _ in range(2))
    here = [leaver.at(node) for node in nodes]
    assert [PASSED] * 2 == [outcome(one.get(ME, token)) for one in here]
    assert 200 == here[0].about("/oauth/revoke", token).status_code
    assert [IT] * 2 == [outcome(one.get(ME, token)) for one in here]
    assert [{"active": False}] * 2 == [one.about("/oauth/introspect", token).get_json() for one in here]
    assert [PASSED] * 2 == [outcome(one.get(ME, other)) for one in here]


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_scope_that_was_taken_away_is_missing_at_every_node(
    nodes: tuple[DoorPlace, DoorPlace], way: str
) -> None:
    leaver = _leaver(nodes[0], way)
    token = leaver.partner.token(authorization_details=DETAILS)
    here = [leaver.at(node) for node in nodes]
    assert [404] * 2 == [one.get("/v1/cases/x/extract", token).status_code for one in here]
    leaver.change("UPDATE gateway.oauth_client SET scopes = '{log:read}' WHERE client_id = :client")
    assert [(403, "insufficient_scope")] * 2 == [
        outcome(one.get("/v1/cases/x/extract", token)) for one in here
    ]
    assert [[]] * 2 == [one.get(ME, token).get_json()["scopes"] for one in here]


def test_a_stolen_signing_key_signs_nothing_more_at_any_node(nodes: tuple[DoorPlace, DoorPlace]) -> None:
    """Every token that it signed ends, and every node signs with the next one at once."""
    partners = [replace(with_proofs(nodes[0]), http=node.public) for node in nodes]
    partners[1].proof_key = partners[0].proof_key
    token = partners[0].token()
    assert [PASSED] * 2 == [outcome(one.get(ME, token)) for one in partners]
    service.rotate_signing_key(nodes[0].wiring, now=datetime.now(UTC), actor=ACTOR, stolen=True)
    assert [IT] * 2 == [outcome(one.get(ME, token)) for one in partners]
    assert [PASSED] * 2 == [outcome(one.get(ME, one.token())) for one in partners]


# --- Certificates: the row at once, the list from its publication on -------------------------------------------------


@pytest.mark.parametrize("way", ["certificate", "tls_client_auth"])
def test_a_revoked_certificate_is_refused_by_its_row_and_then_by_the_list(
    nodes: tuple[DoorPlace, DoorPlace], way: str
) -> None:
    """On open connections and on new ones, before any listener heard of it; then no handshake comes to its end."""
    leaver, other = _leaver(nodes[0], way), _leaver(nodes[0], way)
    token = leaver.partner.token(authorization_details=DETAILS)
    opened = [leaver.at(node) for node in nodes]
    assert [PASSED] * 2 == [outcome(one.get(ME, token)) for one in opened]
    assert _revoke_certificate(leaver)
    for partner in (*opened, *(leaver.at(node) for node in nodes)):
        assert IT == outcome(partner.get(ME, token))
        assert IC == outcome(partner.ask(authorization_details=DETAILS))
    for node in nodes:
        _publish(node)
        assert turned_away(leaver.at(node).ask)
        assert PASSED == outcome(other.at(node).ask(authorization_details=DETAILS))
    for partner in opened:
        assert turned_away(partner.ask)


def _publish(node: DoorPlace) -> None:
    """The list of what was revoked, as the gateway itself publishes it, at one node's listeners."""
    with node.wiring.engine.begin() as connection:
        store_authority(connection, node.wiring.keyring, node.authority)
    assert publish_list(node.wiring, now=datetime.now(UTC), file=node.list_file)
    node.node.reload()


@pytest.mark.parametrize("way", ["certificate", "tls_client_auth"])
def test_a_revoked_certificate_stays_revoked_in_its_other_spelling(
    nodes: tuple[DoorPlace, DoorPlace], way: str
) -> None:
    """An ECDSA signature has a second valid form that anyone can compute: another thumbprint, the same certificate."""
    leaver = _leaver(nodes[0], way)
    spelt = nodes[0].node.certificates.keep(_spelt_anew(leaver))
    again = [showing(node, spelt, leaver.partner) for node in nodes]
    assert [PASSED] * 2 == [outcome(one.ask(authorization_details=DETAILS)) for one in again]
    token = again[0].token(authorization_details=DETAILS)
    assert _revoke_certificate(leaver)
    assert [IT] * 2 == [outcome(one.get(ME, token)) for one in again]
    assert [IC] * 2 == [outcome(one.ask(authorization_details=DETAILS)) for one in again]


def _spelt_anew(leaver: Leaver) -> Issued:
    """The leaver's certificate with (r, n - s) for its signature (r, s), and its key."""
    assert leaver.certificate is not None
    pem = leaver.certificate.certificate.read_bytes()
    first = x509.load_pem_x509_certificate(pem)
    r, s = decode_dss_signature(first.signature)
    signature = encode_dss_signature(r, ORDER_OF_P256 - s)
    der = first.public_bytes(Encoding.DER)
    signed = first.tbs_certificate_bytes
    rest = der[der.index(signed) + len(signed) :]
    algorithm = rest[: 2 + rest[1]]
    body = signed + algorithm + bytes([3, len(signature) + 1, 0]) + signature
    return Issued.from_pem(
        key=leaver.certificate.key.read_bytes(),
        certificate=x509.load_der_x509_certificate(
            b"\x30\x82" + len(body).to_bytes(2, "big") + body
        ).public_bytes(Encoding.PEM),
    )
