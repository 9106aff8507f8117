"""``gateway panel``: meetings, agendas and accepted offers from the council's panel administration."""

from typing import BinaryIO

import click

from gateway.commands import command_actor, command_wiring
from gateway.panel.errors import PanelFileError, PanelMovedError
from gateway.panel.service import agendas, import_panel_file


@click.group(name="panel")
def panel() -> None:
    """Meetings, agendas and accepted offers."""


@panel.command(name="import")
@click.argument("file", type=click.File("rb"))
def import_command(file: BinaryIO) -> None:
    """Store the meetings and offers in FILE; a faulty file changes nothing at all."""
    with command_wiring() as wiring:
        try:
            imported = import_panel_file(wiring, file.read(), actor=command_actor())
        except PanelFileError as error:
            for fault in error.faults:
                click.echo(f"{fault.pointer or '/'}: {fault.reason}", err=True)
            raise click.ClickException("The file has faults; nothing was stored.") from error
        except PanelMovedError as error:
            raise click.ClickException("Meetings are being changed elsewhere; try again.") from error
    click.echo(f"Stored {imported.meetings} meetings and {imported.offers} offers.")


@panel.command()
def agenda() -> None:
    """Print the meetings to come, and which of their cases are ready; a case is told by its place in the file."""
    with command_wiring() as wiring:
        meetings = agendas(wiring)
    for meeting in meetings:
        click.echo(f"{meeting.held_on.isoformat()} {meeting.ref} {meeting.title}")
        for position, readiness in meeting.cases:
            click.echo(f"  {position or '-'}: {readiness}")
