"""Closed lists: their sizes, their crosswalks and what they may not name."""

import pytest

from agencies import codes

GENERAL = {
    "tenures": codes.TENURES,
    "housing issues": codes.HOUSING_ISSUES,
    "needs": codes.NEEDS,
    "goals": codes.GOALS,
    "actions": codes.ACTIONS,
    "strengths": codes.STRENGTHS,
    "history": codes.HISTORY_HEADLINES,
    "review outcomes": codes.REVIEW_OUTCOMES,
    "review reasons": codes.REVIEW_REASONS,
    "general services": codes.GENERAL_SERVICES,
    "finance": codes.FINANCE_CATEGORIES,
}


@pytest.mark.parametrize("name", GENERAL)
def test_general_list_names_nothing_that_must_be_named_in_a_consent(name: str) -> None:
    """A tenure called "refuge" would tell everyone who may see housing what the shield hides."""
    forbidden = ("refuge", "abuse", "violence", "offen", "crim", "hiv", "sexual", "substance", "drug", "nrpf")
    assert [] == [code for code in GENERAL[name] if any(word in code for word in forbidden)]


def test_ethnicity_has_nineteen_groups_and_two_other_answers() -> None:
    assert len(codes.ETHNIC_GROUP) == 19
    assert {"NOT_STATED", "REFUSED"} == set(codes.ETHNICITIES) - set(codes.ETHNIC_GROUP)
    assert set(codes.ETHNIC_GROUPS) == set(codes.ETHNIC_GROUP.values())


@pytest.mark.parametrize(
    ("crosswalk", "code", "expected"),
    [
        (codes.NHS_ETHNIC_GROUP, "R", "ASIAN"),
        (codes.NHS_ETHNIC_GROUP, "S", "OTHER"),
        (codes.NHS_ETHNIC_GROUP, "Z", None),
        (codes.DFE_ETHNIC_GROUP, "WROM", "WHITE"),
        (codes.DFE_ETHNIC_GROUP, "BOTH", "BLACK"),
        (codes.DFE_ETHNIC_GROUP, "REFU", None),
    ],
)
def test_foreign_ethnic_codes_map_to_groups_only(
    crosswalk: dict[str, str], code: str, expected: str | None
) -> None:
    """The NHS letters have no Roma and no Arab, DfE's WROM is Gypsy or Roma: finer would be invented."""
    assert expected == crosswalk.get(code)


@pytest.mark.parametrize(
    ("sen_type", "expected"),
    [
        ("SLCN", "communication_and_interaction"),
        ("ASD", "communication_and_interaction"),
        ("SPLD", "cognition_and_learning"),
        ("PMLD", "cognition_and_learning"),
        ("SEMH", "social_emotional_mental_health"),
        ("MSI", "sensory_and_physical"),
        ("OTH", "other"),
        ("NSA", "other"),
        ("DS", "other"),
    ],
)
def test_sen_type_has_its_broad_area(sen_type: str, expected: str) -> None:
    assert expected == codes.SEN_AREA[sen_type]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("RELATIONSHIPS", 16), ("PR_BASES", 13), ("SEN_TYPES", 14), ("EHCP_SECTIONS", 11)],
)
def test_list_is_whole(name: str, expected: int) -> None:
    listed: codes.CodeList = getattr(codes, name)
    assert expected == len(set(listed))
    assert len(listed) == len(set(listed))
