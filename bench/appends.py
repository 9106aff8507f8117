"""Appending to the log as a release does: composed, sealed, appended, signed, published; and the floor beneath it.

INVARIANTS
- Only appending, signing and publishing are timed: an entry is composed and sealed before the clock starts.
- Batches of every size, the floor and logs of every size take turns in one shuffled order, so that a machine that
  is busy for a while slows them all.
- The floor is one row of the same bytes, inserted and committed by the same driver over the same connection: what
  this machine needs to make anything durable.
"""

import math
import random
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import fmean
from time import perf_counter
from typing import Final
from uuid import uuid4

import sqlalchemy
from sqlalchemy import Connection, text

from bench.entries import Asked, released
from extract_client.log.merkle import Frontier
from gateway.database import autocommit, connect_url
from gateway.disclosure_log import repository
from gateway.disclosure_log.entry import ComposedEntry
from gateway.disclosure_log.model import PendingEntry
from gateway.log_signer import SignedTree
from gateway.wiring import Wiring

FLOOR: Final = 0
"""Stands in a schedule for one insert into the floor's table."""

_AGENCY: Final = "health"
_FAMILIES: Final = 1000
_FIRST_VERSION: Final = 1

_FLOOR_TABLE: Final = (
    "CREATE SCHEMA bench",
    "CREATE TABLE bench.floor (entry_id uuid, family_id uuid, extract_id uuid, body bytea, sealed bytea)",
    "GRANT USAGE ON SCHEMA bench TO gateway_app",
    "GRANT INSERT ON bench.floor TO gateway_app",
)
_INSERT: Final = text(
    "INSERT INTO bench.floor VALUES (:entry_id, :family_id, :extract_id, CAST(:body AS bytea), CAST(:sealed AS bytea))"
)


@dataclass(frozen=True, slots=True)
class Landed:
    """One batch that was published.

    Attributes:
        entries: as composed, in leaf order.
        first: leaf index of the first.
        seconds: that appending, signing and publishing took together.
    """

    entries: Sequence[ComposedEntry]
    first: int
    tree: SignedTree
    seconds: float


class Appender:
    """Grows the log of one process by synthetic releases, spread over a thousand families."""

    def __init__(self, wiring: Wiring, connection: Connection, *, known: Frontier) -> None:
        self._wiring = wiring
        self._connection = connection
        self._known = known
        self._keys = wiring.keyring.reserved(connection)
        self._families = [uuid4() for _ in range(_FAMILIES)]
        repository.move_gates(connection, families=self._families, agencies=[_AGENCY])

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._known.size

    def append(self, count: int) -> Landed:
        """Append so many new entries in one call, and publish a checkpoint over them."""
        made = [self._made() for _ in range(count)]
        entries, pending = [entry for entry, _ in made], [each for _, each in made]
        started = perf_counter()
        landed = repository.append(self._connection, pending, known=self._known.size, flush=False)
        tree = self._wiring.log.sign(
            self._known,
            size=landed.size,
            root=landed.root,
            between=landed.between,
            leaves=[entry.leaf for entry in entries],
        )
        repository.publish(self._connection, frontier=tree.frontier, note=tree.note)
        self._wiring.log.published(tree.frontier)
        seconds = perf_counter() - started
        self._known = tree.frontier
        return Landed(entries, landed.first, tree, seconds)

    def insert(self) -> float:
        """Insert one row of the same bytes into the floor's table; returns the seconds it took."""
        _, row = self._made()
        values = {
            name: getattr(row, name) for name in ("entry_id", "family_id", "extract_id", "body", "sealed")
        }
        started = perf_counter()
        self._connection.execute(_INSERT, values)
        return perf_counter() - started

    def _made(self) -> tuple[ComposedEntry, PendingEntry]:
        """A release for one of the families, decided on the gates as they are."""
        keys = replace(self._keys, family_id=secrets.choice(self._families))
        asked = Asked(_AGENCY, f"client-{_AGENCY}", f"{_AGENCY}-1", datetime.now(UTC))
        entry, pending = released(self._wiring, keys, asked)
        return entry, replace(pending, family_version=_FIRST_VERSION, agency_version=_FIRST_VERSION)


def make_floor(owner_url: str) -> None:
    """Make the floor's table: no index, no constraint, nothing but the row."""
    engine = sqlalchemy.create_engine(connect_url(owner_url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in _FLOOR_TABLE:
            connection.execute(text(statement))


def settle(owner_url: str) -> None:
    """Leave the database as its own upkeep does within minutes, so that none of that falls into what is timed."""
    engine = sqlalchemy.create_engine(connect_url(owner_url), poolclass=sqlalchemy.NullPool)
    with autocommit(engine).connect() as connection:
        connection.execute(text("VACUUM (ANALYZE) gateway.log_entry, gateway.log_payload, gateway.log_trace"))
        connection.execute(
            text("VACUUM (ANALYZE) gateway.log_tile, gateway.log_checkpoint, gateway.log_head")
        )


def measure_appends(
    appenders: Sequence[Appender],
    calls: Mapping[int, int],
    *,
    chance: random.Random,
    step: Callable[[int], None],
) -> list[dict[str, float]]:
    """Return what appending costs to each log, which grows by it.

    Args:
        calls: how many calls of each batch size; ``FLOOR``: how many inserts into the floor's table.
        step: told of each call.
    """
    costs = [_Costs() for _ in appenders]
    schedule = [
        (appender, cost, batch)
        for appender, cost in zip(appenders, costs, strict=True)
        for batch, count in calls.items()
        for _ in range(count)
    ]
    chance.shuffle(schedule)
    for appender, cost, batch in schedule:
        step(1)
        if batch == FLOOR:
            cost.seconds[batch].append(appender.insert())
            continue
        landed = appender.append(batch)
        cost.seconds[batch].append(landed.seconds)
        if batch == 1:
            (entry,) = landed.entries
            cost.receipts.append(landed.tree.proof(landed.first, extra=entry.disclosure))
    return [cost.figures() for cost in costs]


@dataclass(frozen=True, slots=True)
class _Costs:
    """What was measured on one log: seconds per call by batch size, and the receipts of single entries."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    receipts: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        floor = _per_second(self.seconds[FLOOR])
        figures = {"floor_per_s": floor, **quantiles("floor", self.seconds[FLOOR], unit="ms")}
        for batch in sorted(self.seconds.keys() - {FLOOR}):
            rate = batch * _per_second(self.seconds[batch])
            figures |= {f"append_{batch}_per_s": rate, f"append_{batch}_of_floor": rate / floor}
        figures |= quantiles("append", self.seconds[1], unit="ms")
        return figures | {"receipt_bytes": fmean(len(receipt.encode()) for receipt in self.receipts)}


def quantiles(name: str, seconds: Sequence[float], *, unit: str) -> dict[str, float]:
    """Return the median and the 99th percentile (nearest rank), in ``ms`` or ``us``, under names that say so."""
    ordered = sorted(seconds)
    scale = {"ms": 1e3, "us": 1e6}[unit]
    return {
        f"{name}_p{percent}_{unit}": ordered[math.ceil(percent / 100 * len(ordered)) - 1] * scale
        for percent in (50, 99)
    }


def _per_second(seconds: Sequence[float]) -> float:
    return len(seconds) / sum(seconds)
