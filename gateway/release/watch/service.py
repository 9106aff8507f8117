"""Watching for unusual pulling, after the fact: read the log, keep two days of it, alert.

INVARIANTS
- Only the worker runs this: no request waits for it, is refused by it or can tell that it exists.
- It sees what the log says under ordinary tags: nothing of a referral, nothing of an erased family.
- However often it runs, and wherever, an alert is raised once per rule, practitioner, family and London day.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, TypeAlias

import structlog
from sqlalchemy import Connection

from certs.errors import EnvelopeError
from consent_registry.birthdays import LONDON
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import (
    OpenedEntry,
    StoredEntry,
    entries_between,
    log_size,
    minute_of,
    open_entry,
)
from gateway.keyring import NULL_FAMILY, KeyErasedError
from gateway.release.model import RefusalReason
from gateway.release.watch import repository
from gateway.release.watch.model import KEPT, Finding, Pull, Thresholds, Who, unusual
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from gateway.wiring import Wiring

BATCH: Final = 500
"""Entries per transaction: what a worker that is stopped has to read again at most."""

BankHolidays: TypeAlias = Callable[[date], frozenset[date]]
"""Returns the bank holidays of England in the year of a day and the two beside it."""

_DIGEST_HEX: Final = 32
_PULLS: Final = frozenset({EntryKind.EXTRACT_RELEASE, EntryKind.EXTRACT_REFUSE})

_log = structlog.get_logger(__name__)


def watch_pulling(wiring: Wiring, now: datetime, *, bank_holidays: BankHolidays) -> int:
    """Read what was appended since the last time and alert the data protection officer; return how many alerts.

    Two workers at once do no harm: one of them watches, the other passes by.

    Args:
        now: the database's, aware.

    Raises: certs.errors.EnvelopeError, the key-encryption key is not the one of this database: the cursor stays.
    """
    while _read_on(wiring, now):
        pass
    return _alert(wiring, now, bank_holidays=bank_holidays)


def _read_on(wiring: Wiring, now: datetime) -> bool:
    """Keep the pulls of the next entries; return whether there is more to read."""
    with wiring.engine.begin() as connection:
        first = repository.take_cursor(connection)
        if first is None:
            return False  # another worker is at it
        wiring.keyring.reserved(connection)  # the wrong key must stop the watch, not make it skip every entry
        size = log_size(connection)
        end = min(size, first + BATCH)
        entries = {
            row.leaf_index: entry
            for row in entries_between(connection, first=first, end=end)
            if (entry := _opened(wiring, connection, row, now=now)) is not None
        }
        repository.store(connection, {index: _recorded(entry) for index, entry in entries.items()})
        for entry in entries.values():
            _tell_what_was_kept_back(connection, entry, now=now)
        repository.move_cursor(connection, end)
    return end < size


def _opened(wiring: Wiring, connection: Connection, row: StoredEntry, *, now: datetime) -> OpenedEntry | None:
    """The entry of a pull; absent for anything else, and for what is too old to matter."""
    if minute_of(row) < now - KEPT:
        return None
    try:
        entry = open_entry(connection, keyring=wiring.keyring, row=row)
    except KeyErasedError:
        return None
    except EnvelopeError:
        # One damaged entry must not blind the watch to all that follow; checking the log is another's work.
        _log.error("watch.entry_does_not_open", leaf_index=row.leaf_index)
        return None
    return None if entry is None or entry.internal["kind"] not in _PULLS else entry


def _recorded(entry: OpenedEntry) -> Pull:
    said = entry.internal
    return Pull(
        Who(said["agency"], said["actor"], said.get("practitioner", "")),
        at=datetime.fromisoformat(said["time"]),
        family_id=None if entry.family_id == NULL_FAMILY else entry.family_id,
        released=said["kind"] == EntryKind.EXTRACT_RELEASE,
    )


def _tell_what_was_kept_back(connection: Connection, entry: OpenedEntry, *, now: datetime) -> None:
    """Let the safeguarding lead know, once a day and agency, that free text of a family says where it is.

    Its pull was stored before, so the family cannot be erased until the commit.
    """
    fields = entry.internal.get("kept_back", [])
    if not fields and RefusalReason.SHIELD_SURVIVED not in entry.internal.get("reasons", []):
        return
    day = datetime.fromisoformat(entry.internal["time"]).astimezone(LONDON).date()
    raise_task(
        connection,
        kind=TaskKind.RELEASE_KEPT_BACK,
        due=now,
        about=entry.internal["agency"],
        ref=entry.family_id,
        facts={"fields": len(fields), "first": fields[0] if fields else ""},
        occasion=day.isoformat(),
    )


def _alert(wiring: Wiring, now: datetime, *, bank_holidays: BankHolidays) -> int:
    settings = wiring.settings
    thresholds = Thresholds(
        pulls_per_hour=settings.alert_pulls_per_hour,
        family_pulls_per_day=settings.alert_family_pulls_per_day,
        working_hours=settings.working_hours,
        bank_holidays=bank_holidays(now.astimezone(LONDON).date()),
    )
    with wiring.engine.begin() as connection:
        if repository.take_cursor(connection) is None:
            return 0
        repository.forget(connection, before=now - KEPT)
        found = unusual(repository.recent_pulls(connection), thresholds=thresholds)
        families = {finding.family_id for finding in found if finding.family_id is not None}
        there = repository.hold_families(connection, families)
        return sum(
            _raise(connection, finding, now=now)
            for finding in found
            if finding.family_id is None or finding.family_id in there
        )


def _raise(connection: Connection, finding: Finding, *, now: datetime) -> bool:
    who = finding.who
    return raise_task(
        connection,
        kind=finding.kind,
        due=now,
        about=who.client_id,
        ref=finding.family_id,
        facts={
            "agency": who.agency_code,
            "count": finding.count,
            "day": finding.day.isoformat(),
            "practitioner": who.practitioner,
        },
        occasion=_occasion(finding),
    )


def _occasion(finding: Finding) -> str:
    """What happens once: this practitioner on this day. Not the id itself, which stands in the facts alone."""
    parts = json.dumps([finding.who.practitioner, finding.day.isoformat()])
    return hashlib.sha256(parts.encode("ascii")).hexdigest()[:_DIGEST_HEX]
