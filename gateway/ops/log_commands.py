"""``gateway log reconcile``, ``finish-erasures`` and ``rotate-key``: after what happens rarely.

They stand above the other rooms because an erasure reaches into several of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.cases.erasure import erase_again, resume_erasures
from gateway.commands import command_actor, command_wiring
from gateway.database import open_engine
from gateway.disclosure_log.errors import DisclosureLogError
from gateway.disclosure_log.publishing import start
from gateway.disclosure_log.reconciliation import Reconciled
from gateway.disclosure_log.reconciliation import reconcile as reconcile_log
from gateway.disclosure_log.rotation import record_rotation
from gateway.log_signer import LogContradictionError


@click.command()
@click.option(
    "--mirror",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a partner's mirror (extract-client monitor --mirror).",
)
@click.option(
    "--owner-url",
    envvar="GATEWAY_ADMIN_DATABASE_URL",
    required=True,
    help="PostgreSQL URL of the owner role; or GATEWAY_ADMIN_DATABASE_URL.",
)
def reconcile(mirror: Path | None, owner_url: str) -> None:
    """Bring the log back to what was published, after a backup was restored, and erase again what was erased.

    Nothing is released until this was done. It changes nothing where it cannot do all of it.
    """
    owner = open_engine(owner_url)
    with command_wiring() as wiring, _plain_faults():
        try:
            done = reconcile_log(wiring, owner, mirror=mirror, erase_again=erase_again)
        finally:
            owner.dispose()
        published = start(wiring).size
    for sentence in _told(done):
        click.echo(sentence)
    click.echo(f"The log is served again, with {published} entries.")


@click.command(name="rotate-key")
def rotate_key() -> None:
    """Record which keys sign the log from now on: after GATEWAY_LOG_NEXT_KEY_FILE or GATEWAY_LOG_KEY_FILE changed."""
    with command_wiring() as wiring, _plain_faults():
        record_rotation(wiring, actor=command_actor())
        for vkey in wiring.log.vkeys:
            click.echo(vkey)


@click.command(name="finish-erasures")
@click.option(
    "--eraser-url",
    envvar="GATEWAY_ERASER_DATABASE_URL",
    required=True,
    help="PostgreSQL URL of the eraser role; or GATEWAY_ERASER_DATABASE_URL.",
)
def finish_erasures(eraser_url: str) -> None:
    """Destroy the evidence of families whose erasure is recorded, where it was interrupted before that."""
    eraser = open_engine(eraser_url)
    with command_wiring() as wiring, _plain_faults():
        try:
            count = resume_erasures(wiring, eraser)
        finally:
            eraser.dispose()
    click.echo(f"{count} erasures were finished.")


def _told(done: Reconciled) -> Iterator[str]:
    yield f"{done.refilled} entries were put back, and {done.moved} were moved behind them."
    if done.lost:
        yield (
            f"{done.lost} entries have lost what they say. Decisions recorded after the backup, withdrawals among them,"
            " are not in the database: record them again before anybody asks for data."
        )
    if done.erased:
        yield f"{done.erased} families were erased again."


@contextmanager
def _plain_faults() -> Iterator[None]:
    """Turn what the log refuses into one sentence for the operator."""
    try:
        yield
    except (DisclosureLogError, LogContradictionError) as error:
        message = str(error) or "The log could not be written; try again when the database answers."
        raise click.ClickException(message) from error
