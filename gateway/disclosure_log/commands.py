"""``gateway log``: what is on record."""

import click

from gateway.commands import command_wiring
from gateway.disclosure_log.reading import newest


@click.group()
def log() -> None:
    """The disclosure log."""


@log.command(name="list")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many entries.")
def list_entries(last: int) -> None:
    """List the newest entries, oldest first. Entries under a restricted tag are not listed."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for line in newest(connection, keyring=wiring.keyring, count=last):
            detail = " ".join(part for part in (line.agency, line.purpose, line.reasons) if part)
            click.echo(
                f"{line.leaf_index:>6}  {line.minute:%Y-%m-%d %H:%M}Z  {line.kind:<18} {line.actor}  {detail}"
            )
