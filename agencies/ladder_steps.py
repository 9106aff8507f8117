"""The single steps of the ladders: what one value becomes at one level.

INVARIANT: a step only reads the value and what the context releases; it returns None where the value
    cannot be told at this level, and then nothing is told.
INVARIANT: a generalising step builds its result member by member; it never copies the value, so no free text,
    name, identifier or exact date of a value can pass (an answer's year, month or code can).
INVARIANT: a flag is raised only where it is true; there is no flag that says "no need".
INVARIANT: a step calls no other function of ours: what two steps share is a table. A step that is made from a
    table is made once, when the ladders are.

Pure: standard library only, no clock: ages come with the context.
Source of each step: the field catalogue, ladder column, first and second generalisation.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from agencies import codes
from agencies.ages import AgeForm
from agencies.identifiers import PSEUDO_POSTCODES
from agencies.model import AgencyCode, AgencyKind, JsonObject, JsonValue
from agencies.shapes import Member, Objects, PersonId, ValueShape


class LadderItem(NamedTuple):
    """One item of a case record as a ladder takes it.

    Attributes:
        value: a value that ``check_value`` found sound, in its ``normal_form``.
        about: the people whom it is about; for F14 the member and the person related to.
    """

    value: Mapping[str, JsonValue]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LadderContext:
    """What the recipient is and what it is told about the people besides this field.

    Attributes:
        agency: the recipient.
        kind: the recipient's kind.
        refs: pairwise id of every person who may appear; a person who is absent may not.
        roles: child, adult or other, by person.
        months: whole months of age today, by person, negative before the birth; absent where it is not known.
        birth: age as released to this recipient, by person; absent where it is withheld.
        sex: sex as released to this recipient, by person; absent where it is withheld.
        narrative_allowed: whether reviewed free text may go at level F.
        relationships: relationship code as released to this recipient, by person; for role labels.
    """

    agency: AgencyCode
    kind: AgencyKind
    refs: Mapping[str, str]
    roles: Mapping[str, str]
    months: Mapping[str, int]
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
_LEAST_LETTERS = 2
_PSEUDO_WITHOUT_SPACE = frozenset(code.replace(" ", "") for code in PSEUDO_POSTCODES)
_INWARD_LENGTH = 3
"""Signs after a postcode's district."""
_ATTENDANCE_BANDS: Final = ((95, "95+"), (90, "90-94.9"), (50, "50-89.9"), (0, "<50"))
"""Least percentage of each band, compared in whole sessions: no rounding moves a child across a boundary."""
_ATTENDANCE_CONCERN = 90
"""Percentage below which attendance is a concern: the two lower bands."""
_HOMELESSNESS: Final = "homelessness_risk"

_Released: TypeAlias = tuple[tuple[str, tuple[str, ...] | None], ...]
"""Released members by name; for a list of objects the members of these that are released."""


def _released(members: Mapping[str, Member], *, narrative: bool) -> _Released:
    """The members that level F tells, with or without narrative; never one that is a person."""
    return tuple(
        (
            name,
            tuple(inner for inner, _ in _released(member.kind.members, narrative=narrative))
            if isinstance(member.kind, Objects)
            else None,
        )
        for name, member in members.items()
        if member.released and (narrative or not member.narrative) and not isinstance(member.kind, PersonId)
    )


