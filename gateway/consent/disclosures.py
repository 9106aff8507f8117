"""Who got what, when and why, for those who answer for it: each look is on record before anything is shown.

INVARIANTS
- Nothing is told before the look is committed; it is nobody's entry, so that a look tells nothing of a family.
- What does not exist for whoever asks is looked for like what does, and is not found.
- No number is told that counts more than what is shown: no total, no number of a page.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from agencies.model import AgencyCode, Purpose
from agencies.repository import all_agencies
from consent_registry.birthdays import LONDON, midnight
from gateway.calendar import mondays
from gateway.cases.lookup import absent_for, case_to_explain, hidden_from
from gateway.cases.model import CaseIdentity
from gateway.consent.explaining import Explanation, replayed
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.entry_marks import marked_size
from gateway.disclosure_log.exploring import (
    Disclosure,
    Sort,
    Wanted,
    counts_by_week,
    disclosure,
    disclosures,
)
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.proving import Checked, check_entry
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.keyring import KeyErasedError
from gateway.recall.repository import agencies_of
from gateway.release.service import ITEM_FAULTS
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

LINES: Final = 50
"""Lines of a page."""
MOST: Final = 20_000
"""Lines of a file."""
WEEKS: Final = 12
CHARTED: Final = (Sort.RELEASE, Sort.REFUSAL, Sort.WITHDRAWAL)

_SERVED: Final = frozenset({"P1", "P2", "P3"})
_DECIDED: Final = frozenset({Sort.RELEASE, Sort.REFUSAL})


@dataclass(frozen=True, slots=True)
class Found:
    """Lines, the newest first.

    Attributes:
        more: True where there are others after the last one.
    """

    lines: tuple[Disclosure, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry with what can be known of it.

    Attributes:
        trace: of a release or a refusal, the decision again; absent: there is no such case, or it cannot be read.
    """

    line: Disclosure
    checked: Checked
    trace: Explanation | None


@dataclass(frozen=True, slots=True)
class Weeks:
    """How often, by agency and week.

    Attributes:
        mondays: the first day of each week, the oldest first.
        counts: by sort, agency's code and Monday; a withdrawal counts for each agency that it told to stop, and for
            the empty code where none had anything.
    """

    mondays: tuple[date, ...]
    counts: Mapping[tuple[Sort, str, date], int]

    def row(self, sort: Sort, agency: str) -> tuple[int, ...]:
        """The weeks of one agency."""
        return tuple(self.counts.get((sort, agency, monday), 0) for monday in self.mondays)

    def agencies(self, sort: Sort) -> tuple[str, ...]:
        """The codes of those of whom there is anything, in alphabetical order."""
        return tuple(sorted({agency for each, agency, _ in self.counts if each is sort}))


def find(wiring: Wiring, who: SignedIn, wanted: Wanted, *, before: int | None = None) -> Found:
    """Return a page of what is looked for: as many lines as a page has, wherever there are as many.

    Args:
        before: only what has a smaller leaf index.
    """
    _note(wiring, who, page="list", wanted=wanted, **({} if before is None else {"before": str(before)}))
    return _cut(wiring, who, wanted, before=before, count=LINES)


def everything(wiring: Wiring, who: SignedIn, wanted: Wanted) -> Found:
    """Return all that is looked for, or the newest of it where it is very much."""
    _note(wiring, who, page="file", wanted=wanted)
    return _cut(wiring, who, wanted, before=None, count=MOST)


def one(wiring: Wiring, who: SignedIn, index: int) -> Detail | None:
    """Return one entry with its proof and its decision; absent: for whoever asks there is none."""
    _note(wiring, who, page="entry", leaf=str(index))
    with wiring.engine.connect() as connection:
        absent = partial(_absent, connection, who)
        found = disclosure(connection, index, keyring=wiring.keyring, absent=absent)
        if found is None:
            return None
        line, row = found
        checked = check_entry(wiring, connection, row)
        identity = case_to_explain(connection, who, line.family_id)
    trace = None if identity is None else _trace(wiring, line, identity)
    return Detail(line, checked, trace)


