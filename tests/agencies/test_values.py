"""Checking values: every sound value passes, every kind of fault is found and none repeats the value."""

import copy
import json
from datetime import date
from pathlib import Path

import pytest

from agencies import shapes
from agencies.errors import UnknownFieldError
from agencies.model import FieldName, JsonObject
from agencies.shapes import SHAPES
from agencies.values import Fault, check_value, mentioned_agencies, normal_form

TODAY = date(2026, 11, 22)
SOUND: dict[str, JsonObject] = json.loads(
    Path(__file__).with_name("sound_values.json").read_text(encoding="utf-8")
)
MAY_BE_EMPTY = {("disability", "adjustments"), ("housing", "issues"), ("assessment", "needs")}
SECRET = "Wilhelmina-4711"
WRONG: list[object] = [None, 1.5, -1, "", [], {}, SECRET * 500, [SECRET * 500], {SECRET: SECRET}]


def faults_of(field: str, value: object, *, synthetic: bool = True) -> list[Fault]:
    return check_value(FieldName(field), value, today=TODAY, synthetic=synthetic)


def changed(field: str, **members: object) -> dict[str, object]:
    return {**copy.deepcopy(SOUND[field]), **members}


def without(field: str, name: str) -> dict[str, object]:
    return {key: held for key, held in SOUND[field].items() if key != name}


def test_every_field_that_takes_a_value_has_an_example() -> None:
    """The examples below are then about all fields."""
    assert [*SOUND] == [name for name in SHAPES if name != "case_ref"]


@pytest.mark.parametrize("field", SOUND)
def test_sound_value_has_no_faults(field: str) -> None:
    assert [] == faults_of(field, SOUND[field])


@pytest.mark.parametrize("field", SOUND)
def test_unknown_member_is_a_fault_that_does_not_repeat_its_name(field: str) -> None:
    """A member's name is the caller's text: it may be a person's."""
    faults = faults_of(field, changed(field, **{SECRET: SECRET}))
    assert [""] == [fault.pointer for fault in faults]
    assert SECRET not in faults[0].reason


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (field, name)
        for field in SOUND
        for name, member in SHAPES[FieldName(field)].members.items()
        if member.required
    ],
)
def test_missing_required_member_is_a_fault(field: str, name: str) -> None:
    assert Fault(f"/{name}", "is required") in faults_of(field, without(field, name))


@pytest.mark.parametrize(("field", "name"), [(field, name) for field in SOUND for name in SOUND[field]])
def test_wrong_member_is_a_fault_that_does_not_repeat_it(field: str, name: str) -> None:
    """No member of any field takes null, a float, nothing or a wrong type."""
    for wrong in WRONG:
        faults = faults_of(field, changed(field, **{name: wrong}))
        assert faults or (wrong == [] and (field, name) in MAY_BE_EMPTY)
        assert all(fault.pointer.startswith(f"/{name}") for fault in faults)
        assert not [fault for fault in faults if SECRET in fault.pointer + fault.reason]


@pytest.mark.parametrize("wrong", [None, [], "text", 1, True, [{}]])
def test_value_that_is_no_object_is_a_fault(wrong: object) -> None:
    assert [Fault("", "must be an object")] == faults_of("child_name", wrong)


def test_case_reference_takes_no_value() -> None:
    """Each agency's pseudonym is made here, never taken from a case system."""
    assert [""] == [fault.pointer for fault in faults_of("case_ref", {})]


def test_unknown_field_is_the_callers_mistake() -> None:
    with pytest.raises(UnknownFieldError):
        faults_of("shoe_size", {})


