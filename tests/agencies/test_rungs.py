"""The words of the ladders' steps: each step that a field has is said, and no other."""

import pytest

from agencies import rungs
from agencies.catalogue import FIELDS
from agencies.ladders import LADDERS
from agencies.model import FieldName, Level


def test_words_are_for_fields_and_steps_that_there_are() -> None:
    """A step without words could not be chosen knowingly; words without a step would promise one."""
    assert rungs._WORDS.keys() <= FIELDS.keys()
    for field in FIELDS:
        own = rungs.rungs(field)
        assert {*rungs._WORDS.get(field, {}), Level.F} == own.keys(), field
        assert all(own.values())


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("level", Level)
def test_what_a_level_comes_to_is_told_by_the_same_rung(field: FieldName, level: Level) -> None:
    reached = rungs.told_at(field, level)
    assert LADDERS[field].rungs[level] == LADDERS[field].rungs[reached]
    assert reached <= level
    assert reached is Level.W or reached in rungs.rungs(field)


def test_the_fullest_step_stands_first() -> None:
    assert [Level.F, Level.G1, Level.G2] == list(rungs.rungs(FieldName("address")))
