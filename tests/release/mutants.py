"""Broken copies of the modules that decide, each by a replacement of source text that must match exactly once.

INVARIANT: the shipped modules stay as they are; a mutant is executed from changed text and wired in place of them.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import agencies.model
import consent_registry.model
import gateway.release.decision
import gateway.release.minimisation
from tests.release.product import Product

DECISION, MINIMISATION, CONSENT, PROFILE = "decision", "minimisation", "consent", "profile"
MODULES = {
    DECISION: gateway.release.decision,
    MINIMISATION: gateway.release.minimisation,
    CONSENT: consent_registry.model,
    PROFILE: agencies.model,
}


@dataclass(frozen=True)
class Mutant:
    """One mistake: a name, the module it is made in, and what is written in place of what."""

    name: str
    module: str
    replacements: tuple[tuple[str, str], ...]


class NoLongerFitsError(AssertionError):
    """A replacement's text is not in the module exactly once: the mutant no longer says what it means to."""


def broken(mutant: Mutant) -> ModuleType:
    """The changed copy of a module. Raises: NoLongerFitsError."""
    original = MODULES[mutant.module]
    source = Path(str(original.__file__)).read_text(encoding="utf-8")
    for old, new in mutant.replacements:
        if source.count(old) != 1:
            raise NoLongerFitsError(f"{mutant.name}: found {source.count(old)} times: {old}")
        source = source.replace(old, new)
    return _executed(original, source)


def wired(mutant: Mutant) -> Product:
    """The product with one broken part. A broken profile has to be put in place by the caller."""
    changed = broken(mutant)
    decision = changed if mutant.module == DECISION else _copy(gateway.release.decision)
    minimisation = changed if mutant.module == MINIMISATION else _copy(gateway.release.minimisation)
    consent = changed if mutant.module == CONSENT else consent_registry.model
    decision.__dict__.update(evaluate=consent.evaluate, Granted=consent.Granted)
    return Product(decision=decision, minimisation=minimisation, consent=consent)


def _copy(original: ModuleType) -> ModuleType:
    return _executed(original, Path(str(original.__file__)).read_text(encoding="utf-8"))


def _executed(original: ModuleType, source: str) -> ModuleType:
    module = ModuleType(original.__name__)
    module.__file__ = original.__file__
    exec(compile(source, str(original.__file__), "exec"), module.__dict__)  # noqa: S102 - our own source, changed
    return module


def _in(module: str, *mutants: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(name, module, ((old, new),)) for name, old, new in mutants]


_NAMED = "named = practitioner.verified and practitioner.id in case.named_workers"
_SHIELD = "shield = SHIELDED_FIELDS if shielded and Condition.NAMED_WORKER not in conditions else frozenset()"
_PEOPLE = "people = frozenset(p for p, consent in consents.items() if consent.covers(name, field.category))"

