"""A council with a running gateway, and partners' systems as they lie on their own disks: keys, certificates, ids."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from joserfc.jwk import ECKey, OKPKey, RSAKey

from agencies.model import AgencyCode
from agencies.register import PractitionerPolicy
from certs.jwk import public_part
from certs.private_file import write_private
from certs.signing_request import new_signing_request
from gateway.agency import onboarding
from gateway.agency import service as agency_service
from gateway.agency.application import ClientApplication, read_application
from gateway.oauth import service
from gateway.oauth.certificates import store_authority
from gateway.oauth.keys import ensure_signing_key
from gateway.oauth.model import ClientId, Scope
from gateway.wiring import Wiring
from tests.support.door import ClientFiles
from tests.support.node import Node
from tests.support.world import World, household

FAMILY: Final = "F-1"
SCOPES: Final = ("extract:read", "panel:read")
AGENCIES: Final[Mapping[str, PractitionerPolicy]] = {
    "camhs": PractitionerPolicy.REGISTERED,
    "charity": PractitionerPolicy.ASSERTED,
}
ALGORITHMS: Final = ("ES256", "PS256", "Ed25519")


@dataclass(frozen=True, slots=True)
class PartnerSystem:
    """One client of an agency, and its files.

    Attributes:
        key_file: its private key, one JWK with a ``kid``; the algorithm is ``algorithm``.
        tls: its certificate for mutual TLS, and the certificate's key.
    """

    agency: str
    client_id: ClientId
    algorithm: str
    key_file: Path
    tls: ClientFiles

    @property
    def practitioner(self) -> str:
        """Who asks; on the list of an agency that has one."""
        return f"{self.agency}-1"

    @property
    def authorization_details(self) -> str:
        """What goes with ``extract:read`` (RFC 9396)."""
        entry = {"type": "case_extract", "purpose": "P1", "practitioner": {"id": self.practitioner}}
        return json.dumps([entry])

    @property
    def private_key(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.key_file.read_text())
        return members


@dataclass
class Council:
    """The side of whoever runs the gateway: registers, approves, issues, revokes."""

    wiring: Wiring
    world: World
    folder: Path
    systems: dict[tuple[str, str], PartnerSystem] = field(default_factory=dict)

    @classmethod
    def settle(cls, wiring: Wiring, folder: Path) -> "Council":
        """A council with its agencies, and one listed family that agreed to everything."""
        with wiring.engine.begin() as connection:
            ensure_signing_key(connection, wiring.keyring)
        world = World(wiring)
        for agency, policy in AGENCIES.items():
            world.join(agency, policy=policy)
        household(world, FAMILY)
        return cls(wiring, world, folder)

    def trust(self, node: Node) -> None:
        """Issue certificates by the authority that the node's listeners trust."""
        with self.wiring.engine.begin() as connection:
            store_authority(connection, self.wiring.keyring, node.certificates.authority)

    def case_ref(self, agency: str) -> UUID:
        return self.world.case_ref(agency, FAMILY)

    def equip(self, agency: str, algorithm: str = "ES256") -> PartnerSystem:
        """Return an agency's effective system with a key of this algorithm and a certificate, made once."""
        if (agency, algorithm) not in self.systems:
            folder = self.folder / f"{agency}-{algorithm}"
            folder.mkdir()
            key = new_private_key(algorithm)
            client_id = self.register(agency, keys=[public_part(key)])
            private, request = new_signing_request(agency)
            tls = ClientFiles(folder / "client.pem", folder / "client.key")
            tls.certificate.write_bytes(self.certify(client_id, request))
            write_private(tls.key, private)
            write_private(folder / "private.jwk", json.dumps(key).encode())
            self.approve(agency)
            system = PartnerSystem(agency, client_id, algorithm, folder / "private.jwk", tls)
            self.systems[agency, algorithm] = system
        return self.systems[agency, algorithm]

    def register(self, agency: str, *, keys: list[Mapping[str, object]]) -> ClientId:
        """Register a system that nobody has approved yet."""
        return service.register_client(
            self.wiring, agency=AgencyCode(agency), scopes=SCOPES, keys=keys, actor="test"
        )

    def certify(self, client_id: ClientId, request: bytes) -> bytes:
        """Answer a signing request with a certificate, PEM."""
        issued = service.issue_certificate(
            self.wiring, client_id=client_id, request=request, now=datetime.now(UTC), actor="test"
        )
        return issued.pem

    def approve(self, agency: str) -> None:
        """Make what the agency has proposed effective."""
        service.approve_synthetic(self.wiring, agency=AgencyCode(agency), actor="test")

    def onboard(self, application: Path) -> ClientId:
        """Bring an agency in from its data file; nobody has approved anything of it."""
        read = read_application(application)
        client_id = onboarding.onboard(self.wiring, read, now=datetime.now(UTC), actor="test").client_id
        assert client_id is not None
        return client_id

    def activate(self, agency: str) -> None:
        """Make an agency, its profile and its system effective."""
        agency_service.activate_synthetic(self.wiring, code=AgencyCode(agency), actor="test")

    def onboard_request(self, agency: str, request: bytes) -> tuple[ClientId, bytes]:
        """Register a further system of an agency by a signing request; return its id and certificate."""
        client_id, certificate = onboarding.register_client(
            self.wiring,
            ClientApplication(tuple(map(Scope, SCOPES)), request=request),
            agency=AgencyCode(agency),
            now=datetime.now(UTC),
            actor="test",
        )
        assert certificate is not None
        return client_id, certificate

    def add_keys(self, client_id: ClientId, keys: Sequence[Mapping[str, object]]) -> None:
        """Add keys that nobody has approved yet."""
        service.add_keys(self.wiring, client_id=client_id, keys=keys, actor="test")

    def remove_key(self, client_id: ClientId, thumbprint: str) -> None:
        """Take a key away."""
        assert service.remove_key(self.wiring, client_id=client_id, thumbprint=thumbprint, actor="test")

    def list_family(self, source_ref: str, *, agency: str) -> str:
        """Put a family that agrees to everything on the agenda of a panel with one agency; return its reference."""
        household(self.world, source_ref, listed=False)
        self.world.list_cases(source_ref, members=[agency], ref=f"M-{source_ref}")
        return str(self.world.case_ref(agency, source_ref))


