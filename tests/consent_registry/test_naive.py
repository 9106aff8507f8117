"""The product's rules against the naive second writing of them, and what must hold of every history."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent_registry.birthdays import Birthdays
from consent_registry.model import Granted, NotGranted, Standing
from consent_registry.standing import evaluate, fold, follow, state_of, states
from tests.consent_registry.histories import (
    AGENCIES,
    CATEGORY_OF,
    NOW,
    PURPOSES,
    as_decisions,
    birthdays,
    history_of,
)
from tests.consent_registry.naive import may_receive, state

SHORT, LONG = 3_000, 100_000


class Seeded:
    """The stream of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - a repeatable history, not a secret

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""
        return self._random.randint(0, most)


class Drawn:
    """The stream that hypothesis draws and shrinks."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def number(self, most: int) -> int:
        """A whole number from 0 to ``most``."""
        return self._data.draw(st.integers(0, most))


def compare(history: list[dict[str, Any]], sixteen: Any, eighteen: Any) -> str:
    """Hold both writings against each other; return the state they agree on."""
    standing = fold(as_decisions(history))
    ends = Birthdays(sixteen, eighteen)
    expected = state(history, now=NOW, sixteen=sixteen, eighteen=eighteen)
    assert expected == state_of(standing, now=NOW, birthdays=ends).value
    for agency in AGENCIES:
        for purpose in PURPOSES:
            result = evaluate(standing, agency=agency, purpose=purpose, now=NOW, birthdays=ends)
            for field, category in CATEGORY_OF.items():
                allowed = may_receive(
                    history,
                    agency=agency,
                    purpose=purpose,
                    field=field,
                    category=category,
                    now=NOW,
                    sixteen=sixteen,
                    eighteen=eighteen,
                )
                covered = isinstance(result, Granted) and result.covers(field, category)
                assert allowed == covered, (agency, purpose, field)
    return expected


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_both_writings_agree(data: st.DataObject) -> None:
    numbers = Drawn(data)
    compare(history_of(numbers), *birthdays(numbers))


@pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "long"])
def test_both_writings_agree_on_many_histories(count: int, say: Callable[[str], None]) -> None:
    met: Counter[str] = Counter()
    for seed in range(count):
        numbers = Seeded(seed)
        try:
            met[compare(history_of(numbers), *birthdays(numbers))] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        if count == LONG and seed % 5_000 == 0:
            sys.stderr.write(f"\r{seed:,} of {count:,} histories")
    say(f"{count:,} histories, both writings agree: {dict(sorted(met.items()))}")
    assert {"active", "disputed", "expired", "held", "lapsed_16", "lapsed_18", "scheduled"} < set(met)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_what_holds_of_every_history(data: st.DataObject) -> None:
    numbers = Drawn(data)
    history, (sixteen, eighteen) = history_of(numbers), birthdays(numbers)
    decisions, ends = as_decisions(history), Birthdays(sixteen, eighteen)
    standing, covered = Standing(), set[tuple[str, str, str]]()
    for place, decision in enumerate(decisions):
        standing = follow(standing, decision)
        assert standing == fold(decisions[: place + 1])
        assert standing == Standing.from_json(json.loads(json.dumps(standing.to_json())))
        now = {
            (agency, purpose, field)
            for agency in AGENCIES
            for purpose in PURPOSES
            for field, category in CATEGORY_OF.items()
            if isinstance(
                result := evaluate(standing, agency=agency, purpose=purpose, now=NOW, birthdays=ends), Granted
            )
            and result.covers(field, category)
        }
        if not decision.act.opens:
            assert now <= covered, "an act that closes opened something"
        for agency, purpose, field in now - covered:
            scope = decision.scope
            assert agency in scope.agencies & decision.profiles_shown.keys() - scope.exclude
            assert purpose in scope.purposes
            assert field in scope.fields or CATEGORY_OF[field] in scope.categories
        covered = now
    assert len(decisions) == len(states(decisions, now=NOW, birthdays=ends))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_ends_and_birthdays_need_no_job(data: st.DataObject) -> None:
    """Until the instant that an answer names it stays the same; at that instant it is no more."""
    numbers = Drawn(data)
    standing, (sixteen, eighteen) = fold(as_decisions(history_of(numbers))), birthdays(numbers)
    ends = Birthdays(sixteen, eighteen)
    result = evaluate(standing, agency="camhs", purpose="P1", now=NOW, birthdays=ends)
    if isinstance(result, Granted):
        at_the_end = evaluate(standing, agency="camhs", purpose="P1", now=result.valid_until, birthdays=ends)
        assert isinstance(at_the_end, NotGranted)
        assert at_the_end.reason in {"expired", "lapsed_16", "lapsed_18"}
