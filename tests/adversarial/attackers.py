"""What the attacks have in common: partners at a real door, what they honestly send, and what became of it.

INVARIANT: every attack starts from something that the same door accepts. ``assert_refused`` sends the attacks and then
the honest original they were made from, its ``jti`` included. That passes: so nothing but what an attack changed was
wrong, and no attack used anything up.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from pathlib import Path
from ssl import SSLSocket
from threading import Barrier
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from sqlalchemy import text
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from agencies.model import AgencyCode
from certs import authority as certificate_authority
from certs.authority import CLIENT_PROFILE, Issued, client_uri
from certs.revocation import issue_list
from gateway.disclosure_log.service import act
from gateway.oauth.certificates import record
from gateway.oauth.keys import active_key
from gateway.oauth.model import CertificateName, NameKind
from gateway.oauth.registration import approve_synthetic, new_client_id, register_client
from gateway.wiring import Wiring
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import Partner, claims_of, encode, header_of, new_key, part, sign, without
from tests.support.door import FORM, SECONDS, Answer, ClientFiles, Door, DoorClosedError
from tests.support.node import Ports, environment_of, running

CAMHS = AgencyCode("camhs")
DAY = timedelta(days=1)
ME = "/v1/me"
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""With (r, s) an ECDSA signature (r, n - s) is valid too (SEC 1 section 4.1.4)."""

Outcome = tuple[int, str]
IC: Outcome = (400, "invalid_client")
IR: Outcome = (400, "invalid_request")
DP: Outcome = (400, "invalid_dpop_proof")
DP_AT_API: Outcome = (401, "invalid_dpop_proof")
IT: Outcome = (401, "invalid_token")
PASSED: Outcome = (200, "")

_ERROR = re.compile(r'\berror="([a-z_]+)"')


def outcome(answer: TestResponse) -> Outcome:
    """Status and error code, wherever the answer says it; no code where it says none."""
    challenged = _ERROR.search(answer.headers.get("WWW-Authenticate", ""))
    if challenged:
        return answer.status_code, challenged[1]
    document = answer.get_json(silent=True)
    return answer.status_code, document.get("error", "") if isinstance(document, dict) else ""


# --- Partners, by how they come ---------------------------------------------------------------------------------

Bound = Callable[[DoorPlace], Partner]


def with_proofs(place: DoorPlace) -> Partner:
    """An assertion and DPoP proofs, at the address that asks for no certificate."""
    return place.partner()


def with_certificate(place: DoorPlace) -> Partner:
    """An assertion, and tokens bound to the certificate of the connection."""
    return _kept(place, "with a certificate", lambda: showing(place, place.client()))


def by_certificate_alone(place: DoorPlace) -> Partner:
    """No assertion: the certificate of the connection says who it is, too."""
    return _kept(place, "by certificate alone", lambda: registered_by_certificate(place)[0])


BINDINGS: Mapping[str, Bound] = {"proof": with_proofs, "certificate": with_certificate}
"""How a client comes that signs assertions, by what its tokens are bound to."""

EVERY_WAY: Mapping[str, Bound] = {**BINDINGS, "tls_client_auth": by_certificate_alone}


def showing(place: DoorPlace, files: ClientFiles | None, partner: Partner | None = None) -> Partner:
    """A partner at the mutual-TLS address with this certificate, or with none."""
    return replace(partner or place.partner(), http=place.mutual(files), by_certificate=True)


def registered_by_certificate(
    place: DoorPlace,
    files: ClientFiles | None = None,
    *,
    agency: AgencyCode = CAMHS,
    kind: NameKind = NameKind.URI,
    value: str | None = None,
    issuer: str | None = None,
) -> tuple[Partner, ClientFiles]:
    """Register a client that is recognised by its certificate alone; return it with that certificate.

    Args:
        files: absent: a certificate of the authority that the door trusts, with the URN of the client.
        value: the name to recognise it by; absent: that URN.
        issuer: absent: that authority.
    """
    client_id = new_client_id(agency)
    files = files or issued_to(place, client_id, agency=agency)
    name = CertificateName(
        kind, value or client_uri(client_id), issuer or place.authority.certificate.subject.rfc4514_string()
    )
    with act(place.wiring, agencies=(agency,)) as change:
        register_client(
            change.connection,
            agency=agency,
            scopes=["extract:read", "log:read"],
            certificate=name,
            client_id=client_id,
        )
        record(change.connection, files.certificate.read_bytes(), agency=agency, client_id=client_id)
        approve_synthetic(change.connection, agency, synthetic=True)
        change.record(kind="client.register", actor="test", agency=agency)
    partner = replace(place.partner(), client_id=client_id, key=new_key(), method="tls_client_auth")
    return showing(place, files, partner), files


