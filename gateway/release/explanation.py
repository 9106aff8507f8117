"""Why an agency would be told what it would be told: per person and field, the level and the rule that decides it. Pure.

INVARIANTS
- It is no second writing of the rules: the decision is ``decide``'s, and a level is what its permit gives.
- No value of the record is looked at: what is explained is what an item about one person alone could be told at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from agencies.catalogue import FIELDS, OUTSIDE_CONSENT
from agencies.model import FieldName, Level
from consent_registry.model import DecisionId, Granted
from consent_registry.standing import evaluate
from gateway.caller import Caller
from gateway.cases.model import Shield
from gateway.release.decision import decide
from gateway.release.model import WITHHELD, Facts, Item, Permit, PersonFacts, Told


class Rule(StrEnum):
    """What decides a level: the strictest of everything that limits it."""

    CLAMP = "clamp"
    """The profile version that was shown gave no more."""
    CONSENT = "consent"
    PROFILE = "profile"
    REFUSED = "refused"
    """Nothing of the case goes to this agency; ``because`` says why."""
    SHIELD = "shield"
    SOMEBODY_ELSE = "somebody_else"
    """It is about somebody who did not agree, names a service that stays unnamed, or says where a shielded family is."""
    UNVERIFIED = "unverified"
    """The practitioner is on no register."""


@dataclass(frozen=True, slots=True)
class Line:
    """One field of one person.

    Attributes:
        level: what an item about this person alone could be told at most.
        because: a code: of the consent that is missing, or of the refusal; empty where the rule says all.
        decisions: the consent decisions behind it, oldest first.
    """

    person_id: str
    field: FieldName
    level: Level
    rule: Rule
    because: str
    decisions: tuple[DecisionId, ...]


def explain_facts(
    facts: Facts,
    *,
    caller: Caller,
    extract_days: int,
    histories: Mapping[str, Sequence[DecisionId]],
) -> Iterator[Line]:
    """Yield a line for every person of the case and every field of the catalogue.

    Args:
        facts: of one instant, as a decision reads them.
        caller: who would ask, for which purpose.
        histories: by person, what they had decided until then.
    """
    case, agency = facts.case, facts.agency
    if case is None or agency is None:
        return
    decision = decide(facts, caller=caller, extract_days=extract_days)
    unshielded = replace(case, people=tuple(replace(each, shield=Shield.NONE) for each in case.people))
    without_shield = decide(replace(facts, case=unshielded), caller=caller, extract_days=extract_days)
    for person in case.people:
        behind = tuple(histories.get(person.person_id, ()))
        for name in FIELDS:
            if isinstance(decision, Permit):
                level, rule, because = _permitted(
                    decision, without_shield, facts, caller, person=person, name=name
                )
            else:
                level, rule, because = Level.W, Rule.REFUSED, ",".join(decision.reasons)
            yield Line(person.person_id, name, level, rule, because, behind)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that the record holds and the recipient is told less of, and the rule that decides it."""

    field: FieldName
    level: Level
    rule: Rule


def withheld(
    permit: Permit, facts: Facts, items: Sequence[Item], told: Told, *, caller: Caller, extract_days: int
) -> Iterator[Withheld]:
    """Yield, in the catalogue's order, each field of a record that is not told in full, with one reason.

    Args:
        items: the whole record.
        told: what is told of it.
    """
    rules: dict[FieldName, dict[str, Line]] = {}
    for line in explain_facts(facts, caller=caller, extract_days=extract_days, histories={}):
        rules.setdefault(line.field, {})[line.person_id] = line
    kept = [(each.item.field, each.item.about, each.level) for each in told.items]
    for name in FIELDS:
        held = [item for item in items if item.field == name]
        levels = [
            next((level for field, about, level in kept if (field, about) == (name, item.about)), Level.W)
            for item in held
        ]
        if not held or min(levels) is Level.F:
            continue
        lowest = held[levels.index(min(levels))]
        lines = [rules[name][person] for person in lowest.about if person in rules[name]]
        if name not in permit.grants:
            lines = lines or [*rules[name].values()]
        strictest = min(lines, key=lambda line: line.level, default=None)
        rule = Rule.SOMEBODY_ELSE
        if strictest is not None and strictest.level <= min(levels):
            rule = strictest.rule
        yield Withheld(name, min(levels), rule)


def _permitted(
    permit: Permit,
    without_shield: object,
    facts: Facts,
    caller: Caller,
    *,
    person: PersonFacts,
    name: FieldName,
) -> tuple[Level, Rule, str]:
    """The level of one field of one person under a permit, and what limits it."""
    grant = permit.grants.get(name)
    if grant is None:
        if isinstance(without_shield, Permit) and name in without_shield.grants:
            return Level.W, Rule.SHIELD, ""
        given = permit.profile.level(name, stage=permit.stage, conditions=permit.conditions)
        return Level.W, Rule.UNVERIFIED if given > Level.W else Rule.PROFILE, ""
    if name in OUTSIDE_CONSENT:
        return grant.level, Rule.PROFILE, ""
    shown = grant.people.get(person.person_id, WITHHELD)
    if person.person_id not in grant.people:
        return Level.W, Rule.CONSENT, _missing(facts, caller, person=person)
    if shown.level < grant.level:
        return shown.level, Rule.CLAMP, ""
    return grant.level, Rule.PROFILE, ""


def _missing(facts: Facts, caller: Caller, *, person: PersonFacts) -> str:
    """Why consent does not give this field: the reason for nothing at all, or that it was not named or was closed."""
    agency = facts.agency
    result = evaluate(
        person.standing,
        agency="" if agency is None else agency.code,
        purpose="" if caller.purpose is None else caller.purpose.value,
        now=facts.now,
        birthdays=person.birthdays,
    )
    return "not_covered" if isinstance(result, Granted) else result.reason.value
