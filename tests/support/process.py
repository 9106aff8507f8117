"""The parts of a gateway process, over a throw-away database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certs.envelope import FileKek
from extract_client.log.note import write_key
from gateway.keyring import ensure_reserved
from gateway.settings import Settings
from gateway.wiring import Wiring, wire
from tests.support.throwaway import Database

NO_LIMIT = 1_000_000
PUBLIC_URL = "https://gateway.test:8443"


@contextmanager
def wired(database: Database, folder: Path) -> Iterator[Wiring]:
    """Yield a wired process whose key-encryption key lies in ``folder``; close its connections after."""
    kek_file = folder / "kek.hex"
    FileKek.create(kek_file)
    log_key_file, state_dir = folder / "log.key", folder / "state"
    write_key(log_key_file)
    state_dir.mkdir()
    parts = wire(
        Settings(
            database_url=database.app_url,
            public_url=PUBLIC_URL,
            kek_file=kek_file,
            log_origin="gateway.test/log/1",
            log_key_file=log_key_file,
            state_dir=state_dir,
            council_name="Testshire",
            synthetic_people=True,
            # What limits a partner is tested where it is the subject; everywhere else it would end the test.
            client_requests_per_minute=NO_LIMIT,
            practitioner_requests_per_minute=NO_LIMIT,
            absences_per_hour=NO_LIMIT,
        )
    )
    try:
        with parts.engine.begin() as connection:
            ensure_reserved(connection, parts.keyring)
        yield parts
    finally:
        parts.engine.dispose()
