"""``gateway agency`` and ``gateway profile``: the register of agencies and their sharing profiles.

INVARIANT: no command makes a profile effective; that needs two signed-in members of staff.
INVARIANT: what the practitioner commands say of a change are counts; names are printed by ``list`` alone.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from agencies import repository
from agencies.comparison import differences
from agencies.errors import AgenciesError
from agencies.model import AgencyCode
from agencies.practitioner_file import MAX_BYTES, format_practitioners, read_practitioners
from agencies.profile_text import parse_profile
from agencies.register import PractitionerPolicy, attestation_due
from agencies.service import current_practitioners, export_profile
from consent_registry.birthdays import LONDON
from gateway.agency import desk, onboarding, service, soundness
from gateway.agency.application import EXAMPLE, ClientApplication, read_application
from gateway.agency.errors import ApplicationError
from gateway.agency.model import StepState, how_to_test, steps
from gateway.agency.simulate_command import simulate
from gateway.agency.standing import standing_of
from gateway.agency.walk import walk_through
from gateway.commands import command_actor, command_wiring
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.repository import database_now
from gateway.oauth.commands import MAX_REQUEST_BYTES, client
from gateway.oauth.errors import OAuthError
from gateway.oauth.key_set import read_key_set
from gateway.oauth.model import Scope
from gateway.staff.commands import USERNAME, told
from gateway.wiring import Wiring


def _agency_code(_context: click.Context, _parameter: click.Parameter, code: str) -> AgencyCode:
    """The database cannot even be asked for some texts that no code is."""
    if not (code.isascii() and code.isprintable()):
        raise click.ClickException("There is no such agency.")
    return AgencyCode(code)


_code_argument = click.argument("code", callback=_agency_code)


@click.group(name="agency")
def agency() -> None:
    """The agencies that take part."""


@agency.command(name="list")
def list_agencies() -> None:
    """Print every agency: code, kind, state and name, separated by tabs."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for one in repository.all_agencies(connection):
            click.echo(f"{one.code}\t{one.kind}\t{one.state}\t{one.name}")


@agency.command(name="onboard")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--certificate-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the certificate goes that answers a signing request; default: CODE.pem beside FILE.",
)
@click.option("--example", is_flag=True, help="Print an example of FILE and end.")
def onboard_agency(file: Path | None, certificate_out: Path | None, *, example: bool) -> None:
    """Bring an agency in as proposed, from the data file FILE; without FILE, ask step by step and write one.

    Nothing is released to it until the data protection officer and a second person make it effective.
    """
    if example:
        click.echo(EXAMPLE, nl=False)
        return
    with command_wiring() as wiring, _plain_faults():
        place = file or walk_through()
        application = read_application(place)
        onboarded = onboarding.onboard(wiring, application, now=datetime.now(UTC), actor=command_actor())
        if onboarded.certificate is not None:
            out = certificate_out or place.with_name(f"{application.code}.pem")
            out.write_bytes(onboarded.certificate)
            click.echo(f"The certificate for the agency is in {out}.")
        _print_steps(wiring, application.code)


@agency.command(name="status")
@_code_argument
def agency_status(code: AgencyCode) -> None:
    """Show how far the agency CODE has come: what is done, and what is still to do."""
    with command_wiring() as wiring:
        if not _print_steps(wiring, code):
            raise click.ClickException("There is no such agency.")


def _print_steps(wiring: Wiring, code: AgencyCode) -> bool:
    """Print each step, and beneath them how the agency tests what never connected; False: there is no such agency."""
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        found = standing_of(connection, wiring.settings, code, now=now)
    if found is None:
        return False
    for step in steps(found, today=now.astimezone(LONDON).date()):
        done = step.state in {StepState.DONE, StepState.NOT_NEEDED}
        click.echo(f"[{'done' if done else 'open'}] {step.what}: {step.more}")
    for system in found.systems:
        if not system.is_desk and not system.contact.connected:
            click.echo(f"To test {system.client_id}: {how_to_test(wiring.settings, system)}")
    return True


