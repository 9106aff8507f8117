"""What changes between two versions of one agency's profile. Pure.

INVARIANT: a field that is wider at any stage, under any conditions that can hold together, is wider.
"""

from itertools import chain, combinations
from typing import Final

from agencies.catalogue import FIELDS
from agencies.model import Condition, FieldName, Profile, Stage

_WHEN: Final = tuple(each for each in Condition if each is not Condition.ALWAYS)
_TOGETHER: Final = tuple(
    frozenset(some) for some in chain.from_iterable(combinations(_WHEN, n) for n in range(len(_WHEN) + 1))
)
"""Every set of conditions that a request can meet."""


def widened(old: Profile, new: Profile) -> frozenset[FieldName]:
    """Return the fields of which the new version gives more than the old one, at some stage and condition."""
    return frozenset(
        name
        for name in FIELDS
        if any(
            new.level(name, stage=stage, conditions=conditions)
            > old.level(name, stage=stage, conditions=conditions)
            for stage in Stage
            for conditions in _TOGETHER
        )
    )