def _trace(wiring: Wiring, line: Disclosure, identity: CaseIdentity) -> Explanation | None:
    """The decision of an entry again; absent: it tells of none, or a part that it needs cannot be read."""
    if line.entry is None or line.sort not in _DECIDED or line.purpose not in _SERVED:
        return None
    try:
        return replayed(
            wiring,
            identity,
            agency=AgencyCode(line.agency),
            purpose=Purpose(line.purpose),
            actor=str(line.entry.internal["actor"]),
            at=datetime.fromisoformat(str(line.entry.internal["time"])),
            practitioner=line.practitioner,
        )
    except (KeyErasedError, *ITEM_FAULTS):
        return None


def weeks(wiring: Wiring, who: SignedIn) -> Weeks:
    """Return how often something was released, refused and withdrawn in the last weeks, this one among them."""
    _note(wiring, who, page="weeks")
    counts: Counter[tuple[Sort, str, date]] = Counter()
    with wiring.engine.connect() as connection:
        weeks = mondays(database_now(connection).astimezone(LONDON).date(), WEEKS)
        since, edge = midnight(weeks[0]), marked_size(connection)
        counts.update(
            counts_by_week(
                connection,
                keyring=wiring.keyring,
                mondays=weeks,
                agencies=[str(each.code) for each in all_agencies(connection)],
                before=edge,
                hidden=hidden_from(connection, who),
            )
        )
        stops = Wanted(sort=Sort.WITHDRAWAL, since=since)
        lines = [
            *_lines(wiring, connection, who, Wanted(since=since), since_place=edge),
            *_lines(wiring, connection, who, stops, before=edge),
        ]
        told = agencies_of(connection, [recall for line in lines for recall in line.recalls])
    for line in lines:
        (monday,) = mondays(line.minute.astimezone(LONDON).date(), 1)
        for agency in _counted(line, told):
            if line.sort in CHARTED:
                counts[line.sort, agency, monday] += 1
    return Weeks(weeks, counts)


def _counted(line: Disclosure, told: Mapping[UUID, str]) -> Collection[str]:
    """For which agencies a line counts."""
    if line.sort is not Sort.WITHDRAWAL:
        return {line.agency}
    return {told[recall] for recall in line.recalls if recall in told} or {""}


def _cut(wiring: Wiring, who: SignedIn, wanted: Wanted, *, before: int | None, count: int) -> Found:
    with wiring.engine.connect() as connection:
        found = tuple(islice(_lines(wiring, connection, who, wanted, before=before), count + 1))
    return Found(found[:count], more=len(found) > count)


def _lines(
    wiring: Wiring,
    connection: Connection,
    who: SignedIn,
    wanted: Wanted,
    *,
    before: int | None = None,
    since_place: int = 0,
) -> Iterator[Disclosure]:
    return disclosures(
        connection,
        keyring=wiring.keyring,
        wanted=wanted,
        absent=partial(_absent, connection, who),
        before=before,
        since_place=since_place,
    )


def _absent(connection: Connection, who: SignedIn, families: Collection[UUID]) -> Collection[UUID]:
    return absent_for(connection, who, families)


def _note(
    wiring: Wiring, who: SignedIn, *, page: str, wanted: Wanted | None = None, **more: Canonical
) -> None:
    """Record that somebody looks, and for what: codes, and of a practitioner only that there was one."""
    asked: dict[str, Canonical] = {}
    if wanted is not None:
        asked = {name: code for name in ("agency", "sort", "purpose") if (code := getattr(wanted, name))}
        days = {"since": wanted.since, "until": wanted.until}
        asked |= {name: instant.isoformat() for name, instant in days.items() if instant is not None}
        asked |= {"of_practitioner": True} if wanted.practitioner else {}
    with act(wiring) as change:
        change.record(
            kind=EntryKind.DISCLOSURE_VIEW, actor=who.username, internal={"page": page, **asked, **more}
        )
