"""``gateway safeguarding``: where referrals go.

INVARIANT: referring needs a signed-in member of staff and has no command.
"""

from pathlib import Path

import click

from gateway.commands import command_actor, command_wiring
from gateway.safeguarding.destinations import (
    MAX_BYTES,
    destinations,
    read_destinations,
    replace_destinations,
)
from gateway.safeguarding.errors import DestinationsError


@click.group(name="safeguarding")
def safeguarding() -> None:
    """What is done when a child may be at risk."""


@safeguarding.command(name="destinations")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--list", "is_list", is_flag=True, help="Print them: code, function, phone, client and name.")
def destinations_command(file: Path | None, *, is_list: bool) -> None:
    """Make the destinations in FILE, TOML, the only ones: whichever it leaves out receives nothing from now on."""
    if (file is None) is not is_list:
        raise click.UsageError("Name a FILE, or --list.")
    with command_wiring() as wiring:
        if file is not None:
            with file.open("rb") as source:
                data = source.read(MAX_BYTES + 1)
            try:
                wanted = read_destinations(data)
                replace_destinations(wiring, wanted, actor=command_actor())
            except DestinationsError as error:
                raise click.ClickException(f"{error} Nothing was changed.") from error
            click.echo(f"{len(wanted)} in effect.")
            return
        for each in destinations(wiring):
            click.echo("\t".join((each.code, each.function, each.phone, each.client_id or "-", each.name)))
