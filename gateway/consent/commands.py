"""``gateway consent``: withdraw. There is no command that gives.

INVARIANT: what is printed names nobody: an instant and a count.
"""

import getpass
from collections.abc import Mapping
from typing import Final

import click

from consent_registry.errors import InvalidDocumentError
from consent_registry.service import Effect, Recorded
from gateway.cases.errors import UnknownCaseError
from gateway.commands import command_actor, command_wiring
from gateway.consent.explain_command import explain
from gateway.consent.receipt_command import receipt
from gateway.consent.service import decide, withdraw_everyone, withdrawal
from gateway.wiring import Wiring

_WORDS: Final[Mapping[Effect | None, str]] = {
    Effect.HELD: "held, because the person or what was named is not known; a manager will look",
    Effect.NOTED: "noted, and nothing changed",
}
"""What a closing act did when it was not simply a withdrawal."""


@click.group(name="consent")
def consent() -> None:
    """What families decided."""


@consent.command(name="withdraw")
@click.argument("source_ref")
@click.argument("person", required=False)
@click.option("--everyone", is_flag=True, help="Everyone of the case, in place of one person.")
@click.option("--agency", "agencies", multiple=True, help="From this agency or kind:KIND only; repeatable.")
@click.option("--recorded-by", default=getpass.getuser, help="Who was told; you, if left out.")
def withdraw(
    *, source_ref: str, person: str | None, everyone: bool, agencies: tuple[str, ...], recorded_by: str
) -> None:
    """Withdraw the consent of PERSON in the case SOURCE_REF (both as the council's system names them)."""
    if everyone == (person is not None):
        raise click.UsageError("Name one person, or --everyone.")
    with command_wiring() as wiring:
        try:
            answers = _withdraw(wiring, source_ref, person, agencies=agencies, recorded_by=recorded_by)
        except UnknownCaseError as error:
            raise click.ClickException("There is no such case.") from error
        except InvalidDocumentError as error:
            for fault in error.faults:
                click.echo(f"{fault.pointer or '/'}: {fault.reason}", err=True)
            raise click.ClickException("The request has faults; nothing was withdrawn.") from error
    for answer in answers:
        since = answer.in_effect_at.isoformat(timespec="seconds")
        click.echo(f"{_WORDS.get(answer.effect, 'withdrawn')}: in effect since {since}")


def _withdraw(
    wiring: Wiring, source_ref: str, person: str | None, *, agencies: tuple[str, ...], recorded_by: str
) -> list[Recorded]:
    actor = command_actor()
    if person is not None:
        document = withdrawal(source_ref, person, recorded_by=recorded_by, agencies=agencies)
        return [decide(wiring, document, actor=actor)]
    return withdraw_everyone(
        wiring, source_ref=source_ref, recorded_by=recorded_by, actor=actor, agencies=agencies
    )


consent.add_command(explain)
consent.add_command(receipt)
