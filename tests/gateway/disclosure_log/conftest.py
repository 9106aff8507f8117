"""A council with evidence in its log: made once, copied for those who change it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.disclosure_log.evidence import Council, Scene, made_council, made_scene
from tests.support.served import gateway
from tests.support.throwaway import Cluster, Database

__all__ = ["council", "gateway", "kept", "scene"]


@pytest.fixture(scope="session")
def council(
    cluster: Cluster, template_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Council]:
    """Two states of one council's database; nobody stays connected to them."""
    with made_council(cluster, template_database, tmp_path_factory.mktemp("council")) as made:
        yield made


@pytest.fixture
def scene(cluster: Cluster, council: Council, tmp_path: Path) -> Iterator[Scene]:
    """A copy of this test alone."""
    with made_scene(cluster, council, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def kept(cluster: Cluster, council: Council, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A copy that no test changes for good."""
    with made_scene(cluster, council, tmp_path_factory.mktemp("kept")) as made:
        yield made
