"""Rows as they were: the state before the first change after an instant, whichever rows came and went since."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.release.past_rows import KeptRows

START = datetime(2026, 1, 1, tzinfo=UTC)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


KEPT = KeptRows(
    now={("a",): {"id": "a", "level": 3}, ("c",): {"id": "c", "level": 9}},
    before=[
        (("b",), {"id": "b", "level": 7}, hour(5)),  # b was deleted at 5
        (("a",), {"id": "a", "level": 2}, hour(4)),
        (("c",), None, hour(3)),  # c was inserted at 3
        (("a",), {"id": "a", "level": 1}, hour(2)),
    ],
)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (1, {"a": 1, "b": 7}),
        (2, {"a": 2, "b": 7}),  # what was changed at an instant counts as changed at it
        (3, {"a": 2, "b": 7, "c": 9}),
        (4, {"a": 3, "b": 7, "c": 9}),
        (5, {"a": 3, "c": 9}),
    ],
)
def test_a_row_is_as_it_was_until_the_first_change_after(at: int, expected: dict[str, int]) -> None:
    rows = KEPT.at(hour(at))
    assert expected == {row["id"]: row["level"] for row in rows}
    assert sorted(expected) == [row["id"] for row in rows]


def test_asking_about_one_instant_changes_no_other() -> None:
    """What is read once serves every instant: an answer that was written into it would be told again."""
    KEPT.at(hour(1))
    assert {"a": 3, "c": 9} == {row["id"]: row["level"] for row in KEPT.at(hour(6))}
