"""What a running process is made of, built once and passed on; nothing is looked up by name."""

from dataclasses import dataclass

from sqlalchemy import Engine

from gateway.database import autocommit, open_engine
from gateway.keyring import Keyring, load_keyring
from gateway.log_signer import LogSigner
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts every room may use.

    Attributes:
        engine: pool of the app role; transactions are explicit.
        autocommit: the same pool, one statement per transaction (the release path).
    """

    settings: Settings
    engine: Engine
    autocommit: Engine
    keyring: Keyring
    log: LogSigner


def wire(settings: Settings) -> Wiring:
    """Build the parts of one process from its settings; opens no connection yet.

    Raises: SettingsError, a file that a setting names does not hold what it should.
    """
    engine = open_engine(settings.database_url)
    return Wiring(
        settings=settings,
        engine=engine,
        autocommit=autocommit(engine),
        keyring=load_keyring(settings),
        log=LogSigner.load(settings),
    )
