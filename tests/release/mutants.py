"""Broken copies of the modules that decide, each by a replacement of source text that must match exactly once.

INVARIANT: the shipped modules stay as they are; a mutant is executed from changed text and wired in place of them.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import agencies.model
import consent_registry.birthdays
import consent_registry.model
import consent_registry.standing
import gateway.release.decision
import gateway.release.free_text
import gateway.release.minimisation
from tests.release.product import Product

DECISION, MINIMISATION, STANDING, GRANTED, BIRTHDAYS, PROFILE = (
    "decision",
    "minimisation",
    "standing",
    "granted",
    "birthdays",
    "profile",
)
MODULES = {
    DECISION: gateway.release.decision,
    MINIMISATION: gateway.release.minimisation,
    STANDING: consent_registry.standing,
    GRANTED: consent_registry.model,
    BIRTHDAYS: consent_registry.birthdays,
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
    standing = changed if mutant.module == STANDING else _copy(consent_registry.standing)
    if mutant.module == GRANTED:
        standing.__dict__.update(Granted=changed.Granted)
    decision.__dict__.update(evaluate=standing.evaluate, Granted=standing.__dict__["Granted"])
    birthdays = changed if mutant.module == BIRTHDAYS else consent_registry.birthdays
    narrative = _copy(gateway.release.free_text)
    narrative.__dict__.update(minimise=minimisation.__dict__["minimise"])
    return Product(
        decision=decision,
        minimisation=minimisation,
        narrative=narrative,
        standing=standing,
        birthdays=birthdays,
    )


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
_SHIELD = "shield = SHIELDED_FIELDS if shielded else frozenset()"
_UNDER = "return shielded and conditions.isdisjoint(_UNDER_THE_SHIELD)"
_CONFLICT = "RefusalReason.CONFLICT: case.in_conflict or (case.has_conflicts and not verified),"
_LOCATES = "if permit.shielded and level is Level.F and (named - {permit.profile.agency} or _locates(item)):"

MUTANTS = [
    *_in(
        DECISION,
        (
            "what was shown counts for nothing",
            "agreed = min([rows.attended for rows in shown] if attended else [rows.level for rows in shown])",
            "agreed = Level.F if grant.people.keys() >= set(item.about) else Level.W",
        ),
        (
            "clamped to the most that was shown",
            "agreed = min([rows.attended for rows in shown] if attended else [rows.level for rows in shown])",
            "agreed = max(rows.attended if attended else rows.level for rows in shown)",
        ),
        (
            "clamped as if nobody attended",
            "agreed = min([rows.attended for rows in shown] if attended else [rows.level for rows in shown])",
            "agreed = min(rows.level for rows in shown)",
        ),
        (
            "clamped as if everybody attended",
            "agreed = min([rows.attended for rows in shown] if attended else [rows.level for rows in shown])",
            "agreed = min(rows.attended for rows in shown)",
        ),
        (
            "a version that is gone was the effective one",
            "shown.get(consent.profile_shown, {})",
            "shown.get(consent.profile_shown, given)",
        ),
        (
            "what was shown, whatever is effective",
            "level = min(row, _agreed_level(grant, item, attended=attended))",
            "level = min(row, Level.F) and _agreed_level(grant, item, attended=attended)",
        ),
        (
            "a flag is clamped",
            "flag = Level.G1 if item.field == _RISK_PERSON else",
            "flag =",
        ),
        (
            "both flags are not clamped",
            "min(Level.G1, protected.level)",
            "Level.G1",
        ),
        (
            "a flag only where nothing was agreed",
            "return max(agreed, flag)",
            "return flag",
        ),
        (
            "a clamped agreement hides the flag",
            "return max(agreed, flag)",
            "return agreed if grant.people.keys() >= set(item.about) else flag",
        ),
        (
            "sensitive services are not clamped",
            "return Level.F if min(grant.level, *levels) is Level.F else Level.W",
            "return grant.level if grant.people.keys() >= set(item.about) and grant.level is Level.F else Level.W",
        ),
        ("birthdays ignored", "birthdays=person.birthdays,", ""),
        ("shield ignored", _SHIELD, "shield = frozenset()"),
        (
            "shield of a refuge alone",
            "person.shield is not Shield.NONE for",
            "person.shield is Shield.REFUGE for",
        ),
        (
            "shield leaves families with a worker alone",
            _UNDER,
            "return shielded and not case.named_workers",
        ),
        (
            "shield hides from the refuge they are in",
            "frozenset({Condition.NAMED_WORKER, Condition.HOSTING_REFUGE})",
            "frozenset({Condition.NAMED_WORKER})",
        ),
        (
            "any refuge is the refuge they are in",
            "        and agency.code == case.hosting_refuge,",
            "        and case.hosting_refuge is not None,",
        ),
        (
            "the refuge they are in need not be verified",
            "Condition.HOSTING_REFUGE: practitioner.verified\n        and agency.kind",
            "Condition.HOSTING_REFUGE: agency.kind",
        ),
        (
            "any kind of agency houses them",
            "practitioner.verified\n        and agency.kind is AgencyKind.REFUGE\n",
            "practitioner.verified\n",
        ),
        ("free text needs no sign-off", "narrative=stage in case.signed_off", "narrative=True"),
        (
            "a sign-off of either stage",
            "narrative=stage in case.signed_off",
            "narrative=bool(case.signed_off)",
        ),
        ("conflicts ignored", _CONFLICT, "RefusalReason.CONFLICT: case.has_conflicts and not verified,"),
        ("conflicts open to asserted practitioners", _CONFLICT, "RefusalReason.CONFLICT: case.in_conflict,"),
        ("anybody's conflict closes to all", _CONFLICT, "RefusalReason.CONFLICT: case.has_conflicts,"),
        ("shield forgets what locates", _LOCATES, "if False:"),
        ("shield forgets labels that locate", " or _locates(item)):", "):"),
        (
            "shield forgets other agencies",
            "(named - {permit.profile.agency} or _locates(item))",
            "_locates(item)",
        ),
        ("shield hides one's own part", "(named - {permit.profile.agency} or", "(named or"),
        (
            "what locates is told in part",
            "        return Level.W\n    return level\n",
            "        return Level.G1\n    return level\n",
        ),
        (
            "what locates is hidden in part, too",
            "if permit.shielded and level is Level.F and",
            "if permit.shielded and",
        ),
        ("shield forgets the school", _SHIELD, _SHIELD.replace("FIELDS if", 'FIELDS - {"school"} if')),
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
            "shown = [grant.people.get(person, WITHHELD) for person in item.about]",
            "shown = [grant.people[p] for p in item.about if p in grant.people] or [WITHHELD]",
        ),
        ("untagged items leave", "if not item.about:", "if False:"),
        ("a flag tells everything", "flag = Level.G1 if", "flag = Level.F if"),
        (
            "the flag exception for abuse",
            "if third_party is ThirdParty.FLAG_EXCEPTION and",
            "if (third_party is ThirdParty.FLAG_EXCEPTION or item.field == 'domestic_abuse') and",
        ),
        (
            "the protected adult is not asked",
            'grant.people.get(item.protects or "")',
            'grant.people.get(item.protects or "", WITHHELD._replace(level=Level.G1))',
        ),
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
            "level = min(row, _agreed_level(grant, item, attended=attended))",
            "level = max(row, _agreed_level(grant, item, attended=attended))",
        ),
        (
            "agreement instead of the row",
            "level = min(row, _agreed_level(grant, item, attended=attended))",
            "level = _agreed_level(grant, item, attended=attended)",
        ),
        (
            "row of the service stage",
            "given = agency.profile.given(stage=stage, conditions=conditions)",
            "given = agency.profile.given(stage=Stage.SERVICE, conditions=conditions)",
        ),
        (
            "everybody attended",
            "attended = _attended(permit, item)",
            "attended = True",
        ),
        (
            "nobody attended",
            "attended = _attended(permit, item)",
            "attended = False",
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
            "permit.hidden_agencies.isdisjoint(named | {item.source_agency})",
            "permit.hidden_agencies.isdisjoint({item.source_agency})",
        ),
        ("sensitive services are services", 'if item.value.get("sensitive") is True:', "if False:"),
        (
            "sensitive without agreement",
            "(grant.people.get(person, WITHHELD).level for person in item.about)",
            "(Level.F for person in item.about)",
        ),
        (
            "sensitive in part",
            "return Level.F if min(grant.level, *levels) is Level.F else Level.W",
            "return min(grant.level, *levels)",
        ),
        ("consent to discuss is consent to all", "purpose=purpose.value", 'purpose="P1"'),
        ("consent reaches every field", "if consent.covers(name, FIELDS[name].category)", "if True"),
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
                "if consent.covers(name, FIELDS[name].category)",
                "if not (name in SHIELDED_FIELDS and any(q.shield != 'none' and q.person_id == person for q in case.people)) and consent.covers(name, FIELDS[name].category)",
            ),
        ),
    ),
    *_in(
        MINIMISATION,
        (
            "narrative to everybody",
            "narrative_allowed=permit.narrative",
            "narrative_allowed=True",
        ),
        (
            "a field at its highest level",
            "level = min([each.level for each in group])",
            "level = max([each.level for each in group])",
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
            "min([item.as_of for item in telling])",
            "max([item.as_of for item in telling])",
        ),
        ("the most certain kind", "max([item.kind for", "min([item.kind for"),
        ("repetitions are counted", "{_written(one): one", "{str(id(one)): one"),
        ("ages in full", "released_age(name, level=level,", "released_age(name, level=Level.F,"),
        (
            "internal ids",
            "refs={person.person_id: person.ref for",
            "refs={person.person_id: person.person_id for",
        ),
        ("people by their internal id", '{"person": person.ref,', '{"person": person.person_id,'),
        (
            "one person's item under another",
            "person_id = item.about[0] if",
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
        GRANTED,
        ("closed category ignored", " or category in self.closed_categories:", ":"),
        ("closed field ignored", "if field_name in self.closed_fields or category", "if category"),
        (
            "a field without a category is covered",
            "(category is not None and category in self.categories)",
            "(category is None or category in self.categories)",
        ),
    ),
    *_in(
        STANDING,
        (
            "consent's last instant",
            "(Reason.EXPIRED, now >= given.valid_until)",
            "(Reason.EXPIRED, now > given.valid_until)",
        ),
        ("consent never ends", "(Reason.EXPIRED, now >= given.valid_until)", "(Reason.EXPIRED, False)"),
        (
            "consent begins early",
            "(Reason.NOT_YET_VALID, now < given.valid_from)",
            "(Reason.NOT_YET_VALID, False)",
        ),
        ("consent to any purpose", "purpose not in given.scope.purposes", "False"),
        ("exclusion ignored", "agency in given.scope.exclude", "False"),
        ("consent to any agency", "agency not in given.scope.agencies", "False"),
        (
            "profile not shown",
            "(Reason.PROFILE_NOT_SHOWN, agency not in given.profiles_shown),\n",
            "\n",
        ),
        (
            "partial withdrawal ignored",
            "return replace(standing, closures=(*standing.closures, closure))",
            "return standing",
        ),
        (
            "withdrawal ignored",
            "    if decision.scope.is_whole:\n        left = standing\n",
            "    if decision.scope.is_whole:\n        return standing\n        left = standing\n",
        ),
        ("withdrawal from one agency ignored", "if not scope.categories | scope.fields:", "if False:"),
        (
            "withdrawal for one purpose closes none",
            "purpose in (scope.purposes or {purpose}),",
            "not scope.purposes,",
        ),
        ("withdrawal for one purpose closes all", "purpose in (scope.purposes or {purpose}),", ""),
        (
            "a new agreement is not seen",
            "        return Standing(given=given)\n",
            "        return replace(standing, given=given)\n",
        ),
        ("nothing lapses at 16", "now >= sixteenth", "False"),
        ("nothing lapses at 18", "now >= eighteenth", "False"),
        ("the 16th birthday still counts", "now >= sixteenth", "now > sixteenth"),
        ("the 18th birthday still counts", "now >= eighteenth", "now > eighteenth"),
        (
            "their own yes lapses, too",
            "lapses = birthdays if given.capacity is Capacity.PARENTAL_RESPONSIBILITY else UNKNOWN_BIRTHDAYS",
            "lapses = birthdays",
        ),
        ("used after the birthday", "min(given.valid_until, sixteenth, eighteenth)", "given.valid_until"),
        (
            "a dispute is an ordinary closing",
            "if is_dispute(standing, decision):\n        return replace(\n            known,",
            "if False:\n        return replace(\n            known,",
        ),
        ("a parent disputes their own yes", "and decision.speaker != given.speaker", ""),
        (
            "no parent disputes another's yes",
            "and decision.speaker != given.speaker",
            "and decision.speaker == given.speaker",
        ),
        (
            "what ended is disputed",
            "and decision.recorded_at < given.valid_until\n        and decision.speaker",
            "and decision.speaker",
        ),
        (
            "their own yes is disputed",
            "and given.capacity is Capacity.PARENTAL_RESPONSIBILITY\n        and decision.recorded_at",
            "and decision.recorded_at",
        ),
        (
            "whose right nobody knows disputes",
            "and decision.authority is Authority.ESTABLISHED\n        and decision.capacity is Capacity.PARENTAL_RESPONSIBILITY\n        and given",
            "and decision.capacity is Capacity.PARENTAL_RESPONSIBILITY\n        and given",
        ),
        (
            "a dispute needs no resolution",
            "return opens and not decision.resolves and contested",
            "return False",
        ),
        (
            "a resolution resolves nothing",
            "return opens and not decision.resolves and contested",
            "return opens and contested",
        ),
        (
            "a no to a part has to be resolved",
            "any(each.scope.is_whole for each in others)",
            "bool(others)",
        ),
        (
            "a parent may not change their mind",
            "if each.speaker is None or each.speaker != speaker)",
            "if True)",
        ),
        (
            "who has no name may be anybody",
            "if each.speaker is None or each.speaker != speaker)",
            "if each.speaker != speaker)",
        ),
        (
            "only the last no is remembered",
            "objections=(*standing.objections, objection))",
            "objections=(objection,))",
        ),
        (
            "what is only noted is forgotten",
            "    if is_noted(standing, decision):\n        return known\n",
            "    if is_noted(standing, decision):\n        return standing\n",
        ),
        (
            "a no to a part is undone by anybody",
            "closures=_own(standing) + theirs,",
            "closures=_own(standing),",
        ),
        ("a no is forgotten with the next yes", "+ theirs, objections=others)", "+ theirs)"),
        (
            "a hold is no stop",
            "_STOPS: Final = _OBJECTIONS | {Act.HOLD}",
            "_STOPS: Final = _OBJECTIONS",
        ),
        (
            "whoever has no right objects",
            "if decision.act not in _STOPS or decision.authority is Authority.NONE:",
            "if decision.act not in _STOPS:",
        ),
        (
            "of whom nobody knows, objects to nothing",
            "if decision.act not in _STOPS or decision.authority is Authority.NONE:",
            "if decision.act not in _STOPS or decision.authority is not Authority.ESTABLISHED:",
        ),
        (
            "a worker's stop is somebody's no",
            "if decision.capacity is None or decision.capacity.is_own:\n        return standing",
            "if decision.capacity is not None and decision.capacity.is_own:\n        return standing",
        ),
        (
            "a parent's yes goes round the child's that is held",
            "return act.opens and (answered or ",
            "return act.opens and (False or ",
        ),
        (
            "the child's yes that is held governs after its end",
            "standing.answered_until is not None and now < standing.answered_until",
            "standing.answered_until is not None",
        ),
        (
            "the child's yes governs although it was invalid",
            "if undone or (capacity is not None and capacity.is_own):",
            "if capacity is not None and capacity.is_own:",
        ),
        (
            "a parent undoes the child's yes",
            " and capacity is not Capacity.PARENTAL_RESPONSIBILITY\n    if undone",
            "\n    if undone",
        ),
        (
            "a second hold forgets the child's yes",
            "given.capacity.is_own else standing.answered_until",
            "given.capacity.is_own else None",
        ),
        (
            "a representative speaks over the child",
            "contested = governed or is_contested(",
            "contested = is_contested(",
        ),
        (
            "a representative needs no resolution",
            "    if capacity is Capacity.PARENTAL_RESPONSIBILITY and governed:\n        return True\n",
            "    if capacity is not Capacity.PARENTAL_RESPONSIBILITY or governed:\n        return governed and capacity is Capacity.PARENTAL_RESPONSIBILITY\n",
        ),
        (
            "a parent speaks over the child by a resolution",
            "    if capacity is Capacity.PARENTAL_RESPONSIBILITY and governed:\n        return True\n",
            "    if capacity is Capacity.PARENTAL_RESPONSIBILITY and governed:\n        return not (opens and decision.resolves)\n",
        ),
        (
            "a resolution lets a parent open what the child closed",
            "closures=_own(standing) if parental else ())",
            "closures=())",
        ),
        (
            "no resolution lets a representative open it",
            "closures=_own(standing) if parental else ())",
            "closures=_own(standing))",
        ),
        (
            "whoever may not decide, decides",
            "if decision.authority is Authority.NONE or (opens and not established):",
            "if opens and not established:",
        ),
        (
            "whoever is unknown, agrees",
            "if decision.authority is Authority.NONE or (opens and not established):",
            "if decision.authority is Authority.NONE:",
        ),
        (
            "whoever is unknown, cannot stop it",
            "if decision.authority is Authority.NONE or (opens and not established):",
            "if not established:",
        ),
        (
            "a parent outvotes the child's yes",
            "return act.opens or act in _OBJECTIONS",
            "return act.opens",
        ),
        (
            "a parent's yes replaces the child's",
            "return act.opens or act in _OBJECTIONS",
            "return act in _OBJECTIONS",
        ),
        (
            "a parent cannot hold what the child agreed",
            "return act.opens or act in _OBJECTIONS",
            "return True",
        ),
        (
            "the child's yes governs after its end",
            "given.capacity.is_own and now < given.valid_until:",
            "given.capacity.is_own:",
        ),
        (
            "a part closed by the child stops the parent's yes",
            "any(each.scope.is_whole for each in _own(standing))",
            "any(True for each in _own(standing))",
        ),
        (
            "a parent's yes opens what the child closed",
            "closures=_own(standing) + theirs,",
            "closures=theirs,",
        ),
        (
            "a parent's yes leaves closed what they closed",
            "closures=_own(standing) + theirs,",
            "closures=standing.closures + theirs,",
        ),
        (
            "what the child closed in part is forgotten with the yes",
            "    if standing.given is None and not own:",
            "    if standing.given is None:",
        ),
        (
            "a yes of nobody knows whom is their own",
            "    if decision.capacity is None and decision.act.opens:\n",
            "    if False:\n",
        ),
    ),
    *_in(
        BIRTHDAYS,
        ("16 whatever the policy", "if lapse_at_sixteen else None", "if True else None"),
        ("18 by the policy alone", "midnight(birthday(born, EIGHTEEN))", "sixteenth"),
        ("days begin in Greenwich", "time(), LONDON)", "time(), UTC)"),
        (
            "29 February counts a day early",
            "date(born.year + years, 3, 1)",
            "date(born.year + years, 2, 28)",
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
