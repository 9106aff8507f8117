"""The words of this package as values: levels, marks, stages, kinds and sharing profiles.

INVARIANT: levels are ordered W < G2 < G1 < F, so that ``min()`` is always the stricter one.
INVARIANT: a field without a row is W; nothing that a profile lacks can be released.
INVARIANT: marks A and B are W in every extract.
INVARIANT: a condition selects a row; where two conditions hold the lower row counts.

Pure: standard library only, no clock, no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, NewType, TypeAlias

from agencies.errors import PurposeNotServedError

FieldId = NewType("FieldId", str)
"""Catalogue number of a field, "F01" to "F37"."""

FieldName = NewType("FieldName", str)
"""snake_case name of a field, the key under which it is released."""

AgencyCode = NewType("AgencyCode", str)
"""Code of one organisation that takes part, for example "camhs"."""

JsonValue: TypeAlias = str | int | list["JsonValue"] | dict[str, "JsonValue"]
"""A released value: no floats, no null. (bool is an int to the type checker.)"""

JsonObject: TypeAlias = dict[str, JsonValue]


class Level(IntEnum):
    """How much of a field is released, strictest first."""

    W = 0
    """Withheld: the key is absent."""
    G2 = 1
    """Second, coarser generalisation."""
    G1 = 2
    """First generalisation."""
    F = 3
    """Full."""


class Mark(StrEnum):
    """What a profile row says for one stage."""

    F = "F"
    G1 = "G1"
    G2 = "G2"
    W = "W"
    A = "A"
    """Withheld in an extract; admitted to aggregates."""
    B = "B"
    """Withheld in an extract; admitted to the safeguarding referral template."""

    @property
    def level(self) -> Level:
        """The level in an extract; A and B are W."""
        return _MARK_LEVELS[self]


_MARK_LEVELS: Mapping[Mark, Level] = MappingProxyType(
    {
        Mark.F: Level.F,
        Mark.G1: Level.G1,
        Mark.G2: Level.G2,
        Mark.W: Level.W,
        Mark.A: Level.W,
        Mark.B: Level.W,
    }
)


class Stage(StrEnum):
    """Where a case stands for one agency; never picked by the caller."""

    PANEL = "panel"
    SERVICE = "service"


class Purpose(StrEnum):
    """Why an agency asks: a closed list, there is no "other"."""

    P1 = "P1"
    """Panel discussion."""
    P2 = "P2"
    """Service delivery by an agency whose offer was accepted."""
    P3 = "P3"
    """Tracking and review."""
    P4 = "P4"
    """Housing duty to refer; not served."""
    P5 = "P5"
    """Quality evaluation; not served."""
    P6 = "P6"
    """Feedback to the referrer; not served."""


_STAGES: Mapping[Purpose, Stage] = MappingProxyType(
    {Purpose.P1: Stage.PANEL, Purpose.P2: Stage.SERVICE, Purpose.P3: Stage.SERVICE}
)


def stage_of(purpose: Purpose) -> Stage:
    """The stage that a purpose is served at.

    Raises: PurposeNotServedError for P4, P5 and P6.
    """
    stage = _STAGES.get(purpose)
    if stage is None:
        raise PurposeNotServedError("no stage serves this purpose")
    return stage


class AgencyKind(StrEnum):
    """The 13 kinds of agency, and the police."""

    EARLY_HELP = "early-help"
    CHILDRENS_CENTRES = "childrens-centres"
    HEALTH = "health"
    CAMHS = "camhs"
    FAMILY_SUPPORT = "family-support"
    EDUCATION = "education"
    HOUSING = "housing"
    REFUGE = "refuge"
    VOLUNTARY = "voluntary"
    CHARITY = "charity"
    YOUTH = "youth"
    SOCIAL_CARE = "social-care"
    COMMISSIONING = "commissioning"
    POLICE = "police"


KINDS_WITHOUT_CASES = frozenset({AgencyKind.COMMISSIONING, AgencyKind.POLICE})
"""Kinds that receive aggregates or referrals, never a case."""


class Condition(StrEnum):
    """When a profile row counts."""

    ALWAYS = "always"
    NAMED_WORKER = "named_worker"
    """The practitioner is a named worker of this case."""
    ATTENDED = "attended"
    """The agency was at the meeting that the item records."""
    HOSTING_REFUGE = "hosting_refuge"
    """The agency is the refuge that houses this family."""


class Subject(StrEnum):
    """Where a field is rendered in an extract."""

    PERSON = "person"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """What one agency may receive of one field, per stage, when a condition holds, and why."""

    field: FieldName
    panel: Mark
    service: Mark
    when: Condition
    reason: str

    def mark(self, stage: Stage) -> Mark:
        """The mark of one stage."""
        return self.panel if stage is Stage.PANEL else self.service


class Rows(NamedTuple):
    """What one profile version gives of a field under the conditions of a request.

    Attributes:
        attended: the level instead for an item recording a meeting this agency attended.
    """

    level: Level
    attended: Level


_RowKey: TypeAlias = tuple[FieldName, Stage, Condition]


@dataclass(frozen=True, slots=True)
class Profile:
    """One immutable version of one agency's sharing profile.

    Attributes:
        version: 1 for the agency's first version.
        agreement: reference of the data sharing agreement; empty in a kind's template.
        assessment: reference of the impact assessment; empty in a kind's template.
        review_on: the day the profile is due for review.
        article6: legal basis, for example "6(1)(e)".
        article9: condition for special category data, for example "9(2)(h)"; may be empty.
    """

    agency: AgencyCode
    based_on_kind: AgencyKind
    version: int
    agreement: str
    assessment: str
    review_on: date
    article6: str
    article9: str
    rows: tuple[ProfileRow, ...]
    _index: Mapping[_RowKey, Level] = field(init=False, repr=False, compare=False)
    _compiled: dict[tuple[Stage, frozenset[Condition]], Mapping[FieldName, Rows]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _index_rows(self.rows))
        object.__setattr__(self, "_compiled", {})

    def level(self, field_name: FieldName, *, stage: Stage, conditions: frozenset[Condition]) -> Level:
        """The level this profile allows; never higher than any other row that was selected.

        Args:
            field_name: catalogue name; an unknown name is W.
            stage: see ``stage_of``.
            conditions: the conditions that hold now; ``always`` is understood.
        """
        selected = [
            level
            for condition in conditions - {Condition.ALWAYS}
            if (level := self._index.get((field_name, stage, condition))) is not None
        ]
        return min(selected, default=self._index.get((field_name, stage, Condition.ALWAYS), Level.W))

    def given(self, *, stage: Stage, conditions: frozenset[Condition]) -> Mapping[FieldName, Rows]:
        """What this version gives, as ``level`` says, of every field of which it gives anything.

        Compiled once: a version never changes, and stages and conditions are few.

        Args:
            conditions: of the request; whether an item's meeting was attended is told by ``Rows``.
        """
        compiled = self._compiled.get((stage, conditions))
        if compiled is None:
            found = {
                name: Rows(
                    self.level(name, stage=stage, conditions=conditions),
                    self.level(name, stage=stage, conditions=conditions | {Condition.ATTENDED}),
                )
                for name in dict.fromkeys(row.field for row in self.rows)
            }
            compiled = MappingProxyType({name: rows for name, rows in found.items() if max(rows) > Level.W})
            self._compiled[stage, conditions] = compiled
        return compiled


def _index_rows(rows: Iterable[ProfileRow]) -> Mapping[_RowKey, Level]:
    """Levels by field, stage and condition; of two with one key the lower stays.

    The parser refuses such profiles; a profile made by other means still errs on the strict side.
    """
    index: dict[_RowKey, Level] = {}
    for row in rows:
        for stage in Stage:
            key = (row.field, stage, row.when)
            level = row.mark(stage).level
            index[key] = min(index.get(key, level), level)
    return MappingProxyType(index)
