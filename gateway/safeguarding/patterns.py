"""What is unusual among referrals: a reason to look, never one to hold anything up. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from consent_registry.birthdays import LONDON
from gateway.calendar import mondays
from gateway.safeguarding.model import Kind, Referral

WEEK: Final = timedelta(days=7)
BEFORE: Final = 8
"""Weeks with which this one is compared."""
MANY: Final = 5
"""Fewer than so many of anything in a week are nothing unusual."""
WITHOUT_AGREEMENT: Final = frozenset({Kind.DUTY, Kind.PROTECTION})
TIMES: Final = 3
"""How many times the usual number is unusual."""


class PatternKind(StrEnum):
    """What is unusual."""

    AUTHOR = "author"
    """One member of staff sent unusually many."""
    DESTINATION = "destination"
    """Somebody got one who got none in the weeks before."""
    VOLUME = "volume"
    """Everybody together sent unusually many."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing that is unusual this week.

    Attributes:
        about: a username or a destination's code; empty: everybody.
    """

    kind: PatternKind
    about: str
    count: int


def unusual(referrals: Sequence[Referral], *, now: datetime) -> list[Pattern]:
    """Return what is unusual about the last seven days, against the weeks before.

    Args:
        now: aware instant.
    """
    sent = [
        (each.sent_at, each)
        for each in referrals
        if each.sent_at is not None and each.kind is not Kind.CONSIDERED
    ]
    week = [each for at, each in sent if now - WEEK < at <= now]
    before = [each for at, each in sent if now - (BEFORE + 1) * WEEK < at <= now - WEEK]
    found = []
    if _is_unusual(len(week), len(before)):
        found.append(Pattern(PatternKind.VOLUME, "", len(week)))
    earlier = Counter(each.author for each in before)
    for author, count in sorted(Counter(each.author for each in week).items()):
        if _is_unusual(count, earlier[author]):
            found.append(Pattern(PatternKind.AUTHOR, author, count))
    known = {each.destination for each in before}
    new = Counter(each.destination or "" for each in week if each.destination not in known)
    if before:
        found += [Pattern(PatternKind.DESTINATION, code, count) for code, count in sorted(new.items())]
    return found


def by_week(referrals: Sequence[Referral], weeks: Sequence[date]) -> Mapping[str, tuple[int, ...]]:
    """Return how many were sent without agreement in each week, by the code of the destination.

    Args:
        weeks: the Monday of each.
    """
    counts: Counter[tuple[str, date]] = Counter()
    for each in referrals:
        if each.sent_at is not None and each.kind in WITHOUT_AGREEMENT:
            (monday,) = mondays(each.sent_at.astimezone(LONDON).date(), 1)
            counts[each.destination or "", monday] += 1
    codes = sorted({code for code, monday in counts if monday in weeks})
    return {code: tuple(counts[code, monday] for monday in weeks) for code in codes}


def _is_unusual(count: int, before: int) -> bool:
    return count >= MANY and count * BEFORE > TIMES * before