@agency.command(name="suspend")
@_code_argument
def suspend_agency(code: AgencyCode) -> None:
    """Stop every release to the agency CODE, now."""
    with command_wiring() as wiring, _plain_faults():
        changed = service.suspend(wiring, code=code, actor=command_actor())
    click.echo("Suspended." if changed else "It was suspended or had ended before.")


@agency.command(name="invite")
@_code_argument
@click.argument("practitioner_id", metavar="ID")
@click.argument("username")
def invite_desk_user(code: AgencyCode, practitioner_id: str, username: str) -> None:
    """Let the practitioner ID of the agency CODE use its desk as USERNAME, and print a one-time code for a passkey."""
    if not re.fullmatch(USERNAME, username):
        raise click.ClickException(
            "A username begins with a small letter; then small letters, digits, . and -"
        )
    with command_wiring() as wiring, _plain_faults():
        secret = desk.invite(
            wiring, agency=code, practitioner=practitioner_id, username=username, invited_by=command_actor()
        )
        click.echo(told(wiring, secret))


@agency.group(name="practitioner")
def practitioner() -> None:
    """The people who act for an agency."""


@practitioner.command(name="import")
@_code_argument
@click.argument("file", type=click.File("rb"))
def import_practitioners(code: AgencyCode, file: BinaryIO) -> None:
    """Make FILE the whole list of the agency CODE: whoever it leaves out is refused from now on.

    FILE is CSV in UTF-8 with the header id,name,role,active_from,active_until; ``list`` prints one.
    """
    with command_wiring() as wiring, _plain_faults():
        change = service.replace_practitioners(
            wiring,
            code=code,
            practitioners=read_practitioners(file.read(MAX_BYTES + 1)),
            actor=command_actor(),
        )
        click.echo(
            f"{change.added} added, {change.changed} changed, {change.ended} ended, {change.unchanged} unchanged."
        )
        _warn_if_asserted(wiring, code)


@practitioner.command(name="end")
@_code_argument
@click.argument("practitioner_id", metavar="ID")
def end_practitioner(code: AgencyCode, practitioner_id: str) -> None:
    """Refuse the practitioner ID of the agency CODE from now on."""
    with command_wiring() as wiring, _plain_faults():
        ended = service.end_practitioner(
            wiring, code=code, practitioner_id=practitioner_id, actor=command_actor()
        )
        click.echo("Ended." if ended else "This practitioner had ended before.")
        _warn_if_asserted(wiring, code)


@practitioner.command(name="list")
@_code_argument
@click.option("--all", "everyone", is_flag=True, help="Leavers too.")
def list_practitioners(*, code: AgencyCode, everyone: bool) -> None:
    """Print who may act for the agency CODE today or later, as the file that ``import`` takes."""
    with command_wiring() as wiring, wiring.engine.connect() as connection, _plain_faults():
        found = current_practitioners(connection, code, today=repository.today(connection))
        if everyone:
            found = repository.practitioners(connection, code)
    click.echo(format_practitioners(found).encode(), nl=False)


@practitioner.command(name="attest")
@_code_argument
@click.option("--by", "attested_by", metavar="NAME", required=True, help="Who of the agency confirmed it.")
def attest(code: AgencyCode, attested_by: str) -> None:
    """Record that NAME confirmed the list of the agency CODE, as ``list`` prints it today."""
    with command_wiring() as wiring, _plain_faults():
        attestation = service.attest(wiring, code=code, attested_by=attested_by, actor=command_actor())
        due = attestation_due(attestation.attested_on, days=wiring.settings.attestation_days)
    click.echo(f"Practitioners confirmed: {attestation.practitioners}. Next confirmation due: {due}.")


def _warn_if_asserted(wiring: Wiring, code: AgencyCode) -> None:
    """Say it where the list is not what stops anybody, so that nobody believes that it did."""
    with wiring.engine.connect() as connection:
        found = repository.agency(connection, code)
    if found is not None and found.practitioner_policy is PractitionerPolicy.ASSERTED:
        click.echo(
            "Note: this agency asserts its practitioners itself; the list here stops nobody.", err=True
        )


@click.group(name="profile")
def profile() -> None:
    """Sharing profiles: what an agency may receive, and why."""


profile.add_command(simulate)


