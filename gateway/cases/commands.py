"""``gateway case``: the group, and a template of the import file."""

import json
from typing import Final

import click

from gateway.cases.schemas import FORMAT

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


@case.command("template")
def template() -> None:
    """Print a small valid import file."""
    click.echo(json.dumps(_TEMPLATE, indent=2))
