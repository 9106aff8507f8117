"""Reading an import file: what is refused, where, and why, and never with what was sent."""

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.cases import schemas
from gateway.cases.errors import CaseFileError, FamilyRefusedError
from gateway.cases.model import CasePerson, CaseWorker, Role, Shield
from tests.gateway.cases.documents import TODAY, family, file_of, item

Change = Callable[[dict[str, Any]], object]


def read(raw: Any) -> Any:
    return schemas.read_family(raw, today=TODAY, synthetic=True)


def faults(raw: Any) -> set[tuple[str, str]]:
    with pytest.raises(FamilyRefusedError) as refused:
        read(raw)
    return {(fault.pointer, fault.reason) for fault in refused.value.faults}


def test_a_sound_family_is_read_whole() -> None:
    document = read(family())
    assert document.people[3] == CasePerson("P-DAN", Role.OTHER, risk_person=True, shield=Shield.NONE)
    assert document.workers[1] == CaseWorker(
        "h.visitor", document.workers[0].from_date, TODAY.replace(month=10, day=1)
    )
    assert len(document.items) == len(family()["items"])


def set_in(*path: str | int, to: object) -> Change:
    def change(raw: dict[str, Any]) -> None:
        place: Any = raw
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def add(field: str, about: list[str], value: dict[str, Any], **more: Any) -> Change:
    return lambda raw: raw["items"].insert(0, item(field, about, value, **more))


NAME = {"type": "legal", "given": "A", "family": "B"}
HEALTH = {"impact": ["sleep"]}
MARKER = {"marker": "historic"}
OFFENCE = {"offence": "theft", "status": "nfa"}
RISK = {"basis": "court_order"}

