"""The catalogue: 37 fields, 14 categories, and who is where."""

import pytest

from agencies.catalogue import ALWAYS_RELEASED, CATEGORIES, FIELDS, NAMED_ONLY, OUTSIDE_CONSENT, ThirdParty
from agencies.ladders import LADDERS
from agencies.model import Subject
from agencies.shapes import SHAPES

EXPECTED_NAMES = (
    "case_ref child_name child_dob child_sex adult_name adult_dob address contact ethnicity language nhs_number "
    "pupil_number school household risk_person child_health child_mental_health adult_health sensitive_services "
    "disability sen ehcp attendance finance housing domestic_abuse offences history assessment plan review minutes "
    "services_now services_past help_wanted worker_safety immigration"
)
EXPECTED_CATEGORIES = {
    "name": "F02 F05",
    "birth": "F03 F04 F06",
    "address": "F07",
    "contact": "F08",
    "ethnicity": "F09",
    "nhs_number": "F11",
    "pupil_number": "F12 F13 F23",
    "relationships": "F14",
    "health": "F16 F17 F18",
    "financial": "F24 F25",
    "history": "F28",
    "assessments": "F29 F30 F31 F32 F35",
    "needs": "F10 F20 F21 F22",
    "services": "F33 F34",
}


def test_catalogue_has_its_fields_in_order() -> None:
    """Profiles, consent and extracts are keyed by these names."""
    assert EXPECTED_NAMES == " ".join(FIELDS)
    assert [f"F{number:02d}" for number in range(1, 38)] == [entry.id for entry in FIELDS.values()]


def test_every_field_has_shape_and_ladder() -> None:
    assert list(FIELDS) == list(SHAPES) == list(LADDERS)


def test_categories_cover_the_agreed_fields() -> None:
    """A field that slips into a category is covered by consents that never meant it."""
    actual = {name: " ".join(FIELDS[field].id for field in fields) for name, fields in CATEGORIES.items()}
    assert EXPECTED_CATEGORIES == actual


def test_fields_that_must_be_named_are_in_no_category() -> None:
    assert {"F15", "F19", "F26", "F27", "F37"} == {FIELDS[name].id for name in NAMED_ONLY}
    assert {"F36"} == {FIELDS[name].id for name in OUTSIDE_CONSENT}
    assert FIELDS[ALWAYS_RELEASED].id == "F01"


def test_case_fields_are_the_agreed_ones() -> None:
    expected = "F01 F14 F15 F24 F25 F26 F27 F28 F29 F30 F31 F32 F33 F34 F35 F36"
    assert expected == " ".join(entry.id for entry in FIELDS.values() if entry.subject is Subject.CASE)


def test_third_party_rules_are_the_agreed_ones() -> None:
    actual = {
        entry.id: entry.third_party for entry in FIELDS.values() if entry.third_party is not ThirdParty.NONE
    }
    flag, lead = ThirdParty.FLAG_EXCEPTION, ThirdParty.LEAD_DECISION
    assert {"F15": flag, "F27": flag, "F36": lead} == actual


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contact", {"safe_times"}),
        ("ethnicity", {"self_defined"}),
        ("risk_person", {"detail"}),
        ("finance", {"relevance"}),
        ("help_wanted", {"summary", "voice"}),
        ("minutes", {"text"}),
        ("worker_safety", {"note"}),
        ("household", set()),
    ],
)
def test_narrative_members_are_the_free_text_ones(name: str, expected: set[str]) -> None:
    by_name = {str(entry.name): entry for entry in FIELDS.values()}
    assert expected == by_name[name].narrative
