"""``gateway case``: import a file of families, print a template.

INVARIANT: reports name rows, pointers and stable reasons, never a value of the file.
"""

import json
import sys
from pathlib import Path
from typing import Final

import click

from gateway.cases import service
from gateway.cases.errors import CaseFileError
from gateway.cases.schemas import FORMAT, MAX_FILE_BYTES
from gateway.commands import command_actor, command_wiring

_TEMPLATE: Final = {
    "format": FORMAT,
    "families": [
        {
            "source_ref": "EH-0001",
            "threshold_level": 2,
            "status": "open",
            "seals": [],
            "people": [{"id": "P-0001", "role": "adult"}, {"id": "P-0002", "role": "child"}],
            "workers": [{"id": "worker.one", "from": "2026-01-05"}],
            "items": [
                {
                    "field": "child_name",
                    "about": ["P-0002"],
                    "source_agency": "early-help",
                    "as_of": "2026-01-05",
                    "kind": "fact",
                    "value": {"type": "legal", "given": "Given", "family": "Family"},
                },
                {
                    "field": "help_wanted",
                    "about": ["P-0001", "P-0002"],
                    "source_agency": "early-help",
                    "as_of": "2026-01-05",
                    "kind": "family_report",
                    "value": {
                        "needs": ["routines"],
                        "summary": "What help the family wants, in their words.",
                    },
                },
            ],
        }
    ],
}


@click.group()
def case() -> None:
    """Case records."""


@case.command("import")
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
    click.echo(", ".join(f"{report.count(outcome)} {outcome}" for outcome in service.Outcome))
    if report.count(service.Outcome.REFUSED):
        sys.exit(1)


@case.command("template")
def template() -> None:
    """Print a small valid import file."""
    click.echo(json.dumps(_TEMPLATE, indent=2))
