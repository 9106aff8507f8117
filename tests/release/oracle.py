"""What may leave, written a second time from the rules alone. Imports nothing of the product.

INVARIANTS
- A world is plain data: text, numbers, instants, lists and mappings; see ``worlds.py`` for its members.
- Consent is judged on each person's history of decisions, never on a folded standing.
- ``verdict`` knows every rule of who may see what; it knows nothing of how a value is generalised.

Rules, as they are tried:
  nobody of kind commissioning or police; purposes P1 to P3 only, for a named practitioner; agency, client and
  registered practitioner active, agreement and profile in force; an open case of level 2; a seal leaves only
  verified early help; nobody with an interest in the family, and where somebody has one nobody unregistered; P1 needs a panel, P2 and P3 an offer; at least one person agrees. Then, item by item, the
  lowest of: the profile's row, the shield of any person of the family (it takes what locates them, too), the practitioner's being registered, the
  silence about refuges, the agreement of everybody concerned, the row that was shown to each of them, and F19 for
  what is marked sensitive. The flag of a risk person and advice for visits do not ask what was shown.

Rules of consent, over one person's history, oldest first:
  - What somebody said who may not decide counts for nothing; of whom nobody can tell whether they may, a yes counts
    for nothing and anything else closes. A yes of an unknown capacity is a parent's.
  - While a young person's own yes runs, no parent's yes or objection counts; nor does a parent's yes when somebody
    else closed theirs, unless it was found invalid by somebody who is no parent. After their own whole no, until they
    say yes, no parent's yes counts; parts they closed stay closed to a parent's yes. A representative's yes does all
    that a parent's does not by a resolution alone.
  - An objection (refusal or withdrawal) of a parent, in part or whole, to another's running yes is a dispute: nothing
    stands until a yes that resolves it, the young person's own, or their own no to everything.
  - What a parent or representative stops, even where it does not count, stands against the yes of anybody else who
    speaks for the young person, unless that resolves it: a whole stop against all of it, a part against that part.
  - A parent's yes ends as the 16th birthday begins (policy) or the 18th; a day begins in London.
  - A yes covers an agency whose profile was shown, never above that version's row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

World: TypeAlias = dict[str, Any]
Item: TypeAlias = Mapping[str, Any]
Act: TypeAlias = Mapping[str, Any]
Row: TypeAlias = dict[str, str]

REFUSED = "refused"
LEVELS = ("W", "G2", "G1", "F")
EFFECTIVE = 1
"""Number of the version in ``profile``; a world's ``shown`` holds the rows of others."""
LONDON = ZoneInfo("Europe/London")
OBJECTIONS = {"refuse", "withdraw"}

_CATALOGUE = """
F01 case_ref case -                  F02 child_name person name             F03 child_dob person birth
F04 child_sex person birth           F05 adult_name person name             F06 adult_dob person birth
F07 address person address           F08 contact person contact             F09 ethnicity person ethnicity
F10 language person needs            F11 nhs_number person nhs_number       F12 pupil_number person pupil_number
F13 school person pupil_number       F14 household case relationships       F15 risk_person case -
F16 child_health person health       F17 child_mental_health person health  F18 adult_health person health
F19 sensitive_services person -      F20 disability person needs            F21 sen person needs
F22 ehcp person needs                F23 attendance person pupil_number     F24 finance case financial
F25 housing case financial           F26 domestic_abuse case -              F27 offences case -
F28 history case history             F29 assessment case assessments        F30 plan case assessments
F31 review case assessments          F32 minutes case assessments           F33 services_now case services
F34 services_past case services      F35 help_wanted case assessments       F36 worker_safety case -
F37 immigration person -
"""
_CELLS = _CATALOGUE.split()
NAMES = dict(zip(_CELLS[0::4], _CELLS[1::4], strict=True))
SUBJECTS = dict(zip(_CELLS[1::4], _CELLS[2::4], strict=True))
CATEGORIES = dict(zip(_CELLS[1::4], _CELLS[3::4], strict=True))

SHIELDED = {"address", "contact", "school"}
LOCATING = {
    ("services_now", "worker"),
    ("services_past", "worker"),
    ("pupil_number", "upn"),
    ("disability", "by"),
}
"""Members that say where somebody is cared for or taught; so does another agency's code."""
REGISTERED_ONLY = {"risk_person", "sensitive_services", "domestic_abuse", "offences"}
FLAGS_FOR_THE_PROTECTED = {"risk_person", "offences"}

