"""Decide what may be released. Pure: facts in, a value with reasons out.

INVARIANTS
- Default deny: every ``Refuse`` is tried before a ``Permit`` is made.
- Strictest wins: conditions select the profile row; after that only ``min()`` is applied.
- An item leaves only if every person it is about permits its field; an untagged item never leaves.
- Details of another person need that person's agreement; the *flag* that a risk person exists, and
  worker safety, carry no fact about them and need the protected adult's, or the lead's decision.
- A shield takes address, contact and school of the whole family from everyone but the named
  early-help workers: who lives together shares an address.
- A refuge's own involvement is nothing at all to everyone but that refuge and those workers.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from agencies.catalogue import FIELDS, ThirdParty
from agencies.model import AgencyKind, Condition, FieldName, Level, Profile, Purpose, Stage, stage_of
from agencies.values import mentioned_agencies
from consent_registry.model import Granted, evaluate
from gateway.caller import Caller
from gateway.cases.model import Shield, Status
from gateway.release.model import (
    AgencyFacts,
    CaseFacts,
    Decision,
    Facts,
    FieldGrant,
    Item,
    Permit,
    RefusalReason,
    Refuse,
)

SHIELDED_FIELDS: Final = frozenset(map(FieldName, ("address", "contact", "school")))
"""What tells where somebody is (domain section 3.3, rule 1)."""

VERIFIED_ONLY_FIELDS: Final = frozenset(
    map(FieldName, ("risk_person", "sensitive_services", "domestic_abuse", "offences"))
)
"""Never released to a practitioner whom no register knows (design section 7)."""

NOT_SERVED_KINDS: Final = frozenset({AgencyKind.COMMISSIONING, AgencyKind.POLICE})
"""Kinds that receive aggregates or referrals, never a case."""

LISTED_LEVEL: Final = 2
"""Only Level 2 cases go to the panel."""

_SERVED_PURPOSES: Final = frozenset({Purpose.P1, Purpose.P2, Purpose.P3})
_SENSITIVE: Final = FieldName("sensitive_services")


def decide(facts: Facts, *, caller: Caller, extract_days: int) -> Decision:
    """Decide whether this caller may have an extract of this case now, and of what.

    Args:
        facts: one snapshot; ``facts.now`` is the only clock.
        extract_days: longest use of any extract, in days.

    Returns: ``Permit`` with the level of each field and the people who permit it, or ``Refuse`` with
        the reasons, for the log only.
    """
    case, agency, purpose = facts.case, facts.agency, caller.purpose
    if case is None or agency is None:
        return Refuse((RefusalReason.UNKNOWN_REF,))
    if purpose not in _SERVED_PURPOSES or caller.practitioner is None or agency.kind in NOT_SERVED_KINDS:
        return Refuse((RefusalReason.CALLER_NOT_SERVED,))
    stage = stage_of(purpose)
    reasons = (*_agency_reasons(agency, caller), *_case_reasons(case, agency, caller, stage))
    if reasons or agency.profile is None or agency.agreement_until is None:
        return Refuse(reasons)

    consents = _consents(case, agency=agency, purpose=purpose, now=facts.now)
    if not consents:
        return Refuse((RefusalReason.NO_CONSENT,))
    conditions = _conditions(case, agency, caller)
    ends = [agency.agreement_until, facts.now + timedelta(days=extract_days)]
    ends += [consent.valid_until for consent in consents.values()]
    if stage is Stage.PANEL and case.panel_until is not None:
        ends.append(case.panel_until)
    return Permit(
        stage=stage,
        profile=agency.profile,
        kind=agency.kind,
        grants=_grants(
            case,
            profile=agency.profile,
            caller=caller,
            stage=stage,
            conditions=conditions,
            consents=consents,
        ),
        conditions=conditions,
        hidden_agencies=_hidden_agencies(case, agency, conditions),
        use_until=min(ends),
        decisions=frozenset(consent.decision_id for consent in consents.values()),
    )


def item_level(permit: Permit, item: Item) -> Level:
    """Return the level at which one item may leave under a permit: the strictest of everything.

    Row and flags (``FieldGrant``), the *about* rule with the third-party test, the refuge's silence,
    and, for a service marked sensitive, the sensitive services' own grant.
    """
    grant = permit.grants.get(item.field)
    if grant is None or _mentions(item) & permit.hidden_agencies:
        return Level.W
    row = grant.attended if _attended(permit, item) else grant.level
    level = min(row, _agreed_level(grant, item))
    if item.value.get("sensitive") is True:
        level = min(level, _sensitive_level(permit, item))
    return level


def _agency_reasons(agency: AgencyFacts, caller: Caller) -> tuple[RefusalReason, ...]:
    """Why this agency may not ask about anybody at all now."""
    tests = {
        RefusalReason.CLIENT_REVOKED: agency.client_state != "active",
        RefusalReason.PRACTITIONER_INACTIVE: _verified(caller) and not agency.practitioner_active,
        RefusalReason.AGENCY_INACTIVE: agency.state != "active",
        RefusalReason.NO_AGREEMENT: agency.agreement_until is None,
        RefusalReason.NO_PROFILE: agency.profile is None,
    }
    return tuple(reason for reason, holds in tests.items() if holds)


def _case_reasons(
    case: CaseFacts, agency: AgencyFacts, caller: Caller, stage: Stage
) -> tuple[RefusalReason, ...]:
    """Why this agency may not ask about this case now."""
    entitled = case.panel_until is not None if stage is Stage.PANEL else case.has_offer
    may_see_sealed = agency.kind is AgencyKind.EARLY_HELP and _verified(caller)
    tests = {
        RefusalReason.CASE_STATE: case.status != Status.OPEN or case.threshold_level != LISTED_LEVEL,
        RefusalReason.RESTRICTED: bool(case.seals) and not may_see_sealed,
        RefusalReason.NOT_ENTITLED: not entitled,
    }
    return tuple(reason for reason, holds in tests.items() if holds)


def _consents(
    case: CaseFacts, *, agency: AgencyFacts, purpose: Purpose, now: datetime
) -> Mapping[str, Granted]:
    """The people whose standing permits something to this agency for this purpose now."""
    results = {
        person.person_id: evaluate(person.standing, agency=agency.code, purpose=purpose.value, now=now)
        for person in case.people
    }
    return {person: result for person, result in results.items() if isinstance(result, Granted)}


def _conditions(case: CaseFacts, agency: AgencyFacts, caller: Caller) -> frozenset[Condition]:
    """The conditions of profile rows that hold for the whole request."""
    named = caller.practitioner is not None and caller.practitioner.id in case.named_workers
    holds = {
        Condition.ALWAYS: True,
        Condition.NAMED_WORKER: named and _verified(caller) and agency.kind is AgencyKind.EARLY_HELP,
    }
    return frozenset(condition for condition, held in holds.items() if held)


def _grants(
    case: CaseFacts,
    *,
    profile: Profile,
    caller: Caller,
    stage: Stage,
    conditions: frozenset[Condition],
    consents: Mapping[str, Granted],
) -> Mapping[FieldName, FieldGrant]:
    """One grant per field that anything of may leave."""
    shielded = any(person.shield is not Shield.NONE for person in case.people)
    grants: dict[FieldName, FieldGrant] = {}
    for name, field in FIELDS.items():
        if shielded and name in SHIELDED_FIELDS and Condition.NAMED_WORKER not in conditions:
            continue
        if name in VERIFIED_ONLY_FIELDS and not _verified(caller):
            continue
        level = profile.level(name, stage=stage, conditions=conditions)
        attended = profile.level(name, stage=stage, conditions=conditions | {Condition.ATTENDED})
        people = frozenset(p for p, consent in consents.items() if consent.covers(name, field.category))
        if max(level, attended) > Level.W:
            grants[name] = FieldGrant(level, attended, people)
    return grants


def _hidden_agencies(
    case: CaseFacts, agency: AgencyFacts, conditions: frozenset[Condition]
) -> frozenset[str]:
    """The refuges whose involvement this caller must not learn; a refuge knows its own."""
    if Condition.NAMED_WORKER in conditions:
        return frozenset()
    return case.refuges - {agency.code}


def _agreed_level(grant: FieldGrant, item: Item) -> Level:
    """How much of an item the people concerned agreed to."""
    third_party = FIELDS[item.field].third_party
    if not item.about:
        return Level.W
    if third_party is ThirdParty.LEAD_DECISION:
        return Level.F if item.value.get("authorised_by") and item.value.get("reason") else Level.W
    if grant.people.issuperset(item.about):
        return Level.F
    if third_party is ThirdParty.FLAG_EXCEPTION and item.protects in grant.people:
        return Level.G1
    return Level.W


def _sensitive_level(permit: Permit, item: Item) -> Level:
    """What sensitive services themselves would have for these people: full or nothing, they have no other step.

    A step between would lower the field's other items, and so tell that there is a sensitive one.
    """
    grant = permit.grants.get(_SENSITIVE)
    if grant is None or not grant.people.issuperset(item.about):
        return Level.W
    return Level.F if grant.level is Level.F else Level.W


def _mentions(item: Item) -> frozenset[str]:
    return mentioned_agencies(item.field, item.value) | {item.source_agency}


def _attended(permit: Permit, item: Item) -> bool:
    attendees = item.value.get("attendees")
    return isinstance(attendees, list) and permit.profile.agency in attendees


def _verified(caller: Caller) -> bool:
    return caller.practitioner is not None and caller.practitioner.verified
