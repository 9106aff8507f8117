"""``gateway consent explain``: why an agency is told what it is told, or was."""

import json
from datetime import datetime

import click

from agencies.model import AgencyCode, Purpose
from gateway.cases.errors import UnknownCaseError
from gateway.commands import command_actor, command_wiring
from gateway.consent.explaining import Explanation
from gateway.consent.explaining import explain as explained
from gateway.instants import precise

_SERVED = ("P1", "P2", "P3")


@click.command(name="explain")
@click.argument("source_ref")
@click.option("--agency", required=True, help="Code of the agency that would ask.")
@click.option("--purpose", type=click.Choice(_SERVED), default="P1", show_default=True)
@click.option("--at", help="An RFC 3339 instant that is past; now, if left out.")
@click.option("--practitioner", help="Id of the registered practitioner who would ask.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def explain(
    *, source_ref: str, agency: str, purpose: str, at: str | None, practitioner: str | None, as_json: bool
) -> None:
    """Explain, for each person and field of the case SOURCE_REF, the level and the rule that decides it."""
    try:
        instant = None if at is None else datetime.fromisoformat(at)
        if instant is not None and instant.tzinfo is None:
            raise click.UsageError("--at needs a time zone, as 2026-10-01T09:30:00Z.")
        with command_wiring() as wiring:
            found = explained(
                wiring,
                source_ref=source_ref,
                agency=AgencyCode(agency),
                purpose=Purpose(purpose),
                actor=command_actor(),
                at=instant,
                practitioner=practitioner,
            )
    except UnknownCaseError as error:
        raise click.ClickException("There is no such case.") from error
    except ValueError as error:
        raise click.UsageError("--at is a past RFC 3339 instant.") from error
    click.echo(_json(found) if as_json else _table(found))


def _json(found: Explanation) -> str:
    lines = [
        {
            "person": line.person_id,
            "field": line.field,
            "level": line.level.name,
            "rule": line.rule.value,
            "because": line.because,
            "decisions": [str(each) for each in line.decisions],
        }
        for line in found.lines
    ]
    return json.dumps({"at": precise(found.at), "lines": lines}, indent=2)


def _table(found: Explanation) -> str:
    rows = [("person", "field", "level", "rule", "because")]
    rows += [
        (line.person_id[:8], line.field, line.level.name, line.rule.value, line.because)
        for line in found.lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    told = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([f"at {precise(found.at)}", *told])
