"""A version that gives more of anything, anywhere, is wider; one that gives less is not."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agencies.catalogue import FIELDS
from agencies.comparison import differences, widened
from agencies.model import AgencyKind, Condition, FieldName, Level, Mark, Profile, ProfileRow, Stage
from agencies.profile_text import template

NAME, MINUTES = FieldName("child_name"), FieldName("minutes")
CAMHS = template(AgencyKind.CAMHS)


def row(field: FieldName, panel: str, service: str, when: Condition = Condition.ALWAYS) -> ProfileRow:
    return ProfileRow(field=field, panel=Mark(panel), service=Mark(service), when=when, reason="x")


def profile(*rows: ProfileRow) -> Profile:
    return replace(CAMHS, rows=rows)


CASES = {
    "the same": (profile(row(NAME, "G1", "F")), profile(row(NAME, "G1", "F")), set()),
    "more at one stage": (profile(row(NAME, "G1", "F")), profile(row(NAME, "F", "F")), {NAME}),
    "less": (profile(row(NAME, "F", "F")), profile(row(NAME, "G1", "F")), set()),
    "more here, less there": (profile(row(NAME, "G1", "F")), profile(row(NAME, "F", "W")), {NAME}),
    "new": (profile(), profile(row(NAME, "G2", "W")), {NAME}),
    "a mark that gives nothing": (profile(), profile(row(NAME, "A", "B")), set()),
    "under a condition": (
        profile(row(MINUTES, "W", "W")),
        profile(row(MINUTES, "W", "W"), row(MINUTES, "W", "G1", Condition.ATTENDED)),
        {MINUTES},
    ),
    "a condition that only tightens": (
        profile(row(MINUTES, "F", "F")),
        profile(row(MINUTES, "F", "F"), row(MINUTES, "W", "W", Condition.ATTENDED)),
        set(),
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_wider(old: Profile, new: Profile, expected: set[FieldName]) -> None:
    assert expected == widened(old, new)


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from([NAME, MINUTES]),
        st.sampled_from(["F", "G1", "G2", "W", "A"]),
        st.sampled_from(["F", "G1", "G2", "W", "B"]),
        st.sampled_from(list(Condition)),
    ),
    max_size=5,
    unique_by=lambda each: (each.field, each.when),
)


@given(old=ROWS.map(lambda rows: profile(*rows)), new=ROWS.map(lambda rows: profile(*rows)))
def test_what_is_not_wider_gives_no_more_to_any_request(old: Profile, new: Profile) -> None:
    wider = widened(old, new)
    for name, stage, holds in product(FIELDS, Stage, product((False, True), repeat=len(Condition))):
        conditions = frozenset(each for each, held in zip(Condition, holds, strict=True) if held)
        more = new.level(name, stage=stage, conditions=conditions) > old.level(
            name, stage=stage, conditions=conditions
        )
        assert name in wider or not more


def test_what_becomes_wider_comes_first_and_nothing_else_is_told() -> None:
    old = template(AgencyKind.CAMHS)
    rows = tuple(
        replace(
            row,
            panel=Mark.W if row.field == "child_name" else Mark.F if row.field == "address" else row.panel,
        )
        for row in old.rows
    )
    found = differences(old, replace(old, rows=rows))
    assert [("address", True), ("child_name", False)] == [(each.field, each.is_wider) for each in found]
    assert {Stage.PANEL} == {each.stage for each in found}
    assert [] == differences(old, old)


def test_beside_nothing_everything_that_is_given_is_wider() -> None:
    new = template(AgencyKind.EARLY_HELP)
    found = differences(None, new)
    assert all(each.is_wider and each.old is Level.W for each in found)
    assert {row.field for row in new.rows if row.panel.level > Level.W or row.service.level > Level.W} == {
        each.field for each in found
    }
    assert Condition.NAMED_WORKER in {each.when for each in found}
