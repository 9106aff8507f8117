"""Every step of every ladder, and the way down between them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agencies.ages import released_age, whole_months, whole_years
from agencies.errors import UnknownFieldError
from agencies.ladders import LADDERS, LadderContext, LadderItem
from agencies.model import AgencyCode, AgencyKind, FieldName, JsonObject, JsonValue, Level
from agencies.shapes import SHAPES
from agencies.values import normal_form
from tests.support.ladders import generalise

TODAY = date(2026, 11, 22)
SOUND: dict[str, JsonObject] = json.loads(
    Path(__file__).with_name("sound_values.json").read_text(encoding="utf-8")
)
CONTEXT = LadderContext(
    agency=AgencyCode("camhs"),
    kind=AgencyKind.CAMHS,
    refs={"p-child": "r1", "p-adult": "r2", "p-twin": "r3"},
    roles={"p-child": "child", "p-adult": "adult", "p-twin": "child"},
    months={},
    birth={},
    sex={},
    narrative_allowed=False,
)


def told(
    field: str,
    level: str,
    *values: Mapping[str, JsonValue],
    about: tuple[str, ...] = ("p-adult",),
    context: LadderContext = CONTEXT,
) -> list[JsonValue]:
    """What these values tell, each in the form in which it is stored; each birth is another person's."""
    name = FieldName(field)
    items = [LadderItem(value=normal_form(name, value), about=about) for value in values]
    if field in {"child_dob", "adult_dob"}:
        items = [item._replace(about=(f"p-{place}",)) for place, item in enumerate(items)]
        context = replace(context, months={item.about[0]: months_of(item.value) for item in items})
    return generalise(name, level=Level[level], items=items, context=context)


def months_of(birth: Mapping[str, JsonValue]) -> int:
    return whole_months(date.fromisoformat(str(birth["date"])), today=TODAY)


def sound(field: str, **members: JsonValue) -> JsonObject:
    return SOUND[field] | members


def born(text: str, certainty: str = "exact") -> JsonObject:
    return {"date": text, "certainty": certainty}


STEPS: dict[str, dict[str, Any]] = {
    step["name"]: step
    for step in json.loads(Path(__file__).with_name("ladder_steps.json").read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("name", STEPS)
def test_step_tells_exactly_this(name: str) -> None:
    step = STEPS[name]
    assert step["told"] == told(step["field"], step["level"], step["value"])


@pytest.mark.parametrize("field", SHAPES)
def test_withheld_tells_nothing(field: str) -> None:
    value = SOUND.get(field, {})
    assert [] == told(field, "W", value)


@pytest.mark.parametrize(
    ("attended", "possible", "expected"),
    [
        (200, 200, "95+"),
        (190, 200, "95+"),
        (189, 200, "90-94.9"),
        (180, 200, "90-94.9"),
        (179, 200, "50-89.9"),
        (100, 200, "50-89.9"),
        (99, 200, "<50"),
        (0, 200, "<50"),
    ],
)
def test_attendance_band_turns_at_whole_sessions(attended: int, possible: int, expected: str) -> None:
    """94.95 % must not be rounded into the band above."""
    value = sound("attendance", attended=attended, possible=possible)
    assert [{"band": expected, "suspensions": 1, "exclusions": 0}] == told("attendance", "G1", value)


def test_attendance_without_sessions_has_no_band() -> None:
    value = sound("attendance", attended=0, possible=0)
    assert [{"suspensions": 1, "exclusions": 0}] == told("attendance", "G1", value)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"attended": 200, "suspensions": 0}, []),
        ({"attended": 179, "suspensions": 0}, [{"any": True}]),
        ({"attended": 200, "suspensions": 1}, [{"any": True}]),
        ({"attended": 200, "suspensions": 0, "exclusions": 1}, [{"any": True}]),
    ],
)
def test_attendance_flag_is_raised_for_a_concern_only(members: JsonObject, expected: list[object]) -> None:
    assert expected == told("attendance", "G2", sound("attendance", **members))


@pytest.mark.parametrize(
    ("today", "months", "years"),
    [
        (date(2025, 2, 28), 11, 0),
        (date(2025, 3, 1), 12, 1),
        (date(2028, 2, 28), 47, 3),
        (date(2028, 2, 29), 48, 4),
        (date(2024, 2, 28), -1, -1),
    ],
)
def test_birthday_of_29_february_counts_on_1_march(today: date, months: int, years: int) -> None:
    """The day on which a 16-year-old may decide must not depend on a library's taste."""
    leap = date(2024, 2, 29)
    assert (months, years) == (whole_months(leap, today=today), whole_years(leap, today=today))