NARRATIVE = {
    ("contact", "safe_times"),
    ("ethnicity", "self_defined"),
    ("risk_person", "detail"),
    ("ehcp", "summary"),
    ("finance", "relevance"),
    ("help_wanted", "summary"),
    ("help_wanted", "voice"),
    ("worker_safety", "note"),
    *((field, "text") for field in ("plan", "review", "minutes")),
    *(
        (field, "statement")
        for field in (
            "child_health",
            "child_mental_health",
            "adult_health",
            "sensitive_services",
            "domestic_abuse",
            "history",
            "assessment",
        )
    ),
}
NEVER = {("worker_safety", "authorised_by"), ("worker_safety", "reason"), ("household", "pr_basis")}
TOLD_AT_G1 = {("address", "ward"), ("history", "date")}
"""What a first generalisation still tells word for word."""
TOLD_AT_G1_TO_ITS_OWNER = {("plan", "due"), ("minutes", "actions")}


def verdict(world: World) -> str | dict[int, str]:
    """``refused``, or by position of each item the highest level at which anything of it may leave."""
    world = world | {"agreements": _agreements(world)}
    if _is_refused(world):
        return REFUSED
    return {place: _item_level(world, item) for place, item in enumerate(world["items"])}


def last_use(world: World) -> datetime:
    """The earliest of every end that a permitted extract is bound to."""
    ends: list[datetime] = [
        world["agency"]["agreement_until"],
        world["now"] + timedelta(days=world["extract_days"]),
    ]
    ends += [end for given in _agreements(world).values() for end in given["ends"]]
    if world["purpose"] == "P1":
        ends.append(world["panel_until"])
    elif world["offer_until"] is not None:
        ends.append(world["offer_until"])
    return min(ends)


def may_carry(world: World, item: Item, level: str, member: str, owner: str | None) -> bool:
    """True when the text of one member may appear in an extract at this level.

    Args:
        owner: the agency to whom an action belongs, where the member is part of one.
    """
    place = (item["field"], member)
    if level == "F":
        return place not in NEVER and (place not in NARRATIVE or may_tell_stories(world))
    mine = owner == world["caller"]["agency"]
    return level == "G1" and (place in TOLD_AT_G1 or (mine and place in TOLD_AT_G1_TO_ITS_OWNER))


def may_tell_stories(world: World) -> bool:
    """Free text goes only where somebody signed off what this agency is told at this stage."""
    return ("panel" if world["purpose"] == "P1" else "service") in world.get("signed", [])


def hidden_refuges(world: World) -> set[str]:
    """The refuges of whose involvement this caller must not learn anything."""
    if _is_named_worker(world):
        return set()
    return {code for code, kind in world["agencies"].items() if kind == "refuge"} - {
        world["caller"]["agency"]
    }


def template_rows(kind: str) -> list[Row]:
    """The default profile of a kind: the matrix, and the rows that need a condition."""
    rows = [_row(NAMES[number], mark) for number, mark in matrix()[kind].items()]
    if kind == "early-help":
        for row in [row for row in rows if row["field"] in {"sensitive_services", "domestic_abuse"}]:
            rows.append({**row, "when": "named_worker"})
            row |= {"panel": "W", "service": "W"}
    if kind == "refuge":
        rows += [{**row, "when": "hosting_refuge"} for row in rows if row["field"] in SHIELDED]
    minutes = next(row for row in rows if row["field"] == "minutes")
    if {"W", "G1"} >= {minutes["panel"], minutes["service"]} and minutes["service"] == "G1":
        rows.append(_row("minutes", "G1") | {"when": "attended"})
    return rows


def matrix() -> dict[str, dict[str, str]]:
    """The matrix as transcribed: mark by kind and field number."""
    text = Path(__file__).with_name("matrix.txt").read_text(encoding="utf-8")
    head, *lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {kind: {line[0]: line[column] for line in lines} for column, kind in enumerate(head) if column}


def _row(field: str, mark: str) -> Row:
    panel, _, service = mark.partition(">")
    return {"field": field, "panel": panel, "service": service or panel, "when": "always"}


# --- May this agency ask about this case at all? ------------------------------------------------------------


def _is_refused(world: World) -> bool:
    entitled = world["panel_until"] is not None if world["purpose"] == "P1" else world["offer"]
    return (
        _kind(world) in {"commissioning", "police"}
        or world["purpose"] not in {"P1", "P2", "P3"}
        or world["caller"]["practitioner"] is None
        or not _is_in_force(world)
        or world["status"] != "open"
        or world["level"] != 2
        or (bool(world["seals"]) and not (_kind(world) == "early-help" and _is_registered(world)))
        or _is_in_conflict(world)
        or not entitled
        or not world["agreements"]
    )


