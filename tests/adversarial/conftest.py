"""Real doors: the whole gateway under the real gunicorn, entered natively and through the nginx we ship.

A test that asks for ``door`` runs for both. Each has a database, a council and an authority of its own, made once
for the session: a test leaves no agency suspended and no certificate replaced. Without nginx its half is skipped,
but fails where ``CI`` is set.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from certs.authority import Issued
from gateway.settings import Settings
from gateway.wiring import Wiring
from tests.gateway.oauth.conftest import Council, settle
from tests.gateway.oauth.partner import Http, Partner
from tests.support.door import ClientFiles, Door
from tests.support.node import KINDS, Kind, Node, Ports, environment_of, require_nginx, running, settled
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database

LOG_SHOWN = 20_000
"""Characters of a gateway's log under a failed test."""


@dataclass(frozen=True)
class DoorPlace:
    """A running gateway, the council behind it, and the ways in.

    Attributes:
        public: the door that asks for no certificate.
    """

    node: Node
    council: Council
    public: Door

    @property
    def wiring(self) -> Wiring:
        """The parts of a process beside the gateway's, over the same database."""
        return self.council.wiring

    @property
    def settings(self) -> Settings:
        """What the gateway was started with."""
        return self.wiring.settings

    @property
    def authority(self) -> Issued:
        """Who issues the certificates of clients and server."""
        return self.node.certificates.authority

    @property
    def authority_file(self) -> Path:
        """Its certificate in PEM."""
        return self.node.certificates.authority_file

    @property
    def list_file(self) -> Path:
        """Its revocation list in PEM."""
        return self.node.certificates.list_file

    def mutual(self, client: ClientFiles | None = None) -> Door:
        """A new door that asks for a certificate and is shown this one; closed with the gateway."""
        return self.node.mutual(client)

    def client(self, agency: str = "camhs") -> ClientFiles:
        """A new client certificate that holds."""
        return self.node.certificates.client(agency)

    def revoke(self, client: ClientFiles) -> None:
        """Return once no new connection with this certificate comes through."""
        self.node.revoke(client)

    def partner(self, name: str = "camhs", *, http: Http | None = None) -> Partner:
        """A partner's registered system, at this door; its DPoP key is new."""
        known = self.council.partner(name)
        return replace(known, http=self.public if http is None else http)


@contextmanager
def _opened(kind: Kind, cluster: Cluster, template: Database, folder: Path) -> Iterator[DoorPlace]:
    ports = Ports.free()
    with new_database(cluster, template=template.name) as database, wired(database, folder) as parts:
        council = settle(replace(parts, settings=settled(parts.settings, kind, ports)))
        environ = environment_of(council.wiring.settings)
        with running(kind, folder, ports=ports, environ=environ) as node:
            yield DoorPlace(node, council, node.public())


@pytest.fixture(scope="session")
def doors(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Kind], DoorPlace]]:
    """The gateway of each kind, started when it is first asked for."""
    with ExitStack() as stack:
        places: dict[Kind, DoorPlace] = {}

        def place(kind: Kind) -> DoorPlace:
            if kind not in places:
                opened = _opened(kind, cluster, template_database, tmp_path_factory.mktemp(kind))
                places[kind] = stack.enter_context(opened)
            return places[kind]

        yield place


@pytest.fixture(scope="session", params=KINDS)
def door(request: pytest.FixtureRequest, doors: Callable[[Kind], DoorPlace]) -> DoorPlace:
    """A running gateway: natively, and behind nginx."""
    kind: Kind = request.param
    if kind == "nginx":
        require_nginx()
    return doors(kind)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the gateway's log under a test that failed at its door."""
    report = yield
    place = item.funcargs.get("door")
    if report.failed and isinstance(place, DoorPlace):
        report.sections.append(("The gateway's log", place.node.log[-LOG_SHOWN:]))
    return report
