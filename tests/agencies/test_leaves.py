"""Every rung of every ladder is one call of ours: the path of an extract ends there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import pytest

from agencies.ages import released_age, whole_months
from agencies.ladder_steps import full
from agencies.ladders import LADDERS, LadderContext, LadderItem
from agencies.model import AgencyCode, AgencyKind, Condition, FieldName, JsonObject, Level, Profile, Stage
from agencies.profile_text import template
from agencies.shapes import SHAPES
from agencies.values import mentioned_agencies
from tests.path.recorder import recorded

HERE = Path(__file__).parent
SOUND: dict[str, JsonObject] = json.loads((HERE / "sound_values.json").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = json.loads((HERE / "ladder_steps.json").read_text(encoding="utf-8"))
PEOPLE = ("p-child", "p-adult")
CONTEXT = LadderContext(
    agency=AgencyCode("camhs"),
    kind=AgencyKind.CAMHS,
    refs={"p-child": "r1", "p-adult": "r2"},
    roles={"p-child": "child", "p-adult": "adult"},
    months={"p-child": 92, "p-adult": 456},
    birth={"p-child": 7},
    sex={"p-child": "female"},
    narrative_allowed=False,
    relationships={"p-child": "MOTHER"},
)


def calls(function: object, *arguments: object, **named: object) -> int:
    """How many calls of our functions one call is, itself included."""
    entry = cast("FunctionType", function)
    with recorded(entry.__code__) as recording:
        entry(*arguments, **named)
    return recording.total


def values_of(field: FieldName) -> Iterator[Mapping[str, Any]]:
    """The sound value of a field, and every value of its named steps."""
    yield SOUND.get(field, {})
    yield from (step["value"] for step in STEPS if step["field"] == field)


@pytest.mark.parametrize("field", LADDERS)
@pytest.mark.parametrize("level", sorted(set(Level) - {Level.W}))
@pytest.mark.parametrize("narrative", [True, False])
def test_rung_is_a_single_call(field: FieldName, level: Level, narrative: bool) -> None:
    """View, release, step, rung: a rung that called another of ours would be a fifth frame."""
    rung = LADDERS[field].rungs[level]
    if rung is None:
        return
    context = replace(CONTEXT, narrative_allowed=narrative)
    items = [LadderItem(value=value, about=PEOPLE) for value in values_of(field)]
    counts = (
        {calls(rung.step, item, context) for item in items}
        if rung.together is None
        else {calls(rung.together, items, context)}
    )
    assert {1} == counts


@pytest.mark.parametrize("field", ["child_dob", "adult_dob"])
@pytest.mark.parametrize("level", Level)
def test_released_age_is_a_single_call(field: str, level: Level) -> None:
    for value in values_of(FieldName(field)):
        assert calls(released_age, FieldName(field), level=level, value=value, months=92) == 1


@pytest.mark.parametrize("field", LADDERS)
def test_search_for_agencies_is_a_single_call(field: FieldName) -> None:
    assert {1} == {calls(mentioned_agencies, field, value) for value in values_of(field)}


def test_months_of_age_are_a_single_call() -> None:
    assert calls(whole_months, date(2019, 3, 14), today=date(2026, 11, 22)) == 1


@pytest.mark.parametrize("field", LADDERS)
def test_level_of_a_profile_is_a_single_call(field: FieldName) -> None:
    """The marks were turned into levels when the profile was read."""
    profile, conditions = template(AgencyKind.EARLY_HELP), frozenset(Condition)
    assert calls(Profile.level, profile, field, stage=Stage.PANEL, conditions=conditions) == 1


def test_a_second_call_would_be_counted() -> None:
    """The measure itself: making a step is no leaf, it collects the members twice."""
    assert calls(full, SHAPES[FieldName("minutes")]) > 1
