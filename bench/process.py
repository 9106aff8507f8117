"""Gateway processes of our own for one run, over one embedded PostgreSQL that flushes; all are gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from certs.envelope import FileKek
from extract_client.log.note import write_key
from gateway.keyring import ensure_reserved
from gateway.migrations import upgrade
from gateway.ops.embedded import EmbeddedPostgres
from gateway.settings import Settings
from gateway.wiring import Wiring, wire

_DATABASE: Final = "gateway_bench"


@dataclass(frozen=True, slots=True)
class Process:
    """A wired process, and the owner's URL of its database for what a bench does beside it."""

    wiring: Wiring
    owner_url: str


@contextmanager
def processes(count: int) -> Iterator[list[Process]]:
    """Yield so many processes, each over an empty, migrated database of its own on one server.

    The server flushes every commit that asks for it: without, nothing measured here would mean anything.
    Raises: gateway.ops.embedded.EmbeddedPostgresError.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        server = stack.enter_context(EmbeddedPostgres.start(folder / "postgres", durable=True))
        server.create_database(_DATABASE)
        upgrade(server.url("gateway_owner", _DATABASE))
        settings = _settings(folder)
        started = []
        for number in range(count):
            name = f"{_DATABASE}_{number}"
            server.create_database(name, template=_DATABASE)
            state_dir = folder / name
            state_dir.mkdir()
            own = replace(settings, database_url=server.url("gateway_app", name), state_dir=state_dir)
            wiring = wire(own)
            stack.callback(wiring.engine.dispose)
            with wiring.engine.begin() as connection:
                ensure_reserved(connection, wiring.keyring)
            started.append(Process(wiring, server.url("gateway_owner", name)))
        yield started


def _settings(folder: Path) -> Settings:
    """What all processes share; each has a database and a state folder of its own."""
    kek_file, log_key_file = folder / "kek.hex", folder / "log.key"
    FileKek.create(kek_file)
    write_key(log_key_file)
    return Settings(
        database_url="",
        public_url="https://gateway.test:8443",
        kek_file=kek_file,
        log_origin="gateway.test/log/1",
        log_key_file=log_key_file,
        state_dir=folder,
        council_name="Testshire",
        synthetic_people=True,
    )
