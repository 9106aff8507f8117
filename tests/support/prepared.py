"""A world that is made once for a file: each test works in a copy of its database, with a copy of its keys."""

import copy
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.wiring import Wiring, wire
from tests.support.process import wired
from tests.support.throwaway import Cluster, Database, new_database
from tests.support.world import World

FILES = ("kek_file", "log_key_file", "state_dir", "statement_key_file")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What copies are made of.

    Attributes:
        world: as it was made; its connections are closed.
    """

    database: Database
    folder: Path
    world: World


@contextmanager
def prepared_world(
    cluster: Cluster, template: Database, make: Callable[[Wiring], World]
) -> Iterator[Prepared]:
    """Yield a world in a database of its own; nobody is connected to it, so that it can be copied."""
    with new_database(cluster, template=template.name) as database, TemporaryDirectory() as name:
        folder = Path(name)
        with wired(database, folder) as wiring:
            world = make(wiring)
        yield Prepared(database, folder, world)


@contextmanager
def world_in(prepared: Prepared, database: Database, folder: Path) -> Iterator[World]:
    """Yield the world over a copy of its database; its keys are copied into the folder."""
    parts = wire(_moved(prepared, database, shutil.copytree(prepared.folder, folder / "keys")))
    world = copy.copy(prepared.world)
    vars(world).update({name: copy.deepcopy(each) for name, each in vars(world).items() if name != "wiring"})
    world.wiring = parts
    try:
        yield world
    finally:
        parts.engine.dispose()


def _moved(prepared: Prepared, database: Database, folder: Path) -> Settings:
    settings = prepared.world.wiring.settings
    files = {name: getattr(settings, name) for name in FILES}
    moved = {name: folder / file.name for name, file in files.items() if file is not None}
    return dataclasses.replace(settings, database_url=database.app_url, **moved)


def made_once(make: Callable[[Wiring], World]) -> tuple[Any, Any, Any, Any]:
    """Return the fixtures of a file whose tests each work in a copy of one world: prepared, database, wiring, world."""

    @pytest.fixture(scope="module")
    def prepared(cluster: Cluster, template_database: Database) -> Iterator[Prepared]:
        with prepared_world(cluster, template_database, make) as made:
            yield made

    @pytest.fixture
    def database(cluster: Cluster, prepared: Prepared) -> Iterator[Database]:
        with new_database(cluster, template=prepared.database.name) as copied:
            yield copied

    @pytest.fixture
    def world(prepared: Prepared, database: Database, tmp_path: Path) -> Iterator[World]:
        with world_in(prepared, database, tmp_path) as made:
            yield made

    @pytest.fixture
    def wiring(world: World) -> Wiring:
        return world.wiring

    return prepared, database, wiring, world
