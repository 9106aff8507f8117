"""What counts as unusual pulling. Pure.

INVARIANTS
- Requests count, released or refused: whoever guesses references is refused.
- Windows are half-open: two requests exactly 60 minutes apart do not lie within 60 minutes.
- A finding belongs to the London day of the request that reached the threshold, so what is forgotten of the past
  never makes a new finding.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from consent_registry.birthdays import LONDON
from gateway.calendar import is_working_day
from gateway.tasks.model import TaskKind

KEPT: Final = timedelta(hours=48)
"""How long a pull is kept: twice the longest window, so that a worker may be away for a day."""

VOLUME_WINDOW: Final = timedelta(hours=1)
FAMILY_WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Who:
    """One practitioner of one client.

    Attributes:
        practitioner: the agency's own id; empty: the request named nobody.
    """

    agency_code: str
    client_id: str
    practitioner: str


@dataclass(frozen=True, slots=True)
class Pull:
    """One request for an extract.

    Attributes:
        at: aware instant.
        family_id: absent when the reference led to no known case.
    """

    who: Who
    at: datetime
    family_id: UUID | None
    released: bool


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What one council finds unusual.

    Attributes:
        pulls_per_hour: so many requests of one practitioner within 60 minutes.
        family_pulls_per_day: so many of one practitioner for one family within 24 hours.
        working_hours: first hour and the hour after the last one, London.
        bank_holidays: of every year that the pulls can reach.
    """

    pulls_per_hour: int
    family_pulls_per_day: int
    working_hours: tuple[int, int]
    bank_holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should look at.

    Attributes:
        day: in London.
        count: requests in the fullest window that ended on that day, or releases outside working hours.
        family_id: for ``PULLING_FAMILY`` only.
    """

    kind: TaskKind
    who: Who
    day: date
    count: int
    family_id: UUID | None = None


_Times: TypeAlias = Mapping[tuple[Who, UUID | None], Collection[datetime]]


def unusual(pulls: Collection[Pull], *, thresholds: Thresholds) -> tuple[Finding, ...]:
    """Return what is unusual among these requests: at most one finding per rule, practitioner, family and day."""
    everything = _times(pulls, per_family=False)
    per_family = _times((pull for pull in pulls if pull.family_id is not None), per_family=True)
    late = _times(
        (pull for pull in pulls if pull.released and not is_working_time(pull.at, thresholds=thresholds)),
        per_family=False,
    )
    return (
        *_bursts(TaskKind.PULLING_VOLUME, everything, VOLUME_WINDOW, thresholds.pulls_per_hour),
        *_bursts(TaskKind.PULLING_FAMILY, per_family, FAMILY_WINDOW, thresholds.family_pulls_per_day),
        *_by_day(TaskKind.PULLING_HOURS, late),
    )


def is_working_time(at: datetime, *, thresholds: Thresholds) -> bool:
    """Tell whether requests at this instant are unremarkable: in the hours of a working day of England."""
    local = at.astimezone(LONDON)
    first, end = thresholds.working_hours
    return is_working_day(local.date(), holidays=thresholds.bank_holidays) and first <= local.hour < end


def _times(pulls: Iterable[Pull], *, per_family: bool) -> _Times:
    """The instants of these requests, by practitioner and, if wanted, family."""
    times: dict[tuple[Who, UUID | None], list[datetime]] = defaultdict(list)
    for pull in pulls:
        times[pull.who, pull.family_id if per_family else None].append(pull.at)
    return times


def _bursts(kind: TaskKind, times: _Times, within: timedelta, threshold: int) -> Iterator[Finding]:
    """Every day on which a request was the ``threshold``-th, or a later one, of a window that it ended."""
    for (who, family_id), instants in times.items():
        fullest: dict[date, int] = {}
        ordered = sorted(instants)
        first = 0
        for last, at in enumerate(ordered):
            while at - ordered[first] >= within:
                first += 1
            count = last - first + 1
            if count >= threshold:
                day = at.astimezone(LONDON).date()
                fullest[day] = max(count, fullest.get(day, 0))
        for day, count in fullest.items():
            yield Finding(kind, who, day, count, family_id)


def _by_day(kind: TaskKind, times: _Times) -> Iterator[Finding]:
    for (who, family_id), instants in times.items():
        days = [at.astimezone(LONDON).date() for at in instants]
        for day in sorted(set(days)):
            yield Finding(kind, who, day, days.count(day), family_id)
