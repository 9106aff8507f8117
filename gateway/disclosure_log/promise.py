"""The break-glass promise: a referral leaves though the log cannot sign or publish just now.

INVARIANTS
- It is for referrals only; an extract waits for inclusion, whatever happens.
- The entry, and whatever is kept with it, are one transaction, committed and flushed before the promise is made; only
  signature and checkpoint are still to come.
- Nothing that is wrong with the log keeps a referral back.
- A promise names a latest moment, and one that passed without inclusion becomes the operator's task.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from extract_client.errors import ConfigurationError
from extract_client.log.merkle import Frontier
from extract_client.log.note import NoteSigner, read_key, sign_note
from extract_client.log.promise import KEY_SUFFIX, Promise
from gateway.disclosure_log import repository
from gateway.disclosure_log.entry import ComposedEntry
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.model import Appended, PendingEntry
from gateway.disclosure_log.publishing import start
from gateway.disclosure_log.service import HEAD_WAIT_MS
from gateway.log_signer import LogBehindError, LogContradictionError
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

INCLUDE_WITHIN: Final = timedelta(seconds=60)
"""The longest that a promised entry may be missing from the tree."""

_RECORDED: Final = text(
    "SELECT EXISTS (SELECT FROM gateway.log_entry WHERE entry_id = :entry_id)"
    " OR EXISTS (SELECT FROM gateway.log_deferred WHERE entry_id = :entry_id)"
)
_RECORD: Final = text("SELECT gateway.record_promise(:entry_id, :include_by, :note)")
_BROKEN: Final = text(
    "SELECT p.entry_id, p.include_by FROM gateway.log_promise p LEFT JOIN gateway.log_entry e USING (entry_id)"
    " WHERE p.include_by < :now AND (e.leaf_index IS NULL OR e.leaf_index >="
    " (SELECT coalesce(max(c.size), 0) FROM gateway.log_checkpoint c)) ORDER BY p.include_by"
)

_log = structlog.get_logger(__name__)


def include_or_promise(
    wiring: Wiring,
    *,
    entry: ComposedEntry,
    pending: PendingEntry,
    now: datetime,
    keep: Callable[[Connection], object] | None = None,
) -> str | None:
    """Record a referral's entry, and return its receipt; or, where the log cannot sign or publish, a promise.

    Args:
        entry: what is recorded; ``pending`` is the same, sealed on its way.
        now: the database's, aware.
        keep: what is stored in the same transaction, before the entry.

    Returns: absent where a promise is needed and there is no key for it.
    True afterwards: the entry, and what was kept with it, are committed and flushed.
    Raises: SQLAlchemyError, nothing could be recorded; whatever ``keep`` raises: nothing was stored either.
    """
    known, fault = _known(wiring)
    landed = None
    try:
        landed = _kept(wiring, pending, keep=keep, known=known)
    except (NotAppendedError, SQLAlchemyError) as error:
        # The log did not take it, or put this process out while it held the head: once more, without the log.
        fault = error
        with wiring.engine.begin() as connection:
            if not connection.execute(_RECORDED, {"entry_id": entry.entry_id}).scalar_one():
                if keep is not None:
                    keep(connection)
                repository.defer(connection, pending)
    if known is not None and landed is not None:
        try:
            tree = wiring.log.sign(
                known, size=landed.size, root=landed.root, between=landed.between, leaves=[entry.leaf]
            )
            with wiring.autocommit.connect() as connection:
                repository.publish(connection, frontier=tree.frontier, note=tree.note)
            wiring.log.published(tree.frontier)
            return tree.proof(landed.first, extra=entry.disclosure)
        except (LogBehindError, LogContradictionError, NotAppendedError, SQLAlchemyError) as error:
            fault = error
    return _promise(wiring, entry, now=now, fault=fault)


def _kept(
    wiring: Wiring,
    pending: PendingEntry,
    *,
    keep: Callable[[Connection], object] | None,
    known: Frontier | None,
) -> Appended:
    """Store what is kept, and append the entry, in one transaction."""
    with wiring.engine.begin() as connection:
        if keep is not None:
            keep(connection)
        connection.execute(text(f"SET LOCAL lock_timeout = {HEAD_WAIT_MS}"))
        return repository.append(connection, [pending], known=None if known is None else known.size)


def _known(wiring: Wiring) -> tuple[Frontier | None, Exception | None]:
    """The tree that this process signs from; absent, with why, where it cannot sign."""
    try:
        return wiring.log.known or start(wiring), None
    except (
        LogNotServedError,
        LogContradictionError,
        LogBehindError,
        NotAppendedError,
        SQLAlchemyError,
    ) as error:
        return None, error


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


def _promise(wiring: Wiring, entry: ComposedEntry, *, now: datetime, fault: Exception | None) -> str | None:
    _log.error("log.promised", fault=type(fault).__name__)
    file = wiring.settings.promise_key_file
    if file is None:
        _log.error("log.no_promise_key", remedy="name a key in GATEWAY_PROMISE_KEY_FILE")
        return None
    include_by = now + INCLUDE_WITHIN
    promise = Promise(wiring.settings.log_origin, entry.leaf, int(include_by.timestamp()))
    try:
        note = sign_note(promise.text, [NoteSigner(wiring.settings.log_origin + KEY_SUFFIX, read_key(file))])
        # A connection of its own: the one that could not publish may be broken.
        with wiring.autocommit.connect() as connection:
            connection.execute(_RECORD, {"entry_id": entry.entry_id, "include_by": include_by, "note": note})
    except (ConfigurationError, SQLAlchemyError) as error:
        _log.error("log.promise_failed", fault=type(error).__name__)
        return None
    return note
