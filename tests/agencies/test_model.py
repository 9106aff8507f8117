"""Levels, stages and the choice of a profile row."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agencies.errors import PurposeNotServedError
from agencies.model import (
    AgencyCode,
    AgencyKind,
    Condition,
    FieldName,
    Level,
    Mark,
    Profile,
    ProfileRow,
    Purpose,
    Stage,
    stage_of,
)

NAME = FieldName("child_name")


def profile_of(*rows: ProfileRow) -> Profile:
    return Profile(
        agency=AgencyCode("camhs"),
        based_on_kind=AgencyKind.CAMHS,
        version=1,
        agreement="DSA-1",
        assessment="DPIA-1",
        review_on=date(2027, 9, 30),
        article6="6(1)(e)",
        article9="9(2)(h)",
        rows=rows,
    )


def row(panel: Mark, service: Mark, when: Condition) -> ProfileRow:
    return ProfileRow(field=NAME, panel=panel, service=service, when=when, reason="because")


def test_levels_are_ordered_strictest_first() -> None:
    """Every tightening is a min(): the order is the rule."""
    assert [Level.W, Level.G2, Level.G1, Level.F] == sorted(Level)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [("F", Level.F), ("G1", Level.G1), ("G2", Level.G2), ("W", Level.W), ("A", Level.W), ("B", Level.W)],
)
def test_mark_has_its_level_in_an_extract(mark: str, expected: Level) -> None:
    """A and B admit to aggregates and referrals, never to an extract."""
    assert expected == Mark(mark).level


@pytest.mark.parametrize(("purpose", "expected"), [("P1", "panel"), ("P2", "service"), ("P3", "service")])
def test_purpose_has_its_stage(purpose: str, expected: str) -> None:
    """The caller names a purpose and never picks a stage."""
    assert Stage(expected) is stage_of(Purpose(purpose))


@pytest.mark.parametrize("purpose", ["P4", "P5", "P6"])
def test_purposes_that_nothing_serves_have_no_stage(purpose: str) -> None:
    """A default stage here would open extracts to purposes that nobody agreed to."""
    with pytest.raises(PurposeNotServedError):
        stage_of(Purpose(purpose))


def test_field_without_row_is_withheld() -> None:
    """A new field reaches nobody until a profile version says otherwise."""
    assert Level.W is profile_of().level(NAME, stage=Stage.PANEL, conditions=frozenset())


def test_always_row_counts_without_conditions() -> None:
    profile = profile_of(row(Mark.G1, Mark.F, Condition.ALWAYS))
    levels = [profile.level(NAME, stage=stage, conditions=frozenset()) for stage in Stage]
    assert [Level.G1, Level.F] == levels


def test_row_of_a_condition_that_holds_replaces_the_always_row() -> None:
    """The named worker sees what the office does not; selecting a row is the only way up."""
    profile = profile_of(row(Mark.W, Mark.W, Condition.ALWAYS), row(Mark.F, Mark.F, Condition.NAMED_WORKER))
    named = frozenset({Condition.NAMED_WORKER})
    assert Level.F is profile.level(NAME, stage=Stage.PANEL, conditions=named)


def test_row_of_a_condition_that_does_not_hold_is_ignored() -> None:
    profile = profile_of(row(Mark.W, Mark.W, Condition.ALWAYS), row(Mark.F, Mark.F, Condition.NAMED_WORKER))
    attended = frozenset({Condition.ATTENDED, Condition.ALWAYS})
    assert Level.W is profile.level(NAME, stage=Stage.PANEL, conditions=attended)


def test_two_rows_of_one_key_count_as_the_stricter() -> None:
    """The parser refuses them; a profile made in another way must not open by order of rows."""
    profile = profile_of(row(Mark.F, Mark.W, Condition.ALWAYS), row(Mark.W, Mark.F, Condition.ALWAYS))
    levels = [profile.level(NAME, stage=stage, conditions=frozenset()) for stage in Stage]
    assert [Level.W, Level.W] == levels


MARKS = st.sampled_from(Mark)
ROWS = st.lists(st.builds(row, MARKS, MARKS, st.sampled_from(Condition)), unique_by=lambda entry: entry.when)


@given(rows=ROWS, conditions=st.frozensets(st.sampled_from(Condition)), stage=st.sampled_from(Stage))
def test_level_is_the_minimum_of_the_rows_that_hold(
    rows: list[ProfileRow], conditions: frozenset[Condition], stage: Stage
) -> None:
    """Two conditions that hold give the lower of their rows; the always row counts only without them."""
    special = [entry for entry in rows if entry.when in conditions and entry.when is not Condition.ALWAYS]
    counted = special or [entry for entry in rows if entry.when is Condition.ALWAYS]
    expected = min((entry.mark(stage).level for entry in counted), default=Level.W)
    assert expected == profile_of(*rows).level(NAME, stage=stage, conditions=conditions)
