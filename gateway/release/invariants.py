"""What no release may ever tell under a profile, asked of the real decision. Pure.

INVARIANTS
- It asks ``decide`` itself, in every combination of stage, shield, seal, practitioner, named worker, hosting refuge and
  agreement, about a child and an adult who agreed to everything, or to nothing.
- What it holds the answer to is said here once more, with none of the decision's own names for it.
- It has no clock: the instant of the question is as good as any other.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from agencies.catalogue import CATEGORIES, NAMED_ONLY
from agencies.invariants import Counterexample, Told
from agencies.model import AgencyKind, Condition, Profile, Purpose, Stage
from consent_registry.birthdays import UNKNOWN_BIRTHDAYS
from consent_registry.model import NOTHING_DECIDED, Capacity, DecisionId, Given, Scope, Standing
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import Seal, Shield, Status
from gateway.release.decision import decide
from gateway.release.model import AgencyFacts, CaseFacts, Decision, Facts, Permit, PersonFacts

_NOW: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
_LATER: Final = _NOW + timedelta(days=30)
_PURPOSES: Final[Mapping[Stage, Purpose]] = {Stage.PANEL: Purpose.P1, Stage.SERVICE: Purpose.P2}
_OTHER_REFUGE: Final = "another-refuge"
_PRACTITIONER: Final = "practitioner"
_EXTRACT_DAYS: Final = 30
_LISTED: Final = 2


class Situation(NamedTuple):
    """Everything about a request, besides the profile, that can change what is told.

    Attributes:
        verified: the agency's register knows the practitioner.
        named: the case names the practitioner as one of its workers.
        hosted: the case says that the asking agency is the refuge that houses the family.
        agreed: everybody of the case agreed to everything; otherwise nobody ever decided anything.
    """

    kind: AgencyKind
    stage: Stage
    shield: Shield
    seal: Seal | None
    verified: bool
    named: bool
    hosted: bool
    agreed: bool

    @property
    def conditions(self) -> frozenset[Condition]:
        """The conditions of profile rows that hold, but for what a single item says of a meeting."""
        named = self.named and self.kind is AgencyKind.EARLY_HELP
        hosted = self.hosted and self.kind is AgencyKind.REFUGE
        held = {Condition.NAMED_WORKER: named, Condition.HOSTING_REFUGE: hosted}
        return frozenset(each for each, holds in held.items() if holds and self.verified)

    @property
    def words(self) -> str:
        """What is unusual about it, as it stands within a sentence."""
        said = {
            "behind a shield": self.shield is not Shield.NONE,
            "of a sealed case": self.seal is not None,
            "by way of somebody whom no register knows": not self.verified,
            "although nobody agreed": not self.agreed,
        }
        return ", ".join(words for words, holds in said.items() if holds)


_Test: TypeAlias = Callable[[Situation, Permit], Told | None]
"""What a permit tells although it may not in this situation; absent: nothing; empty: the permit itself is the fault."""


@dataclass(frozen=True, slots=True)
class ReleaseInvariant:
    """One thing that holds of every release.

    Attributes:
        code: its name, for good.
        sentence: what holds.
        test: what of a permit breaks it.
    """

    code: str
    sentence: str
    test: _Test


def _all_of_it(permit: Permit) -> Told:
    return tuple((name, max(grant.level, grant.attended)) for name, grant in permit.grants.items())


def _fields(permit: Permit, *names: str) -> Told | None:
    """These fields, where they are told at any level."""
    return tuple(each for each in _all_of_it(permit) if each[0] in names) or None


def _without_agreement(situation: Situation, permit: Permit) -> Told | None:
    return None if situation.agreed else _all_of_it(permit)


def _without_case(situation: Situation, permit: Permit) -> Told | None:
    of_case = situation.kind not in {AgencyKind.COMMISSIONING, AgencyKind.POLICE}
    return None if of_case else _all_of_it(permit)


def _sealed(situation: Situation, permit: Permit) -> Told | None:
    may_see = situation.kind is AgencyKind.EARLY_HELP and situation.verified
    return None if situation.seal is None or may_see else _all_of_it(permit)


def _shielded(situation: Situation, permit: Permit) -> Told | None:
    if situation.shield is Shield.NONE or situation.conditions:
        return None
    return _fields(permit, "address", "contact", "school")


def _refuge(situation: Situation, permit: Permit) -> Told | None:
    may_know = Condition.NAMED_WORKER in situation.conditions
    return None if may_know or _OTHER_REFUGE in permit.hidden_agencies else ()


def _asserted(situation: Situation, permit: Permit) -> Told | None:
    if situation.verified:
        return None
    return _fields(permit, "risk_person", "sensitive_services", "domestic_abuse", "offences")


def _beyond_profile(situation: Situation, permit: Permit) -> Told | None:
    """What is told above the row that the situation selects, or above what the people were shown."""
    stage, conditions = situation.stage, situation.conditions
    attended = conditions | {Condition.ATTENDED}
    beyond = []
    for name, grant in permit.grants.items():
        row = permit.profile.level(name, stage=stage, conditions=conditions)
        meeting = permit.profile.level(name, stage=stage, conditions=attended)
        levels = [(grant.level, row), (grant.attended, meeting)]
        levels += [(shown.level, row) for shown in grant.people.values()]
        levels += [(shown.attended, meeting) for shown in grant.people.values()]
        beyond += [(name, told) for told, most in levels if told > most]
    return tuple(beyond) or None


INVARIANTS: Final = (
    ReleaseInvariant(
        "no-agreement", "Nothing is told of a family of which nobody agreed.", _without_agreement
    ),
    ReleaseInvariant(
        "no-case-released", "Commissioning and the police are never answered about a case.", _without_case
    ),
    ReleaseInvariant(
        "sealed", "A sealed case does not exist for anyone but a registered worker of early help.", _sealed
    ),
    ReleaseInvariant(
        "shielded",
        "Where a shielded family is, is told at no level to anyone but a named worker of early help and the refuge "
        "that houses it.",
        _shielded,
    ),
    ReleaseInvariant(
        "refuge-unseen",
        "That a refuge is involved is told to nobody but a named worker of early help.",
        _refuge,
    ),
    ReleaseInvariant(
        "asserted",
        "Whom no register knows is told of no risk person, no sensitive service, no domestic abuse and no offence.",
        _asserted,
    ),
    ReleaseInvariant(
        "beyond-profile", "Nothing is told above the row that the request selects.", _beyond_profile
    ),
)
"""Every invariant, in the order in which counterexamples are shown."""


def situations(kind: AgencyKind) -> Iterator[Situation]:
    """Yield every situation in which an agency of a kind can ask, the plain ones first."""
    yes_first, no_first = (True, False), (False, True)
    for shield, seal, verified, named, hosted, agreed, stage in product(
        Shield, (None, *Seal), yes_first, no_first, no_first, yes_first, Stage
    ):
        yield Situation(kind, stage, shield, seal, verified, named, hosted, agreed)


def broken(profile: Profile) -> tuple[Counterexample, ...]:
    """Return what the decision would tell under a profile although no release may; one for each invariant at most."""
    found: dict[str, Counterexample] = {}
    for situation in situations(profile.based_on_kind):
        decision = _decide(profile, situation)
        if not isinstance(decision, Permit):
            continue
        for invariant in INVARIANTS:
            told = invariant.test(situation, decision)
            if told is not None:
                found.setdefault(invariant.code, _counterexample(invariant, situation, told))
    return tuple(found[each.code] for each in INVARIANTS if each.code in found)


def _counterexample(invariant: ReleaseInvariant, situation: Situation, told: Told) -> Counterexample:
    circumstances = situation.words
    return Counterexample(
        invariant=invariant.code,
        sentence=invariant.sentence,
        kind=situation.kind,
        # One field says enough; all of them would be the whole catalogue.
        told=told[:1],
        stage=situation.stage,
        conditions=situation.conditions,
        remark=circumstances if told else f"An extract would say too much {circumstances}".rstrip() + ".",
    )


def _decide(profile: Profile, situation: Situation) -> Decision:
    """What the decision says of a child and an adult in one situation."""
    code = profile.agency
    standing = _agreement(profile) if situation.agreed else NOTHING_DECIDED
    people = tuple(
        PersonFacts(role, f"{role}-ref", role, shield, standing, UNKNOWN_BIRTHDAYS)
        for role, shield in (("child", Shield.NONE), ("adult", situation.shield))
    )
    case = CaseFacts(
        threshold_level=_LISTED,
        status=Status.OPEN,
        seals=frozenset() if situation.seal is None else frozenset({situation.seal.value}),
        people=people,
        panel_until=_LATER,
        has_offer=True,
        named_workers=frozenset({_PRACTITIONER} if situation.named else ()),
        refuges=frozenset({_OTHER_REFUGE, code} if situation.kind is AgencyKind.REFUGE else {_OTHER_REFUGE}),
        hosting_refuge=code if situation.hosted else None,
    )
    agency = AgencyFacts(
        code=code,
        kind=situation.kind,
        state="active",
        agreement_until=_LATER,
        profile=profile,
        client_state="active",
        practitioner_active=True,
        shown={profile.version: profile},
    )
    caller = Caller(
        client_id="client",
        agency=code,
        scopes=frozenset(),
        purpose=_PURPOSES[situation.stage],
        practitioner=PractitionerClaim(_PRACTITIONER, verified=situation.verified),
    )
    return decide(Facts(_NOW, agency, case), caller=caller, extract_days=_EXTRACT_DAYS)


def _agreement(profile: Profile) -> Standing:
    """Everything agreed to for this agency and its profile, by the data subject."""
    scope = Scope(
        agencies=frozenset({profile.agency}),
        categories=frozenset(CATEGORIES),
        fields=NAMED_ONLY,
        purposes=frozenset(purpose.value for purpose in _PURPOSES.values()),
    )
    return Standing(
        given=Given(
            decision_id=DecisionId(UUID(int=0)),
            scope=scope,
            valid_from=_NOW - timedelta(days=1),
            valid_until=_LATER,
            capacity=Capacity.SELF,
            profiles_shown={profile.agency: profile.version},
        )
    )