@pytest.mark.parametrize(("field", "level"), [("child_dob", "G1"), ("child_dob", "G2"), ("adult_dob", "G1")])
def test_birth_in_the_future_tells_no_age(field: str, level: str) -> None:
    assert [] == told(field, level, born("2027-01-01"))


@pytest.mark.parametrize(("field", "level"), [("child_dob", "G1"), ("child_dob", "G2"), ("adult_dob", "G1")])
def test_age_that_is_not_known_is_not_told(field: str, level: str) -> None:
    """A person without months is nobody of age zero."""
    items = [LadderItem(value=SOUND[field], about=("p-child",))]
    assert [] == generalise(FieldName(field), level=Level[level], items=items, context=CONTEXT)


@pytest.mark.parametrize("level", ["G1", "G2"])
@pytest.mark.parametrize("postcode", ["ZZ99 3VZ", "zz993vz", "Z Z993WZ"])
def test_no_spelling_of_a_pseudo_postcode_tells_a_district(postcode: str, level: str) -> None:
    """ "No fixed abode" is told by nobody, even were a value stored in another form."""
    items = [LadderItem(value={"lines": [], "postcode": postcode}, about=("p-child",))]
    assert [] == generalise(FieldName("address"), level=Level[level], items=items, context=CONTEXT)


def test_postcode_stored_in_another_form_tells_its_district_alone() -> None:
    items = [LadderItem(value={"lines": ["1 A Road"], "postcode": "se64ru"}, about=("p-child",))]
    actual = generalise(FieldName("address"), level=Level.G2, items=items, context=CONTEXT)
    assert [{"district": "SE6"}] == actual


HOUSEHOLD = SOUND["household"]
TWIN: JsonObject = HOUSEHOLD | {"member": "p-twin", "relationship": "TWIN", "to": "p-child"}


def test_household_in_full_names_people_by_pairwise_id_only() -> None:
    """The case system's person ids would join two agencies' extracts; the PR basis stays here."""
    expected = [{"person": "r1", "relationship": "MOTHER", "to": "r2", "resident": "full"}]
    assert expected == told("household", "F", HOUSEHOLD)


@pytest.mark.parametrize("level", ["F", "G1", "G2"])
def test_household_item_with_a_person_who_may_not_appear_is_dropped(level: str) -> None:
    """A sibling who refused is neither listed nor counted."""
    refs = {"p-child": "r1", "p-twin": "r3"}
    assert [] == told("household", level, HOUSEHOLD, context=replace(CONTEXT, refs=refs))


def test_household_without_names_has_age_and_sex_only_as_released_elsewhere() -> None:
    context = replace(CONTEXT, birth={"p-child": 7}, sex={"p-child": "female"})
    expected: JsonObject = {"relationship": "MOTHER", "resident": "full"}
    assert [expected | {"age": 7, "sex": "female"}] == told("household", "G1", HOUSEHOLD, context=context)
    assert [expected] == told("household", "G1", HOUSEHOLD)


def test_household_counts_each_person_once() -> None:
    assert [{"children": 2, "adults": 1}] == told("household", "G2", HOUSEHOLD, TWIN)


def test_household_without_items_has_no_counts() -> None:
    """Zero and zero would say that somebody was left out."""
    assert [] == told("household", "G2")


def test_role_label_is_the_released_relationship_before_the_role() -> None:
    value = SOUND["adult_name"]
    mother = replace(CONTEXT, relationships={"p-adult": "MOTHER"})
    assert [{"role": "mother"}] == told("adult_name", "G1", value, context=mother)
    assert [{"role": "child"}] == told("adult_name", "G1", value, about=("p-child",))
    assert [{"role": "adult"}] == told("adult_name", "G1", value, about=("p-stranger",))


def test_equal_results_are_told_once_in_order() -> None:
    """Two allergies at G2 are one flag: their number is part of what was generalised away."""
    assert [{"any": True}] == told(
        "child_health", "G2", sound("child_health"), sound("child_health", impact=["sleep"])
    )
    values = [born("2019-03-14"), born("2012-01-01"), born("2019-05-05")]
    assert [{"age": 7}, {"age": 14}] == told("child_dob", "G1", *values)


