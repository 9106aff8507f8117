"""The questions: which six cannot wait, every limb of paragraph 18, and what cannot be read."""

import pytest

from gateway.safeguarding.errors import FaultyAnswersError
from gateway.safeguarding.model import Kind
from gateway.safeguarding.questions import (
    BY_NAME,
    EMERGENCY,
    LIMBS,
    NO,
    PROTECTED,
    QUESTIONS,
    YES,
    check_complete,
    check_enough,
    open_questions,
    read_answers,
    still_to_ask,
)
from tests.gateway.safeguarding.refer import REST, SIX

WHOLE = {"people": ("x",), **SIX, **REST}
HAS_TO_BE_RECORDED = {
    "subjects": "people",
    "destination": "destination",
    "harm type": "harm",
    "what is known": "known",
    "source": "source",
    "fact or opinion": "certainty",
    "immediate danger": "danger",
    "basis": "basis",
    "limb of paragraph 18": "without",
    "under 18 or adult at risk": "protects",
    "why these items": "why_items",
    "consent sought": "asked",
    "family told": "told",
    "told by whom and when": "told_by",
    "why not told": "told_why_not",
    "the child's wishes": "wishes",
    "advice taken": "advice",
    "decider": "decider",
    "time of concern": "concern_at",
    "time of call": "called_at",
    "recipient": "recipient",
    "their reference": "reference",
    "attachments": "attachments",
    "who must never learn": "never_learn",
}


def test_six_at_most_cannot_wait() -> None:
    assert all(len(names) <= 6 for names in EMERGENCY.values())
    assert ("people", "destination", "fear", "danger", "without", "number") == EMERGENCY[Kind.PROTECTION]


@pytest.mark.parametrize("item", HAS_TO_BE_RECORDED)
def test_whatever_has_to_be_recorded_is_asked(item: str) -> None:
    name = HAS_TO_BE_RECORDED[item]
    assert Kind.PROTECTION in BY_NAME[name].kinds


def test_what_was_not_answered_in_the_emergency_is_all_open_afterwards() -> None:
    left = set(still_to_ask(Kind.PROTECTION, {"people": ("x",), **SIX}))
    asked = {question.name for question in QUESTIONS if Kind.PROTECTION in question.kinds}
    optional = {question.name for question in QUESTIONS if question.optional}
    assert asked - optional - set(EMERGENCY[Kind.PROTECTION]) == left


def test_a_whole_one_leaves_nothing_open() -> None:
    assert [] == open_questions(Kind.PROTECTION, WHOLE)
    check_complete(Kind.PROTECTION, WHOLE)


LIMB_CASES = [(limb, whom) for limb in LIMBS for whom in PROTECTED]


@pytest.mark.parametrize(("limb", "whom"), LIMB_CASES)
def test_every_limb_for_everybody_it_protects(limb: str, whom: str) -> None:
    answers = read_answers({"without": [limb], "protects": [whom]})
    assert [] == open_questions(Kind.PROTECTION, {**WHOLE, **answers})


@pytest.mark.parametrize("name", ["without", "protects"])
def test_without_a_limb_it_is_open_and_another_is_none(name: str) -> None:
    assert name in open_questions(Kind.PROTECTION, {**WHOLE, name: ""})
    with pytest.raises(FaultyAnswersError):
        read_answers({name: ["because"]})


def test_an_agreed_referral_has_no_limb() -> None:
    assert not {"without", "protects", "basis", "told"} & set(open_questions(Kind.AGREED, {}))


@pytest.mark.parametrize(
    ("answers", "opened", "closed"),
    [
        ({"significant": NO}, "public_interest", ""),
        ({"significant": YES}, "", "public_interest"),
        ({"told": YES}, "told_by", "told_why_not"),
        ({"told": NO}, "told_why_not", "told_by"),
    ],
)
def test_an_answer_opens_and_closes_others(answers: dict[str, str], opened: str, closed: str) -> None:
    left = open_questions(Kind.PROTECTION, answers)
    assert not opened or opened in left
    assert not closed or closed not in left


def test_no_significant_harm_keeps_nothing_back() -> None:
    """It leads to an agreed referral or to a reason of public interest; it never blocks."""
    check_enough(Kind.PROTECTION, {"people": ("x",), **SIX, "significant": NO})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "call me"),
        ("number", "1"),
        ("number", "12 at night"),
        ("called_at", "2026-99-99T99:99:99+00:00"),
        ("called_at", "0001-01-01T00:00:00+00:00"),
        ("fear", "x" * 10_001),
        ("fear", "a\x00b"),
        ("fear", "\ud800"),
        ("danger", "maybe"),
        ("harm", "rain"),
        ("concern_at", "yesterday"),
        ("attachments", "abc"),
    ],
)
def test_what_cannot_be_read_is_a_fault_of_its_own_and_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(FaultyAnswersError) as refused:
        read_answers({name: [value]})
    assert [name] == [fault.question for fault in refused.value.faults]
    assert all(value not in fault.sentence for fault in refused.value.faults)


def test_an_unknown_field_is_no_answer() -> None:
    assert {} == read_answers({"nonsense": ["x"], "fear": ["  "]})
