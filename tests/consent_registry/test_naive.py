"""The product's rules against the naive second writing of them, and what must hold of every history."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent_registry.birthdays import Birthdays
from consent_registry.model import Act, Authority, Capacity, ConsentDecision, Granted, NotGranted, Standing
from consent_registry.standing import evaluate, fold, follow, state_of, states
from tests.consent_registry.histories import (
    AGENCIES,
    CATEGORY_OF,
    NOW,
    PURPOSES,
    as_decisions,
    birthdays,
    history_of,
    question_of,
)
from tests.consent_registry.naive import became, ends_at, may_receive, refusal, state

SHORT, LONG = 3_000, 100_000
OFTEN = {
    "granted": 0.15,
    "partly closed": 0.015,
    "a decision noted": 0.3,
    "disputed": 0.025,
    **dict.fromkeys(("expired", "held", "invalidated", "lapsed_16", "lapsed_18", "scheduled"), 0.01),
}
"""The least share of all histories in which each has to be met, or the agreement says little about it."""


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


def compare(
    history: list[dict[str, Any]], sixteen: datetime | None, eighteen: datetime, now: datetime
) -> list[str]:
    """Hold both writings against each other at one instant; return what was met on the way."""
    ends = Birthdays(sixteen, eighteen)
    of_age: dict[str, Any] = {"sixteen": sixteen, "eighteen": eighteen}
    decisions = as_decisions(history)
    standing = fold(decisions)
    expected = state(history, now=now, sixteen=sixteen, eighteen=eighteen)
    assert expected == state_of(standing, now=now, birthdays=ends).value
    each = became(history, now=now, sixteen=sixteen, eighteen=eighteen)
    assert each == [one.value for one in states(decisions, now=now, birthdays=ends)]
    met = [expected, *(["a decision noted"] if "noted" in each else [])]
    for agency in AGENCIES:
        for purpose in PURPOSES:
            asked: dict[str, Any] = {"agency": agency, "purpose": purpose, "now": now}
            result = evaluate(standing, **asked, birthdays=ends)
            refused = refusal(history, **asked, **of_age)
            assert refused == (result.reason.value if isinstance(result, NotGranted) else None), asked
            if isinstance(result, NotGranted):
                continue
            place, until = ends_at(history, **of_age)
            assert decisions[place].decision_id == result.decision_id
            assert (until, decisions[place].profiles_shown[agency]) == (
                result.valid_until,
                result.profile_shown,
            )
            named = decisions[place].scope.fields | decisions[place].scope.categories
            for field, category in CATEGORY_OF.items():
                allowed = may_receive(history, field=field, category=category, **asked, **of_age)
                assert allowed == result.covers(field, category), (asked, field)
                met += ["granted"] if allowed else ["partly closed"] if {field, category} & named else []
    return met


def _is_no_to_everything(decision: ConsentDecision) -> bool:
    """The no of somebody who speaks for the young person and may do so, or perhaps may."""
    return (
        decision.act in (Act.WITHDRAW, Act.REFUSE, Act.HOLD)
        and decision.capacity in (Capacity.PARENTAL_RESPONSIBILITY, Capacity.REPRESENTATIVE)
        and decision.authority is not Authority.NONE
        and decision.scope.is_whole
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_both_writings_agree(data: st.DataObject) -> None:
    compare(*question_of(Drawn(data)))


@pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "long"])
def test_both_writings_agree_on_many_histories(count: int, say: Callable[[str], None]) -> None:
    met: Counter[str] = Counter()
    for seed in range(count):
        try:
            met.update(set(compare(*question_of(Seeded(seed)))))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        if count == LONG and seed % 5_000 == 0:
            sys.stderr.write(f"\r{seed:,} of {count:,} histories")
    say(f"{count:,} histories, both writings agree: {dict(sorted(met.items()))}")
    assert set() == {each for each, share in OFTEN.items() if met[each] < count * share}


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


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_nobody_reaches_past_what_the_young_person_closed(data: st.DataObject) -> None:
    """Nothing that they closed is shared again before they, or who represents them, said yes."""
    decisions = as_decisions(history_of(Drawn(data)))
    standing = fold(decisions)
    for place, closing in enumerate(decisions):
        if closing.act.opens or closing.authority is Authority.NONE:
            continue
        if closing.capacity is None or not closing.capacity.is_own:
            continue
        if any(
            later.act.opens
            and later.authority is Authority.ESTABLISHED
            and later.capacity not in (None, Capacity.PARENTAL_RESPONSIBILITY)
            for later in decisions[place + 1 :]
        ):
            continue
        scope = closing.scope
        for agency in AGENCIES:
            for purpose in PURPOSES:
                result = evaluate(standing, agency=agency, purpose=purpose, now=NOW)
                reached = (
                    {"*", agency} & (scope.agencies or {"*"})
                    and agency not in scope.exclude
                    and purpose in (scope.purposes or {purpose})
                )
                if reached and isinstance(result, Granted):
                    assert scope.categories | scope.fields, "all of it was closed"
                    for field, category in CATEGORY_OF.items():
                        closed = field in scope.fields or category in scope.categories
                        assert not (closed and result.covers(field, category))


def test_nothing_opens_over_somebody_elses_no(say: Callable[[str], None]) -> None:
    """After a no to everything only whoever said it, the young person or a resolution opens anything."""
    tried = 0
    for seed in range(SHORT):
        decisions = as_decisions(history_of(Seeded(seed)))
        for place, objection in enumerate(decisions):
            standing = fold(decisions[: place + 1])
            if not _is_no_to_everything(objection) or standing.given is not None:
                continue
            for later in decisions[place + 1 :]:
                standing = follow(standing, later)
                answers = later.capacity is not None and later.capacity.is_own
                themself = objection.speaker is not None and objection.speaker == later.speaker
                if answers or later.resolves or themself:
                    break
                assert standing.given is None, f"seed {seed}"
                tried += later.act.opens
    say(f"{tried:,} yeses met somebody's no, none opened anything")
    assert tried > 100


def test_no_parents_yes_goes_round_the_young_persons_own(say: Callable[[str], None]) -> None:
    """Whatever others stop meanwhile, until the young person's yes ends, is undone or they answer again."""
    tried = 0
    for seed in range(SHORT):
        decisions = as_decisions(history_of(Seeded(seed)))
        for place, own in enumerate(decisions):
            if not own.act.opens or own.capacity is None or not own.capacity.is_own:
                continue
            if own.authority is not Authority.ESTABLISHED or own.valid_until is None:
                continue
            standing = fold(decisions[: place + 1])
            for later in decisions[place + 1 :]:
                standing = follow(standing, later)
                others = later.capacity not in (None, Capacity.PARENTAL_RESPONSIBILITY)
                undoes = later.act in (Act.INVALIDATE, Act.ENTER_IN_ERROR) and later.capacity is None
                if later.recorded_at >= own.valid_until or others or undoes:
                    break
                assert standing.given is None or standing.given.decision_id == own.decision_id, f"seed {seed}"
                tried += later.act.opens
    say(f"{tried:,} yeses of parents met the young person's own, none went round it")
    assert tried > 100


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_who_may_not_decide_changes_nothing(data: st.DataObject) -> None:
    """Neither a stranger's yes nor anything from whoever has no authority moves what stands."""
    decisions = as_decisions(history_of(Drawn(data)))
    heard = [
        each
        for each in decisions
        if each.authority is not Authority.NONE
        and (not each.act.opens or each.authority is Authority.ESTABLISHED)
    ]
    assert fold(heard) == fold(decisions)
