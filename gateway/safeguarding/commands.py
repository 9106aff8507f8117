"""``gateway safeguarding``: where referrals go, and the notes that were written while the database was away.

INVARIANTS
- No command prints a word of a note.
- Referring needs a signed-in member of staff and has no command.
"""

import json
from pathlib import Path

import click

from certs.errors import KeyFileError
from certs.private_file import write_private
from gateway.commands import command_actor, command_wiring
from gateway.disclosure_log.repository import database_now
from gateway.safeguarding import drafts
from gateway.safeguarding.destinations import (
    EXAMPLE,
    MAX_BYTES,
    destinations,
    read_destinations,
    replace_destinations,
)
from gateway.safeguarding.errors import DestinationsError
from gateway.safeguarding.notes import NoteKeyError, Opener, new_note_key


@click.group(name="safeguarding")
def safeguarding() -> None:
    """What is done when a child may be at risk."""


@safeguarding.command(name="note-key")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def note_key(out: Path) -> None:
    """Make the keys of notes: write the private one to OUT, and print the public one, for GATEWAY_EMERGENCY_KEY_FILE.

    Run it away from the gateway: OUT opens every note, and belongs on no machine that keeps them.
    """
    private, public = new_note_key()
    try:
        write_private(out, json.dumps(private).encode() + b"\n", replace=False)
    except KeyFileError as error:
        raise click.ClickException(f"{out} was not written: {error}.") from error
    click.echo(json.dumps(public))


@safeguarding.command(name="take-in")
def take_in() -> None:
    """Move the notes that wait on this machine into the database, as a worker that runs here does every minute."""
    with command_wiring() as wiring:
        with wiring.engine.connect() as connection:
            now = database_now(connection)
        click.echo(f"{drafts.take_in(wiring, now)} taken in.")


@safeguarding.command(name="open-notes")
@click.option(
    "--key",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The private key, from wherever it is kept; it is not stored.",
)
def open_notes(file: Path) -> None:
    """Open the notes that were taken in, and offer each to whoever wrote it as the draft of a referral."""
    try:
        opener = Opener.load(file)
    except NoteKeyError as error:
        raise click.ClickException(f"{file}: {error}.") from error
    with command_wiring() as wiring:
        opening = drafts.open_notes(wiring, opener)
    click.echo(f"{opening.opened} opened.")
    if opening.failed:
        raise click.ClickException(f"{opening.failed} do not open with this key.")


@safeguarding.command(name="destinations")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--list", "is_list", is_flag=True, help="Print them: code, function, phone, client and name.")
@click.option("--example", is_flag=True, help="Print an example of FILE and end.")
def destinations_command(file: Path | None, *, is_list: bool, example: bool) -> None:
    """Make the destinations in FILE, TOML, the only ones: whichever it leaves out receives nothing from now on."""
    if example:
        click.echo(EXAMPLE, nl=False)
        return
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
