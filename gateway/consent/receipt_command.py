"""``gateway consent receipt``: the family's receipt, for the printer or for another program.

INVARIANT: what goes to the terminal when there is no receipt names nobody.
"""

from pathlib import Path
from uuid import UUID

import click

from certs.errors import KeyFileError
from certs.private_file import write_private
from gateway.cases.errors import UnknownCaseError
from gateway.commands import command_wiring
from gateway.consent.receipt import receipt_of


@click.command(name="receipt")
@click.argument("source_ref")
@click.argument("person")
@click.option("--decision", "decision_id", type=click.UUID, help="Of this decision; else of what stands now.")
@click.option("--large-print", is_flag=True, help="Letters of 18 points.")
@click.option("--json", "as_json", is_flag=True, help="For a program, with the fields of ISO/IEC TS 27560.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, which only you can read; else to the terminal.",
)
def receipt(
    *,
    source_ref: str,
    person: str,
    decision_id: UUID | None,
    large_print: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Print what PERSON of the case SOURCE_REF agreed to or stopped (both as the council's system names them)."""
    if as_json and large_print:
        raise click.UsageError("JSON has no print size.")
    with command_wiring() as wiring:
        try:
            found = receipt_of(wiring, source_ref=source_ref, person=person, decision_id=decision_id)
        except UnknownCaseError as error:
            raise click.ClickException("There is no such receipt.") from error
    told = found.to_json() if as_json else found.to_html(large_print=large_print)
    if output is None:
        click.echo(told, nl=False)
        return
    try:
        write_private(output, told)
    except KeyFileError as error:
        raise click.ClickException("The file cannot be written.") from error
