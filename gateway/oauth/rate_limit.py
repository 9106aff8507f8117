"""How often a client and its practitioners may ask, counted in PostgreSQL for all nodes together.

INVARIANTS
- Everything is counted by one UPSERT of its own, before any look-up the request is about; a refused request
  costs nothing further.
- Every case-level "not found" of a client counts alike, whatever was behind it. When they are used up, every
  case request of that client is answered 429 before any look-up: guessing learns nothing more, not even by
  the difference between the two answers.
- A withdrawal is never refused for its frequency, nor the token it needs, nor the ending of a token.

A token bucket: it holds a minute's (or an hour's) worth, and fills evenly. Source: RFC 9110 section 10.2.3
(Retry-After); draft-ietf-httpapi-ratelimit-headers-10 (RateLimit, RateLimit-Policy).
"""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.database import Prepared
from gateway.oauth.errors import TooManyRequestsError
from gateway.settings import Settings
from gateway.wiring import Wiring

MINUTE: Final = 60
HOUR: Final = 3600
_IDLE: Final = timedelta(days=1)
"""A bucket nobody touched for this long is full, so its row can go."""

_TAKE: Final = Prepared(
    """
    INSERT INTO gateway.rate_bucket AS b (digest, capacity, per_second, level, allowed, filled_at)
    SELECT u.digest, u.capacity, u.capacity / u.seconds, u.capacity - u.cost, true, clock_timestamp()
      FROM unnest(CAST(:digests AS bytea[]), CAST(:capacities AS double precision[]),
                  CAST(:seconds AS double precision[]), CAST(:needs AS double precision[]),
                  CAST(:costs AS double precision[])) AS u(digest, capacity, seconds, need, cost)
     ORDER BY u.digest
    ON CONFLICT (digest) DO UPDATE SET
        (capacity, per_second, level, allowed, filled_at) = (
            SELECT excluded.capacity, excluded.per_second,
                   f.level - CASE WHEN f.level >= w.need THEN w.cost ELSE 0 END,
                   f.level >= w.need, greatest(b.filled_at, excluded.filled_at)
              FROM (SELECT least(excluded.capacity, b.level + excluded.per_second
                        * greatest(0, extract(epoch FROM excluded.filled_at - b.filled_at))) AS level) AS f,
                   (SELECT u.need, u.cost FROM unnest(CAST(:digests AS bytea[]),
                        CAST(:needs AS double precision[]), CAST(:costs AS double precision[]))
                        AS u(digest, need, cost) WHERE u.digest = excluded.digest) AS w)
    RETURNING digest, capacity, per_second, level, allowed
    """
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One thing that is limited.

    Attributes:
        name: what the headers call it.
        parts: what is limited: a client, or one practitioner of a client.
        capacity: requests it holds when full, and fills up to in ``seconds``.
        needs: the request is refused with less than this in it.
        costs: what the request takes out of it.
    """

    name: str
    parts: tuple[str, ...]
    capacity: int
    seconds: int = MINUTE
    needs: int = 1
    costs: int = 1

    @property
    def digest(self) -> bytes:
        """SHA-256 over name and parts, unambiguously joined: the table names nobody."""
        return hashlib.sha256(json.dumps([self.name, *self.parts]).encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class Level:
    """How a bucket stands after a request.

    Attributes:
        remaining: whole requests left.
        full_in: seconds until it is full again.
        next_in: seconds until one more request fits; 0: one fits now.
    """

    bucket: Bucket
    allowed: bool
    remaining: int
    full_in: int
    next_in: int


def client_bucket(settings: Settings, client_id: str) -> Bucket:
    """All requests of one client."""
    return Bucket("client", (client_id,), settings.client_requests_per_minute)


def practitioner_bucket(settings: Settings, client_id: str, practitioner: str) -> Bucket:
    """All requests of one client for one practitioner."""
    return Bucket("practitioner", (client_id, practitioner), settings.practitioner_requests_per_minute)


def absence_bucket(settings: Settings, client_id: str, *, needs: int, costs: int) -> Bucket:
    """Case-level "not found" answers to one client: asked about before, and counted after."""
    return Bucket("absence", (client_id,), settings.absences_per_hour, HOUR, needs, costs)


def take(connection: Connection, buckets: Sequence[Bucket]) -> list[Level]:
    """Take one request out of every bucket, in ONE statement, and return how they stand, in order.

    A bucket that has not enough stays as it is, and says so.

    Args:
        connection: in autocommit.
    """
    rows = _TAKE.rows(
        connection,
        {
            "digests": [bucket.digest for bucket in buckets],
            "capacities": [float(bucket.capacity) for bucket in buckets],
            "seconds": [float(bucket.seconds) for bucket in buckets],
            "needs": [float(bucket.needs) for bucket in buckets],
            "costs": [float(bucket.costs) for bucket in buckets],
        },
    )
    found = {bytes(row.digest): row for row in rows}
    return [
        Level(
            bucket,
            allowed=row.allowed,
            remaining=max(0, math.floor(row.level)),
            full_in=math.ceil((row.capacity - row.level) / row.per_second),
            next_in=max(0, math.ceil((1 - row.level) / row.per_second)),
        )
        for bucket in buckets
        for row in (found[bucket.digest],)
    ]


def admit_token_request(wiring: Wiring, client_id: str) -> None:
    """Count a request of an authenticated client for a token, or about one.

    Raises: TooManyRequestsError.
    """
    bucket = Bucket("token", (client_id,), wiring.settings.client_requests_per_minute)
    with wiring.autocommit.connect() as connection:
        (level,) = take(connection, [bucket])
    if not level.allowed:
        raise TooManyRequestsError(retry_after=level.next_in)


def count_absence(wiring: Wiring, client_id: str) -> None:
    """Count one case-level "not found" answer; the answer stays what it is even if that cannot be counted."""
    with suppress(SQLAlchemyError), wiring.autocommit.connect() as connection:
        take(connection, [absence_bucket(wiring.settings, client_id, needs=0, costs=1)])


def headers(levels: Sequence[Level]) -> dict[str, str]:
    """Return what a client is told about its limits; the count of absences is not for it."""
    told = [level for level in levels if level.bucket.name != "absence"]
    return {
        "RateLimit-Policy": ", ".join(
            f'"{level.bucket.name}";q={level.bucket.capacity};w={level.bucket.seconds}' for level in told
        ),
        "RateLimit": ", ".join(
            f'"{level.bucket.name}";r={level.remaining};t={level.full_in}' for level in told
        ),
    }


def sweep_buckets(connection: Connection, *, now: datetime) -> int:
    """Forget buckets that are full again; return how many."""
    swept = connection.execute(
        text("DELETE FROM gateway.rate_bucket WHERE filled_at < :idle"), {"idle": now - _IDLE}
    )
    return swept.rowcount
