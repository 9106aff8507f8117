"""Decide what may be released. Pure: facts in, a value with reasons out.

INVARIANTS
- Default deny: every ``Refuse`` is tried before a ``Permit`` is made.
- Strictest wins: conditions select the profile row; after that only ``min()`` is applied.
- An item leaves only if every person it is about permits its field; an untagged item never leaves.
- Nobody's data leaves at a higher level than the profile version gave that was shown to them.
- Details of another person need that person's agreement; the *flag* that a risk person exists, and
  worker safety, carry no fact about them and need the protected adult's, or the lead's decision, whatever was shown.
- A shield takes address, contact and school of the whole family from everyone but the named early-help workers and
  the refuge that houses them: who lives together shares an address. It takes every item, too, that in full would say
  where somebody is cared for or taught; such an item is not told in part instead, which would tell of the shield.
- Free text goes only on a current sign-off of what this agency is told at this stage.
- A refuge's own involvement is nothing at all to everyone but that refuge and those workers.
"""

from datetime import timedelta
from typing import Final

from agencies.catalogue import FIELDS, SHIELDED_FIELDS, ThirdParty
from agencies.model import (
    KINDS_WITHOUT_CASES,
    AgencyKind,
    Condition,
    FieldName,
    Level,
    Purpose,
    Stage,
    stage_of,
)
from agencies.values import mentioned_agencies
from consent_registry.model import Granted
from consent_registry.standing import evaluate
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import Shield, Status
from gateway.release.model import (
    WITHHELD,
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

VERIFIED_ONLY_FIELDS: Final = frozenset(
    map(FieldName, ("risk_person", "sensitive_services", "domestic_abuse", "offences"))
)
"""Never released to a practitioner whom no register knows (design section 7)."""

LISTED_LEVEL: Final = 2
"""Only Level 2 cases go to the panel."""

_UNDER_THE_SHIELD: Final = frozenset({Condition.NAMED_WORKER, Condition.HOSTING_REFUGE})
"""Who knows where a shielded family is."""

_SERVED_PURPOSES: Final = frozenset({Purpose.P1, Purpose.P2, Purpose.P3})
_SENSITIVE: Final = FieldName("sensitive_services")
_RISK_PERSON: Final = FieldName("risk_person")
"""The field whose flag says nothing about the adult who agreed: what was shown to her does not hide it."""


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
    if purpose not in _SERVED_PURPOSES or caller.practitioner is None or agency.kind in KINDS_WITHOUT_CASES:
        return Refuse((RefusalReason.CALLER_NOT_SERVED,))
    stage, verified = stage_of(purpose), caller.practitioner.verified

    # 1. May this agency, and this practitioner of it, ask now; and may it ask about this case?
    reasons = (
        *_agency_reasons(agency, verified=verified),
        *_case_reasons(case, agency, stage, verified=verified),
    )
    if reasons or agency.profile is None or agency.agreement_until is None:
        return Refuse(reasons)

    # 2. Who agreed to this agency and this purpose?
    results = {
        person.person_id: evaluate(
            person.standing,
            agency=agency.code,
            purpose=purpose.value,
            now=facts.now,
            birthdays=person.birthdays,
        )
        for person in case.people
    }
    consents = {person: result for person, result in results.items() if isinstance(result, Granted)}
    if not consents:
        return Refuse((RefusalReason.NO_CONSENT,))

    # 3. What does the profile give at this stage, who agreed to that field, and what did the profile give then?
    conditions = _conditions(case, agency, caller.practitioner)
    shielded = _is_shielded(case, conditions)
    withheld = _withheld_fields(shielded=shielded, verified=verified)
    given = agency.profile.given(stage=stage, conditions=conditions)
    shown = {
        version: each.given(stage=stage, conditions=conditions) for version, each in agency.shown.items()
    }
    shown[agency.profile.version] = given
    agreed = [(person, consent, shown.get(consent.profile_shown, {})) for person, consent in consents.items()]
    grants = {
        name: FieldGrant(
            rows.level,
            rows.attended,
            {
                person: then.get(name, WITHHELD)
                for person, consent, then in agreed
                if consent.covers(name, FIELDS[name].category)
            },
        )
        for name, rows in given.items()
        if name not in withheld
    }

    # 4. Until when?
    ends = [agency.agreement_until, facts.now + timedelta(days=extract_days)]
    ends += [consent.valid_until for consent in consents.values()]
    entitled_until = case.panel_until if stage is Stage.PANEL else case.offer_until
    if entitled_until is not None:
        ends.append(entitled_until)
    return Permit(
        stage=stage,
        profile=agency.profile,
        kind=agency.kind,
        grants=grants,
        conditions=conditions,
        hidden_agencies=_hidden_agencies(case, agency, conditions),
        shielded=shielded,
        narrative=stage in case.signed_off,
        use_until=min(ends),
        decisions=frozenset(consent.decision_id for consent in consents.values()),
    )


def item_level(permit: Permit, item: Item) -> Level:
    """Return the level at which one item may leave under a permit: the strictest of everything.

    Row and flags (``FieldGrant``), the *about* rule with what was shown to each and the third-party test, the refuge's
    silence, for a service marked sensitive the sensitive services' own grant, and the shield of what locates.
    """
    grant = permit.grants.get(item.field)
    if grant is None:
        return Level.W
    named = mentioned_agencies(item.field, item.value)
    if not permit.hidden_agencies.isdisjoint(named | {item.source_agency}):
        return Level.W
    attended = _attended(permit, item)
    row = grant.attended if attended else grant.level
    level = min(row, _agreed_level(grant, item, attended=attended))
    if item.value.get("sensitive") is True:
        level = min(level, _sensitive_level(permit, item))
    if permit.shielded and level is Level.F and (named - {permit.profile.agency} or _locates(item)):
        return Level.W
    return level


def _agency_reasons(agency: AgencyFacts, *, verified: bool) -> tuple[RefusalReason, ...]:
    """Why this agency may not ask about anybody at all now."""
    tests = {
        RefusalReason.CLIENT_REVOKED: agency.client_state != "active",
        RefusalReason.PRACTITIONER_INACTIVE: verified and not agency.practitioner_active,
        RefusalReason.AGENCY_INACTIVE: agency.state != "active",
        RefusalReason.NO_AGREEMENT: agency.agreement_until is None,
        RefusalReason.NO_PROFILE: agency.profile is None,
    }
    return tuple(reason for reason, holds in tests.items() if holds)


def _case_reasons(
    case: CaseFacts, agency: AgencyFacts, stage: Stage, *, verified: bool
) -> tuple[RefusalReason, ...]:
    """Why this agency may not ask about this case now."""
    entitled = case.panel_until is not None if stage is Stage.PANEL else case.has_offer
    may_see_sealed = agency.kind is AgencyKind.EARLY_HELP and verified
    tests = {
        RefusalReason.CASE_STATE: case.status != Status.OPEN or case.threshold_level != LISTED_LEVEL,
        RefusalReason.RESTRICTED: bool(case.seals) and not may_see_sealed,
        RefusalReason.CONFLICT: case.in_conflict or (case.has_conflicts and not verified),
        RefusalReason.NOT_ENTITLED: not entitled,
    }
    return tuple(reason for reason, holds in tests.items() if holds)


def _conditions(
    case: CaseFacts, agency: AgencyFacts, practitioner: PractitionerClaim
) -> frozenset[Condition]:
    """The conditions of profile rows that hold for the whole request."""
    named = practitioner.verified and practitioner.id in case.named_workers
    holds = {
        Condition.ALWAYS: True,
        Condition.NAMED_WORKER: named and agency.kind is AgencyKind.EARLY_HELP,
        Condition.HOSTING_REFUGE: practitioner.verified
        and agency.kind is AgencyKind.REFUGE
        and agency.code == case.hosting_refuge,
    }
    return frozenset(condition for condition, held in holds.items() if held)


def _withheld_fields(*, shielded: bool, verified: bool) -> frozenset[FieldName]:
    """The fields that a flag takes away, whatever the profile says."""
    shield = SHIELDED_FIELDS if shielded else frozenset()
    return shield if verified else shield | VERIFIED_ONLY_FIELDS


def _is_shielded(case: CaseFacts, conditions: frozenset[Condition]) -> bool:
    """True for whoever must not learn where the family is."""
    shielded = any(person.shield is not Shield.NONE for person in case.people)
    return shielded and conditions.isdisjoint(_UNDER_THE_SHIELD)


def _hidden_agencies(
    case: CaseFacts, agency: AgencyFacts, conditions: frozenset[Condition]
) -> frozenset[str]:
    """The refuges whose involvement this caller must not learn; a refuge knows its own."""
    if Condition.NAMED_WORKER in conditions:
        return frozenset()
    return case.refuges - {agency.code}


def _agreed_level(grant: FieldGrant, item: Item, *, attended: bool) -> Level:
    """How much of an item the people concerned agreed to: no more than was shown to any of them."""
    third_party = FIELDS[item.field].third_party
    if not item.about:
        return Level.W
    if third_party is ThirdParty.LEAD_DECISION:
        return Level.F if item.value.get("authorised_by") and item.value.get("reason") else Level.W
    shown = [grant.people.get(person, WITHHELD) for person in item.about]
    agreed = min([rows.attended for rows in shown] if attended else [rows.level for rows in shown])
    protected = grant.people.get(item.protects or "")
    if third_party is ThirdParty.FLAG_EXCEPTION and protected is not None:
        flag = Level.G1 if item.field == _RISK_PERSON else min(Level.G1, protected.level)
        return max(agreed, flag)
    return agreed


def _sensitive_level(permit: Permit, item: Item) -> Level:
    """What sensitive services themselves would have for these people: full or nothing, they have no other step.

    A step between would lower the field's other items, and so tell that there is a sensitive one.
    """
    grant = permit.grants.get(_SENSITIVE)
    if grant is None or not item.about:
        return Level.W
    levels = (grant.people.get(person, WITHHELD).level for person in item.about)
    return Level.F if min(grant.level, *levels) is Level.F else Level.W


def _locates(item: Item) -> bool:
    """True where the item has a member that says where somebody is cared for or taught."""
    return not FIELDS[item.field].locating.isdisjoint(item.value)


def _attended(permit: Permit, item: Item) -> bool:
    attendees = item.value.get("attendees")
    return isinstance(attendees, list) and permit.profile.agency in attendees
