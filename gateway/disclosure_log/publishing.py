"""Publishing checkpoints: what is signed becomes durable, then known, then visible.

INVARIANTS
- A note leaves, in an answer or at ``/log/checkpoint``, only after it was published: appended first, signed next,
  then one flush for both.
- Who publishes the head signs nothing that it did not fold itself from its last published tree.
"""

import threading

import structlog
from sqlalchemy import Connection

from extract_client.errors import NoteError, ProofError
from extract_client.log.merkle import Frontier
from extract_client.log.note import open_note
from gateway.disclosure_log import repository
from gateway.disclosure_log.errors import LogNotServedError
from gateway.disclosure_log.mark import MarkFile
from gateway.disclosure_log.startup import check_log
from gateway.log_signer import LogContradictionError, SignedTree
from gateway.wiring import Wiring

_log = structlog.get_logger(__name__)


def start(wiring: Wiring) -> Frontier:
    """Make this process ready to sign, and return the tree it builds on: checked, and published.

    Raises: LogNotServedError, the log was rolled back or contradicts itself: nothing may be released.
    """
    if wiring.log.contradicted:
        raise LogNotServedError(
            "The disclosure log contradicts what this process signed: keep the database as it is, and run gateway log verify."
        )
    check_log(wiring)
    return publish_head(wiring).frontier


def publish_head(wiring: Wiring) -> SignedTree:
    """Sign and publish whatever the log's head is now, and mark it; a head that was published before is signed alike.

    Raises: NotAppendedError; LogContradictionError.
    """
    with wiring.autocommit.connect() as connection:
        known = wiring.log.known or caught_up(wiring, connection)
        head = repository.read_head(connection)
        between = b"".join(repository.leaf_hashes(connection, first=known.size, end=head.size))
        tree = wiring.log.sign(known, size=head.size, root=head.root, between=between, leaves=())
        repository.publish(connection, frontier=tree.frontier, note=tree.note)
        wiring.log.published(tree.frontier)
    MarkFile(wiring.settings.state_dir).advance(tree.frontier.size, tree.frontier.root)
    return tree


def keep_mark(wiring: Wiring) -> None:
    """Let a thread of this process mark whatever is published from now on, so that no answer waits for it.

    A mark that lags is harmless: until the process ends, it knows by itself what was published.
    """
    threading.Thread(target=_mark_forever, args=(wiring,), name="log mark", daemon=True).start()


def _mark_forever(wiring: Wiring) -> None:
    mark, size = MarkFile(wiring.settings.state_dir), 0
    while True:
        newest = wiring.log.newer_than(size)
        size = newest.size
        try:
            mark.advance(size, newest.root)
        except LogContradictionError:
            wiring.log.contradict()
            _log.error("log.mark_contradicts")
        except LogNotServedError as error:
            _log.error("log.not_marked", fault=type(error).__name__)


def caught_up(wiring: Wiring, connection: Connection) -> Frontier:
    """Make this process know the newest published tree, and return it: its tiles make the root that was signed.

    Raises: LogContradictionError, they do not, or a key that we do not have signed it.
    """
    newest = repository.newest_checkpoint(connection)
    frontier = Frontier()
    if newest is not None:
        keys = [signer.verifier for signer in wiring.log.signers]
        try:
            open_note(newest.note, keys)
            read = repository.hash_reader(connection, size=newest.size)
            frontier = Frontier.of(newest.size, read)
        except (LookupError, NoteError, ProofError) as error:
            raise LogContradictionError(
                "the newest checkpoint is not signed by our key over a whole tree"
            ) from error
        if frontier.root != newest.root:
            raise LogContradictionError("the tiles do not make the root that was signed")
    wiring.log.published(frontier)
    return frontier