def _is_in_conflict(world: World) -> bool:
    """True where the agency or the practitioner has an interest, and where somebody has and no register knows who asks."""
    conflicts, caller = world.get("conflicts", []), world["caller"]
    if conflicts and not _is_registered(world):
        return True
    return any(
        each["agency"] == caller["agency"] and each["practitioner"] in {None, caller["practitioner"]["id"]}
        for each in conflicts
    )


def _is_in_force(world: World) -> bool:
    agency = world["agency"]
    return (
        agency["state"] == "active"
        and agency["client_state"] == "active"
        and agency["agreement_until"] is not None
        and world["profile"] is not None
        and (agency["practitioner_active"] or not _is_registered(world))
    )


def _kind(world: World) -> str:
    return str(world["agencies"][world["caller"]["agency"]])


def _is_registered(world: World) -> bool:
    return bool((world["caller"]["practitioner"] or {}).get("verified"))


def _is_named_worker(world: World) -> bool:
    practitioner = world["caller"]["practitioner"]
    return _kind(world) == "early-help" and _is_registered(world) and practitioner["id"] in world["workers"]


def _is_hosting(world: World) -> bool:
    """True for somebody on the register of the refuge that the family is in."""
    code = world["caller"]["agency"]
    return _kind(world) == "refuge" and _is_registered(world) and code == world.get("hosting")


# --- Consent --------------------------------------------------------------------------------------------------


def _agreements(world: World) -> dict[str, dict[str, Any]]:
    """By person, the yes on which something may leave to this agency, for this purpose, now; and what closed since."""
    found = {}
    for person in world["people"]:
        acts = read(world["histories"].get(person["id"], []))
        give = _running_yes(acts)
        if give is None or is_disputed(acts) or not _reaches(world, give):
            continue
        ends = [give["valid_until"], *_lapses(world, person, give)]
        closers = [act for act in _closers(acts, give) if _closes(world, act)]
        if world["now"] < min(ends) and all(act["categories"] or act["fields"] for act in closers):
            found[person["id"]] = {**give, "closers": closers, "ends": ends}
    return found


def read(history: Sequence[Act]) -> list[Act]:
    """The acts of a history, each with whether it counts for anything."""
    acts: list[Act] = []
    for act in history:
        acts.append({**act, "counts": _counts(act, acts)})
    return acts


def _counts(act: Act, before: Sequence[Act]) -> bool:
    if act["authority"] == "none" or (_is_yes(act) and act["authority"] == "unknown"):
        return False
    yes = _running_yes(before)
    childs = yes is not None and _is_own(yes) and act["recorded_at"] < yes["valid_until"]
    if not _is_yes(act):
        return not (childs and _is_parents(act) and act["act"] in OBJECTIONS)
    if _is_own(act):
        return True
    answered = childs or _is_answered(before, act["recorded_at"])
    if answered and _is_parents(act):
        return False
    return act["resolves"] or not (answered or _is_objected_to(before, act["speaker"]))


def _is_answered(before: Sequence[Act], at: datetime) -> bool:
    """True while what the young person said for themself stands, although nothing is open on it."""
    if any(act["counts"] and _is_own(act) and _is_whole(act) for act in before[_after_theirs(before) :]):
        return True
    last = max((place for place, act in enumerate(before) if act["counts"] and _is_yes(act)), default=None)
    if last is None or not _is_own(before[last]) or at >= before[last]["valid_until"]:
        return False
    return not any(
        act["counts"]
        and act["act"] in {"invalidate", "enter_in_error"}
        and act["authority"] != "unknown"
        and _is_whole(act)
        and not _is_parents(act)
        for act in before[last:]
    )


def _running_yes(acts: Sequence[Act]) -> Act | None:
    """The last yes, unless all of it was closed or put in dispute since; it may have ended by its date."""
    for place in range(len(acts) - 1, -1, -1):
        act = acts[place]
        if not act["counts"]:
            continue
        if _is_yes(act):
            return act
        if _is_whole(act) or _is_dispute(act, acts[:place]):
            return None
    return None


def _is_dispute(act: Act, before: Sequence[Act]) -> bool:
    """True for one parent's no to another's yes that has not ended."""
    if not act["counts"] or not _is_parents_objection(act):
        return False
    yes = _running_yes(before)
    return (
        yes is not None
        and _is_parents(yes)
        and act["recorded_at"] < yes["valid_until"]
        and act["speaker"] != yes["speaker"]
    )