CASES: dict[str, tuple[str, dict[str, object], list[str]]] = {
    "name part of 70 characters": ("child_name", changed("child_name", given="é" * 70), []),
    "name part of 71 characters": ("child_name", changed("child_name", given="é" * 71), ["/given"]),
    "name in another script": ("child_name", changed("child_name", given="美玲", family="李"), []),
    "name with a control character": ("child_name", changed("child_name", given="A\u0000b"), ["/given"]),
    "name with a lone surrogate": ("child_name", changed("child_name", given="A\ud800"), ["/given"]),
    "blank name": ("child_name", changed("child_name", given=" "), ["/given"]),
    "summary of 600": ("help_wanted", changed("help_wanted", summary="x" * 600), []),
    "summary of 601": ("help_wanted", changed("help_wanted", summary="x" * 601), ["/summary"]),
    "text of 4000": ("review", changed("review", text="x" * 4000), []),
    "text of 4001": ("review", changed("review", text="x" * 4001), ["/text"]),
    "born today": ("child_dob", changed("child_dob", date="2026-11-22"), []),
    "born tomorrow": ("child_dob", changed("child_dob", date="2026-11-23"), ["/date"]),
    "expected": ("child_dob", {"date": "2027-03-01", "certainty": "expected"}, []),
    "expected too late": ("child_dob", {"date": "2027-12-01", "certainty": "expected"}, ["/date"]),
    "child of 25": ("child_dob", changed("child_dob", date="2000-11-23"), []),
    "child of 26": ("child_dob", changed("child_dob", date="2000-11-22"), ["/date"]),
    "expected adult": ("adult_dob", changed("adult_dob", certainty="expected"), ["/certainty"]),
    "no such day": ("child_dob", changed("child_dob", date="2023-02-29"), ["/date"]),
    "short date form": ("child_dob", changed("child_dob", date="20190314"), ["/date"]),
    "week date form": ("child_dob", changed("child_dob", date="2019-W11-4"), ["/date"]),
    "no fixed abode": ("address", {"lines": [], "postcode": "ZZ99 3VZ"}, []),
    "no lines": ("address", changed("address", lines=[]), ["/lines"]),
    "pseudo-code with a ward": (
        "address",
        {"lines": [], "postcode": "ZZ99 3WZ", "ward": "E05013714"},
        ["/postcode"],
    ),
    "e-mail as phone": ("contact", changed("contact", value="a@example.org"), ["/value"]),
    "e-mail": ("contact", changed("contact", kind="email", value="a@example.org"), []),
    "number one as true": ("contact", changed("contact", safe_to_use=1), ["/safe_to_use"]),
    "true as number": ("finance", changed("finance", pence=True), ["/pence"]),
    "language with region": ("language", changed("language", language="zh-Hant-HK"), []),
    "language by name": ("language", changed("language", language="Portuguese!"), ["/language"]),
    "pupil number spoken for": ("pupil_number", changed("pupil_number", status="temporary"), ["/status"]),
    "temporary pupil number": ("pupil_number", {"upn": "H20999992600A", "status": "temporary"}, []),
    "former temporary number": ("pupil_number", {"upn": "H20999992600A", "status": "former"}, []),
    "educated at home": ("school", {"phase": "ehe"}, []),
    "school without name": ("school", {"phase": "primary", "urn": "100999"}, ["/name"]),
    "no school with a name": ("school", {"phase": "none", "name": "Quillback"}, ["/name"]),
    "related to oneself": ("household", changed("household", to="p-child"), ["/to"]),
    "repeated code": ("language", changed("language", access=["audio", "audio"]), ["/access"]),
    "unknown code in a list": ("language", changed("language", access=["audio", "x"]), ["/access/1"]),
    "more attended than possible": ("attendance", changed("attendance", attended=201), ["/attended"]),
    "period backwards": ("attendance", changed("attendance", to="2026-01-04"), ["/to"]),
    "tenure that names a refuge": ("housing", changed("housing", tenure="refuge"), ["/tenure"]),
    "sensitive type unmarked": (
        "services_now",
        changed("services_now", service_type="refuge"),
        ["/sensitive"],
    ),
    "sensitive type marked": (
        "services_now",
        changed("services_now", service_type="refuge", sensitive=True),
        [],
    ),
    "action of nobody": (
        "minutes",
        changed("minutes", actions=[{"action": "home_visit"}]),
        ["/actions/0/owner"],
    ),
    "unknown member inside": (
        "minutes",
        changed("minutes", actions=[{"owner": "camhs", "action": "home_visit", "x": 1}]),
        ["/actions/0"],
    ),
    "review in the future": ("review", changed("review", date="2026-11-23"), ["/date"]),
}


