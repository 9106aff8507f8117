"""Which copies an act that closes calls back, and how far a recall is: the rule alone."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from consent_registry.model import ALL, Scope
from gateway.recall.model import Answer, Copy, Recall, RecallState, to_call_back

A, B, DECISION, OTHER = (UUID(int=n) for n in range(1, 5))
PURE: dict[str, tuple[Scope, list[Copy], set[tuple[str, UUID]], dict[str, list[UUID]]]] = {
    "no copy": (Scope(), [], set(), {}),
    "all": (Scope(agencies=ALL), [Copy(A, "x", frozenset({DECISION}), "P1")], set(), {"x": [A]}),
    "other decision": (Scope(), [Copy(A, "x", frozenset({OTHER}), "P1")], set(), {}),
    "unreadable": (Scope(purposes=frozenset({"P2"})), [Copy(A, "x", None)], set(), {"x": [A]}),
    "the purpose": (
        Scope(purposes=frozenset({"P1"})),
        [Copy(A, "x", frozenset({DECISION}), "P1")],
        set(),
        {"x": [A]},
    ),
    "another purpose": (
        Scope(purposes=frozenset({"P2"})),
        [Copy(A, "x", frozenset({DECISION}), "P1")],
        set(),
        {},
    ),
    "another agency": (
        Scope(agencies=frozenset({"y"})),
        [Copy(A, "x", frozenset({DECISION}), "P1")],
        set(),
        {},
    ),
    "done for another agency": (Scope(), [Copy(A, "x", None)], {("y", A)}, {"x": [A]}),
    "done": (Scope(), [Copy(A, "x", None)], {("x", A)}, {}),
    "excluded": (
        Scope(exclude=frozenset({"x"})),
        [Copy(A, "x", None), Copy(B, "y", None)],
        set(),
        {"y": [B]},
    ),
}


@pytest.mark.parametrize(("scope", "copies", "done", "expected"), PURE.values(), ids=PURE.keys())
def test_the_rule(
    scope: Scope, copies: list[Copy], done: set[tuple[str, UUID]], expected: dict[str, list[UUID]]
) -> None:
    assert expected == to_call_back(copies, scope=scope, decisions={DECISION}, done=done)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, RecallState.OPEN),
        (Answer.DELETED, RecallState.ENDED),
        (Answer.RETURNED, RecallState.ENDED),
        (Answer.STOPPED, RecallState.ANSWERED),
        (Answer.RETAINED, RecallState.ANSWERED),
        (Answer.NOT_RECEIVED, RecallState.ANSWERED),
    ],
)
def test_only_a_copy_that_is_gone_ends_a_recall(answer: Answer | None, expected: RecallState) -> None:
    recall = Recall(A, None, (B,), datetime(2026, 11, 27, tzinfo=UTC), date(2026, 12, 4), answer=answer)
    assert expected is recall.state