@dataclass(frozen=True)
class Site:
    """A running gateway and the council behind it."""

    node: Node
    council: Council

    @property
    def issuer(self) -> str:
        return self.node.ports.public_url

    @property
    def mutual_url(self) -> str:
        return self.node.ports.mutual_url

    @property
    def resource(self) -> str:
        return f"{self.issuer}/v1"

    @property
    def authority(self) -> Path:
        """PEM of who vouches for the server."""
        return self.node.certificates.authority_file

    def extract_url(self, agency: str, *, base: str | None = None) -> str:
        return f"{base or self.issuer}/v1/cases/{self.council.case_ref(agency)}/extract"


def new_private_key(algorithm: str) -> dict[str, Any]:
    """Return a new private JWK with a ``kid``, as a partner makes it."""
    match algorithm:
        case "ES256":
            key: ECKey | OKPKey | RSAKey = ECKey.generate_key("P-256")
        case "PS256":
            key = RSAKey.generate_key(2048)
        case _:
            key = OKPKey.generate_key("Ed25519")
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "use": "sig"}


def expected_extract(site: Site, agency: str) -> dict[str, str]:
    """What identifies an extract, whatever is released in it."""
    return {
        "case_ref": str(site.council.case_ref(agency)),
        "agency": agency,
        "purpose": "P1",
        "stage": "panel",
    }


def identity(extract: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an extract that was pulled; a stranger's document has none of it."""
    assert extract["record"]["people"], "an extract of a family that agreed holds people"
    return {name: extract[name] for name in ("case_ref", "agency", "purpose", "stage")}