@profile.command(name="export")
@_code_argument
@click.option("--version", type=click.IntRange(min=1), help="Default: the effective one, else the newest.")
def export_command(code: AgencyCode, version: int | None) -> None:
    """Print a profile of the agency CODE, byte for byte as it was stored."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        document = export_profile(connection, code, version=version)
    if document is None:
        raise click.ClickException("There is no such agency or profile version.")
    click.echo(document.encode(), nl=False)


@profile.command(name="diff")
@_code_argument
@click.argument("version", type=click.IntRange(min=1))
@click.option("--from", "earlier", type=click.IntRange(min=1), help="Default: the effective version.")
def diff_command(code: AgencyCode, version: int, earlier: int | None) -> None:
    """Print what VERSION of the agency CODE tells otherwise, what becomes wider first; nothing: the same is told.

    A line is: wider or narrower, field, stage, condition, level until now, level from then on, separated by tabs.
    """
    with command_wiring() as wiring, wiring.engine.connect() as connection, _plain_faults():
        before = earlier or repository.effective_version(connection, code)
        texts = [
            None if number is None else repository.profile_document(connection, code, version=number)
            for number in (before, version)
        ]
        if texts[1] is None or (earlier is not None and texts[0] is None):
            raise click.ClickException("There is no such agency or profile version.")
        old = None if texts[0] is None else parse_profile(texts[0])
        for each in differences(old, parse_profile(texts[1])):
            verdict = "wider" if each.is_wider else "narrower"
            levels = f"{each.old.name}\t{each.new.name}"
            click.echo(f"{verdict}\t{each.field}\t{each.stage}\t{each.when}\t{levels}")


@profile.command(name="check")
@click.argument("file", type=click.File("rb"))
def check_command(file: BinaryIO) -> None:
    """Say whether FILE is a profile that the gateway can enforce, and that says nothing that none may.

    The row at fault is named; of what no profile may say there is a counterexample each.
    """
    with _plain_faults():
        checked = parse_profile(_text(file))
    found = soundness.faults(checked, today=datetime.now(LONDON).date())
    for each in found:
        click.echo(f"{each.words}\n  {each.code}: {each.sentence}")
    if found:
        raise click.ClickException("No such profile can become effective.")
    click.echo(f"A profile of {checked.agency}, version {checked.version}, {len(checked.rows)} rows.")


@profile.command(name="import")
@click.argument("file", type=click.File("rb"))
def import_command(file: BinaryIO) -> None:
    """Store FILE as its agency's next profile version; it does not become effective."""
    document = _text(file)
    with command_wiring() as wiring, _plain_faults():
        stored = service.store_profile(wiring, document=document, actor=command_actor())
    click.echo(f"Version {stored.version} of {stored.agency} is stored; it is not effective.")


@client.command(name="register")
@_code_argument
@click.option(
    "--keys", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Public keys (JWKS)."
)
@click.option("--request", type=click.File("rb"), help="Signing request (PKCS #10) for our authority.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([one.value for one in Scope])
)
def register_client(
    code: AgencyCode, keys: Path | None, request: BinaryIO | None, scopes: Sequence[str]
) -> None:
    """Register one more system of the agency CODE, proposed; print its id, and the certificate for a request."""
    if (keys is None) == (request is None):
        raise click.UsageError("Give --keys or --request, one of them.")
    with command_wiring() as wiring, _plain_faults():
        applying = ClientApplication(
            tuple(map(Scope, scopes)),
            keys=() if keys is None else read_key_set(keys),
            request=None if request is None else request.read(MAX_REQUEST_BYTES + 1),
        )
        client_id, certificate = onboarding.register_client(
            wiring, applying, agency=code, now=datetime.now(UTC), actor=command_actor()
        )
    click.echo(client_id)
    if certificate is not None:
        click.echo(certificate, nl=False)


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Turn what the register refuses into one sentence for the operator."""
    try:
        yield
    except (AgenciesError, ApplicationError, OAuthError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException("The file cannot be written.") from error
    except NotAppendedError as error:
        raise click.ClickException("The log cannot be written; nothing was changed. Try again.") from error


def _text(file: BinaryIO) -> str:
    """The file's text; its line ends stay as they are."""
    try:
        return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not text in UTF-8.") from error
