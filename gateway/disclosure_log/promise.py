"""The break-glass promise: a referral leaves though the log cannot sign or publish just now.

INVARIANTS
- It is for referrals only; an extract waits for inclusion, whatever happens.
- The entry is committed and flushed before the promise is made; only signature and checkpoint are still to come.
- A promise names a latest moment, and one that passed without inclusion becomes the operator's task.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from extract_client.log.note import NoteSigner, read_key, sign_note
from extract_client.log.promise import KEY_SUFFIX, Promise
from gateway.disclosure_log import repository
from gateway.disclosure_log.entry import ComposedEntry
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.publishing import start
from gateway.log_signer import LogBehindError, LogContradictionError
from gateway.settings import SettingsError
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

INCLUDE_WITHIN: Final = timedelta(seconds=60)
"""The longest that a promised entry may be missing from the tree."""

_RECORD: Final = text("SELECT gateway.record_promise(:entry_id, :include_by, :note)")
_BROKEN: Final = text(
    "SELECT p.entry_id, p.include_by FROM gateway.log_promise p LEFT JOIN gateway.log_entry e USING (entry_id)"
    " WHERE p.include_by < :now AND (e.leaf_index IS NULL OR e.leaf_index >="
    " (SELECT coalesce(max(c.size), 0) FROM gateway.log_checkpoint c)) ORDER BY p.include_by"
)

_log = structlog.get_logger(__name__)


def include_or_promise(wiring: Wiring, *, entry: ComposedEntry, pending: PendingEntry, now: datetime) -> str:
    """Record a referral's entry, and return its receipt; or, where the log cannot sign or publish, a promise.

    Args:
        entry: what is recorded; ``pending`` is the same, sealed on its way.
        now: the database's, aware.

    True afterwards: the entry is committed and flushed.
    Raises: NotAppendedError, nothing could be recorded; SettingsError, a promise is needed and there is no key for it.
    """
    try:
        known = wiring.log.known or start(wiring)
    except (LogNotServedError, LogContradictionError, NotAppendedError, SQLAlchemyError) as error:
        with wiring.autocommit.connect() as connection:
            repository.append(connection, [pending])
        return _promise(wiring, entry, now=now, fault=error)
    with wiring.autocommit.connect() as connection:
        landed = repository.append(connection, [pending], known=known.size)
        try:
            tree = wiring.log.sign(
                known, size=landed.size, root=landed.root, between=landed.between, leaves=[entry.leaf]
            )
            repository.publish(connection, frontier=tree.frontier, note=tree.note)
            wiring.log.published(tree.frontier)
            return tree.proof(landed.first, extra=entry.disclosure)
        except (LogBehindError, LogContradictionError, NotAppendedError) as error:
            fault: Exception = error
    return _promise(wiring, entry, now=now, fault=fault)


def watch_promises(wiring: Wiring, now: datetime) -> int:
    """Raise a task for every promise that was not kept in time and was not told of before; return how many."""
    with wiring.engine.begin() as connection:
        return sum(
            raise_task(
                connection,
                kind=TaskKind.LOG_PROMISE_BROKEN,
                due=row.include_by,
                about="log",
                facts={},
                occasion=str(row.entry_id),
            )
            for row in connection.execute(_BROKEN, {"now": now}).all()
        )


def _promise(wiring: Wiring, entry: ComposedEntry, *, now: datetime, fault: Exception) -> str:
    _log.error("log.promised", fault=type(fault).__name__)
    file = wiring.settings.promise_key_file
    if file is None:
        raise SettingsError("The log cannot sign, and GATEWAY_PROMISE_KEY_FILE names no key for promises.")
    signer = NoteSigner(wiring.settings.log_origin + KEY_SUFFIX, read_key(file))
    include_by = now + INCLUDE_WITHIN
    promise = Promise(wiring.settings.log_origin, entry.leaf, int(include_by.timestamp()))
    note = sign_note(promise.text, [signer])
    # A connection of its own: the one that could not publish may be broken.
    with wiring.autocommit.connect() as connection:
        connection.execute(_RECORD, {"entry_id": entry.entry_id, "include_by": include_by, "note": note})
    return note
