"""What no sharing profile may ever say, as data, and the counterexample where one says it all the same. Pure.

INVARIANTS
- The list is closed and in order; each invariant is one sentence and a check over one whole profile.
- A check asks ``Profile.level``, as a release does, at each stage under every set of conditions that can hold together.
- Of each invariant, field and stage there is one counterexample at most: the one with the fewest conditions.
- A counterexample tells what the profile says, never anything of a family.

Beyond the agreed matrix nothing is promised here: an invariant is what an officer and a second person together
cannot give away.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypeAlias

from agencies.catalogue import FIELDS, SHIELDED_FIELDS, Classification
from agencies.comparison import TOGETHER
from agencies.model import (
    KINDS_WITHOUT_CASES,
    AgencyKind,
    Condition,
    FieldName,
    Level,
    Profile,
    Stage,
)

Told: TypeAlias = tuple[tuple[FieldName, Level], ...]
"""Fields, each with the level at which it is told."""

_KIND_WORDS: Final = {
    AgencyKind.EARLY_HELP: "An early help team",
    AgencyKind.CHILDRENS_CENTRES: "A children's centre",
    AgencyKind.HEALTH: "A health service",
    AgencyKind.CAMHS: "A mental health service for children",
    AgencyKind.FAMILY_SUPPORT: "A family support service",
    AgencyKind.EDUCATION: "A school or education service",
    AgencyKind.HOUSING: "A housing service",
    AgencyKind.REFUGE: "A refuge",
    AgencyKind.VOLUNTARY: "A voluntary service",
    AgencyKind.CHARITY: "A charity",
    AgencyKind.YOUTH: "A youth service",
    AgencyKind.SOCIAL_CARE: "Children's social care",
    AgencyKind.COMMISSIONING: "Commissioning",
    AgencyKind.POLICE: "The police",
}
_LEVEL_WORDS: Final = {
    Level.W: "not at all",
    Level.G2: "in broad terms",
    Level.G1: "in part",
    Level.F: "in full",
}
_STAGE_WORDS: Final = {Stage.PANEL: "at the panel", Stage.SERVICE: "while it helps"}
_CONDITION_WORDS: Final = {
    Condition.ALWAYS: "",
    Condition.NAMED_WORKER: "through a named worker of the family",
    Condition.ATTENDED: "of a meeting it attended",
    Condition.HOSTING_REFUGE: "as the refuge that houses the family",
}


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One thing that a profile says although it never may.

    Attributes:
        invariant: code of the invariant that is broken.
        sentence: what it says.
        told: the fields at fault with their levels; empty: the profile's own head is at fault.
        stage: absent: at every stage.
        conditions: the conditions that have to hold.
        remark: further circumstances, as they stand within a sentence; without ``told`` a sentence of its own.
    """

    invariant: str
    sentence: str
    kind: AgencyKind
    told: Told = ()
    stage: Stage | None = None
    conditions: frozenset[Condition] = frozenset()
    remark: str = ""

    @property
    def words(self) -> str:
        """The counterexample as a sentence to read."""
        if not self.told:
            return self.remark
        stage = "" if self.stage is None else _STAGE_WORDS[self.stage]
        conditions = (_CONDITION_WORDS[each] for each in Condition if each in self.conditions)
        where = " ".join(filter(None, (stage, *conditions, self.remark)))
        told = ", ".join(f"{FIELDS[name].words} ({_LEVEL_WORDS[level]})" for name, level in self.told)
        return f"{_KIND_WORDS[self.kind]} would be told {where}: {told}."


class _Finding(NamedTuple):
    """A counterexample that does not know yet of which invariant."""

    told: Told = ()
    stage: Stage | None = None
    conditions: frozenset[Condition] = frozenset()
    remark: str = ""


