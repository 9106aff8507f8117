"""``gateway log``: what is on record, and whether the record is whole."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from certs.errors import KeyFileError
from extract_client.errors import NoteError
from extract_client.log.note import VerifierKey
from gateway.commands import command_wiring
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import log_size, minute_of, newest, tagged
from gateway.disclosure_log.tag_key import read_tag_key
from gateway.disclosure_log.verification import Report, snapshot, verify_log
from gateway.log_signer import LogContradictionError, create_log_key


@click.group()
def log() -> None:
    """The disclosure log."""


@log.command(name="list")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many entries.")
def list_entries(last: int) -> None:
    """List the newest entries, oldest first. Entries under a restricted tag are not listed."""
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for line in newest(connection, keyring=wiring.keyring, count=last):
            detail = " ".join(part for part in (line.agency, line.purpose, line.reasons) if part)
            click.echo(
                f"{line.leaf_index:>6}  {line.minute:%Y-%m-%d %H:%M}Z  {line.kind:<18} {line.actor}  {detail}"
            )


@log.command(name="of-family")
@click.option(
    "--tag-key",
    "file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that an appointed auditor was given.",
)
def of_family(file: Path) -> None:
    """List what a family's ordinary tag key finds in the log, oldest first: number, minute, and the entry as papers name it."""
    try:
        key = read_tag_key(file)
    except KeyFileError as error:
        raise click.ClickException(f"{file}: {error}.") from error
    with command_wiring() as wiring, wiring.engine.connect() as connection:
        for row in tagged(connection, key):
            mark = hashlib.sha256(str(row.entry_id).encode()).hexdigest()
            click.echo(f"{row.leaf_index:>6}  {minute_of(row):%Y-%m-%d %H:%M}Z  {mark}")


@log.command()
@click.option(
    "--log-key",
    "log_keys",
    multiple=True,
    metavar="VKEY",
    help="An earlier verifier key of this log; repeatable.",
)
def verify(log_keys: tuple[str, ...]) -> None:
    """Check every entry, tile, checkpoint and payload of the log. Reads only; ends with 1 where something is wrong."""
    with command_wiring() as wiring:
        mark = MarkFile(wiring.settings.state_dir).read()
        keys = [signer.verifier for signer in wiring.log.signers] + [_key(text) for text in log_keys]
        with (
            snapshot(wiring.engine) as connection,
            click.progressbar(
                length=log_size(connection),
                label="Checking",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            ) as bar,
        ):
            report = verify_log(
                connection,
                keyring=wiring.keyring,
                origin=wiring.log.origin,
                keys=keys,
                policy=wiring.log.policy,
                mark=mark,
                step=bar.update,
            )
    for sentence in _told(report):
        click.echo(sentence)
    for finding in report.findings:
        click.echo(f"WRONG: {finding}", err=True)
    if report.findings:
        sys.exit(1)


@log.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--origin", envvar="GATEWAY_LOG_ORIGIN", required=True, help="The log's; or GATEWAY_LOG_ORIGIN."
)
def key(file: Path, origin: str) -> None:
    """Make a signing key in FILE, and print the verifier key that partners and witnesses keep."""
    click.echo(create_log_key(file, origin=origin))


@log.command()
def publish() -> None:
    """Sign and publish a checkpoint over everything that is recorded, and print it."""
    with command_wiring() as wiring:
        try:
            start(wiring)
            tree = publish_head(wiring)
        except (LogContradictionError, LogNotServedError, NotAppendedError) as error:
            raise click.ClickException(str(error) or "The log could not be signed or published.") from error
    click.echo(tree.note, nl=False)


def _told(report: Report) -> Iterator[str]:
    yield f"Entries: {report.size}, of which published: {report.published}."
    yield f"Checkpoints that hold: {report.checkpoints}; cosignatures that hold: {report.cosignatures}."
    if report.unknown_witnesses:
        yield f"Cosignatures of witnesses that the policy does not name: {report.unknown_witnesses}."
    yield (
        f"Payloads that open: {report.opened}, of which cover entries: {report.covers},"
        f" refusals of unknown references: {report.unknown_refs}."
    )
    yield f"Entries without a payload: {report.erased}."
    if report.deferred:
        yield f"Entries that wait to be integrated: {report.deferred}."


def _key(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except NoteError as error:
        raise click.UsageError(f"{text} is not a verifier key.") from error
