"""``gateway case import`` and ``shield``: they stand here because a shield calls back what was shared.

INVARIANT: reports name rows, pointers and stable reasons, never a value of the file.
"""

import sys
from pathlib import Path
from uuid import UUID

import click

from gateway.cases import repository
from gateway.cases.errors import CaseFileError, UnknownCaseError
from gateway.cases.model import Shield
from gateway.cases.schemas import MAX_FILE_BYTES
from gateway.cases.service import Outcome
from gateway.commands import command_actor, command_wiring
from gateway.recall import service
from gateway.wiring import Wiring


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> None:
    """Import the families of FILE; a faulty one is left out whole and its faults are listed."""
    with file.open("rb") as source:
        data = source.read(MAX_FILE_BYTES + 1)
    with command_wiring() as wiring, click.progressbar(length=1, label="Importing", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        try:
            report = service.import_cases(wiring, data, actor=command_actor(), progress=progress)
        except CaseFileError as error:
            raise click.ClickException(error.reason) from error
    for row in report.rows:
        click.echo(f"/families/{row.row}: {row.outcome}")
        for fault in row.faults:
            click.echo(f"  {fault.pointer}: {fault.reason}")
    click.echo(", ".join(f"{report.count(outcome)} {outcome}" for outcome in Outcome))
    if report.count(Outcome.REFUSED):
        sys.exit(1)


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