def test_item_that_is_only_narrative_is_dropped() -> None:
    """An empty object would say that something is being kept back."""
    assert [] == told("finance", "F", {"relevance": "x"})


@pytest.mark.parametrize("field", [name for name in SOUND if SHAPES[FieldName(name)].narrative])
def test_narrative_leaves_in_full_and_when_allowed_only(field: str) -> None:
    narrative = SHAPES[FieldName(field)].narrative
    allowed = replace(CONTEXT, narrative_allowed=True)
    released, kept, lower = (
        json.dumps(told(field, level, SOUND[field], context=context), ensure_ascii=False)
        for level, context in (("F", allowed), ("F", CONTEXT), ("G1", allowed))
    )
    texts = [str(SOUND[field][name]) for name in narrative]
    assert [] == [text for text in texts if text not in released]
    assert [] == [text for text in texts if text in kept or text in lower]


def test_member_that_stays_in_the_council_never_leaves() -> None:
    """Who authorised a safety note, and why, is the lead's record."""
    everything = replace(CONTEXT, narrative_allowed=True)
    expected = [{"code": "visit_in_pairs", "note": "ring the side door", "review_on": "2027-01-01"}]
    assert expected == told("worker_safety", "F", SOUND["worker_safety"], context=everything)


def test_member_that_the_shape_does_not_have_never_leaves() -> None:
    """A value stored before a shape was narrowed must not carry the old member out."""
    assert [{"status": "leave_nrpf"}] == told("immigration", "F", {"status": "leave_nrpf", "note": "x"})


def test_member_of_another_type_never_leaves() -> None:
    """Null, a fraction or an object in place of a text says that something other than a sound value was stored."""
    broken: list[Any] = [{"status": None}, {"status": 0.5}, {"status": {"x": "y"}}, {"status": []}]
    items = [LadderItem(value=value, about=("p-child",)) for value in broken]
    assert [] == generalise(FieldName("immigration"), level=Level.F, items=items, context=CONTEXT)


def test_actions_that_are_no_list_of_objects_never_leave() -> None:
    broken: list[Any] = [{"actions": "x"}, {"actions": ["x"]}, {"actions": [{"note": "x"}]}]
    items = [LadderItem(value=value, about=("p-child",)) for value in broken]
    assert [] == generalise(FieldName("minutes"), level=Level.F, items=items, context=CONTEXT)


@pytest.mark.parametrize("field", SHAPES)
def test_ladder_has_every_level(field: FieldName) -> None:
    """A level that a field lacks is the next lower one: nothing raises a level, and W tells nothing."""
    rungs = LADDERS[field].rungs
    assert set(Level) == set(rungs)
    assert rungs[Level.W] is None
    assert rungs[Level.F] is not None
    assert rungs[Level.G1] is not None or rungs[Level.G2] is None
    for rung in rungs.values():
        assert rung is None or (rung.step is None) is not (rung.together is None)


@pytest.mark.parametrize(
    ("field", "level", "expected"),
    [
        ("child_dob", "F", 7),
        ("child_dob", "G1", 7),
        ("child_dob", "G2", "5-10"),
        ("child_dob", "W", None),
        ("adult_dob", "F", 38),
        ("adult_dob", "G1", "25-64"),
        ("adult_dob", "G2", None),
        ("adult_dob", "W", None),
    ],
)
def test_age_elsewhere_is_no_finer_than_the_birth_field(field: str, level: str, expected: object) -> None:
    """Otherwise the household would tell the age that the date of birth withholds."""
    value = SOUND[field]
    actual = released_age(FieldName(field), level=Level[level], value=value, months=months_of(value))
    assert expected == actual


@pytest.mark.parametrize(
    ("field", "level", "expected"),
    [
        ("child_dob", "F", "unborn"),
        ("child_dob", "G1", "unborn"),
        ("child_dob", "G2", "0-4"),
        ("child_dob", "W", None),
        ("adult_dob", "G1", None),
    ],
)
def test_expected_birth_has_words_for_children_only(field: str, level: str, expected: object) -> None:
    value = born("2027-01-01", "expected")
    assert expected == released_age(FieldName(field), level=Level[level], value=value, months=-2)


def test_age_of_another_field_is_the_callers_mistake() -> None:
    with pytest.raises(UnknownFieldError):
        released_age(FieldName("history"), level=Level.F, value=SOUND["history"], months=84)
