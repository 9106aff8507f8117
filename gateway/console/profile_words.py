"""A sharing profile in the words of the pages: levels, stages, conditions, and what changes between two. Pure.

INVARIANT: what becomes wider stands first, and is said in words.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from agencies.catalogue import FIELDS
from agencies.comparison import Difference, differences
from agencies.errors import ProfileError
from agencies.model import Condition, Level, Profile, Stage
from agencies.profile_text import parse_profile

LEVEL_WORDS: Final[Mapping[Level, str]] = MappingProxyType(
    {Level.W: "never", Level.G2: "in broad terms", Level.G1: "in part", Level.F: "in full"}
)
STAGE_WORDS: Final[Mapping[Stage, str]] = MappingProxyType(
    {Stage.PANEL: "at the panel", Stage.SERVICE: "while it helps"}
)
WHEN_WORDS: Final[Mapping[Condition, str]] = MappingProxyType(
    {
        Condition.ALWAYS: "",
        Condition.NAMED_WORKER: "to a named worker",
        Condition.ATTENDED: "of a meeting it attended",
        Condition.HOSTING_REFUGE: "to the refuge they are in",
    }
)


def read_profile(document: str | None) -> Profile | None:
    """The profile of a text; one that cannot be read gives nothing, as in a release."""
    try:
        return None if document is None else parse_profile(document)
    except ProfileError:
        return None


def changes(old: Profile | None, new: Profile) -> list[dict[str, object]]:
    """Return what a version tells otherwise than another, as the rows of a table.

    Args:
        old: absent: there was none.
    """
    return [_difference(each) for each in differences(old, new)]


def basis(profile: Profile) -> list[dict[str, str]]:
    """Return what a profile rests on, as the rows of a summary."""
    return [
        {"key": "Legal basis", "value": " and ".join(filter(None, (profile.article6, profile.article9)))},
        {"key": "Impact assessment", "value": profile.assessment},
        {"key": "To be reviewed on", "value": profile.review_on.isoformat()},
    ]


def other_changes(old: Profile | None, new: Profile) -> Iterator[str]:
    """Yield what a version says otherwise besides what is told, as sentences."""
    if old is None:
        return
    for name, before, after in (
        ("The agreement", old.agreement, new.agreement),
        ("The impact assessment", old.assessment, new.assessment),
        ("The legal basis", old.article6, new.article6),
        ("The condition for special category data", old.article9, new.article9),
        ("The day of review", old.review_on.isoformat(), new.review_on.isoformat()),
    ):
        if before != after:
            yield f"{name} was {before or 'none'} and becomes {after or 'none'}."
    reasons = {(row.field, row.when): row.reason for row in old.rows}
    for row in new.rows:
        if reasons.get((row.field, row.when), row.reason) != row.reason:
            where = f", {WHEN_WORDS[row.when]}" if WHEN_WORDS[row.when] else ""
            yield f"{FIELDS[row.field].description}{where}: another reason is given."


def _difference(each: Difference) -> dict[str, object]:
    where = " ".join(filter(None, (STAGE_WORDS[each.stage], WHEN_WORDS[each.when])))
    return {
        "field": FIELDS[each.field].description,
        "where": where,
        "old": LEVEL_WORDS[each.old],
        "new": LEVEL_WORDS[each.new],
        "wider": each.is_wider,
    }
