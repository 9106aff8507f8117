"""The invented family of the officer's previews: whole, nobody's, and told as a release would tell it."""

import json
from dataclasses import replace
from typing import Final

import pytest

from agencies.catalogue import ALWAYS_RELEASED, FIELDS
from agencies.model import AgencyCode, AgencyKind, FieldName, JsonObject, Mark, Profile, Stage
from agencies.profile_text import template
from gateway.release import example as examples
from gateway.release.decision import decide
from gateway.release.example import Situation, asking, example
from gateway.release.model import Permit, Refuse
from gateway.release.preview import tell

DAYS: Final = 30
WITH_CASES: Final = [each for each in AgencyKind if each not in {AgencyKind.COMMISSIONING, AgencyKind.POLICE}]


def told(kind: AgencyKind, situation: Situation = Situation.AGREED, **more: object) -> JsonObject:
    options = {"stage": Stage.SERVICE, "named_worker": False, **more}
    profile = options.pop("profile", template(kind))
    return example(profile, kind=kind, situation=situation, extract_days=DAYS, **options).told.record  # type: ignore[arg-type]


def fields_of(record: JsonObject) -> set[str]:
    people, case = record.get("people", []), record.get("case", {})
    assert isinstance(people, list)
    assert isinstance(case, dict)
    found = set(case)
    for each in people:
        assert isinstance(each, dict)
        held = each["fields"]
        assert isinstance(held, dict)
        found |= set(held)
    return found


def open_profile(kind: AgencyKind) -> Profile:
    """Everything, in full, to everybody who asks."""
    own = template(kind)
    return replace(own, rows=tuple(replace(row, panel=Mark.F, service=Mark.F) for row in own.rows))


def test_every_field_is_held_of_the_family() -> None:
    """A field that it lacks is one whose rules the officer cannot look at."""
    held = {item.field for item in examples._document().items}
    assert FIELDS.keys() - {ALWAYS_RELEASED} == held


def test_nobody_is_real() -> None:
    numbers = [str(item.value["number"]) for item in examples._document().items if item.field == "nhs_number"]
    assert numbers
    assert all(number.startswith("999") for number in numbers)


@pytest.mark.parametrize("kind", WITH_CASES)
@pytest.mark.parametrize("stage", Stage)
def test_it_is_told_what_the_functions_of_a_release_tell(kind: AgencyKind, stage: Stage) -> None:
    found = example(template(kind), kind=kind, situation=Situation.AGREED, stage=stage, extract_days=DAYS)
    caller = asking(AgencyCode(kind), stage, named_worker=False)
    decision = decide(found.facts, caller=caller, extract_days=DAYS)
    assert isinstance(decision, Permit)
    assert decision == found.decision
    assert tell(decision, found.items, facts=found.facts) == found.told


@pytest.mark.parametrize("kind", [AgencyKind.COMMISSIONING, AgencyKind.POLICE])
def test_who_gets_no_case_is_told_nothing(kind: AgencyKind) -> None:
    found = example(
        open_profile(kind), kind=kind, situation=Situation.AGREED, stage=Stage.PANEL, extract_days=DAYS
    )
    assert isinstance(found.decision, Refuse)
    assert ({}, ()) == (found.told.record, found.items)


def test_a_childs_no_takes_that_child_out() -> None:
    agreed = json.dumps(told(AgencyKind.EARLY_HELP))
    refused = json.dumps(told(AgencyKind.EARLY_HELP, Situation.CHILD_REFUSED))
    assert "Zofia" in agreed
    assert "Zofia" not in refused
    assert "Rowan" in refused


def test_in_a_refuge_nobody_but_it_learns_where_they_are() -> None:
    """Whatever the profile says: the shield is no row of it."""
    shielded = {"address", "contact", "school"}
    for kind in WITH_CASES:
        found = fields_of(told(kind, Situation.SHELTERED, profile=open_profile(kind)))
        assert found.isdisjoint(shielded) is (kind is not AgencyKind.REFUGE), kind
    named = told(
        AgencyKind.EARLY_HELP,
        Situation.SHELTERED,
        profile=open_profile(AgencyKind.EARLY_HELP),
        named_worker=True,
    )
    assert shielded <= fields_of(named)


def test_a_named_worker_has_the_rows_of_one() -> None:
    sensitive = FieldName("sensitive_services")
    assert sensitive not in fields_of(told(AgencyKind.EARLY_HELP))
    assert sensitive in fields_of(told(AgencyKind.EARLY_HELP, named_worker=True))
    assert sensitive not in fields_of(told(AgencyKind.CAMHS, named_worker=True))


def test_an_agency_finds_what_it_said_itself_by_its_own_code() -> None:
    """Its code is its own, and its kind's name stands in the file."""
    profile = replace(open_profile(AgencyKind.CAMHS), agency=AgencyCode("young-minds"))
    record = json.dumps(told(AgencyKind.CAMHS, profile=profile))
    assert '"agency": "young-minds"' in record
    assert '"supplied_by_you": true' in record
    assert '"agency": "camhs"' not in record