def is_disputed(acts: Sequence[Act]) -> bool:
    """True while a dispute waits for its resolution."""
    start = _after_settling(acts)
    return any(_is_dispute(acts[place], acts[:place]) for place in range(start, len(acts)))


def _is_objected_to(acts: Sequence[Act], speaker: str | None) -> bool:
    """True while a yes for them has to be resolved first: a dispute, or somebody else's no to everything."""
    return is_disputed(acts) or any(_is_whole(act) for act in _objections(acts, speaker))


def _objections(acts: Sequence[Act], speaker: str | None) -> list[Act]:
    """What everybody else stopped for them since it was last settled, and did not agree to since."""
    start = _after_settling(acts)
    return [
        act
        for place, act in enumerate(acts[start:], start)
        if _stops_for_them(act)
        and (act["speaker"] is None or act["speaker"] != speaker)
        and not any(
            later["counts"]
            and _is_yes(later)
            and act["speaker"] is not None
            and later["speaker"] == act["speaker"]
            for later in acts[place:]
        )
    ]


def _stops_for_them(act: Act) -> bool:
    somebody = act["capacity"] in {"parental_responsibility", "representative"}
    return somebody and act["authority"] != "none" and act["act"] in OBJECTIONS | {"hold"}


def _after_settling(acts: Sequence[Act]) -> int:
    """The place after the last act that leaves nobody's no open: a resolution, or the young person's whole answer."""
    return _after(
        acts,
        lambda act: (
            act["resolves"] or _is_own(act)
            if _is_yes(act)
            else _is_own(act) and _is_whole(act) and act["authority"] == "established"
        ),
    )


def _after_theirs(acts: Sequence[Act]) -> int:
    """The place after the last yes of their own, or of a representative by a resolution."""
    return _after(
        acts, lambda act: _is_yes(act) and (_is_own(act) or (act["resolves"] and not _is_parents(act)))
    )


def _after(acts: Sequence[Act], ends: Callable[[Act], bool]) -> int:
    return max((place + 1 for place, act in enumerate(acts) if act["counts"] and ends(act)), default=0)


def _closers(acts: Sequence[Act], give: Act) -> list[Act]:
    """What was closed since a yes, and before one for them: what they closed themself, and other people's noes."""
    place = next(place for place, act in enumerate(acts) if act is give)
    since = [act for act in acts[place:] if act["counts"] and not _is_yes(act)]
    if _is_own(give):
        return since
    before, settled = acts[:place], acts[: place + 1]
    theirs = [
        act for act in before[_after_theirs(settled) :] if act["counts"] and _is_own(act) and not _is_yes(act)
    ]
    noes = [] if give["resolves"] else _objections(before, give["speaker"])
    return since + theirs + noes


def _is_yes(act: Act) -> bool:
    return bool(act["act"] == "give")


def _is_own(act: Act) -> bool:
    return act["capacity"] in {"self", "competent_child"}


def _is_parents(act: Act) -> bool:
    return act["capacity"] == "parental_responsibility" or (_is_yes(act) and act["capacity"] is None)


def _is_parents_objection(act: Act) -> bool:
    known_parent = act["capacity"] == "parental_responsibility" and act["authority"] == "established"
    return known_parent and act["act"] in OBJECTIONS


def _is_whole(act: Act) -> bool:
    """True for an act that closes everything, to everybody."""
    everybody = not act["agencies"] or "*" in act["agencies"]
    narrowed = act["exclude"] or act["categories"] or act["fields"] or act["purposes"]
    return not _is_yes(act) and everybody and not narrowed


def _lapses(world: World, person: Mapping[str, Any], give: Act) -> list[datetime]:
    """When what a parent agreed ends by the child's age."""
    born: date | None = person.get("born")
    if born is None or not _is_parents(give):
        return []
    ages = (16, 18) if world.get("lapse_at_sixteen", True) else (18,)
    return [datetime.combine(_birthday(born, age), time(), LONDON) for age in ages]


def _birthday(born: date, age: int) -> date:
    leap_day = (born.month, born.day) == (2, 29) and (born.year + age) % 4 != 0
    return date(born.year + age, 3, 1) if leap_day else born.replace(year=born.year + age)


def _reaches(world: World, give: Act) -> bool:
    agency = world["caller"]["agency"]
    return (
        agency in give["agencies"]
        and agency not in give["exclude"]
        and agency in give["shown"]
        and world["purpose"] in give["purposes"]
        and give["valid_from"] <= world["now"]
    )


