"""``gateway case shield``: it stands here because what was shared before is called back with it."""

from uuid import UUID

import click

from gateway.cases import repository
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import Shield
from gateway.commands import command_actor, command_wiring
from gateway.recall import service
from gateway.wiring import Wiring


@click.command("shield")
@click.argument("source_ref")
@click.argument("person")
@click.option(
    "--level",
    required=True,
    type=click.Choice([str(Shield.RESTRICTED), str(Shield.REFUGE)]),
    help="How strictly.",
)
def shield_person(source_ref: str, person: str, level: str) -> None:
    """Protect the whereabouts of PERSON (the council's id) of the case SOURCE_REF, and call back what was shared."""
    with command_wiring() as wiring:
        try:
            family_id, person_id = _find(wiring, source_ref, person)
            service.shield(
                wiring, family_id=family_id, person_id=person_id, level=Shield(level), actor=command_actor()
            )
        except UnknownCaseError as error:
            raise click.ClickException("There is no such person in such a case.") from error
    click.echo(f"shielded: {level}")


def _find(wiring: Wiring, source_ref: str, person: str) -> tuple[UUID, UUID]:
    """Our ids of a family and of a person in it.

    Raises: UnknownCaseError.
    """
    with wiring.engine.connect() as connection:
        identity = repository.case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
        if identity is None:
            raise UnknownCaseError
        person_id = repository.person_in_case(
            connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=person
        )
    if person_id is None:
        raise UnknownCaseError
    return identity.family_id, person_id
