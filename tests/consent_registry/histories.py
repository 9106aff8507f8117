"""Histories of one young person's consent, at random from a stream of numbers, as plain data and as the product's.

INVARIANT: a history is made from numbers alone, so that a seed repeats it and hypothesis can shrink it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from consent_registry.model import (
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Scope,
    SubjectId,
)

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
AGENCIES = ("camhs", "school")
CATEGORY_OF = {"child_name": "name", "child_health": "health", "risk_person": None}
PURPOSES = ("P1", "P2")
SPEAKERS = {"child": UUID(int=1), "mum": UUID(int=2), "dad": UUID(int=3)}
CLOSING = ("withdraw", "withdraw", "refuse", "hold", "invalidate", "enter_in_error")

_T = TypeVar("_T")


class Numbers(Protocol):
    """A stream of whole numbers; 0 is always the plainest."""

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""


def pick(numbers: Numbers, choices: Sequence[_T]) -> _T:
    return choices[numbers.number(len(choices) - 1)]


def happens(numbers: Numbers, percent: int) -> bool:
    return numbers.number(99) >= 100 - percent


def history_of(numbers: Numbers) -> list[dict[str, Any]]:
    """Up to seven decisions within three months, at least an hour apart, the last of them before ``NOW``."""
    count = numbers.number(7)
    days = sorted(numbers.number(90) for _ in range(count))
    return [
        _decision(numbers, recorded_at=NOW - (91 - day) * DAY + place * timedelta(hours=1))
        for place, day in enumerate(days)
    ]


def birthdays(numbers: Numbers) -> tuple[datetime | None, datetime]:
    """The 16th and the 18th birthday; the 16th is absent where the policy does not let anything lapse then."""
    sixteen = NOW + pick(numbers, (*[400] * 8, 1, 0, -1, -40, -731)) * DAY
    return (None if happens(numbers, 15) else sixteen), sixteen + 731 * DAY


def question_of(
    numbers: Numbers,
) -> tuple[list[dict[str, Any]], datetime | None, datetime, datetime]:
    """A history, the birthdays and an instant to ask about, with the decisions recorded until then.

    The instant is ``NOW``, or one at which something is recorded, begins, ends or comes of age, or just before it.
    """
    history = history_of(numbers)
    sixteen, eighteen = birthdays(numbers)
    instants = [each[name] for each in history for name in ("recorded_at", "valid_from", "valid_until")]
    edges = [each for each in (sixteen, eighteen, *instants) if each is not None]
    now = pick(numbers, edges) - numbers.number(1) * TICK if happens(numbers, 40) else NOW
    return [each for each in history if each["recorded_at"] <= now], sixteen, eighteen, now


def _decision(numbers: Numbers, *, recorded_at: datetime) -> dict[str, Any]:
    act = "give" if happens(numbers, 55) else pick(numbers, CLOSING)
    speaker, capacity = pick(
        numbers,
        (
            *[("mum", "parental_responsibility")] * 4,
            *[("dad", "parental_responsibility")] * 3,
            ("child", "competent_child"),
            ("child", "self"),
            ("dad", "representative"),
            (None, None),
            (None, "parental_responsibility"),
        ),
    )
    starts = recorded_at + pick(numbers, (*[0] * 6, -20, 15, 120)) * DAY
    return {
        "act": act,
        "speaker": speaker,
        "capacity": capacity,
        "authority": pick(numbers, ("established",) * 8 + ("unknown", "none")),
        "resolves": act == "give" and happens(numbers, 15),
        "reason": pick(numbers, (*["not_asked"] * 10, "change_in_relationship", "case_closed")),
        "recorded_at": recorded_at,
        "valid_from": starts if act == "give" else None,
        "valid_until": starts + pick(numbers, (*[180] * 5, 30, 1)) * DAY if act == "give" else None,
        **(_given(numbers) if act == "give" else _closed(numbers)),
    }


def _given(numbers: Numbers) -> dict[str, Any]:
    return {
        "agencies": pick(numbers, (*[["camhs", "school"]] * 3, ["camhs"], ["school"])),
        "exclude": ["camhs"] if happens(numbers, 5) else [],
        "categories": pick(numbers, (["name", "health"], ["name", "health"], ["name"], [])),
        "fields": pick(numbers, (["risk_person"], [], ["child_health"])),
        "purposes": pick(numbers, (*[["P1", "P2"]] * 3, ["P1"], ["P2"])),
        "profiles_shown": pick(numbers, (*[{"camhs": 1, "school": 2}] * 5, {"camhs": 3}, {})),
    }


def _closed(numbers: Numbers) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        name: [] for name in ("agencies", "exclude", "categories", "fields", "purposes")
    }
    if happens(numbers, 40):
        return {**nothing, "profiles_shown": {}}
    return {
        "agencies": pick(numbers, ([], [], ["*"], ["camhs"], ["school"])),
        "exclude": ["camhs"] if happens(numbers, 10) else [],
        "categories": pick(numbers, ([], ["name"], ["health"], ["health"])),
        "fields": pick(numbers, ([], ["child_name"], ["risk_person"])),
        "purposes": pick(numbers, ([], [], ["P1"])),
        "profiles_shown": {},
    }


def as_decisions(history: Sequence[dict[str, Any]]) -> list[ConsentDecision]:
    """The same history as the product's values."""
    return [
        ConsentDecision(
            decision_id=DecisionId(UUID(int=100 + place)),
            sequence=place,
            act=Act(each["act"]),
            scope=Scope(
                **{
                    name: frozenset(each[name])
                    for name in ("agencies", "exclude", "categories", "fields", "purposes")
                }
            ),
            valid_from=each["valid_from"],
            valid_until=each["valid_until"],
            recorded_at=each["recorded_at"],
            reason=each["reason"],
            profiles_shown=each["profiles_shown"],
            speaker=SubjectId(SPEAKERS[each["speaker"]]) if each["speaker"] else None,
            capacity=Capacity(each["capacity"]) if each["capacity"] else None,
            authority=Authority(each["authority"]),
            resolves=each["resolves"],
        )
        for place, each in enumerate(history)
    ]