def _closes(world: World, act: Act) -> bool:
    agency = world["caller"]["agency"]
    everybody = not act["agencies"] or "*" in act["agencies"]
    return (
        (everybody or agency in act["agencies"])
        and agency not in act["exclude"]
        and (not act["purposes"] or world["purpose"] in act["purposes"])
    )


def _agrees(world: World, person: str | None, field: str) -> bool:
    """True when this person's agreement reaches this field."""
    give = world["agreements"].get(person or "")
    if give is None:
        return False
    category = CATEGORIES[field]
    if any(field in act["fields"] or category in act["categories"] for act in give["closers"]):
        return False
    return field in give["fields"] or category in give["categories"]


def _agreed_row(world: World, person: str | None, field: str, item: Item) -> str:
    """The row that was shown to this person when they agreed; nothing where they did not, or nobody knows it."""
    if not _agrees(world, person, field):
        return "W"
    version = world["agreements"][person or ""]["shown"][world["caller"]["agency"]]
    if version == EFFECTIVE:
        return _row_level(world, field, item)
    return _row_level(world | {"profile": world.get("shown", {}).get(version, [])}, field, item)


# --- Item by item -------------------------------------------------------------------------------------------


def _item_level(world: World, item: Item) -> str:
    field = item["field"]
    if field == "case_ref" or not item["about"]:
        return "W"
    if field in REGISTERED_ONLY and not _is_registered(world):
        return "W"
    if field in SHIELDED and _is_shielded(world):
        return "W"
    if hidden_refuges(world) & set(_agencies_of(item)):
        return "W"
    limits = [_row_level(world, field, item), _agreed(world, item)]
    if item["value"].get("sensitive") is True:
        limits.append(_sensitive(world, item))
    level = min(limits, key=LEVELS.index)
    return "W" if level == "F" and _is_shielded(world) and _locates(world, item) else level


def _is_shielded(world: World) -> bool:
    """True where somebody's address is protected from this caller: a named worker and the refuge they are in know it."""
    protected = any(person["shield"] != "none" for person in world["people"])
    return protected and not _is_named_worker(world) and not _is_hosting(world)


def _locates(world: World, item: Item) -> bool:
    """True for what names another agency, or says where somebody is cared for or taught."""
    others = {*_agencies_of({**item, "source_agency": world["caller"]["agency"]})} - {
        world["caller"]["agency"]
    }
    return bool(others) or any((item["field"], member) in LOCATING for member in item["value"])


def _row_level(world: World, field: str, item: Item) -> str:
    """The mark of the row that counts; a row whose condition holds takes the place of ``always``."""
    holding = {"named_worker"} if _is_named_worker(world) else set()
    if _is_hosting(world):
        holding.add("hosting_refuge")
    if world["caller"]["agency"] in item["value"].get("attendees", []):
        holding.add("attended")
    rows = [row for row in world["profile"] if row["field"] == field]
    chosen = [row for row in rows if row["when"] in holding] or [
        row for row in rows if row["when"] == "always"
    ]
    stage = "panel" if world["purpose"] == "P1" else "service"
    marks = [row[stage] if row[stage] in LEVELS else "W" for row in chosen]
    return min(marks, key=LEVELS.index, default="W")


def _agreed(world: World, item: Item) -> str:
    """How much of it everybody concerned agreed to."""
    field = item["field"]
    if field == "worker_safety":
        return "F" if item["value"].get("authorised_by") and item["value"].get("reason") else "W"
    levels = [min((_agreed_row(world, person, field, item) for person in item["about"]), key=LEVELS.index)]
    if field in FLAGS_FOR_THE_PROTECTED and _agrees(world, item.get("protects"), field):
        shown = "G1" if field == "risk_person" else _agreed_row(world, item.get("protects"), field, item)
        levels.append(min("G1", shown, key=LEVELS.index))
    return max(levels, key=LEVELS.index)


def _sensitive(world: World, item: Item) -> str:
    """What F19 allows of a service marked sensitive; F19 is told in full or not at all."""
    allowed = (
        _is_registered(world)
        and _row_level(world, "sensitive_services", item) == "F"
        and all(_agreed_row(world, person, "sensitive_services", item) == "F" for person in item["about"])
    )
    return "F" if allowed else "W"


def _agencies_of(item: Item) -> Iterator[str]:
    """Every agency that an item names: who knows it, who provides, owns, attended."""
    value = item["value"]
    yield item["source_agency"]
    yield from (value[name] for name in ("agency", "owner") if name in value)
    yield from value.get("attendees", [])
    yield from (action["owner"] for action in value.get("actions", []))
