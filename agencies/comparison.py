"""What changes between two versions of one agency's profile. Pure.

INVARIANT: a field that is wider at any stage, under any conditions that can hold together, is wider.
"""

from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import Condition, FieldName, Level, Profile, Stage

_WHEN: Final = tuple(each for each in Condition if each is not Condition.ALWAYS)
TOGETHER: Final = tuple(
    frozenset(some) for some in chain.from_iterable(combinations(_WHEN, n) for n in range(len(_WHEN) + 1))
)
"""Every set of conditions that a request can meet, the smallest first."""


def widened(old: Profile, new: Profile) -> frozenset[FieldName]:
    """Return the fields of which the new version gives more than the old one, at some stage and condition."""
    return frozenset(
        name
        for name in FIELDS
        if any(
            new.level(name, stage=stage, conditions=conditions)
            > old.level(name, stage=stage, conditions=conditions)
            for stage in Stage
            for conditions in TOGETHER
        )
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that two versions of a profile treat differently, at one stage under one condition."""

    field: FieldName
    stage: Stage
    when: Condition
    old: Level
    new: Level

    @property
    def is_wider(self) -> bool:
        """True when the new version gives more."""
        return self.new > self.old


def differences(old: Profile | None, new: Profile) -> list[Difference]:
    """Return everything that differs, what becomes wider first, then by the catalogue's order.

    Args:
        old: absent: there was none, and everything that the new one gives is wider.
    """
    found = []
    for name in FIELDS:
        for stage in Stage:
            for when in Condition:
                conditions = frozenset({when})
                before = Level.W if old is None else old.level(name, stage=stage, conditions=conditions)
                after = new.level(name, stage=stage, conditions=conditions)
                if when is not Condition.ALWAYS and (before, after) == _always(old, new, name, stage):
                    continue
                if before != after:
                    found.append(Difference(name, stage, when, before, after))
    return sorted(found, key=lambda each: not each.is_wider)


def _always(old: Profile | None, new: Profile, name: FieldName, stage: Stage) -> tuple[Level, Level]:
    """What both versions give without any condition."""
    nothing = frozenset[Condition]()
    before = Level.W if old is None else old.level(name, stage=stage, conditions=nothing)
    return before, new.level(name, stage=stage, conditions=nothing)
