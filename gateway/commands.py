"""What every command stands on: the wired process, closed when the command ends, and who acts."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.settings import load_settings
from gateway.wiring import Wiring, wire


@contextmanager
def command_wiring() -> Iterator[Wiring]:
    """Yield the parts of one process for one command, and close its connections after.

    Raises: SettingsError, which the command line answers with its one sentence.
    """
    wiring = wire(load_settings())
    try:
        yield wiring
    finally:
        wiring.engine.dispose()


def command_actor() -> str:
    """Return who the log says did it: the operating system's user, as a command."""
    return f"cli:{getpass.getuser()}"
