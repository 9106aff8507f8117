"""Bars of weeks: each stands in its place, and no word runs into the next."""

from datetime import date, timedelta
from typing import Final

from gateway.console.weeks_chart import chart

LETTER: Final = 9.5
"""Pixels of a letter of 16, on average, in the widest type of the pages."""
MONDAYS: Final = [date(2026, 9, 7) + timedelta(weeks=week) for week in range(12)]


def test_words_do_not_run_into_each_other() -> None:
    drawn = chart("x", title="Releases", of="Agency", mondays=MONDAYS, rows=[("Youth", (0, 10_000) * 6)])
    lines: dict[int, list[tuple[int, int]]] = {}
    for label in drawn.labels:
        lines.setdefault(label.y, []).append((label.x, round(LETTER * len(label.words))))
    for line in map(sorted, lines.values()):
        ends = [x + wide for x, wide in line]
        assert all(end <= x for end, (x, _) in zip(ends, line[1:], strict=False))
        assert ends[-1] <= drawn.width


def test_a_bar_stands_on_its_rows_base_and_is_as_high_as_its_number() -> None:
    rows = [("Youth", (0, 1, 50) + (0,) * 9), ("CAMHS", (100,) + (0,) * 11)]
    drawn = chart("x", title="Releases", of="Agency", mondays=MONDAYS, rows=rows)
    small, half, whole = drawn.bars
    assert [drawn.bases[0], drawn.bases[0], drawn.bases[1]] == [
        each.y + each.height for each in (small, half, whole)
    ]
    assert 0 < small.height < half.height == whole.height // 2
    assert whole.x < small.x < half.x
