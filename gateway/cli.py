"""The ``gateway`` command: each room brings its own commands.

Commands may draft, check, import and withdraw. Giving consent, approving a profile and referring
need a signed-in member of staff and have no command.
"""

import os
import sys
from pathlib import Path

import click

from gateway.agency.commands import agency, profile
from gateway.app import configure_logging
from gateway.cases.commands import case
from gateway.consent.commands import consent
from gateway.disclosure_log.commands import log
from gateway.oauth.commands import client, keys
from gateway.ops.commands import demo, migrate, serve
from gateway.ops.log_commands import finish_erasures, reconcile, rotate_key
from gateway.ops.worker_command import worker
from gateway.panel.commands import panel
from gateway.recall.commands import import_file, shield_person
from gateway.rights.commands import rights
from gateway.safeguarding.commands import safeguarding
from gateway.sampling.commands import sample
from gateway.settings import SettingsError
from gateway.staff.commands import staff
from gateway.tasks.commands import task


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read settings (GATEWAY_...) from this file; the environment wins.",
)
def gateway(env_file: Path | None) -> None:
    """Early Help Gateway."""
    configure_logging()
    if env_file is not None:
        os.environ["GATEWAY_ENV_FILE"] = str(env_file)


for command in (
    agency,
    case,
    consent,
    demo,
    keys,
    log,
    migrate,
    panel,
    profile,
    rights,
    safeguarding,
    sample,
    serve,
    staff,
    task,
    worker,
):
    gateway.add_command(command)
agency.add_command(client)
for case_command in (import_file, shield_person):
    case.add_command(case_command)
for log_command in (finish_erasures, reconcile, rotate_key):
    log.add_command(log_command)


def main() -> None:
    """Run the command; a wrong setting ends it with one sentence and status 2."""
    try:
        gateway()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
