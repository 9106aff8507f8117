"""Entries of the disclosure log: composed and sealed as a release or a refusal leaves them, one or as many as wanted.

INVARIANTS
- What is written goes through the gateway's own ``append``: bodies, payloads, traces and tree are those of real entries.
- A log that grew is published up to its last entry; stopped anywhere, it goes on where it was.
"""

import random
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import click
from sqlalchemy import text

from bench.population import AGENCIES, Population
from gateway.disclosure_log import repository
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.entry import ComposedEntry
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.disclosure_log.publishing import publish_head, start
from gateway.disclosure_log.reading import log_size
from gateway.disclosure_log.service import compose_entry
from gateway.keyring import FamilyKeys
from gateway.wiring import Wiring

BULK: Final = 1000
"""Entries per call where the log only has to grow."""

_SEED: Final = 20261128
_REFUSED: Final = 5
"""One of so many entries is a refusal."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked, and when."""

    agency: str
    client: str
    practitioner: str
    at: datetime

    @property
    def time(self) -> str:
        """As entries write it."""
        return self.at.isoformat(timespec="milliseconds")

    @property
    def internal(self) -> dict[str, Canonical]:
        """What every entry says of it to the council alone."""
        return {
            "actor": self.client,
            "agency": self.agency,
            "practitioner": self.practitioner,
            "time": self.time,
        }


def released(wiring: Wiring, keys: FamilyKeys, asked: Asked) -> tuple[ComposedEntry, PendingEntry]:
    """An entry as a release of one extract leaves it, with as many bytes."""
    extract_id = uuid4()
    recipient: dict[str, Canonical] = {
        "agency": asked.agency,
        "case_ref": str(uuid4()),
        "extract_id": str(extract_id),
        "extract_sha256": secrets.token_hex(32),
        "profile_version": 1,
        "purpose": "P1",
        "time": asked.time,
    }
    internal: dict[str, Canonical] = {
        **asked.internal,
        "decisions": [str(uuid4()), str(uuid4())],
        "fields": {str(uuid4()): "F02 F03 F07 F10 F16" for _ in range(3)},
        "kind": str(EntryKind.EXTRACT_RELEASE),
        "people": [str(uuid4()) for _ in range(3)],
        "record_sha256": secrets.token_hex(32),
        "stage": "panel",
        "use_until": asked.time,
    }
    entry, sealed = compose_entry(wiring, keys, at=asked.at, recipient=recipient, internal=internal)
    pending = PendingEntry(
        entry.entry_id, entry.body, sealed, keys.family_id, agency=asked.agency, extract_id=extract_id
    )
    return entry, pending


def refused(wiring: Wiring, keys: FamilyKeys, asked: Asked) -> PendingEntry:
    """An entry as a refusal leaves it."""
    internal: dict[str, Canonical] = {
        **asked.internal,
        "kind": str(EntryKind.EXTRACT_REFUSE),
        "purpose": "P1",
        "reasons": ["no_consent"],
    }
    entry, sealed = compose_entry(wiring, keys, at=asked.at, recipient={}, internal=internal)
    return PendingEntry(entry.entry_id, entry.body, sealed, keys.family_id, agency=asked.agency)


def write_log(wiring: Wiring, population: Population, entries: int, *, rare: str | None = None) -> None:
    """Enter releases and refusals, of random families to random agencies, until the log is as long as it should be.

    Args:
        rare: a practitioner who asks for one extract of them all, in the middle of the log.
    """
    start(wiring)
    with wiring.engine.connect() as connection:
        there = log_size(connection)
        families = list(
            connection.execute(text("SELECT family_id FROM gateway.case_record ORDER BY family_id")).scalars()
        )
    chance = random.Random(_SEED + there)
    label = f"writing {entries:,} entries"
    with click.progressbar(length=max(0, entries - there), label=label, file=sys.stderr) as bar:
        while there < entries:
            count = min(BULK, entries - there)
            with wiring.autocommit.connect() as connection:
                now, chosen = repository.database_now(connection), chance.choices(families, k=count)
                keys = wiring.keyring.families(connection, {*chosen})
                batch = [_random(wiring, keys[each], population, chance, now=now) for each in chosen]
                if rare is not None and there <= entries // 2 < there + count:
                    asked = replace(_asked(population, AGENCIES[0], now=now), practitioner=rare)
                    _, batch[0] = released(wiring, keys[chosen[0]], asked)
                repository.append(connection, batch, flush=False)
            publish_head(wiring)
            there += count
            bar.update(count)


def _random(
    wiring: Wiring, keys: FamilyKeys, population: Population, chance: random.Random, *, now: datetime
) -> PendingEntry:
    asked = _asked(population, chance.choice(AGENCIES), now=now)
    if not chance.randrange(_REFUSED):
        return refused(wiring, keys, asked)
    _, pending = released(wiring, keys, asked)
    return pending


def _asked(population: Population, agency: str, *, now: datetime) -> Asked:
    member: Mapping[str, Any] = population.members[agency]
    return Asked(agency, member["client_id"], member["practitioner"], now)