@pytest.mark.parametrize("name", CASES)
def test_value_has_exactly_these_faults(name: str) -> None:
    field, value, expected = CASES[name]
    assert expected == [fault.pointer for fault in faults_of(field, value)]


@pytest.mark.parametrize(
    ("number", "synthetic", "expected"), [("9434765919", False, 0), ("9434765919", True, 1)]
)
def test_nhs_number_range_follows_the_deployment(number: str, synthetic: bool, expected: int) -> None:
    """The demo never holds a real number; production never holds a synthetic one."""
    assert expected == len(faults_of("nhs_number", changed("nhs_number", number=number), synthetic=synthetic))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("services_now", {"youth"}),
        ("services_past", {"housing"}),
        ("plan", {"camhs"}),
        ("minutes", {"camhs", "health"}),
        ("child_name", set()),
        ("help_wanted", set()),
    ],
)
def test_agencies_inside_a_value_are_found(field: str, expected: set[str]) -> None:
    """A refuge named as an owner or an attendee is as telling as an address."""
    assert expected == mentioned_agencies(FieldName(field), SOUND[field])


def test_agency_that_only_owns_an_action_is_found() -> None:
    value = changed("minutes", attendees=["health"], actions=[{"owner": "athena", "action": "home_visit"}])
    assert {"health", "athena"} == mentioned_agencies(FieldName("minutes"), value)


@pytest.mark.parametrize("attendees", ["athena", [None], [{"owner": 1}], 7])
def test_agencies_are_looked_for_in_unsound_values_too(attendees: object) -> None:
    """The search answers whatever is stored; what is no code is no agency."""
    value = changed("minutes", attendees=attendees)
    assert {"camhs", "health"} == mentioned_agencies(FieldName("minutes"), value)


@pytest.mark.parametrize("field", SHAPES)
def test_object_inside_a_value_holds_plain_members(field: FieldName) -> None:
    """Levels, agencies and normal forms are found in tables that look one object deep."""
    deep = (shapes.Objects, shapes.Identifier, shapes.NhsNumber, shapes.PersonId, shapes.Agencies)
    objects = [member.kind for member in SHAPES[field].members.values()]
    inner = [
        part.kind for kind in objects if isinstance(kind, shapes.Objects) for part in kind.members.values()
    ]
    assert [] == [kind for kind in inner if isinstance(kind, deep)]


NORMAL: dict[str, tuple[str, JsonObject, JsonObject]] = {
    "postcode": ("address", {"postcode": "se64ru"}, {"postcode": "SE6 4RU"}),
    "pseudo-postcode": ("address", {"postcode": "zz993vz"}, {"postcode": "ZZ99 3VZ"}),
    "UPRN": ("address", {"postcode": "SE6 4RU", "uprn": "000100020999"}, {"uprn": "100020999"}),
    "UPN": ("pupil_number", {"upn": " x209999926001"}, {"upn": "X209999926001"}),
    "NHS number": ("nhs_number", {"number": "999-000 0018"}, {"number": "9990000018"}),
    "text": ("child_name", {"given": " zoë "}, {"given": " zoë "}),
    "absent": ("school", {"phase": "ehe"}, {}),
}


@pytest.mark.parametrize("name", NORMAL)
def test_identifier_is_stored_in_one_spelling(name: str) -> None:
    """What is stored is told as it is: an extract normalises nothing."""
    field, written, changed_members = NORMAL[name]
    before = dict(written)
    assert written | changed_members == normal_form(FieldName(field), written)
    assert before == written


@pytest.mark.parametrize("field", SOUND)
def test_normal_form_is_sound_and_stays(field: str) -> None:
    value = normal_form(FieldName(field), SOUND[field])
    assert [] == faults_of(field, value)
    assert value == normal_form(FieldName(field), value)


def test_no_form_and_no_agency_of_an_unknown_field() -> None:
    with pytest.raises(UnknownFieldError):
        normal_form(FieldName("shoe_size"), {})
    with pytest.raises(UnknownFieldError):
        mentioned_agencies(FieldName("shoe_size"), {})
