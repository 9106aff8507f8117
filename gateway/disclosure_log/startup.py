"""What must hold before the log is served: nothing that was published is missing, and nothing erased is back.

INVARIANTS
- What the database says of the log is compared with what lies outside it: the mark, the keys, the ledger of
  erasures and the witnesses.
- A check that fails stops releases only; acts that close need none of this.
- Nothing is repaired here: ``gateway log reconcile`` does that, on somebody's word.

Source: C2SP tlog-witness, for what a log that went back looks like from outside.
"""

from typing import Final

from sqlalchemy import Connection, text

from extract_client.errors import NoteError, ProofError
from extract_client.log.checkpoint import Checkpoint
from extract_client.log.merkle import Frontier, tree_root
from extract_client.log.note import open_note
from gateway.disclosure_log import repository
from gateway.disclosure_log.erasure import Ledger
from gateway.disclosure_log.errors import LogNotServedError
from gateway.disclosure_log.mark import Mark, MarkFile
from gateway.disclosure_log.repository import StoredCheckpoint
from gateway.disclosure_log.witnessing import ahead
from gateway.log_signer import LogSigner
from gateway.wiring import Wiring

_DURABILITY: Final = text(
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on' ORDER BY name"
)
_RESURRECTED: Final = text(
    "SELECT count(*) FROM gateway.family_key WHERE family_id = ANY (CAST(:families AS uuid[]))"
)

_ROLLED_BACK: Final = (
    "The disclosure log is not the one that was published: the database was rolled back or rewritten;"
    " run gateway log reconcile."
)


def check_log(wiring: Wiring) -> None:
    """Check the log against everything that lies outside the database; return if it may be served.

    Reads a handful of tiles, whatever the log's size, and asks each witness once; changes nothing.
    Raises: LogNotServedError, with the sentence for the operator.
    """
    # Before the database: whoever publishes meanwhile moves both, the database first.
    mark = MarkFile(wiring.settings.state_dir).read()
    erased = Ledger(wiring.settings.state_dir).read()
    with wiring.autocommit.connect() as connection:
        if not wiring.settings.synthetic_people:  # a demo's or a test's database may be thrown away
            _check_durable(connection)
        newest = repository.newest_checkpoint(connection)  # before the head likewise
        head = _checked_head(connection)
        _check_contained(connection, mark, head=head)
        if newest is not None:
            _check_signature(newest, wiring.log)
            _check_contained(connection, newest, head=head)
        if connection.execute(_RESURRECTED, {"families": list(erased)}).scalar_one():
            raise LogNotServedError(
                "The database holds keys of families that were erased, as after restoring a backup;"
                " run gateway log reconcile."
            )
    for each in ahead(wiring):
        raise LogNotServedError(
            f"The witness {each.witness} confirmed {each.size} entries, more than were published from here: the"
            " database was rolled back; run gateway log reconcile."
        )


def _check_durable(connection: Connection) -> None:
    """What PostgreSQL acknowledges must survive a loss of power."""
    for name in connection.execute(_DURABILITY).scalars():
        raise LogNotServedError(f"PostgreSQL runs with {name} off: switch it on, or entries can be lost.")


def _checked_head(connection: Connection) -> Frontier:
    """The head, which is what its leaves and tiles make."""
    head = repository.read_head(connection)
    if head.root != root_at(connection, head.size):
        raise LogNotServedError(
            "The disclosure log's head does not belong to its entries: run gateway log verify."
        )
    return head


def _check_contained(connection: Connection, tree: Mark | StoredCheckpoint | None, *, head: Frontier) -> None:
    """The log begins with a tree that was published."""
    if tree is not None and (tree.size > head.size or tree.root != root_at(connection, tree.size)):
        raise LogNotServedError(_ROLLED_BACK)


def _check_signature(newest: StoredCheckpoint, signer: LogSigner) -> None:
    """The newest checkpoint is one of ours, of this log."""
    try:
        opened = open_note(newest.note, [each.verifier for each in signer.signers])
    except NoteError as error:
        raise LogNotServedError(
            "The newest checkpoint is not signed by a key that is configured: check GATEWAY_LOG_KEY_FILE."
        ) from error
    if opened.text != Checkpoint(signer.origin, newest.size, newest.root).text:
        raise LogNotServedError("The newest checkpoint is of another log: check GATEWAY_LOG_ORIGIN.")


def root_at(connection: Connection, size: int) -> bytes | None:
    """Return the root of the first ``size`` leaves, from their tiles; absent: there are not so many."""
    read = repository.hash_reader(connection, size=size)
    try:
        return tree_root(size, read)
    except (LookupError, ProofError):
        return None
