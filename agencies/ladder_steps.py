"""The single steps of the ladders: what one value becomes at a generalised level.

INVARIANT: a step only reads the value, the day and what the context releases; it returns None where the
    value cannot be told at this level, and then nothing is told.
INVARIANT: a step builds its result member by member; it never copies the value, so no free text, name,
    identifier or exact date of a value can pass (an answer's year, month or code can).
INVARIANT: a flag is raised only where it is true; there is no flag that says "no need".

Pure: standard library only; the day is passed in (Europe/London).
Source of each step: the field catalogue, ladder column, first and second generalisation.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from agencies import ages, codes, identifiers
from agencies.errors import IdentifierError
from agencies.model import AgencyCode, AgencyKind, JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class LadderItem:
    """One item of a case record as a ladder takes it.

    Attributes:
        value: a value that ``check_value`` found sound.
        about: the people whom it is about; for F14 the member and the person related to.
    """

    value: Mapping[str, object]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LadderContext:
    """What the recipient is and what it is told about the people besides this field.

    Attributes:
        today: the day in Europe/London.
        agency: the recipient.
        kind: the recipient's kind.
        refs: pairwise id of every person who may appear; a person who is absent may not.
        roles: child, adult or other, by person.
        birth: age as released to this recipient, by person; absent where it is withheld.
        sex: sex as released to this recipient, by person; absent where it is withheld.
        narrative_allowed: whether reviewed free text may go at level F.
        relationships: relationship code as released to this recipient, by person; for role labels.
    """

    today: date
    agency: AgencyCode
    kind: AgencyKind
    refs: Mapping[str, str]
    roles: Mapping[str, str]
    birth: Mapping[str, str | int]
    sex: Mapping[str, str]
    narrative_allowed: bool
    relationships: Mapping[str, str] = field(default_factory=dict)


Step: TypeAlias = Callable[[LadderItem, LadderContext], JsonObject | None]
"""Tells one item at one level; None where there is nothing to tell."""

Gathering: TypeAlias = Callable[[Sequence[LadderItem], LadderContext], JsonObject | None]
"""Tells all items of a field together at one level."""

# Scripts in which one sign is a syllable or a word: an "initial" would be half the name or all of it.
_NOT_ALPHABETIC = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "YI ", "BOPOMOFO", "TANGUT", "NUSHU")


def flag(code: str) -> Step:
    """A step that answers every item with one fixed flag."""

    def raise_flag(_item: LadderItem, _context: LadderContext) -> JsonObject:
        return {"flag": code}

    return raise_flag


def any_item(_item: LadderItem, _context: LadderContext) -> JsonObject:
    """That there is something under this field."""
    return {"any": True}


def only(*names: str) -> Step:
    """A step that tells the named coded members, those that the item has."""

    def tell(item: LadderItem, _context: LadderContext) -> JsonObject | None:
        told = {name: as_json(item.value[name]) for name in names if item.value.get(name)}
        return told or None

    return tell


def as_json(value: object) -> JsonValue:
    """A checked part of a value as released JSON: text, whole numbers, truth values and their lists."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple) and all(isinstance(entry, str | int) for entry in value):
        return list(value)
    raise TypeError("a checked value holds no other type here")


# --- Names, ages, sex ---------------------------------------------------------------------------------------