_Check: TypeAlias = Callable[[Profile, date | None], Iterator[_Finding]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that holds of every profile.

    Attributes:
        code: its name, for good.
        sentence: what holds, and why.
        check: finds where a profile breaks it; the day is absent where the profile is not to be made effective now.
    """

    code: str
    sentence: str
    check: _Check


@dataclass(frozen=True, slots=True)
class _But:
    """To whom, and when, a ceiling leaves more."""

    kinds: tuple[AgencyKind, ...]
    most: Level = Level.F
    stage: Stage | None = None
    when: Condition = Condition.ALWAYS

    def admits(self, kind: AgencyKind, stage: Stage, conditions: frozenset[Condition]) -> bool:
        """True where the exception applies."""
        return (
            kind in self.kinds
            and self.stage in {None, stage}
            and self.when in conditions | {Condition.ALWAYS}
        )


@dataclass(frozen=True, slots=True)
class _AtMost:
    """No field of these is told above a level, except where somebody is left more.

    Attributes:
        of: the kinds of agency of which it is asked.
    """

    fields: Sequence[str]
    most: Level
    but: Sequence[_But] = ()
    of: Sequence[AgencyKind] = tuple(AgencyKind)

    def find(self, profile: Profile, _today: date | None) -> Iterator[_Finding]:
        """Where a field is told above."""
        if profile.based_on_kind not in self.of:
            return
        for name in map(FieldName, self.fields):
            for stage in Stage:
                for conditions in TOGETHER:
                    level = profile.level(name, stage=stage, conditions=conditions)
                    if level > self._limit(profile.based_on_kind, stage, conditions):
                        yield _Finding(((name, level),), stage, conditions)
                        break

    def _limit(self, kind: AgencyKind, stage: Stage, conditions: frozenset[Condition]) -> Level:
        left = (each.most for each in self.but if each.admits(kind, stage, conditions))
        return max(left, default=self.most)


class _Together(NamedTuple):
    """What is not told together while none of the names is told in full.

    Attributes:
        told: fields, each with the level from which it counts.
        names: fields of which one has to be told in full.
    """

    told: tuple[tuple[str, Level], ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _OnlyWithAName:
    """None of these is told together to somebody who is told no name in full at the same time."""

    each_of: Sequence[_Together]

    def find(self, profile: Profile, _today: date | None) -> Iterator[_Finding]:
        """Where they are told and the names are not."""
        for told, names in self.each_of:
            for stage in Stage:
                for conditions in TOGETHER:
                    levels = _levels(profile, [name for name, _ in told], stage, conditions)
                    named = _levels(profile, names, stage, conditions)
                    enough = (level >= least for (_, level), (_, least) in zip(levels, told, strict=True))
                    if all(enough) and all(level < Level.F for _, level in named):
                        yield _Finding((*levels, *named), stage, conditions)
                        break


def _levels(profile: Profile, names: Sequence[str], stage: Stage, conditions: frozenset[Condition]) -> Told:
    return tuple(
        (name, profile.level(name, stage=stage, conditions=conditions)) for name in map(FieldName, names)
    )


_MAY_LIFT: Final = frozenset(
    {
        (AgencyKind.EARLY_HELP, Condition.NAMED_WORKER),
        (AgencyKind.REFUGE, Condition.HOSTING_REFUGE),
    }
)
"""Who knows where a shielded family is, and by what."""


def _shield_yields(profile: Profile, _today: date | None) -> Iterator[_Finding]:
    """Rows of a shielded field under a condition that lifts no shield for this kind."""
    for row in profile.rows:
        lifts = row.when is Condition.ALWAYS or (profile.based_on_kind, row.when) in _MAY_LIFT
        level = max(row.mark(stage).level for stage in Stage)
        if row.field in SHIELDED_FIELDS and level > Level.W and not lifts:
            yield _Finding(((row.field, level),), conditions=frozenset({row.when}))


@dataclass(frozen=True, slots=True)
class _Named:
    """The profile's head says something there; otherwise it is missing, as a sentence."""

    attribute: str
    missing: str

    def find(self, profile: Profile, _today: date | None) -> Iterator[_Finding]:
        """Whether it is missing."""
        if not str(getattr(profile, self.attribute)).strip():
            yield _Finding(remark=self.missing)


def _article9(profile: Profile, today: date | None) -> Iterator[_Finding]:
    """Special category data without a condition for it."""
    special = [
        name for name, field in FIELDS.items() if field.classification is Classification.SPECIAL_CATEGORY
    ]
    if not profile.article9:
        yield from _AtMost(special, most=Level.W).find(profile, today)


def _reviewed(profile: Profile, today: date | None) -> Iterator[_Finding]:
    """The day of its review is still to come, where it is to be made effective now."""
    if today is not None and profile.review_on < today:
        yield _Finding(remark=f"The profile was to be reviewed on {profile.review_on.isoformat()}.")


_EH: Final = AgencyKind.EARLY_HELP
_CC: Final = AgencyKind.CHILDRENS_CENTRES
_HS: Final = AgencyKind.HEALTH
_CA: Final = AgencyKind.CAMHS
_CF: Final = AgencyKind.FAMILY_SUPPORT
_ED: Final = AgencyKind.EDUCATION
_HO: Final = AgencyKind.HOUSING
_RE: Final = AgencyKind.REFUGE
_VO: Final = AgencyKind.VOLUNTARY
_CH: Final = AgencyKind.CHARITY
_YS: Final = AgencyKind.YOUTH
_SC: Final = AgencyKind.SOCIAL_CARE
_W, _G2, _G1, _F = Level.W, Level.G2, Level.G1, Level.F
_WHILE_HELPING: Final = _But(tuple(AgencyKind), stage=Stage.SERVICE)
_NAMES: Final = ("child_name", "adult_name")

INVARIANTS: Final = (
    Invariant(
        "no-case",
        "Commissioning and the police are told nothing of a case by a profile: the one plans with aggregates, the "
        "other gets a referral.",
        _AtMost(tuple(FIELDS), _W, of=tuple(KINDS_WITHOUT_CASES)).find,
    ),
    Invariant(
        "shield",
        "Where somebody is yields to no condition, but to a named worker of early help and to the refuge that houses "
        "the family: they know it already.",
        _shield_yields,
    ),
    Invariant(
        "pupil-number",
        "A pupil number stays within education and early help; others learn at most whether there is one, as it finds "
        "a child in every school record.",
        _AtMost(("pupil_number",), _G1, but=(_But((_EH, _ED)),)).find,
    ),
    Invariant(
        "nhs-number",
        "An NHS number goes to health services and early help alone; others learn at most whether it was traced, as "
        "it opens a whole health record.",
        _AtMost(("nhs_number",), _G1, but=(_But((_EH, _HS, _CA)),)).find,
    ),
    Invariant(
        "contact-after-acceptance",
        "At the panel only early help is told how to reach a family, or whether that is safe: nobody calls before the "
        "family accepts.",
        _AtMost(("contact",), _W, but=(_But((_EH,)), _WHILE_HELPING)).find,
    ),
    Invariant(
        "identity-after-acceptance",
        "Whoever only offers help is told no name, no exact date of birth and no exact address before the family "
        "accepts: area, age and need are enough to offer it.",
        _AtMost(
            (*_NAMES, "child_dob", "adult_dob", "address"),
            _G1,
            but=(_WHILE_HELPING,),
            of=(_CC, _CF, _RE, _VO, _CH, _YS),
        ).find,
    ),
    Invariant(
        "initials-after-acceptance",
        "A voluntary service or charity is not told so much as initials or who is who before the family accepts: it "
        "has no duty of its own to the family yet.",
        _AtMost(_NAMES, _W, but=(_WHILE_HELPING,), of=(_VO, _CH)).find,
    ),
    Invariant(
        "worker-safety",
        "Visiting advice goes to those who visit: while they help, or to early help and children's social care.",
        _AtMost(("worker_safety",), _W, but=(_But((_EH, _SC)), _WHILE_HELPING)).find,
    ),
    Invariant(
        "sensitive-services",
        "That somebody uses a sensitive service is told to a named worker of early help alone, and to nobody else not "
        "even in part: the name of the service says it all.",
        _AtMost(("sensitive_services",), _W, but=(_But((_EH,), when=Condition.NAMED_WORKER),)).find,
    ),
    Invariant(
        "domestic-abuse",
        "What a survivor tells goes in full to a named worker of early help, to a refuge that helps and to children's "
        "social care; others learn at most that there is safety advice, as a leak can kill.",
        _AtMost(
            ("domestic_abuse",),
            _G1,
            but=(
                _But((_EH,), when=Condition.NAMED_WORKER),
                _But((_RE,), stage=Stage.SERVICE),
                _But((_SC,)),
            ),
        ).find,
    ),
    Invariant(
        "risk-person",
        "Who may be a risk is told in full to early help, to children's social care and to a refuge that helps; others "
        "learn at most to ask, as it is somebody else's data.",
        _AtMost(("risk_person",), _G1, but=(_But((_EH, _SC)), _But((_RE,), stage=Stage.SERVICE))).find,
    ),
    Invariant(
        "offences",
        "An offence is told in full to early help and to a youth service that helps; others learn at most that risk "
        "advice applies, as Article 10 wants.",
        _AtMost(("offences",), _G1, but=(_But((_EH,)), _But((_YS,), stage=Stage.SERVICE))).find,
    ),
    Invariant(
        "immigration",
        "An immigration status is told to early help alone; others learn at most that advice on public funds is "
        "needed.",
        _AtMost(("immigration",), _G1, but=(_But((_EH,)),)).find,
    ),
    Invariant(
        "adult-health",
        "An adult's health is told in full to early help and health services; others learn at most what it means for "
        "parenting.",
        _AtMost(("adult_health",), _G1, but=(_But((_EH, _HS)),)).find,
    ),
    Invariant(
        "adult-health-at-school",
        "A school is not told so much as that an adult's health matters: it works with the child.",
        _AtMost(("adult_health",), _W, of=(_ED,)).find,
    ),
    Invariant(
        "child-health",
        "Clinical detail of a child's health is told to early help and health services; others learn at most its "
        "impact, not a diagnosis.",
        _AtMost(("child_health", "child_mental_health"), _G1, but=(_But((_EH, _HS, _CA)),)).find,
    ),
    Invariant(
        "finance",
        "Sums of money are told to early help, and to housing while it helps, which handles arrears; others learn at "
        "most what sort of trouble there is.",
        _AtMost(("finance",), _G1, but=(_But((_EH,)), _But((_HO,), stage=Stage.SERVICE))).find,
    ),
    Invariant(
        "minutes",
        "Minutes of a meeting are told in full to early help alone; others learn at most their own actions, as those "
        "who attended have theirs.",
        _AtMost(("minutes",), _G1, but=(_But((_EH,)),)).find,
    ),
    Invariant(
        "address-with-a-name",
        "Whoever is told no name in full is told no exact address and no contact: a doorstep is a name.",
        _OnlyWithAName(
            (
                _Together((("address", _F),), _NAMES),
                _Together((("contact", _F),), _NAMES),
            )
        ).find,
    ),
    Invariant(
        "birthday-with-a-name",
        "Whoever is not told somebody's name in full is not told their exact date of birth together with where they "
        "live or go to school: the two find a person.",
        _OnlyWithAName(
            (
                _Together((("child_dob", _F), ("address", _G2)), ("child_name",)),
                _Together((("child_dob", _F), ("school", _F)), ("child_name",)),
                _Together((("adult_dob", _F), ("address", _G2)), ("adult_name",)),
            )
        ).find,
    ),
    Invariant(
        "number-with-a-name",
        "Whoever is not told a child's name in full is told no NHS number and no pupil number: a number says more than "
        "a name, and cannot be matched safely without one.",
        _OnlyWithAName(
            (
                _Together((("nhs_number", _F),), ("child_name",)),
                _Together((("pupil_number", _F),), ("child_name",)),
            )
        ).find,
    ),
    Invariant(
        "agreement",
        "A profile rests on a data sharing agreement.",
        _Named("agreement", "The profile names no data sharing agreement.").find,
    ),
    Invariant(
        "assessment",
        "A profile rests on a data protection impact assessment.",
        _Named("assessment", "The profile names no impact assessment.").find,
    ),
    Invariant(
        "article-6",
        "A profile has a legal basis (UK GDPR Article 6).",
        _Named("article6", "The profile names no legal basis.").find,
    ),
    Invariant(
        "article-9",
        "A profile that gives any special category data has a condition for it (UK GDPR Article 9).",
        _article9,
    ),
    Invariant(
        "review",
        "A profile is not made effective after the day on which it was to be reviewed.",
        _reviewed,
    ),
)
"""Every invariant, in the order in which counterexamples are shown."""


def broken(profile: Profile, *, today: date | None = None) -> tuple[Counterexample, ...]:
    """Return what a profile says although it never may; empty: every invariant holds.

    Args:
        today: the day on which it would become effective; absent: its review is not asked for.
    """
    return tuple(
        Counterexample(invariant.code, invariant.sentence, profile.based_on_kind, *finding)
        for invariant in INVARIANTS
        for finding in invariant.check(profile, today)
    )
