"""The register's values: who is current, how long a confirmed list is believed, and what may be shown."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agencies.register import (
    AttestationState,
    Practitioner,
    RegisterChange,
    attestation_due,
    attestation_state,
    is_shown_line,
)

DAY = date(2026, 11, 22)


def on(days: int) -> date:
    return DAY + timedelta(days=days)


@pytest.mark.parametrize(
    ("begins", "ends", "current"),
    [
        pytest.param(-9, None, True, id="without an end"),
        pytest.param(-9, 1, True, id="until tomorrow"),
        pytest.param(-9, 0, False, id="until today"),
        pytest.param(-9, -1, False, id="until yesterday"),
        pytest.param(1, None, True, id="from tomorrow"),
        pytest.param(1, 2, True, id="for tomorrow"),
        pytest.param(1, 1, False, id="from tomorrow, for no day"),
        pytest.param(0, 0, False, id="from today, for no day"),
    ],
)
def test_who_may_act_today_or_later_is_current(begins: int, ends: int | None, current: bool) -> None:
    """Somebody who begins next week may act without another confirmation, so is confirmed now or removed now."""
    one = Practitioner("a", "A", "r", on(begins), None if ends is None else on(ends))
    assert current is one.is_current(DAY)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (-1, AttestationState.CURRENT),
        (0, AttestationState.CURRENT),
        (30, AttestationState.CURRENT),
        (31, AttestationState.DUE),
        (44, AttestationState.DUE),
        (45, AttestationState.LAPSED),
        (10_000, AttestationState.LAPSED),
    ],
)
def test_a_list_is_believed_for_its_days_and_their_grace(age: int, expected: AttestationState) -> None:
    """Half-open: on the day that is named the state has changed."""
    assert expected is attestation_state(on(-age), today=DAY, days=31, grace=14)


def test_a_list_that_nobody_confirmed_is_lapsed() -> None:
    """A row that is missing must not open anything."""
    assert AttestationState.LAPSED is attestation_state(None, today=DAY, days=31, grace=14)


def test_without_grace_a_list_lapses_when_it_is_due() -> None:
    states = [attestation_state(on(-age), today=DAY, days=31, grace=0) for age in (30, 31)]
    assert [AttestationState.CURRENT, AttestationState.LAPSED] == states


@given(st.integers(-500, 2000), st.integers(0, 500), st.integers(1, 400), st.integers(0, 400))
def test_a_list_only_ever_ages(age: int, more: int, days: int, grace: int) -> None:
    """Whatever the days, a later day never believes a list that an earlier one did not."""
    order = list(AttestationState)
    earlier = attestation_state(on(-age), today=DAY, days=days, grace=grace)
    later = attestation_state(on(-age), today=on(more), days=days, grace=grace)
    assert order.index(earlier) <= order.index(later)


def test_a_list_is_due_on_the_first_day_it_is_not_current() -> None:
    """What the command prints and what the rule does are one day."""
    due = attestation_due(DAY, days=31)
    assert date(2026, 12, 23) == due
    assert AttestationState.DUE is attestation_state(DAY, today=due, days=31, grace=14)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë", True),
        ("Nguyễn Thị-Minh (bank)", True),
        ("\u0632\u0647\u0631\u0627 \u0646\u06cc\u06a9\u200c\u0632\u0627\u062f", True),
        ("A" * 200, True),
        ("A" * 201, False),
        ("", False),
        ("...", False),
        ("\u200b", False),
        ("a\x7fb", False),
        ("a\x85b", False),
        ("a\u2029b", False),
        ("a\u2066b", False),
        ("a\ud800b", False),
        ("-a", False),
        ("\uff1dA1", False),
        ("\u3000+a", False),
    ],
)
def test_a_line_is_shown_only_if_it_does_nothing_else(text: str, shown: bool) -> None:
    """Names come from outside and end on pages, in terminals and in spreadsheets."""
    assert shown is is_shown_line(text)


@pytest.mark.parametrize(
    ("counts", "anything"),
    [((0, 0, 0, 9), False), ((1, 0, 0, 0), True), ((0, 1, 0, 0), True), ((0, 0, 1, 0), True)],
)
def test_a_list_that_only_repeats_changed_nothing(counts: tuple[int, int, int, int], anything: bool) -> None:
    """A change that was taken for none would leave no entry."""
    assert anything is RegisterChange(*counts).anything
