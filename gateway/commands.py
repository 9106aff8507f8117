"""What every command stands on: the wired process, closed when the command ends, and who acts."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import click

from gateway.settings import SettingsError, load_settings
from gateway.wiring import Wiring, wire


@contextmanager
def command_wiring() -> Iterator[Wiring]:
    """Yield the parts of one process for one command, and close its connections after.

    Raises: click.ClickException, a setting is missing or wrong; the message is one sentence.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    wiring = wire(settings)
    try:
        yield wiring
    finally:
        wiring.engine.dispose()


def command_actor() -> str:
    """Return who the log says did it: the operating system's user, as a command."""
    return f"cli:{getpass.getuser()}"