def _kept(place: DoorPlace, name: str, make: Callable[[], Partner]) -> Partner:
    """One connection and one certificate for the session; the DPoP key is new each time."""
    partners = place.council.partners
    if name not in partners:
        partners[name] = make()
    return replace(partners[name], proof_key=new_key())


# --- Certificates ---------------------------------------------------------------------------------------------------


def issued_to(
    place: DoorPlace,
    client_id: str,
    *,
    agency: str = CAMHS,
    authority: Issued | None = None,
    now: datetime | None = None,
    lifetime: timedelta = DAY,
) -> ClientFiles:
    """A certificate with the URNs of an agency and of a client, by the door's authority if no other is given."""
    issued = certificate_authority.issue_client(
        authority or place.authority,
        agency=agency,
        client=client_id,
        now=now or datetime.now(UTC),
        lifetime=lifetime,
    )
    return place.node.certificates.keep(issued)


def named(place: DoorPlace, names: Sequence[x509.GeneralName], *, subject: str = "camhs") -> ClientFiles:
    """A certificate of the door's authority with any names, as no service of ours issues it."""
    key = generate_private_key(SECP256R1())
    certificate = certificate_authority._issue(
        place.authority,
        CLIENT_PROFILE,
        subject=subject,
        names=names,
        public_key=key.public_key(),
        now=datetime.now(UTC),
        lifetime=DAY,
    )
    return place.node.certificates.keep(Issued(key, certificate))


def claiming(files: ClientFiles) -> list[tuple[str, str]]:
    """The headers in which nginx tells the gateway that it verified this certificate."""
    return [
        ("X-SSL-Client-Verify", "SUCCESS"),
        ("X-SSL-Client-Cert", quote(files.certificate.read_bytes(), safe="")),
    ]


@contextmanager
def trusting(place: DoorPlace, other: Issued) -> Iterator[None]:
    """Let the door trust the certificates of another authority meanwhile."""
    files = {
        place.authority_file: other.certificate_pem,
        place.list_file: issue_list(other, [], number=1, now=datetime.now(UTC)),
    }
    before = {file: file.read_bytes() for file in files}
    try:
        for file, more in files.items():
            file.write_bytes(before[file] + more)
        place.node.reload()
        yield
    finally:
        for file, data in before.items():
            file.write_bytes(data)
        place.node.reload()


def turned_away(send: Callable[[], TestResponse]) -> bool:
    """True when the door refused the connection, so that the application never heard of the request."""
    try:
        answer = send()
    except DoorClosedError:
        return True
    return (400, "text/html") == (answer.status_code, answer.mimetype)


# --- What is honestly sent, and attacked ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Honest:
    """A JWS that is accepted, once, where ``send`` puts it.

    Attributes:
        send: sends any text in its place, in a request that is honest otherwise.
        refusal: the answer to one that is not accepted there.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: Key
    send: Callable[[str], TestResponse]
    refusal: Outcome

    @property
    def compact(self) -> str:
        """It, signed: each time anew, so twice the same content gives two texts."""
        return sign(self.header, self.claims, self.key)

    def changed(self, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
        """With other members, rightly signed; ``...`` leaves one out."""
        return sign(without({**self.header, **(header or {})}), without({**self.claims, **claims}), self.key)

    def written(self, *, header: str | None = None, claims: str | None = None) -> str:
        """With this JSON as it stands, in any spelling, rightly signed."""
        written = (header or json.dumps(dict(self.header)), claims or json.dumps(dict(self.claims)))
        signed = ".".join(part(one.encode("utf-8", "surrogatepass")) for one in written)
        algorithm: Any = JWSRegistry.algorithms[self.header["alg"]]
        return f"{signed}.{encode(algorithm.sign(signed.encode(), self.key))}"


Attack = Callable[[Honest], str]
Target = Callable[[DoorPlace], Honest]


def assert_refused(honest: Honest, attacks: Mapping[str, Attack]) -> None:
    """Send every attack, then what they were made from."""
    answers = {name: outcome(honest.send(attack(honest))) for name, attack in attacks.items()}
    wrong = {name: answer for name, answer in answers.items() if answer != honest.refusal}
    assert not wrong, f"not {honest.refusal}: {wrong}"
    assert PASSED == outcome(honest.send(honest.compact))


def assertion_of(partner: Partner) -> Honest:
    """Who asks, in a token request."""
    return Honest(
        {"alg": partner.algorithm},
        partner.assertion_claims(),
        partner.key,
        lambda sent: partner.ask(client_assertion=sent),
        IC,
    )


def proof_of(partner: Partner) -> Honest:
    """The proof of a token request; beside a certificate, if the partner's connection has one."""
    proof = partner.proof()
    return Honest(
        header_of(proof), claims_of(proof), partner.proof_key, lambda sent: partner.ask(proof=sent), DP
    )


