"""``gateway agency`` and ``gateway profile``: the register of agencies and their sharing profiles.

INVARIANT: no command makes a profile effective; that needs a signed-in member of staff.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click

from agencies import repository
from agencies.errors import AgenciesError
from agencies.model import AgencyCode
from agencies.profile_text import parse_profile
from agencies.service import export_profile
from gateway.agency import service
from gateway.commands import command_actor, command_wiring


@click.group(name="agency")
def agency() -> None:
    """The agencies that take part."""


@agency.command(name="list")
def list_agencies() -> None:
    """Print every agency: code, kind, state and name, separated by tabs."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for one in repository.all_agencies(connection):
            click.echo(f"{one.code}\t{one.kind}\t{one.state}\t{one.name}")


@agency.command(name="suspend")
@click.argument("code")
def suspend_agency(code: str) -> None:
    """Stop every release to the agency CODE, now."""
    with command_wiring() as wiring, _plain_faults():
        changed = service.suspend(wiring, code=AgencyCode(code), actor=command_actor())
    click.echo("Suspended." if changed else "It was suspended or had ended before.")


@click.group(name="profile")
def profile() -> None:
    """Sharing profiles: what an agency may receive, and why."""


@profile.command(name="export")
@click.argument("code")
@click.option("--version", type=click.IntRange(min=1), help="Default: the effective one, else the newest.")
def export_command(code: str, version: int | None) -> None:
    """Print a profile of the agency CODE, byte for byte as it was stored."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        document = export_profile(connection, AgencyCode(code), version=version)
    if document is None:
        raise click.ClickException("There is no such agency or profile version.")
    click.echo(document.encode(), nl=False)


@profile.command(name="check")
@click.argument("file", type=click.File("rb"))
def check_command(file: BinaryIO) -> None:
    """Say whether FILE is a profile that the gateway can enforce; the row at fault is named."""
    with _plain_faults():
        checked = parse_profile(_text(file))
    click.echo(f"A profile of {checked.agency}, version {checked.version}, {len(checked.rows)} rows.")


@profile.command(name="import")
@click.argument("file", type=click.File("rb"))
def import_command(file: BinaryIO) -> None:
    """Store FILE as its agency's next profile version; it does not become effective."""
    document = _text(file)
    with command_wiring() as wiring, _plain_faults():
        stored = service.store_profile(wiring, document=document, actor=command_actor())
    click.echo(f"Version {stored.version} of {stored.agency} is stored; it is not effective.")


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Turn what the register refuses into one sentence for the operator."""
    try:
        yield
    except AgenciesError as error:
        raise click.ClickException(str(error)) from error


def _text(file: BinaryIO) -> str:
    """The file's text; its line ends stay as they are."""
    try:
        return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not text in UTF-8.") from error