MUTANTS = [
    *_in(
        DECISION,
        ("shield ignored", _SHIELD, "shield = frozenset()"),
        (
            "shield of a refuge alone",
            "person.shield is not Shield.NONE for",
            "person.shield is Shield.REFUGE for",
        ),
        (
            "shield leaves families with a worker alone",
            _SHIELD,
            _SHIELD.replace("Condition.NAMED_WORKER not in conditions", "not case.named_workers"),
        ),
        ("shield forgets the school", '("address", "contact", "school")', '("address", "contact")'),
        ("worker need not be named", _NAMED, "named = practitioner.verified"),
        ("worker need not be verified", _NAMED, _NAMED.replace("practitioner.verified and ", "")),
        ("worker of any kind", "named and agency.kind is AgencyKind.EARLY_HELP", "named"),
        (
            "asserted practitioners see all",
            "return shield if verified else shield |",
            "return shield if True else shield |",
        ),
        ("asserted practitioners see offences", '"domestic_abuse", "offences"))', '"domestic_abuse"))'),
        (
            "anybody's agreement is enough",
            "if grant.people.issuperset(item.about):\n        return Level.F",
            "if grant.people.intersection(item.about):\n        return Level.F",
        ),
        ("untagged items leave", "if not item.about:", "if False:"),
        ("a flag tells everything", "return Level.G1", "return Level.F"),
        (
            "the flag exception for abuse",
            "if third_party is ThirdParty.FLAG_EXCEPTION and",
            "if (third_party is ThirdParty.FLAG_EXCEPTION or item.field == 'domestic_abuse') and",
        ),
        ("the protected adult is not asked", " and item.protects in grant.people:", ":"),
        ("the risk person has a veto", "if third_party is ThirdParty.FLAG_EXCEPTION and", "if False and"),
        (
            "visits need no decision",
            'return Level.F if item.value.get("authorised_by") and item.value.get("reason") else Level.W',
            "return Level.F",
        ),
        ("visits need no reason", ' and item.value.get("reason") else', " else"),
        ("seals ignored", "bool(case.seals) and not may_see_sealed", "False"),
        (
            "seals open to asserted early help",
            "agency.kind is AgencyKind.EARLY_HELP and verified\n    tests",
            "agency.kind is AgencyKind.EARLY_HELP\n    tests",
        ),
        (
            "seals open to every verified",
            "may_see_sealed = agency.kind is AgencyKind.EARLY_HELP and verified",
            "may_see_sealed = verified",
        ),
        ("commissioning is served", "agency.kind in KINDS_WITHOUT_CASES", "agency.kind is AgencyKind.POLICE"),
        (
            "police are served",
            "agency.kind in KINDS_WITHOUT_CASES",
            "agency.kind is AgencyKind.COMMISSIONING",
        ),
        ("agreement's end ignored", "ends = [agency.agreement_until, facts.now", "ends = [facts.now"),
        ("consents' ends ignored", "ends += [consent.valid_until for consent in consents.values()]", "pass"),
        ("panel's end ignored", "ends.append(entitled_until)", "pass"),
        (
            "the offer's end ignored",
            "if stage is Stage.PANEL else case.offer_until",
            "if stage is Stage.PANEL else None",
        ),
        ("longest use ignored", ", facts.now + timedelta(days=extract_days)]", "]"),
        (
            "entitlement of the other stage",
            "case.panel_until is not None if stage is Stage.PANEL else case.has_offer",
            "case.has_offer if stage is Stage.PANEL else case.panel_until is not None",
        ),
        ("any entitlement", "if stage is Stage.PANEL else case.has_offer", "or case.has_offer"),
        ("closed cases", "case.status != Status.OPEN or case", "case"),
        ("level 3", "case.threshold_level != LISTED_LEVEL", "case.threshold_level < LISTED_LEVEL"),
        ("level 1", "case.threshold_level != LISTED_LEVEL", "case.threshold_level > LISTED_LEVEL"),
        (
            "the most instead of the least",
            "level = min(row, _agreed_level(grant, item))",
            "level = max(row, _agreed_level(grant, item))",
        ),
        (
            "agreement instead of the row",
            "level = min(row, _agreed_level(grant, item))",
            "level = _agreed_level(grant, item)",
        ),
        (
            "row of the service stage",
            "level = agency.profile.level(name, stage=stage,",
            "level = agency.profile.level(name, stage=Stage.SERVICE,",
        ),
        (
            "everybody attended",
            "row = grant.attended if _attended(permit, item) else grant.level",
            "row = grant.attended",
        ),
        (
            "nobody attended",
            "row = grant.attended if _attended(permit, item) else grant.level",
            "row = grant.level",
        ),
        ("refuges are told", "return case.refuges - {agency.code}", "return frozenset()"),
        (
            "refuges know of each other",
            "return case.refuges - {agency.code}",
            "return frozenset() if agency.code in case.refuges else case.refuges",
        ),
        ("a refuge does not know itself", "return case.refuges - {agency.code}", "return case.refuges"),
        (
            "refuges are told to early help",
            "if Condition.NAMED_WORKER in conditions:\n        return frozenset()",
            "if agency.kind is AgencyKind.EARLY_HELP:\n        return frozenset()",
        ),
        ("refuge as source is told", " | {item.source_agency}", ""),
        (
            "refuge in a value is told",
            "mentioned_agencies(item.field, item.value) | {item.source_agency}",
            "{item.source_agency}",
        ),
        ("sensitive services are services", 'if item.value.get("sensitive") is True:', "if False:"),
        (
            "sensitive without agreement",
            "if grant is None or not grant.people.issuperset(item.about):",
            "if grant is None:",
        ),
        ("sensitive in part", "return Level.F if grant.level is Level.F else Level.W", "return grant.level"),
        ("consent to discuss is consent to all", "purpose=purpose.value", 'purpose="P1"'),
        ("consent reaches every field", _PEOPLE, "people = frozenset(consents)"),
        ("nobody needs to agree", "if not consents:", "if False:"),
        ("suspended agencies", 'agency.state != "active"', "False"),
        ("revoked clients", 'agency.client_state != "active"', "False"),
        ("practitioners who left", "verified and not agency.practitioner_active", "False"),
    ),
    Mutant(
        "agreement ignored",
        DECISION,
        (
            ("RefusalReason.NO_AGREEMENT: agency.agreement_until is None,", ""),
            (
                "if reasons or agency.profile is None or agency.agreement_until is None:",
                "if reasons or agency.profile is None:",
            ),
            ("ends = [agency.agreement_until, facts.now", "ends = [facts.now"),
        ),
    ),
    Mutant(
        "shield of the shielded person's own items alone",
        DECISION,
        (
            (_SHIELD, "shield = frozenset()"),
            (
                _PEOPLE,
                _PEOPLE.replace(
                    "if consent",
                    "if not (name in SHIELDED_FIELDS and any(q.shield != 'none' for q in case.people if q.person_id == p)) and consent",
                ),
            ),
        ),
    ),
    *_in(
        MINIMISATION,
        (
            "narrative to everybody",
            "narrative_allowed=permit.kind is AgencyKind.EARLY_HELP",
            "narrative_allowed=True",
        ),
        (
            "a field at its highest level",
            "level = min(each.level for each in group)",
            "level = max(each.level for each in group)",
        ),
        (
            "roles ignored",
            "roles={person.person_id: person.role for person in people}",
            'roles={person.person_id: "adult" for person in people}',
        ),
        ("everybody is a child", '"role": person.role,', '"role": "child",'),
        (
            "items that tell nothing count",
            "telling = [each.item for each, one in zip(group, told, strict=True) if one]",
            "telling = [each.item for each in group] if any(told) else []",
        ),
        (
            "as_of of the newest item",
            "min(item.as_of for item in telling)",
            "max(item.as_of for item in telling)",
        ),
        ("the most certain kind", "max((ItemKind(item.kind)", "min((ItemKind(item.kind)"),
        ("repetitions are counted", "{json.dumps(one, sort_keys=True): one", "{str(id(one)): one"),
        ("ages in full", "released_age(name, level=level,", "released_age(name, level=Level.F,"),
        (
            "internal ids",
            "refs={person.person_id: person.ref for",
            "refs={person.person_id: person.person_id for",
        ),
        ("people by their internal id", '{"person": person.ref,', '{"person": person.person_id,'),
        (
            "one person's item under another",
            "person_id = each.item.about[0] if",
            "person_id = permitted[0].item.about[0] if",
        ),
        (
            "an empty case",
            '    if None in fields:\n        record["case"] = fields[None]',
            '    record["case"] = fields.get(None, {})',
        ),
    ),
    Mutant(
        "people without a field",
        MINIMISATION,
        (
            ('"fields": fields[person.person_id]}', '"fields": fields.get(person.person_id, {})}'),
            (" and person.person_id in fields", ""),
        ),
    ),
    *_in(
        CONSENT,
        ("consent's last instant", "now >= given.valid_until", "now > given.valid_until"),
        ("consent never ends", "(Reason.EXPIRED, now >= given.valid_until)", "(Reason.EXPIRED, False)"),
        (
            "consent begins early",
            "(Reason.NOT_YET_VALID, now < given.valid_from)",
            "(Reason.NOT_YET_VALID, False)",
        ),
        ("consent to any purpose", "purpose not in given.scope.purposes", "False"),
        ("exclusion ignored", "agency in given.scope.exclude", "False"),
        ("consent to any agency", "agency not in given.scope.agencies", "False"),
        ("closed category ignored", " or category in self.closed_categories:", ":"),
        ("closed field ignored", "if field_name in self.closed_fields or category", "if category"),
        (
            "a field without a category is covered",
            "(category is not None and category in self.categories)",
            "(category is None or category in self.categories)",
        ),
        (
            "partial withdrawal ignored",
            "return replace(standing, closures=(*standing.closures, closure))",
            "return standing",
        ),
        ("withdrawal ignored", "return Standing(closed_by=decision.act)", "return standing"),
        (
            "withdrawal from one agency ignored",
            "if not scope.categories | scope.fields:",
            "if False:",
        ),
        (
            "withdrawal for one purpose closes none",
            "purpose in (scope.purposes or {purpose}),",
            "not scope.purposes,",
        ),
        ("withdrawal for one purpose closes all", "purpose in (scope.purposes or {purpose}),", ""),
        (
            "a new agreement is not seen",
            "return Standing(given=_as_given(decision))",
            "return replace(standing, given=_as_given(decision))",
        ),
    ),
    *_in(
        PROFILE,
        (
            "the more generous of two rows",
            "return min(selected,",
            "return max(selected,",
        ),
        (
            "conditional rows ignored",
            "for condition in conditions - {Condition.ALWAYS}",
            "for condition in ()",
        ),
        (
            "a missing row is full",
            "Condition.ALWAYS), Level.W))",
            "Condition.ALWAYS), Level.F))",
        ),
    ),
]
"""Every mistake."""