def initials(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F02: the first letters of the given and the family name; a former name has none.

    A part of a single letter, or in a script whose signs are whole syllables or words, gives no initial.
    """
    if item.value["type"] == "former":
        return None
    parts = [_initial(str(item.value[part])) for part in ("given", "family")]
    letters = "".join(part for part in parts if part)
    return {"initials": letters} if letters else None


def _initial(name: str) -> str | None:
    letters = [symbol for symbol in unicodedata.normalize("NFC", name) if symbol.isalpha()]
    if len(letters) < 2 or unicodedata.name(letters[0], "").startswith(_NOT_ALPHABETIC):  # noqa: PLR2004
        return None
    return letters[0].upper()


def role_label(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F05: what the person is in the family, as far as the recipient is told; else "adult"."""
    person = item.about[0]
    label = context.relationships.get(person) or context.roles.get(person, "adult")
    return {"role": label.lower()}


def age(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F03: age in years, below two years in months; "unborn" while the birth is expected."""
    told = ages.age_form(item.value, today=context.today)
    return None if told is None else {"age": told}


def child_age_band(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F03: 0-4, 5-10, 11-15, 16-17 or 18-25; an unborn child is in the first band."""
    told = ages.child_band_form(item.value, today=context.today)
    return None if told is None else {"band": told}


def adult_age_band(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F06: under 18, 18-24, 25-64, or 65 and over."""
    told = ages.adult_band_form(item.value, today=context.today)
    return None if told is None else {"band": told}


# --- Where they live, how they are reached, who they are in registers -----------------------------------------


def ward(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F07: the ward's GSS code; where none is recorded, the postcode district (the next lower step)."""
    code = item.value.get("ward")
    return {"ward": str(code)} if code else postcode_district(item, context)


def postcode_district(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F07: the first part of the postcode. A pseudo-code has none: it would say "no fixed abode"."""
    try:
        normal = identifiers.postcode(str(item.value["postcode"]))
    except IdentifierError:
        return None
    if normal in identifiers.PSEUDO_POSTCODES:
        return None
    return {"district": identifiers.postcode_district(normal)}


def via_lead_practitioner(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F08: that contact goes through the lead practitioner, and whether a contact is safe to use."""
    return {"via": "lead_practitioner", "safe_to_use": item.value["safe_to_use"] is True}


def ethnic_group(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F09: one of five groups; an answer that is no group (not stated, refused) tells nothing."""
    group = codes.ETHNIC_GROUP.get(str(item.value["code"]))
    return None if group is None else {"group": group}


def traced(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F11: whether the NHS number was verified."""
    return {"traced": item.value["verified"] is True}


def on_roll(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F12: whether the child is on a school's roll; a former number means no."""
    return {"on_roll": item.value["status"] != "former"}


# --- Household ------------------------------------------------------------------------------------------------


def household_full(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F14: two people by their pairwise ids; None unless both may appear."""
    member, other = _household_refs(item, context)
    if member is None or other is None:
        return None
    return {
        "person": member,
        "relationship": as_json(item.value["relationship"]),
        "to": other,
        "resident": as_json(item.value["resident"]),
    }


def household_without_names(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F14: relationship and residence, with age and sex where the recipient is told them anyway."""
    if None in _household_refs(item, context):
        return None
    told: JsonObject = {
        "relationship": as_json(item.value["relationship"]),
        "resident": as_json(item.value["resident"]),
    }
    member = str(item.value["member"])
    if member in context.birth:
        told["age"] = context.birth[member]
    if member in context.sex:
        told["sex"] = context.sex[member]
    return told


def household_counts(items: Sequence[LadderItem], context: LadderContext) -> JsonObject | None:
    """F14: how many children and adults, each person once, and only people who may appear."""
    people = {
        str(item.value[end])
        for item in items
        if None not in _household_refs(item, context)
        for end in ("member", "to")
    }
    roles = [context.roles.get(person) for person in people]
    children, adults = roles.count("child"), roles.count("adult")
    return {"children": children, "adults": adults} if children or adults else None


def _household_refs(item: LadderItem, context: LadderContext) -> tuple[str | None, str | None]:
    return context.refs.get(str(item.value["member"])), context.refs.get(str(item.value["to"]))


# --- Support, education and money ------------------------------------------------------------------------------


def adjustments(item: LadderItem, context: LadderContext) -> JsonObject:
    """F20: the adjustments to make; where none is recorded, the flag (the next lower step)."""
    wanted = item.value["adjustments"]
    return {"adjustments": as_json(wanted)} if wanted else any_item(item, context)


def sen_area(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F21: the broad area of need and the kind of provision."""
    area = codes.SEN_AREA.get(str(item.value["type"]), "other")
    return {"area": area, "provision": as_json(item.value["provision"])}


def ehcp_outline(item: LadderItem, context: LadderContext) -> JsonObject:
    """F22: that there is a plan, the month of its review, and the sections that concern the recipient."""
    told: JsonObject = {"any": True, "review_month": str(item.value["review_on"])[:7]}
    relevant = codes.RELEVANT_SECTIONS.get(context.kind, frozenset())
    sections = [section for section in _texts(item.value["sections"]) if section in relevant]
    if sections:
        told["sections"] = as_json(sections)
    return told


def attendance_band(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F23: the band of attendance and the counts; without possible sessions there is no band."""
    told: JsonObject = {
        "suspensions": as_json(item.value["suspensions"]),
        "exclusions": as_json(item.value["exclusions"]),
    }
    band = _attendance(item)
    return told if band is None else {"band": band} | told


def attendance_concern(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F23: a flag for attendance below 90 %, a suspension or an exclusion."""
    low = _attendance(item) in {"50-89.9", "<50"}
    return {"any": True} if low or item.value["suspensions"] or item.value["exclusions"] else None


def _attendance(item: LadderItem) -> str | None:
    """The band, compared in whole sessions: no rounding can move a child across a boundary."""
    possible, attended = _whole(item.value["possible"]), _whole(item.value["attended"])
    if possible == 0:
        return None
    bands = ((95, "95+"), (90, "90-94.9"), (50, "50-89.9"), (0, "<50"))
    return next(label for percent, label in bands if attended * 100 >= possible * percent)


def housing_issues(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F25: issue codes, with the risk of homelessness within 56 days as one of them; no tenure, no sum."""
    issues = set(_texts(item.value["issues"]))
    if item.value["homeless_within_56_days"] is True:
        issues.add("homelessness_risk")
    return {"issues": as_json(sorted(issues))} if issues else None


def housing_concern(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F25: a flag where there is any issue."""
    return {"any": True} if housing_issues(item, context) else None


def nrpf_advice(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F37: a flag where the status may leave the family without recourse to public funds."""
    needed = item.value["status"] in codes.NRPF_ADVICE_STATUSES
    return {"flag": "nrpf_advice_needed"} if needed else None


# --- The case's story --------------------------------------------------------------------------------------------


def previous_early_help(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F28: that there was early help before, and in which year."""
    if item.value["code"] not in codes.EARLY_HELP_HEADLINES:
        return None
    return {"previous_early_help": True, "year": _year(item.value["date"])}


def relevant_domain(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F29: the need codes of a domain that concerns the recipient's kind."""
    relevant = codes.RELEVANT_DOMAINS.get(context.kind, frozenset())
    needs = _texts(item.value["needs"])
    if item.value["domain"] not in relevant or not needs:
        return None
    return {"domain": as_json(item.value["domain"]), "needs": as_json(needs)}


def needs_and_strengths(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F29: a domain's need and strength codes; a domain with neither is not told."""
    told: JsonObject = {
        name: as_json(item.value[name]) for name in ("needs", "strengths") if item.value.get(name)
    }
    return {"domain": as_json(item.value["domain"])} | told if told else None


def goal_and_own_action(item: LadderItem, context: LadderContext) -> JsonObject:
    """F30: the goal that all share; the action and its date only to the agency that owns it."""
    told: JsonObject = {"goal": as_json(item.value["goal"])}
    if item.value.get("owner") == context.agency:
        told |= {name: as_json(item.value[name]) for name in ("action", "due") if name in item.value}
    return told


def own_actions(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F32: the recipient's own actions, without who else attended or owns any."""
    actions = item.value.get("actions", [])
    own: list[JsonValue] = [
        {name: as_json(action[name]) for name in ("action", "due") if name in action}
        for action in (actions if isinstance(actions, list) else [])
        if action["owner"] == context.agency
    ]
    return {"actions": own} if own else None


def service_type(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F33: what kind of service; a sensitive one is not told."""
    return None if _is_sensitive(item) else {"service_type": as_json(item.value["service_type"])}


def service_type_and_year(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F34: what kind of service and the year it ended, or began where no end is recorded."""
    told = service_type(item, context)
    ended = item.value.get("to", item.value["from"])
    return None if told is None else told | {"year": _year(ended)}


def _is_sensitive(item: LadderItem) -> bool:
    """True when the item says so or its type does, so that a missed mark does no harm."""
    return item.value.get("sensitive") is True or item.value["service_type"] in codes.SENSITIVE_SERVICE_TYPES


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list | tuple) else []


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _year(value: object) -> int:
    return int(str(value)[:4])
