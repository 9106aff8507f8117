"""What a candidate profile would have changed in past releases: field by field, in counts. Pure.

INVARIANTS
- It holds codes, levels, counts and our own family ids; no value of a record and no name comes in or goes out.
- Two levels at which a field tells the same are one level: what tells nothing is W.
- A release that cannot be decided again is counted as that and nowhere else.
- What was gained is told apart by when it becomes real: at once, or once families were shown the new version.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

from agencies.catalogue import FIELDS
from agencies.ladders import LADDERS
from agencies.model import AgencyCode, FieldName, JsonObject, Level
from gateway.release.decision import item_level
from gateway.release.model import Decision, Item, Permit

SAMPLES: Final = 3
"""Families that are named per field, by our ids, for whoever wants to look at one of them."""

Levels: TypeAlias = Mapping[FieldName, Level]
"""The level at which each field is told; a field that is not in it is withheld, or there is nothing of it."""


class Obstacle(StrEnum):
    """Why a release cannot be decided again."""

    DAMAGED = "damaged"
    """A stored value of it cannot be read."""
    ERASED = "erased"
    """The family was erased since."""
    GONE = "gone"
    """There is no case of the family any more."""
    OTHERWISE = "otherwise"
    """What is kept does not lead to that release under that version: it was changed while it was decided."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One past release, decided again over the record as it stands today.

    Attributes:
        before: as it was decided then.
        after: under the candidate, as if everybody who agreed had been shown it.
        at_once: under the candidate, everybody having been shown what they were shown then.
    """

    family_id: UUID
    before: Levels
    after: Levels
    at_once: Levels


@dataclass(frozen=True, slots=True)
class Count:
    """How many releases, and of how many families."""

    releases: int
    families: int


@dataclass(frozen=True, slots=True)
class FieldImpact:
    """One field that was told, or would have been.

    Attributes:
        gained_at_once: of ``gained``, where something of it would not have waited for families to be shown anything.
        levels: releases by the level before and the level after, the same level twice where nothing changed.
        sample: some families whose releases changed, the most recent first.
    """

    field: FieldName
    gained: Count
    gained_at_once: Count
    lost: Count
    levels: Mapping[tuple[Level, Level], int]
    sample: tuple[UUID, ...]

    @property
    def is_changed(self) -> bool:
        """True when some release would have told more or less of it."""
        return self.gained.releases + self.lost.releases > 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What was replayed.

    Attributes:
        version: the candidate's.
        days: how far back.
        left_out: earlier releases of those days that were not looked at, because there are so many.
        untraced: entries of those days of which nothing is known any more, because their families were erased; any
            of them may have been a release to this agency.
    """

    agency: AgencyCode
    version: int
    days: int
    left_out: int
    untraced: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What a candidate would have changed.

    Attributes:
        replayed: releases that were decided again.
        refused: releases of which nothing would have been left, so that they would have been refusals.
        opened: releases of whose present record nothing was told, and something would have been.
        fields: those of which anything was told, or would have been, in the catalogue's order.
    """

    scope: Scope
    replayed: Count
    not_replayed: Mapping[Obstacle, int]
    refused: Count
    opened: Count
    fields: tuple[FieldImpact, ...]

    @property
    def changed(self) -> tuple[FieldImpact, ...]:
        """The fields of which some release would have told more or less."""
        return tuple(each for each in self.fields if each.is_changed)


def levels_told(decision: Decision, items: Iterable[Item]) -> dict[FieldName, Level]:
    """Return the highest level at which an item of each field would be told; nothing after a refusal."""
    levels: dict[FieldName, Level] = {}
    if not isinstance(decision, Permit):
        return levels
    for item in items:
        level = _told(item.field, item_level(decision, item))
        if level > levels.get(item.field, Level.W):
            levels[item.field] = level
    return levels


def _told(name: FieldName, level: Level) -> Level:
    """The lowest level that tells the same of this field."""
    rungs = LADDERS[name].rungs
    return min(each for each in Level if rungs[each] == rungs[level])


@dataclass(slots=True)
class _Tally:
    releases: int = 0
    families: set[UUID] = field(default_factory=set)

    def add(self, family_id: UUID) -> None:
        self.releases += 1
        self.families.add(family_id)

    @property
    def count(self) -> Count:
        return Count(self.releases, len(self.families))


@dataclass(slots=True)
class _FieldTally:
    gained: _Tally = field(default_factory=_Tally)
    gained_at_once: _Tally = field(default_factory=_Tally)
    lost: _Tally = field(default_factory=_Tally)
    levels: Counter[tuple[Level, Level]] = field(default_factory=Counter)
    changed: dict[UUID, None] = field(default_factory=dict)  # a set that keeps its order

    def add(self, family_id: UUID, *, before: Level, after: Level, at_once: Level) -> None:
        self.levels[before, after] += 1
        if after > before:
            self.gained.add(family_id)
        if after < before:
            self.lost.add(family_id)
        if after > before and at_once > before:
            self.gained_at_once.add(family_id)
        if after != before:
            self.changed[family_id] = None

    def impact(self, name: FieldName) -> FieldImpact:
        return FieldImpact(
            field=name,
            gained=self.gained.count,
            gained_at_once=self.gained_at_once.count,
            lost=self.lost.count,
            levels=dict(sorted(self.levels.items(), reverse=True)),
            sample=tuple(self.changed)[:SAMPLES],
        )


def add_up(replays: Iterable[Replay | Obstacle], *, scope: Scope) -> Impact:
    """Return what a candidate would have changed in all of these releases.

    Args:
        replays: one of each release, the newest first; they are taken one by one and not kept.
    """
    replayed, refused, opened = _Tally(), _Tally(), _Tally()
    obstacles: Counter[Obstacle] = Counter()
    fields: dict[FieldName, _FieldTally] = {}
    for each in replays:
        if isinstance(each, Obstacle):
            obstacles[each] += 1
            continue
        replayed.add(each.family_id)
        if each.before and not each.after:
            refused.add(each.family_id)
        if each.after and not each.before:
            opened.add(each.family_id)
        for name in each.before.keys() | each.after.keys():
            fields.setdefault(name, _FieldTally()).add(
                each.family_id,
                before=each.before.get(name, Level.W),
                after=each.after.get(name, Level.W),
                at_once=each.at_once.get(name, Level.W),
            )
    return Impact(
        scope=scope,
        replayed=replayed.count,
        not_replayed={each: obstacles[each] for each in Obstacle},
        refused=refused.count,
        opened=opened.count,
        fields=tuple(fields[name].impact(name) for name in FIELDS if name in fields),
    )


def sentences(impact: Impact) -> list[str]:
    """Return what would have changed, a sentence for each field that would have lost or gained; losses first."""
    lost = [_lost(each) for each in impact.changed if each.lost.releases]
    gained = [_gained(each, version=impact.scope.version) for each in impact.changed if each.gained.releases]
    return lost + gained


def _lost(each: FieldImpact) -> str:
    """What was told no more, or less."""
    nothing = sum(count for (_, after), count in each.levels.items() if after is Level.W)
    words = FIELDS[each.field].words
    if nothing == each.lost.releases:
        return f"{pulls(each.lost)} would have lost: {words}."
    less = f"{pulls(each.lost)} would have been told less: {words}"
    return f"{less}; {nothing} of them nothing of it." if nothing else f"{less}."


def _gained(each: FieldImpact, *, version: int) -> str:
    """What was told newly, or more of, and from when on."""
    newly = sum(count for (before, _), count in each.levels.items() if before is Level.W)
    verb = "gained" if newly == each.gained.releases else "been told more"
    at_once = each.gained_at_once.releases
    if at_once == each.gained.releases:
        when = "at once"
    elif at_once:
        when = f"{at_once} of them at once, the others once the families were shown version {version}"
    else:
        when = f"but only once the families were shown version {version}"
    return f"{pulls(each.gained)} would have {verb}: {FIELDS[each.field].words}; {when}."


def pulls(count: Count) -> str:
    """Return a count in words."""
    asked = "past pull" if count.releases == 1 else "past pulls"
    families = "family" if count.families == 1 else "families"
    return f"{count.releases} {asked} of {count.families} {families}"


def document(impact: Impact) -> JsonObject:
    """Return an impact for a program; a member is only ever added to this form."""
    scope = impact.scope
    return {
        "format": 1,
        "agency": scope.agency,
        "version": scope.version,
        "days": scope.days,
        "replayed": _count(impact.replayed),
        "not_replayed": {each.value: count for each, count in impact.not_replayed.items()},
        "left_out": scope.left_out,
        "untraced": scope.untraced,
        "refused": _count(impact.refused),
        "opened": _count(impact.opened),
        "fields": list(_documents(impact.fields)),
    }


def _documents(fields: Sequence[FieldImpact]) -> Iterator[JsonObject]:
    for each in fields:
        yield {
            "field": each.field,
            "gained": _count(each.gained),
            "gained_at_once": _count(each.gained_at_once),
            "lost": _count(each.lost),
            "levels": [
                {"before": before.name, "after": after.name, "releases": count}
                for (before, after), count in each.levels.items()
            ],
            "sample": [str(family) for family in each.sample],
        }


def _count(count: Count) -> JsonObject:
    return {"releases": count.releases, "families": count.families}
