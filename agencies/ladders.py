"""The ladder of every field: what each level tells.

INVARIANT: every ladder has every level; one that a field lacks holds the next lower rung, nothing raises a level.
INVARIANT: level W holds nothing, whatever the ladder.
INVARIANT: a rung is one function of ours that calls no other.
INVARIANT: no result has a null, an empty list, an empty object or a floating point number.
INVARIANT: no result has a person's id; people appear by their pairwise id or not at all.
INVARIANT: narrative leaves at level F only, and only where the context allows it; a member that its shape
    calls not released never leaves.

Pure: standard library only, no clock: ages are passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agencies import ladder_steps as steps
from agencies.ages import ADULT_AGE_BAND, CHILD_AGE_BAND, EXACT_AGE
from agencies.ladder_steps import Gathering, LadderContext, LadderItem, Step
from agencies.model import FieldName, Level
from agencies.shapes import SHAPES

__all__ = ["LADDERS", "Ladder", "LadderContext", "LadderItem", "Rung"]


@dataclass(frozen=True, slots=True)
class Rung:
    """What one field tells at one level: one of the two.

    Attributes:
        step: tells one item at a time.
        together: tells all items at once.
    """

    step: Step | None = None
    together: Gathering | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How one field is told at each level.

    Attributes:
        rungs: the rung of every level; None tells nothing.
    """

    rungs: Mapping[Level, Rung | None]


@dataclass(frozen=True, slots=True)
class _Own:
    """What a field has of its own besides its members: first and second generalisation, and its F."""

    g1: Step | None = None
    g2: Step | None = None
    g2_together: Gathering | None = None
    full: Step | None = None


_HEALTH = _Own(g1=steps.only("impact"), g2=steps.any_item)

_OWN: Mapping[FieldName, _Own] = MappingProxyType(
    {
        FieldName("child_name"): _Own(g1=steps.initials),
        FieldName("child_dob"): _Own(g1=steps.age("age", EXACT_AGE), g2=steps.age("band", CHILD_AGE_BAND)),
        FieldName("adult_name"): _Own(g1=steps.role_label),
        FieldName("adult_dob"): _Own(g1=steps.age("band", ADULT_AGE_BAND)),
        FieldName("address"): _Own(g1=steps.place(by_ward=True), g2=steps.place(by_ward=False)),
        FieldName("contact"): _Own(g1=steps.via_lead_practitioner),
        FieldName("ethnicity"): _Own(g1=steps.ethnic_group),
        FieldName("nhs_number"): _Own(g1=steps.traced),
        FieldName("pupil_number"): _Own(g1=steps.on_roll),
        FieldName("school"): _Own(g1=steps.only("phase")),
        FieldName("household"): _Own(
            full=steps.household_full,
            g1=steps.household_without_names,
            g2_together=steps.household_counts,
        ),
        FieldName("risk_person"): _Own(g1=steps.flag("safety_plan_ask_early_help")),
        FieldName("child_health"): _HEALTH,
        FieldName("child_mental_health"): _HEALTH,
        FieldName("adult_health"): _HEALTH,
        FieldName("disability"): _Own(g1=steps.adjustments, g2=steps.any_item),
        FieldName("sen"): _Own(g1=steps.sen_area, g2=steps.any_item),
        FieldName("ehcp"): _Own(g1=steps.ehcp_outline, g2=steps.any_item),
        FieldName("attendance"): _Own(g1=steps.attendance_band, g2=steps.attendance_concern),
        FieldName("finance"): _Own(g1=steps.only("category"), g2=steps.any_item),
        FieldName("housing"): _Own(g1=steps.housing_issues, g2=steps.housing_concern),
        FieldName("domestic_abuse"): _Own(g1=steps.flag("specialist_safety_advice_available")),
        FieldName("offences"): _Own(g1=steps.flag("risk_advice_applies")),
        FieldName("history"): _Own(g1=steps.only("code", "date"), g2=steps.previous_early_help),
        FieldName("assessment"): _Own(g1=steps.needs_and_strengths, g2=steps.relevant_domain),
        FieldName("plan"): _Own(g1=steps.goal_and_own_action),
        FieldName("review"): _Own(g1=steps.only("outcome")),
        FieldName("minutes"): _Own(g1=steps.own_actions),
        FieldName("services_now"): _Own(g1=steps.service(with_year=False)),
        FieldName("services_past"): _Own(g1=steps.service(with_year=True)),
        FieldName("help_wanted"): _Own(g1=steps.only("needs")),
        FieldName("worker_safety"): _Own(g1=steps.flag("visiting_advice_ask_early_help")),
        FieldName("immigration"): _Own(g1=steps.nrpf_advice),
    }
)
"""Fields with a generalisation; each of the others is told in full or not at all."""


def _ladder(own: _Own, full: Step) -> Ladder:
    """Every level's rung: a level without one takes the next lower."""
    has_second = own.g2 is not None or own.g2_together is not None
    second = Rung(step=own.g2, together=own.g2_together) if has_second else None
    first = second if own.g1 is None else Rung(step=own.g1)
    return Ladder(
        MappingProxyType(
            {Level.W: None, Level.G2: second, Level.G1: first, Level.F: Rung(step=own.full or full)}
        )
    )


LADDERS: Mapping[FieldName, Ladder] = MappingProxyType(
    {name: _ladder(_OWN.get(name, _Own()), steps.full(shape)) for name, shape in SHAPES.items()}
)
"""The ladder of each field, in catalogue order."""
