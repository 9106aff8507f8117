"""A real gateway with two TLS listeners for clients that others wrote, and their packages from npm."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.npm import Programs, UnreachableRegistryError, install
from tests.clients.site import Council, Site
from tests.support.node import ROOT, Ports, environment_of, running, settled
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database

BUILDS = ROOT / "build" / "clients"


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the locked packages. Without a registry: skipped loudly, failed where ``CI`` is set."""
    try:
        return install(BUILDS)
    except UnreachableRegistryError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


@pytest.fixture(scope="session")
def gateway_node(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A running gateway and a council with a family that both agencies may ask about."""
    folder, ports = tmp_path_factory.mktemp("clients"), Ports.free()
    with new_database(cluster, template=template_database.name) as database, wired(database, folder) as parts:
        wiring = replace(parts, settings=settled(parts.settings, "native", ports))
        council = Council.settle(wiring, folder)
        with running("native", folder, ports=ports, environ=environment_of(wiring.settings)) as node:
            council.trust(node)
            yield Site(node, council)


@pytest.fixture(scope="session")
def nonce_node(gateway_node: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A second gateway over the same council, at which a proof for extracts needs a nonce."""
    ports = Ports.free()
    settings = settled(gateway_node.council.wiring.settings, "native", ports)
    environ = environment_of(settings) | {"GATEWAY_DPOP_NONCE_SCOPES": "extract:read"}
    with running("native", tmp_path_factory.mktemp("nonce"), ports=ports, environ=environ) as node:
        yield Site(node, gateway_node.council)


@pytest.fixture(scope="session")
def programs(
    installed: Path, gateway_node: Site, nonce_node: Site, tmp_path_factory: pytest.TempPathFactory
) -> Programs:
    """Our Node programs, which trust both gateways."""
    folder = tmp_path_factory.mktemp("programs")
    authorities = folder / "authorities.pem"
    authorities.write_bytes(gateway_node.authority.read_bytes() + nonce_node.authority.read_bytes())
    return Programs.prepare(folder, installed=installed, authority=authorities)
