"""``gateway sample``: drawing a sample, and whether one is what its seed draws."""

import sys
from uuid import UUID

import click

from agencies.model import AgencyCode
from agencies.repository import active_agencies
from gateway.commands import command_actor, command_wiring
from gateway.sampling import service
from gateway.sampling.errors import NothingReleasedError
from gateway.sampling.model import LARGEST, LONGEST


@click.group(name="sample")
def sample() -> None:
    """Samples of past accesses that agencies are asked to confirm."""


@sample.command(name="draw")
@click.argument("agency")
@click.option(
    "--days", type=click.IntRange(1, LONGEST), default=31, show_default=True, help="Of how many days."
)
@click.option(
    "--count", type=click.IntRange(1, LARGEST), default=5, show_default=True, help="How many accesses."
)
def draw(agency: str, days: int, count: int) -> None:
    """Draw a sample of what AGENCY received lately, ask it, and print the sample's id."""
    with command_wiring() as wiring:
        with wiring.engine.connect() as connection:
            active = {each.code for each in active_agencies(connection)}
        if AgencyCode(agency) not in active:
            raise click.ClickException("There is no such agency that takes part.")
        try:
            made = service.draw_by_hand(wiring, agency, days=days, wanted=count, by=command_actor())
        except NothingReleasedError as error:
            raise click.ClickException(
                "It received nothing in that time that it could be asked about."
            ) from error
    click.echo(str(made))


@sample.command(name="check")
@click.argument("sample_id", metavar="ID", type=click.UUID)
def check(sample_id: UUID) -> None:
    """Draw the sample ID again, by the seed that is kept with it, and say whether it is the same.

    The seed and the number it was drawn from stand in the log's entry of the kind sample.draw, too.
    """
    with command_wiring() as wiring:
        found = service.drawn_again(wiring, sample_id)
    if found is None:
        raise click.ClickException("There is no such sample.")
    drawn, same = found
    click.echo(f"{drawn.agency}: {drawn.wanted} of {drawn.population}, seed {drawn.seed.hex()}")
    click.echo("The same accesses are drawn again." if same else "Other accesses are drawn: it was changed.")
    if not same:
        sys.exit(1)