def api_proof_of(partner: Partner) -> Honest:
    """The proof of a request to the API."""
    token = partner.token()
    proof = partner.proof("GET", partner.issuer + ME, token=token)
    return Honest(
        header_of(proof),
        claims_of(proof),
        partner.proof_key,
        lambda sent: partner.get(ME, token, proof=sent),
        DP_AT_API,
    )


def token_of(partner: Partner, wiring: Wiring) -> Honest:
    """An access token, with the key that signs it: what a signature alone must not make good."""
    token = partner.token()
    with wiring.autocommit.connect() as connection:
        ours = active_key(connection, wiring.keyring).key
    return Honest(header_of(token), claims_of(token), ours, lambda sent: partner.get(ME, sent), IT)


ASSERTIONS: Mapping[str, Target] = {
    "assertion": lambda place: assertion_of(with_proofs(place)),
    "assertion with a certificate": lambda place: assertion_of(with_certificate(place)),
}
PROOFS: Mapping[str, Target] = {
    "proof for a token": lambda place: proof_of(with_proofs(place)),
    "proof for a token beside a certificate": lambda place: proof_of(with_certificate(place)),
    "proof for the API": lambda place: api_proof_of(with_proofs(place)),
}
TOKENS: Mapping[str, Target] = {
    "token bound to a key": lambda place: token_of(with_proofs(place), place.wiring),
    "token bound to a certificate": lambda place: token_of(with_certificate(place), place.wiring),
    "token by certificate alone": lambda place: token_of(by_certificate_alone(place), place.wiring),
}
TARGETS: Mapping[str, Target] = {**ASSERTIONS, **PROOFS, **TOKENS}
"""Every place where a JWS of a stranger is read."""


# --- More than one node, more than one request ------------------------------------------------------------------------


@contextmanager
def beside(place: DoorPlace, folder: Path) -> Iterator[DoorPlace]:
    """Yield a second gateway over the same database, with the same URL and authority: as behind a load balancer."""
    environ = environment_of(place.settings)
    with running(place.node.kind, folder, ports=Ports.free(), environ=environ) as node:
        certificates = node.certificates
        certificates.authority = place.authority
        certificates.authority_file.write_bytes(place.authority.certificate_pem)
        certificates.renew_server()
        certificates.publish_list()
        node.reload()
        yield DoorPlace(node, place.council, node.public())


def together(
    place: DoorPlace, partners: Sequence[Partner], send: Callable[[Partner], TestResponse]
) -> tuple[int, ...]:
    """The status of each partner's request, of requests that come to the table of used identifiers at one moment.

    They are sent together, over connections that are open by then, and held before the table until half of them stand
    there; the rest is on its way, or waits for a thread of the gateway's.
    """
    barrier = Barrier(len(partners), timeout=SECONDS)

    def one(partner: Partner) -> int:
        assert isinstance(partner.http, Door)
        return send(replace(partner, http=_Held(partner.http, barrier))).status_code

    with ThreadPoolExecutor(len(partners)) as pool:
        with place.wiring.engine.begin() as holder:
            holder.execute(text("LOCK TABLE gateway.oauth_replay IN EXCLUSIVE MODE"))
            answers = [pool.submit(one, partner) for partner in partners]
            _wait_for_line(place, length=len(partners) // 2)
        return tuple(sorted(answer.result() for answer in answers))


def _wait_for_line(place: DoorPlace, *, length: int) -> None:
    deadline = time.monotonic() + SECONDS
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gateway.oauth_replay'::regclass"
    )
    with place.wiring.autocommit.connect() as connection:
        while connection.execute(waiting).scalar_one() < length:
            assert time.monotonic() < deadline, "The requests never stood in line."
            time.sleep(0.01)


@dataclass(frozen=True)
class _Held:
    """A door that has a request ready, and sends it when everybody is as far."""

    door: Door
    barrier: Barrier

    def get(self, path: str, **request: Any) -> Answer:
        return self.open(path, **request)

    def post(self, path: str, **request: Any) -> Answer:
        return self.open(path, method="POST", **request)

    def delete(self, path: str) -> Answer:
        return self.open(path, method="DELETE")

    def open(self, path: str, **request: Any) -> Answer:
        """Return the answer to the request, sent over a connection of its own."""
        method, data = request.get("method", "GET"), request.get("data", "")
        fields = [
            ("Host", urlsplit(request.get("base_url") or self.door.url).netloc),
            ("Content-Type", request.get("content_type", FORM)),
            ("Content-Length", str(len(data))),
            *request.get("headers", []),
        ]
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
        message = "\r\n".join([*head, "", data]).encode()
        with self.door.tls() as connection:
            # An open connection that says nothing holds no thread of the gateway's; one in mid-request would.
            _exchange(connection, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.barrier.wait()
            return _exchange(connection, message)


def _exchange(connection: SSLSocket, message: bytes) -> Answer:
    connection.sendall(message)
    response = HTTPResponse(connection)
    response.begin()
    return Answer([response.read()], status=response.status, headers=Headers(response.getheaders()))
