"""What a candidate would have changed, added up: each count by hand on a small table."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest

from agencies.model import AgencyCode, AgencyKind, FieldName, Level, Rows, Stage
from agencies.profile_text import template
from gateway.release.impact import (
    SAMPLES,
    Count,
    FieldImpact,
    Impact,
    Levels,
    Obstacle,
    Replay,
    Scope,
    add_up,
    document,
    levels_told,
    sentences,
)
from gateway.release.model import FieldGrant, Item, Permit, RefusalReason, Refuse

DOB, NAME, SCHOOL = (FieldName(name) for name in ("child_dob", "child_name", "school"))
W, G2, G1, F = Level
SCOPE: Final = Scope(AgencyCode("camhs"), version=3, days=30, left_out=4, untraced=5)
NOTHING: Final = Count(0, 0)


def family(number: int) -> UUID:
    return UUID(int=number)


def replay(
    number: int, before: Level, after: Level, at_once: Level | None = None, *, field: FieldName = DOB
) -> Replay:
    """One release of a family that tells one field, or does not."""
    levels: tuple[Levels, ...] = tuple(
        {field: level} if level > W else {}
        for level in (before, after, after if at_once is None else at_once)
    )
    return Replay(family(number), *levels)


def one(replays: Iterable[Replay | Obstacle]) -> FieldImpact:
    """The impact on the only field there is."""
    (found,) = add_up(replays, scope=SCOPE).fields
    return found


CASES: Final = {
    "nothing changed": ([replay(1, F, F)], (NOTHING, NOTHING, NOTHING)),
    "lost wholly": ([replay(1, F, W)], (NOTHING, NOTHING, Count(1, 1))),
    "lost in part": ([replay(1, F, G1)], (NOTHING, NOTHING, Count(1, 1))),
    "gained at once": ([replay(1, G2, G1)], (Count(1, 1), Count(1, 1), NOTHING)),
    "gained later": ([replay(1, G2, F, G2)], (Count(1, 1), NOTHING, NOTHING)),
    "gained in part at once": ([replay(1, G2, F, G1)], (Count(1, 1), Count(1, 1), NOTHING)),
    "less at once than before": ([replay(1, G1, F, W)], (Count(1, 1), NOTHING, NOTHING)),
    "more at once, and never after": ([replay(1, G1, G1, F)], (NOTHING, NOTHING, NOTHING)),
    "gained at once by two families": (
        [replay(1, W, F), replay(2, W, F), replay(2, W, F)],
        (Count(3, 2), Count(3, 2), NOTHING),
    ),
    "two of one family": ([replay(1, F, W), replay(1, F, G2)], (NOTHING, NOTHING, Count(2, 1))),
    "one each of two families": ([replay(1, F, W), replay(2, F, W)], (NOTHING, NOTHING, Count(2, 2))),
    "lost here, gained there": (
        [replay(1, F, W), replay(2, W, F), replay(3, W, G1, W)],
        (Count(2, 2), Count(1, 1), Count(1, 1)),
    ),
}


@pytest.mark.parametrize(("replays", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_gained_and_lost(
    replays: list[Replay | Obstacle], expected: tuple[Count, Count, Count]
) -> None:
    found = one(replays)
    assert expected == (found.gained, found.gained_at_once, found.lost)
    assert found.is_changed is (expected[0].releases + expected[2].releases > 0)


def test_only_what_was_decided_again_is_counted() -> None:
    impact = add_up(
        [Obstacle.ERASED, replay(1, F, W), Obstacle.ERASED, Obstacle.DAMAGED, replay(2, F, F)], scope=SCOPE
    )
    assert Count(2, 2) == impact.replayed
    assert {"damaged": 1, "erased": 2, "gone": 0, "otherwise": 0} == impact.not_replayed
    assert SCOPE == impact.scope


@pytest.mark.parametrize(
    ("before", "after", "refused", "opened"),
    [(F, W, 1, 0), (G2, W, 1, 0), (W, G2, 0, 1), (F, G1, 0, 0), (F, F, 0, 0), (W, W, 0, 0)],
)
def test_a_release_of_which_nothing_is_left_is_a_refusal(
    before: Level, after: Level, refused: int, opened: int
) -> None:
    impact = add_up([replay(number, before, after) for number in (1, 2, 2)], scope=SCOPE)
    assert Count(3 * refused, 2 * refused) == impact.refused
    assert Count(3 * opened, 2 * opened) == impact.opened


def test_a_release_that_keeps_one_field_is_not_refused() -> None:
    kept = Replay(family(1), {DOB: F, NAME: F}, {NAME: F}, {NAME: F})
    assert NOTHING == add_up([kept], scope=SCOPE).refused


def test_levels_are_counted_and_fields_stand_in_the_catalogues_order() -> None:
    impact = add_up(
        [
            replay(1, F, F, field=SCHOOL),
            replay(1, F, G1),
            replay(2, F, G1),
            replay(2, G2, W),
            replay(3, W, F, field=NAME),
            replay(3, W, W),
        ],
        scope=SCOPE,
    )
    assert [NAME, DOB, SCHOOL] == [each.field for each in impact.fields]
    assert [NAME, DOB] == [each.field for each in impact.changed]
    assert [((F, G1), 2), ((G2, W), 1)] == list(impact.fields[1].levels.items())


def test_some_families_are_named_and_only_changed_ones() -> None:
    replays = [replay(9, F, F), *(replay(number, F, W) for number in (5, 5, 1, 4, 2, 3))]
    assert (family(5), family(1), family(4)) == one(replays).sample
    assert 3 == SAMPLES


TELLING: Final = {
    "lost": ([replay(1, F, W)], ["1 past pull of 1 family would have lost: a child's date of birth, or the expected date."]),
    "all lost": (
        [replay(1, F, W), replay(1, G1, W), replay(2, F, W)],
        ["3 past pulls of 2 families would have lost: a child's date of birth, or the expected date."],
    ),
    "less": (
        [replay(1, F, G1)],
        ["1 past pull of 1 family would have been told less: a child's date of birth, or the expected date."],
    ),
    "less, some nothing": (
        [replay(1, F, G1), replay(1, F, W), replay(2, W, F, field=NAME)],
        [
            ("2 past pulls of 1 family would have been told less: a child's date of birth, or the expected date;"
            " 1 of them nothing of it."),
            "1 past pull of 1 family would have gained: a child's names; at once.",
        ],
    ),
    "gained": (
        [replay(1, W, F), replay(2, W, G1), replay(3, W, F, W)],
        [
            ("3 past pulls of 3 families would have gained: a child's date of birth, or the expected date;"
            " 2 of them at once, the others once the families were shown version 3.")
        ],
    ),
    "more, later": (
        [replay(1, G1, F, G1), replay(2, W, F, W)],
        [
            ("2 past pulls of 2 families would have been told more: a child's date of birth, or the expected date;"
            " but only once the families were shown version 3.")
        ],
    ),
    "both": (
        [replay(1, G1, F), replay(2, F, G1)],
        [
            "1 past pull of 1 family would have been told less: a child's date of birth, or the expected date.",
            ("1 past pull of 1 family would have been told more: a child's date of birth, or the expected date;"
            " at once."),
        ],
    ),
    "nothing": ([replay(1, F, F)], []),
    "an abbreviation": (
        [replay(1, F, W, field=FieldName("nhs_number"))],
        ["1 past pull of 1 family would have lost: NHS number, and whether it was verified."],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("replays", "expected"), TELLING.values(), ids=TELLING.keys())
def test_each_change_is_a_sentence(replays: list[Replay | Obstacle], expected: list[str]) -> None:
    assert expected == sentences(add_up(replays, scope=SCOPE))


def test_what_is_lost_is_said_before_what_is_gained() -> None:
    told = sentences(add_up([replay(1, W, F, field=NAME), replay(1, F, W, field=SCHOOL)], scope=SCOPE))
    assert ["lost", "gained"] == [each.partition(":")[0].rpartition(" ")[2] for each in told]


def test_the_form_for_programs() -> None:
    """Whoever reads it depends on every name here."""
    impact: Impact = add_up(
        [replay(1, F, W), replay(2, W, F, W), replay(2, W, F), Obstacle.GONE], scope=SCOPE
    )
    assert {
        "format": 1,
        "agency": "camhs",
        "version": 3,
        "days": 30,
        "replayed": {"releases": 3, "families": 2},
        "not_replayed": {"damaged": 0, "erased": 0, "gone": 1, "otherwise": 0},
        "left_out": 4,
        "untraced": 5,
        "refused": {"releases": 1, "families": 1},
        "opened": {"releases": 2, "families": 1},
        "fields": [
            {
                "field": "child_dob",
                "gained": {"releases": 2, "families": 1},
                "gained_at_once": {"releases": 1, "families": 1},
                "lost": {"releases": 1, "families": 1},
                "levels": [
                    {"before": "F", "after": "W", "releases": 1},
                    {"before": "W", "after": "F", "releases": 2},
                ],
                "sample": [str(family(1)), str(family(2))],
            }
        ],
    } == document(impact)


def permit(**levels: Level) -> Permit:
    """A permit that gives these fields of Ada, of Ben no more than in part, and of nobody else."""
    rows = {FieldName(name): Rows(level, level) for name, level in levels.items()}
    return Permit(
        stage=Stage.PANEL,
        profile=replace(template(AgencyKind.CAMHS), agency=AgencyCode("camhs")),
        kind=AgencyKind.CAMHS,
        grants={
            name: FieldGrant(
                given.level, given.attended, {"ada": given, "ben": Rows(*(min(each, G1) for each in given))}
            )
            for name, given in rows.items()
        },
        conditions=frozenset(),
        hidden_agencies=frozenset(),
        shielded=False,
        narrative=False,
        use_until=datetime(2027, 1, 1, tzinfo=UTC),
        decisions=frozenset(),
    )


def item(field: str, about: str = "ada") -> Item:
    return Item(FieldName(field), (about,), "early-help", "2026-10-01", "fact", {})


@pytest.mark.parametrize(
    ("levels", "items", "expected"),
    [
        ({"child_dob": F}, [item("child_dob")], {"child_dob": F}),
        ({"child_dob": G2}, [item("child_dob")], {"child_dob": G2}),
        ({"child_dob": W}, [item("child_dob")], {}),
        ({"child_dob": F}, [item("child_dob", about="mum")], {}),
        ({"child_dob": F}, [item("child_dob", about="ben")], {"child_dob": G1}),
        ({"child_dob": F}, [item("child_dob"), item("child_dob", about="ben")], {"child_dob": F}),
        ({"child_dob": F}, [item("child_dob", about="ben"), item("child_dob")], {"child_dob": F}),
        ({"child_dob": F}, [], {}),
        # Where a field has no step of its own, it tells what the next lower one tells: here nothing.
        ({"child_name": G2}, [item("child_name")], {}),
        ({"child_sex": G1}, [item("child_sex")], {}),
        ({"child_name": G1, "child_dob": F}, [item("child_name"), item("child_dob")], {"child_name": G1, "child_dob": F}),
    ],
)  # fmt: skip
def test_a_field_counts_at_the_highest_level_of_its_items(
    levels: dict[str, Level], items: list[Item], expected: dict[str, Level]
) -> None:
    assert expected == levels_told(permit(**levels), items)


def test_after_a_refusal_nothing_is_told() -> None:
    assert {} == levels_told(Refuse((RefusalReason.NO_CONSENT,)), [item("child_dob")])
