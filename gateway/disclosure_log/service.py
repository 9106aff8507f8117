"""Acts: changes that can alter a release, each with its gate moved first and its entry last.

INVARIANTS
- Whatever changes what may be released happens inside ``act``.
- Gates move at the start, in sorted order, so writers of one family queue and never deadlock.
- Entries are appended last: the head lock is taken when the rest is done, and the commit follows.
- An act that closes never waits for the log: without the head in time it commits all the same and
  its entry follows with the next append.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from certs.envelope import seal
from gateway.disclosure_log import repository
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.entry import SALT_BYTES, ComposedEntry, compose, log_id
from gateway.disclosure_log.errors import NotAppendedError, UnrecordedActError
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.keyring import NULL_FAMILY, FamilyKeys
from gateway.wiring import Wiring

HEAD_WAIT_MS = 500
"""How long an act that closes waits for the log head before it commits without it."""


@dataclass(frozen=True, slots=True)
class _Record:
    kind: EntryKind
    family_id: UUID
    agency: str | None
    restricted: bool
    internal: Mapping[str, Canonical]


@dataclass(slots=True)
class Change:
    """One act in progress: its transaction, and the entries it will append."""

    connection: Connection
    _records: list[_Record] = field(default_factory=list)
    _unchanged: bool = False

    def record(
        self,
        *,
        kind: str,
        actor: str,
        family_id: UUID = NULL_FAMILY,
        agency: str | None = None,
        restricted: bool = False,
        internal: Mapping[str, Canonical] | None = None,
    ) -> None:
        """Note an entry to be appended when the act ends.

        Args:
            kind: one of ``EntryKind``; any other is refused.
            actor: who acted: a staff username, a client id or a command.
            family_id: the reserved family when the act concerns agencies only, or erases a key.
            restricted: tag with the restricted key (shields, referrals, sensitive services).
            internal: codes and ids; never personal data.
        """
        parts = {**(internal or {}), "actor": actor}
        self._records.append(_Record(EntryKind(kind), family_id, agency, restricted, parts))

    def nothing_changed(self) -> None:
        """Say that the act was a replay: the transaction is rolled back and no entry is owed."""
        self._unchanged = True

    @property
    def unchanged(self) -> bool:
        """True when the act turned out to be a replay."""
        return self._unchanged

    @property
    def records(self) -> Sequence[_Record]:
        """The entries noted so far."""
        return tuple(self._records)


@contextmanager
def act(
    wiring: Wiring, *, families: Sequence[UUID] = (), agencies: Sequence[str] = (), closes: bool = False
) -> Iterator[Change]:
    """Run one change in one transaction: gates first, entries last, then commit.

    Args:
        families: whose gates move.
        agencies: whose gates move.
        closes: true for withdraw, refuse, shield, restrict, hold, suspend, revoke: the commit does not
            depend on the log head.

    True afterwards: the change and its gates are committed; its entry is in the log, or, for an act
    that closes, kept for the next append. On any exception nothing happened.
    Raises: UnrecordedActError, NotAppendedError (acts that open only).
    """
    with wiring.engine.connect() as connection, connection.begin() as transaction:
        repository.move_gates(connection, families=families, agencies=agencies)
        change = Change(connection)
        yield change
        if change.unchanged:
            transaction.rollback()
            return
        if not change.records:
            raise UnrecordedActError
        now = repository.database_now(connection)
        about = {NULL_FAMILY, *(record.family_id for record in change.records)}
        keys = wiring.keyring.families(connection, about)
        # The act must not fail because its family is being erased: it is sealed as nobody's.
        entries = [
            _pending(wiring, keys.get(record.family_id, keys[NULL_FAMILY]), record, now)
            for record in change.records
        ]
        _append(connection, entries, closes=closes)


def compose_entry(
    wiring: Wiring,
    keys: FamilyKeys,
    *,
    at: datetime,
    recipient: Mapping[str, Canonical],
    internal: Mapping[str, Canonical],
    restricted: bool = False,
) -> tuple[ComposedEntry, bytes]:
    """Return a new entry under fresh salts, and its sealed opening."""
    entry = compose(
        uuid4(),
        at=at,
        log=log_id(wiring.settings.log_origin),
        tag_key=keys.restricted_tag_key if restricted else keys.tag_key,
        recipient=recipient,
        internal=internal,
        recipient_salt=secrets.token_bytes(SALT_BYTES),
        internal_salt=secrets.token_bytes(SALT_BYTES),
    )
    return entry, seal(keys.data_key, entry.opening, aad=entry.aad)


def _pending(wiring: Wiring, keys: FamilyKeys, record: _Record, now: datetime) -> PendingEntry:
    internal = {**record.internal, "kind": str(record.kind), "time": now.isoformat(timespec="milliseconds")}
    entry, sealed = compose_entry(
        wiring, keys, at=now, recipient={}, internal=internal, restricted=record.restricted
    )
    return PendingEntry(entry.entry_id, entry.body, sealed, keys.family_id, agency=record.agency)


def _append(connection: Connection, entries: Sequence[PendingEntry], *, closes: bool) -> None:
    if not closes:
        _append_all(connection, entries)
        return
    connection.execute(text(f"SET LOCAL lock_timeout = {HEAD_WAIT_MS}"))
    try:
        with connection.begin_nested():
            _append_all(connection, entries)
    except NotAppendedError:
        for entry in entries:
            repository.defer(connection, entry)


def _append_all(connection: Connection, entries: Sequence[PendingEntry]) -> None:
    """Append every entry of an act; raises NotAppendedError, a family was erased under it."""
    if repository.append(connection, entries).moved:
        raise NotAppendedError