FAULTY: dict[str, tuple[Change, str, str]] = {
    "unknown member": (set_in("CANARY", to=1), "", "has an unknown member"),
    "unknown member of an item": (set_in("items", 0, "CANARY", to=1), "/items/0", "has an unknown member"),
    "unknown member of a person": (set_in("people", 1, "CANARY", to=1), "/people/1", "has an unknown member"),
    "missing member": (lambda raw: raw.pop("status"), "/status", "is required"),
    "null": (set_in("status", to=None), "/status", "must not be null"),
    "level is true": (set_in("threshold_level", to=True), "/threshold_level", "must be 1, 2, 3 or 4"),
    "level is text": (set_in("threshold_level", to="2"), "/threshold_level", "must be 1, 2, 3 or 4"),
    "level is 5": (set_in("threshold_level", to=5), "/threshold_level", "must be 1, 2, 3 or 4"),
    "level is 2.0": (set_in("threshold_level", to=2.0), "/threshold_level", "must be 1, 2, 3 or 4"),
    "risk flag is 1": (
        set_in("people", 3, "risk_person", to=1),
        "/people/3/risk_person",
        "must be true or false",
    ),
    "unknown seal": (set_in("seals", to=["CANARY"]), "/seals/0", "must be one of the listed codes"),
    "people is an object": (set_in("people", to={}), "/people", "must be a list"),
    "a person is text": (set_in("people", 0, to="CANARY"), "/people/0", "must be an object"),
    "nobody": (lambda raw: raw.update(people=[], items=[]), "/people", "must have at least one entry"),
    "week date": (
        set_in("workers", 0, "from", to="2026-W10-1"),
        "/workers/0/from",
        "must be a date, year-month-day",
    ),
    "no such day": (
        set_in("items", 0, "as_of", to="2026-02-30"),
        "/items/0/as_of",
        "must be a date, year-month-day",
    ),
    "tomorrow": (set_in("items", 0, "as_of", to="2026-11-23"), "/items/0/as_of", "must not be after today"),
    "reference with a slash": (
        set_in("source_ref", to="EH/1"),
        "/source_ref",
        "must have 1 to 64 letters, digits, or _ . : - after the first",
    ),
    "reference with a line feed": (
        set_in("source_ref", to="EH-1\n"),
        "/source_ref",
        "must have 1 to 64 letters, digits, or _ . : - after the first",
    ),
    "agency in capitals": (
        set_in("items", 0, "source_agency", to="CAMHS"),
        "/items/0/source_agency",
        "must be the code of an agency",
    ),
    "same person twice": (
        set_in("people", 2, "id", to="P-Ada"),
        "/people/2/id",
        "is the id of another person of this family",
    ),
    "stranger": (
        set_in("items", 0, "about", to=["P-CANARY"]),
        "/items/0/about/0",
        "must be the id of a person of this family",
    ),
    "about twice": (add("housing", ["P-MUM", "P-MUM"], {}), "/items/0/about", "must not repeat a person"),
    "two people's health": (
        add("child_health", ["P-ADA", "P-BEN"], HEALTH),
        "/items/0/about",
        "must name exactly one person for this field",
    ),
    "nobody's name": (
        add("child_name", [], NAME),
        "/items/0/about",
        "must name exactly one person for this field",
    ),
    "adult's child name": (
        add("child_name", ["P-MUM"], NAME),
        "/items/0/about",
        "must be a child for this field",
    ),
    "child's adult name": (
        add("adult_name", ["P-ADA"], NAME),
        "/items/0/about",
        "must be an adult or another person for this field",
    ),
    "two survivors": (
        add("domestic_abuse", ["P-MUM", "P-ADA"], MARKER),
        "/items/0/about",
        "must name exactly one person for this field",
    ),
    "perpetrator as survivor": (
        add("domestic_abuse", ["P-DAN"], MARKER),
        "/items/0/about",
        "must be the survivor, not a risk person",
    ),
    "risk person not marked": (
        add("risk_person", ["P-MUM"], RISK, protects="P-MUM"),
        "/items/0/about",
        "must be a person marked as risk person",
    ),
    "risk flag on an adult of the case": (
        set_in("people", 0, "risk_person", to=True),
        "/people/0/risk_person",
        "is for people with the role other",
    ),
    "flag protects nobody": (
        add("offences", ["P-DAN"], OFFENCE),
        "/items/0/protects",
        "is required for this field: the adult whom it protects",
    ),
    "flag protects a child": (
        add("offences", ["P-DAN"], OFFENCE, protects="P-ADA"),
        "/items/0/protects",
        "must be an adult other than the person it is about",
    ),
    "flag protects the one it is about": (
        add("offences", ["P-MUM"], OFFENCE, protects="P-MUM"),
        "/items/0/protects",
        "must be an adult other than the person it is about",
    ),
    "flag protects a stranger": (
        add("offences", ["P-DAN"], OFFENCE, protects="P-CANARY"),
        "/items/0/protects",
        "must be the id of a person of this family",
    ),
    "protects elsewhere": (
        add("child_name", ["P-ADA"], NAME, protects="P-MUM"),
        "/items/0/protects",
        "does not go with this field",
    ),
    "household of others": (
        set_in("items", 6, "about", to=["P-ADA", "P-BEN"]),
        "/items/6/about",
        "must name the member and the person they are related to",
    ),
    "case_ref": (
        add("case_ref", [], {}),
        "/items/0/value",
        "this field is issued by the gateway and takes no value",
    ),
    "field unknown": (add("CANARY", [], {}), "/items/0/field", "must be one of the listed codes"),
    "worker safety without a decider": (
        add(
            "worker_safety",
            ["P-MUM"],
            {"code": "call_before_visit", "review_on": "2027-01-01", "reason": "x"},
        ),
        "/items/0/value/authorised_by",
        "is required",
    ),
    "worker safety without a reason": (
        add(
            "worker_safety",
            ["P-MUM"],
            {"code": "call_before_visit", "review_on": "2027-01-01", "authorised_by": "lead"},
        ),
        "/items/0/value/reason",
        "is required",
    ),
    "NHS number of a real range": (
        set_in("items", 2, "value", "number", to="943 476 5919"),
        "/items/2/value/number",
        "only synthetic NHS numbers (range 999) are accepted here",
    ),
    "worker leaves before coming": (
        set_in("workers", 1, "to", to="2026-09-01"),
        "/workers/1/to",
        "must be after from: it is the first day no longer included",
    ),
    "worker twice": (
        lambda raw: raw["workers"].append(dict(raw["workers"][0])),
        "/workers/2/from",
        "is given twice for one worker",
    ),
    "too many items": (lambda raw: raw.update(items=[0] * 2001), "/items", "must have at most 2000 entries"),
    "too many people": (lambda raw: raw.update(people=[0] * 41), "/people", "must have at most 40 entries"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_family_is_refused_with_place_and_reason(name: str) -> None:
    """A caseworker must find the fault; a log must not learn a value from it."""
    change, pointer, reason = FAULTY[name]
    raw = family()
    change(raw)
    found = faults(raw)
    assert (pointer, reason) in found
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize("raw", [None, [], "x", 1, {}, {"items": {}}])
def test_what_is_no_family_is_refused(raw: Any) -> None:
    assert faults(raw)


def test_every_fault_is_reported_at_once() -> None:
    """Files come from nightly jobs: one fault a night would take weeks."""
    raw = family()
    raw["status"] = "CANARY"
    raw["items"][0]["value"]["given"] = 1
    raw["items"][1]["as_of"] = "2026-11-23"
    assert faults(raw) == {
        ("/status", "must be one of the listed codes"),
        ("/items/0/value/given", "must be text"),
        ("/items/1/as_of", "must not be after today"),
    }


def test_a_parent_under_18_is_an_adult_of_the_case() -> None:
    raw = family()
    add("adult_dob", ["P-MUM"], {"date": "2010-01-01", "certainty": "exact"})(raw)
    assert read(raw).items[0].about == ("P-MUM",)


def test_an_item_about_nobody_is_kept() -> None:
    """Untagged content is recorded; the release path withholds it."""
    assert read(family()).items[-1].about == ()


def test_a_value_of_any_shape_is_answered() -> None:
    """A list where an id belongs must be a fault, not a crash."""
    raw = family()
    raw["items"][6]["value"]["member"] = [["x"]]
    assert ("/items/6/value/member", "must be text") in faults(raw)


BAD_FILES = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"format": 1, "families": ["\xff"]}',
    "a list": b"[]",
    "no families": b'{"format": 1}',
    "another member": b'{"format": 1, "families": [], "x": 1}',
    "format 2": b'{"format": 2, "families": []}',
    "format true": b'{"format": true, "families": []}',
    "families an object": b'{"format": 1, "families": {}}',
    "member twice": b'{"format": 1, "families": [], "families": []}',
    "NaN": b'{"format": 1, "families": [NaN]}',
    "nested": b'{"format": 1, "families": ' + b"[" * 200_000,
    "nested and closed": b'{"format": 1, "families": ' + b"[" * 900 + b"]" * 900 + b"}",
    "too large": b" " * (schemas.MAX_FILE_BYTES + 1),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_import_file_is_refused_quickly(name: str) -> None:
    """The file comes from another system; whatever it holds, the answer is prompt."""
    started = time.monotonic()
    with pytest.raises(CaseFileError):
        schemas.read_file(BAD_FILES[name])
    assert time.monotonic() - started < 5


def test_a_family_of_the_largest_size_is_read_in_bounded_time() -> None:
    raw = family()
    raw["items"] = [copy.deepcopy(raw["items"][7]) for _ in range(schemas.MAX_ITEMS)]
    started = time.monotonic()
    assert len(read(raw).items) == schemas.MAX_ITEMS
    assert time.monotonic() - started < 10


def test_an_import_file_is_read() -> None:
    assert schemas.read_file(file_of(family())) == [json.loads(json.dumps(family()))]


def test_real_numbers_are_taken_only_outside_the_demo() -> None:
    raw = family()
    raw["items"][2]["value"]["number"] = "943 476 5919"
    assert schemas.read_family(raw, today=TODAY, synthetic=False).source_ref == "EH-1001"


def test_identifiers_are_kept_in_their_normal_form() -> None:
    """They leave as they are stored: one spelling, so that two extracts of one number look alike."""
    raw = family()
    number = next(each for each in raw["items"] if each["field"] == "nhs_number")
    number["value"]["number"] = "999 000 0018"
    document = schemas.read_family(raw, today=TODAY, synthetic=True)
    assert ["9990000018"] == [one.value["number"] for one in document.items if one.field == "nhs_number"]


def test_a_person_has_one_date_of_birth() -> None:
    """With two, an extract would tell one of two ages."""
    raw = family()
    raw["items"].append(item("child_dob", ["P-ADA"], {"date": "2016-01-01", "certainty": "estimated"}))
    with pytest.raises(FamilyRefusedError) as caught:
        schemas.read_family(raw, today=TODAY, synthetic=True)
    place = len(raw["items"]) - 1
    assert [f"/items/{place}/about"] == [fault.pointer for fault in caught.value.faults]
