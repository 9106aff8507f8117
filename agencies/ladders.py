"""The ladder of every field, and the one function that climbs down it.

INVARIANT: a level that a field's ladder lacks becomes the next lower one; nothing raises a level.
INVARIANT: level W gives nothing, whatever the ladder.
INVARIANT: no result has a null, an empty list, an empty object or a floating point number.
INVARIANT: no result has a person's id; people appear by their pairwise id or not at all.
INVARIANT: narrative leaves at level F only, and only where the context allows it; a member that its shape
    calls not released never leaves.
INVARIANT: equal results are told once, so that their number does not count what was generalised away.

Pure: standard library only; the day is passed in (Europe/London).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import assert_never

from agencies import ages
from agencies import ladder_steps as steps
from agencies.errors import UnknownFieldError
from agencies.ladder_steps import Gathering, LadderContext, LadderItem, Step
from agencies.model import FieldName, JsonObject, JsonValue, Level
from agencies.shapes import SHAPES, Identifier, Member, NhsNumber, Objects, PersonId

__all__ = ["LADDERS", "Ladder", "LadderContext", "LadderItem", "generalise", "released_age"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """How one field is told at each level.

    Attributes:
        full: what F tells; None means the value's own members.
        g1: the first generalisation, or None where the field has none.
        g2: the second generalisation of one item, or None.
        g2_together: the second generalisation of all items at once, or None.
    """

    g1: Step | None = None
    g2: Step | None = None
    g2_together: Gathering | None = None
    full: Step | None = None


_HEALTH = Ladder(g1=steps.only("impact"), g2=steps.any_item)

LADDERS: Mapping[FieldName, Ladder] = MappingProxyType(
    {
        FieldName("case_ref"): Ladder(),
        FieldName("child_name"): Ladder(g1=steps.initials),
        FieldName("child_dob"): Ladder(g1=steps.age, g2=steps.child_age_band),
        FieldName("child_sex"): Ladder(),
        FieldName("adult_name"): Ladder(g1=steps.role_label),
        FieldName("adult_dob"): Ladder(g1=steps.adult_age_band),
        FieldName("address"): Ladder(g1=steps.ward, g2=steps.postcode_district),
        FieldName("contact"): Ladder(g1=steps.via_lead_practitioner),
        FieldName("ethnicity"): Ladder(g1=steps.ethnic_group),
        FieldName("language"): Ladder(),
        FieldName("nhs_number"): Ladder(g1=steps.traced),
        FieldName("pupil_number"): Ladder(g1=steps.on_roll),
        FieldName("school"): Ladder(g1=steps.only("phase")),
        FieldName("household"): Ladder(
            full=steps.household_full,
            g1=steps.household_without_names,
            g2_together=steps.household_counts,
        ),
        FieldName("risk_person"): Ladder(g1=steps.flag("safety_plan_ask_early_help")),
        FieldName("child_health"): _HEALTH,
        FieldName("child_mental_health"): _HEALTH,
        FieldName("adult_health"): _HEALTH,
        FieldName("sensitive_services"): Ladder(),
        FieldName("disability"): Ladder(g1=steps.adjustments, g2=steps.any_item),
        FieldName("sen"): Ladder(g1=steps.sen_area, g2=steps.any_item),
        FieldName("ehcp"): Ladder(g1=steps.ehcp_outline, g2=steps.any_item),
        FieldName("attendance"): Ladder(g1=steps.attendance_band, g2=steps.attendance_concern),
        FieldName("finance"): Ladder(g1=steps.only("category"), g2=steps.any_item),
        FieldName("housing"): Ladder(g1=steps.housing_issues, g2=steps.housing_concern),
        FieldName("domestic_abuse"): Ladder(g1=steps.flag("specialist_safety_advice_available")),
        FieldName("offences"): Ladder(g1=steps.flag("risk_advice_applies")),
        FieldName("history"): Ladder(g1=steps.only("code", "date"), g2=steps.previous_early_help),
        FieldName("assessment"): Ladder(g1=steps.needs_and_strengths, g2=steps.relevant_domain),
        FieldName("plan"): Ladder(g1=steps.goal_and_own_action),
        FieldName("review"): Ladder(g1=steps.only("outcome")),
        FieldName("minutes"): Ladder(g1=steps.own_actions),
        FieldName("services_now"): Ladder(g1=steps.service_type),
        FieldName("services_past"): Ladder(g1=steps.service_type_and_year),
        FieldName("help_wanted"): Ladder(g1=steps.only("needs")),
        FieldName("worker_safety"): Ladder(g1=steps.flag("visiting_advice_ask_early_help")),
        FieldName("immigration"): Ladder(g1=steps.nrpf_advice),
    }
)
"""The ladder of each field, in catalogue order."""


def generalise(
    field: FieldName, *, level: Level, items: Sequence[LadderItem], context: LadderContext
) -> list[JsonValue]:
    """What a recipient is told of one field at one level, in the items' order, equal results once.

    Args:
        field: catalogue name.
        level: the level decided for these items.
        items: sound items that every person in their ``about`` permits, and none else.
        context: see ``LadderContext``.

    Returns: a list that is empty where nothing is told.
    Raises: UnknownFieldError.
    """
    ladder = LADDERS.get(field)
    if ladder is None:
        raise UnknownFieldError("the catalogue has no such field")
    match level:
        case Level.W:
            return []
        case Level.F:
            full = ladder.full
            if full is not None:
                return _distinct([full(item, context) for item in items])
            return _distinct([_members(SHAPES[field].members, item.value, context) for item in items])
        case Level.G1 if ladder.g1 is not None:
            return _distinct([ladder.g1(item, context) for item in items])
        case Level.G1 | Level.G2:
            return _distinct(_second(ladder, items, context))
        case _:
            assert_never(level)


def released_age(
    field: FieldName, *, level: Level, value: Mapping[str, object], context: LadderContext
) -> str | int | None:
    """A person's age in the form that a recipient may see, for ``LadderContext.birth``.

    Args:
        field: child_dob or adult_dob.
        level: the level at which that field goes to the recipient.
        value: the sound value of that field.
        context: only ``today`` is read.

    Returns: years, "14 months", "unborn" or a band; None where the age is withheld.
    Raises: UnknownFieldError, the field holds no date of birth.
    """
    child = field == "child_dob"
    if not child and field != "adult_dob":
        raise UnknownFieldError("the field holds no date of birth")
    told: str | int | None = None
    match level:
        case Level.W:
            told = None
        case Level.F:
            told = ages.age_form(value, today=context.today)
        case Level.G1 if child:
            told = ages.age_form(value, today=context.today)
        case Level.G1:
            told = ages.adult_band_form(value, today=context.today)
        case Level.G2:
            told = ages.child_band_form(value, today=context.today) if child else None
        case _:
            assert_never(level)
    return told


def _second(ladder: Ladder, items: Sequence[LadderItem], context: LadderContext) -> list[JsonObject | None]:
    """The second generalisation; a ladder without one tells nothing."""
    if ladder.g2_together is not None:
        return [ladder.g2_together(items, context)]
    if ladder.g2 is not None:
        return [ladder.g2(item, context) for item in items]
    return []


def _members(
    members: Mapping[str, Member], value: Mapping[str, object], context: LadderContext
) -> JsonObject | None:
    """The released members that a value has, identifiers in their normal form; None where none is left."""
    told: JsonObject = {}
    for name, member in members.items():
        spoken = context.narrative_allowed or not member.narrative
        if member.released and spoken and name in value:
            part = _part(member, value[name], context)
            if part is not None and part != []:
                told[name] = part
    return told or None


def _part(member: Member, held: object, context: LadderContext) -> JsonValue | None:
    """One member at level F."""
    match member.kind:
        case Objects(members):
            entries = held if isinstance(held, list) else []
            told = (_members(members, entry, context) for entry in entries)
            return [entry for entry in told if entry is not None]
        case PersonId():
            return context.refs.get(str(held))
        case Identifier(normalise):
            return normalise(str(held))
        case NhsNumber():
            return str(held).replace(" ", "").replace("-", "")
        case _:
            return steps.as_json(held)


def _distinct(results: Iterable[JsonObject | None]) -> list[JsonValue]:
    """Results without the empty and without repetitions, in order."""
    kept: dict[str, JsonValue] = {}
    for result in results:
        if result is not None:
            kept.setdefault(json.dumps(result, sort_keys=True), result)
    return list(kept.values())
