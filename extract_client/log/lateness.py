"""When an entry's time does not fit what witnesses saw: the bound on back-dating. Pure.

INVARIANT: only times that a quorum signed are measures; without them nothing is late.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LATE_SECONDS: Final = 120
"""How far a clock may be off before an entry's time counts as late."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A tree that a quorum of witnesses saw.

    Attributes:
        time: when, seconds since 1970.
    """

    size: int
    time: int


def late_entries(
    minutes: Sequence[int], *, first: int, before: Witnessed | None, since: Witnessed
) -> list[int]:
    """Return the leaf indexes of entries whose time does not fit the witnesses'.

    Args:
        minutes: of the entries from leaf index ``first`` on, seconds since 1970.
        before: the last tree without them that a quorum saw; absent: none.
        since: the first tree with them that a quorum saw.
    """
    earliest = 0 if before is None else before.time - LATE_SECONDS
    latest = since.time + LATE_SECONDS
    return [first + at for at, minute in enumerate(minutes) if not earliest <= minute <= latest]


def quorum_time(quorum_met: Callable[[Collection[str]], bool], times: Mapping[str, int]) -> int | None:
    """Return when enough witnesses had cosigned, seconds since 1970; absent: not enough did, or none is asked for."""
    names: list[str] = []
    for name, time in sorted(times.items(), key=lambda cosigned: cosigned[1]):
        names.append(name)
        if quorum_met(names):
            return time
    return None