def full(shape: ValueShape) -> Step:
    """A step that tells a value's released members as they are; None where none is left.

    A member that is a person is not told: its shape has a step of its own.
    """
    everything = _released(shape.members, narrative=True)
    without_narrative = _released(shape.members, narrative=False)

    def tell(item: LadderItem, context: LadderContext) -> JsonObject | None:
        told: JsonObject = {}
        for name, inner in everything if context.narrative_allowed else without_narrative:
            held = item.value.get(name)
            if inner is not None:
                entries = (
                    [entry for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []
                )
                parts = ({part: entry[part] for part in inner if part in entry} for entry in entries)
                held = [part for part in parts if part]
            if isinstance(held, str | int | list) and held != []:
                told[name] = held
        return told or None

    return tell


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
        return {name: item.value[name] for name in names if item.value.get(name)} or None

    return tell


# --- Names, ages, sex ---------------------------------------------------------------------------------------


def initials(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F02: the first letters of the given and the family name; a former name has none.

    A part of a single letter, or in a script whose signs are whole syllables or words, gives no initial.
    """
    if item.value["type"] == "former":
        return None
    parts = [unicodedata.normalize("NFC", str(item.value[part])) for part in ("given", "family")]
    spelt = [[symbol for symbol in part if symbol.isalpha()] for part in parts]
    told = "".join(
        letters[0].upper()
        for letters in spelt
        if len(letters) >= _LEAST_LETTERS and not unicodedata.name(letters[0], "").startswith(_NOT_ALPHABETIC)
    )
    return {"initials": told} if told else None


def role_label(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F05: what the person is in the family, as far as the recipient is told; else "adult"."""
    person = item.about[0]
    label = context.relationships.get(person) or context.roles.get(person, "adult")
    return {"role": label.lower()}


def age(name: str, form: AgeForm) -> Step:
    """F03, F06: a step that tells the age in one form, under this name."""

    def tell(item: LadderItem, context: LadderContext) -> JsonObject | None:
        if form.unborn is not None and item.value["certainty"] == "expected":
            return {name: form.unborn}
        months = context.months.get(item.about[0], -1)
        told = form.by_month.get(months, form.by_year.get(months // 12))
        return None if told is None else {name: told}

    return tell


# --- Where they live, how they are reached, who they are in registers -----------------------------------------


def place(*, by_ward: bool) -> Step:
    """F07: a step that tells the postcode district; or the ward's GSS code where one is recorded.

    A pseudo-code has no district: it would say "no fixed abode".
    """

    def tell(item: LadderItem, _context: LadderContext) -> JsonObject | None:
        ward = item.value.get("ward")
        if by_ward and ward:
            return {"ward": ward}
        postcode = str(item.value["postcode"]).replace(" ", "").upper()
        return None if postcode in _PSEUDO_WITHOUT_SPACE else {"district": postcode[:-_INWARD_LENGTH]}

    return tell


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
    member, to = str(item.value["member"]), str(item.value["to"])
    if member not in context.refs or to not in context.refs:
        return None
    return {
        "person": context.refs[member],
        "relationship": item.value["relationship"],
        "to": context.refs[to],
        "resident": item.value["resident"],
    }


def household_without_names(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F14: relationship and residence, with age and sex where the recipient is told them anyway."""
    member, to = str(item.value["member"]), str(item.value["to"])
    if member not in context.refs or to not in context.refs:
        return None
    told: JsonObject = {"relationship": item.value["relationship"], "resident": item.value["resident"]}
    if member in context.birth:
        told["age"] = context.birth[member]
    if member in context.sex:
        told["sex"] = context.sex[member]
    return told


def household_counts(items: Sequence[LadderItem], context: LadderContext) -> JsonObject | None:
    """F14: how many children and adults, each person once, and only people who may appear."""
    ends = [(str(item.value["member"]), str(item.value["to"])) for item in items]
    people = {person for pair in ends if context.refs.keys() >= set(pair) for person in pair}
    roles = [context.roles.get(person) for person in people]
    children, adults = roles.count("child"), roles.count("adult")
    return {"children": children, "adults": adults} if children or adults else None


# --- Support, education and money ------------------------------------------------------------------------------


def adjustments(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F20: the adjustments to make; where none is recorded, the flag (the next lower step)."""
    wanted = item.value["adjustments"]
    return {"adjustments": wanted} if wanted else {"any": True}


def sen_area(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F21: the broad area of need and the kind of provision."""
    area = codes.SEN_AREA.get(str(item.value["type"]), "other")
    return {"area": area, "provision": item.value["provision"]}


def ehcp_outline(item: LadderItem, context: LadderContext) -> JsonObject:
    """F22: that there is a plan, the month of its review, and the sections that concern the recipient."""
    told: JsonObject = {"any": True, "review_month": str(item.value["review_on"])[:7]}
    relevant = codes.RELEVANT_SECTIONS.get(context.kind, frozenset())
    recorded = item.value["sections"]
    sections: list[JsonValue] = [
        each for each in (recorded if isinstance(recorded, list) else []) if each in relevant
    ]
    if sections:
        told["sections"] = sections
    return told


def attendance_band(item: LadderItem, _context: LadderContext) -> JsonObject:
    """F23: the band of attendance and the counts; without possible sessions there is no band."""
    possible, attended = int(str(item.value["possible"])), int(str(item.value["attended"]))
    counts = {name: item.value[name] for name in ("suspensions", "exclusions")}
    if possible == 0:
        return counts
    band = next(label for least, label in _ATTENDANCE_BANDS if attended * 100 >= possible * least)
    return {"band": band} | counts


def attendance_concern(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F23: a flag for attendance below 90 %, a suspension or an exclusion."""
    possible, attended = int(str(item.value["possible"])), int(str(item.value["attended"]))
    low = attended * 100 < possible * _ATTENDANCE_CONCERN
    return {"any": True} if low or item.value["suspensions"] or item.value["exclusions"] else None


def housing_issues(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F25: issue codes, with the risk of homelessness within 56 days as one of them; no tenure, no sum."""
    recorded = item.value["issues"]
    issues = {str(issue) for issue in recorded} if isinstance(recorded, list) else set()
    if item.value["homeless_within_56_days"] is True:
        issues.add(_HOMELESSNESS)
    return {"issues": [*sorted(issues)]} if issues else None


def housing_concern(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F25: a flag where there is any issue."""
    concern = item.value["issues"] or item.value["homeless_within_56_days"] is True
    return {"any": True} if concern else None


def nrpf_advice(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F37: a flag where the status may leave the family without recourse to public funds."""
    needed = item.value["status"] in codes.NRPF_ADVICE_STATUSES
    return {"flag": "nrpf_advice_needed"} if needed else None


# --- The case's story --------------------------------------------------------------------------------------------


def previous_early_help(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F28: that there was early help before, and in which year."""
    if item.value["code"] not in codes.EARLY_HELP_HEADLINES:
        return None
    return {"previous_early_help": True, "year": int(str(item.value["date"])[:4])}


def relevant_domain(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F29: the need codes of a domain that concerns the recipient's kind."""
    relevant = codes.RELEVANT_DOMAINS.get(context.kind, frozenset())
    domain, needs = item.value["domain"], item.value["needs"]
    return {"domain": domain, "needs": needs} if domain in relevant and needs else None


def needs_and_strengths(item: LadderItem, _context: LadderContext) -> JsonObject | None:
    """F29: a domain's need and strength codes; a domain with neither is not told."""
    told = {name: item.value[name] for name in ("needs", "strengths") if item.value.get(name)}
    return {"domain": item.value["domain"]} | told if told else None


def goal_and_own_action(item: LadderItem, context: LadderContext) -> JsonObject:
    """F30: the goal that all share; the action and its date only to the agency that owns it."""
    told: JsonObject = {"goal": item.value["goal"]}
    if item.value.get("owner") == context.agency:
        told |= {name: item.value[name] for name in ("action", "due") if name in item.value}
    return told


def own_actions(item: LadderItem, context: LadderContext) -> JsonObject | None:
    """F32: the recipient's own actions, without who else attended or owns any."""
    actions = item.value.get("actions")
    own: list[JsonValue] = [
        {name: action[name] for name in ("action", "due") if name in action}
        for action in (actions if isinstance(actions, list) else [])
        if isinstance(action, dict) and action["owner"] == context.agency
    ]
    return {"actions": own} if own else None


def service(*, with_year: bool) -> Step:
    """F33, F34: a step that tells the kind of service, and the year it ended or, without an end, began.

    A sensitive service is not told: one that says so or whose type does, so that a missed mark does no harm.
    """

    def tell(item: LadderItem, _context: LadderContext) -> JsonObject | None:
        kind = item.value["service_type"]
        if item.value.get("sensitive") is True or kind in codes.SENSITIVE_SERVICE_TYPES:
            return None
        last = item.value.get("to", item.value["from"])
        return {"service_type": kind} | ({"year": int(str(last)[:4])} if with_year else {})

    return tell
