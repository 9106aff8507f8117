"""``gateway rights``: the key that signs statements, and what an appointed auditor checks them with.

INVARIANT: a tag key that leaves the gateway is on record before its file is written.
"""

import sys
from pathlib import Path
from uuid import UUID

import click

from certs.errors import KeyFileError
from gateway.cases.errors import UnknownCaseError
from gateway.cases.lookup import record_of
from gateway.cases.people import FamilyRecord
from gateway.cases.repository import case_by_source_ref, person_in_case
from gateway.commands import command_actor, command_wiring
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.disclosure_log.statement import (
    NoteError,
    VerifierKey,
    create_statement_key,
    open_statement,
    statement_key,
)
from gateway.disclosure_log.tag_key import read_tag_key, write_tag_key
from gateway.keyring import KeyErasedError
from gateway.rights.audit import check_statement
from gateway.rights.errors import UnknownPersonError
from gateway.wiring import Wiring

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(name="rights")
def rights() -> None:
    """What people may ask for."""


@rights.command(name="key")
@click.argument("file", type=_FILE)
@click.option(
    "--origin", envvar="GATEWAY_LOG_ORIGIN", required=True, help="The log's; or GATEWAY_LOG_ORIGIN."
)
def statement_key_command(file: Path, origin: str) -> None:
    """Make the key that signs statements in FILE, for GATEWAY_STATEMENT_KEY_FILE, and print what they are checked with."""
    click.echo(create_statement_key(file, origin=origin))


@rights.command(name="tag-key")
@click.argument("source_ref")
@click.argument("file", type=_FILE)
def tag_key(source_ref: str, file: Path) -> None:
    """Write the ordinary tag key of the family SOURCE_REF to FILE, for an appointed auditor and nobody else."""
    with command_wiring() as wiring:
        with act(wiring) as change:
            identity = case_by_source_ref(change.connection, keyring=wiring.keyring, source_ref=source_ref)
            if identity is None:
                raise click.ClickException("There is no such case.")
            keys = wiring.keyring.family(change.connection, identity.family_id)
            change.record(kind=EntryKind.STATEMENT_AUDIT, actor=command_actor(), family_id=identity.family_id)
        try:
            write_tag_key(file, keys)
        except KeyFileError as error:
            raise click.ClickException(f"{file} was not written: {error}.") from error


@rights.command(name="check-statement")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--family", "source_ref", required=True, help="The family, as the council's system names it.")
@click.option("--person", "person_ref", required=True, help="Whose statement it is, likewise.")
@click.option("--tag-key", "tag_key_file", type=_FILE, help="The auditor's file; else the gateway's own key.")
@click.option("--key", metavar="VKEY", help="The key that signed it; else that of this gateway.")
def check(
    *, file: Path, source_ref: str, person_ref: str, tag_key_file: Path | None, key: str | None
) -> None:
    """Compare a signed statement with the log, line by line. Reads only; ends with 1 where something is wrong."""
    with command_wiring() as wiring:
        try:
            vkey = statement_key(wiring.settings) if key is None else VerifierKey.parse(key)
            if vkey is None:
                raise click.UsageError("Give --key: this gateway has no statement key.")
            text = open_statement(file.read_bytes(), key=vkey).text
            found_key = None if tag_key_file is None else read_tag_key(tag_key_file)
            record, person_id = _whose(wiring, source_ref, person_ref)
            findings = check_statement(wiring, record, person_id, text, tag_key=found_key)
        except (KeyErasedError, KeyFileError, NoteError, UnknownCaseError, UnknownPersonError) as error:
            raise click.ClickException(str(error) or "There is no such family.") from error
    for finding in findings:
        click.echo(f"WRONG: {finding}", err=True)
    if findings:
        sys.exit(1)
    click.echo("The statement is what the log has.")


def _whose(wiring: Wiring, source_ref: str, person_ref: str) -> tuple[FamilyRecord, UUID]:
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
        if identity is None:
            raise UnknownCaseError("There is no such case.")
        person_id = person_in_case(
            connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=person_ref
        )
        if person_id is None:
            raise UnknownPersonError("There is no such person in the case.")
        return record_of(wiring, connection, identity.family_id, now=database_now(connection)), person_id
