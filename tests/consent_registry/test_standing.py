"""Who may decide, who disagrees, who grows up: named cases of what stands, and what became of each decision."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from consent_registry.birthdays import Birthdays, birthdays_of
from consent_registry.errors import InvalidDecisionError
from consent_registry.model import (
    CASE_CLOSED,
    CHANGE_IN_RELATIONSHIP,
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Exit,
    Granted,
    NotGranted,
    Objection,
    Reason,
    Scope,
    Standing,
    SubjectId,
)
from consent_registry.standing import evaluate, fold, in_effect_at, narrowed, state_of, states

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CHILD, MUM, DAD, GRAN = (SubjectId(UUID(int=n)) for n in range(1, 5))
ALL = Scope(
    agencies=frozenset({"camhs", "school"}),
    categories=frozenset({"name", "health"}),
    purposes=frozenset({"P1"}),
)
SCHOOL = replace(ALL, agencies=frozenset({"school"}))
HEALTH = Scope(categories=frozenset({"health"}))


def said(
    act: Act,
    who: SubjectId | None = None,
    capacity: Capacity | None = None,
    *,
    scope: Scope | None = None,
    ago: int = 0,
    lasts: int = 180,
    **more: Any,
) -> ConsentDecision:
    at = NOW - ago * DAY
    opens = act is Act.GIVE
    return ConsentDecision(
        decision_id=DecisionId(UUID(int=1000 - ago)),
        sequence=1000 - ago,
        act=act,
        scope=scope or (ALL if opens else Scope()),
        valid_from=at if opens else None,
        valid_until=at + lasts * DAY if opens else None,
        recorded_at=at,
        profiles_shown={"camhs": 1, "school": 1} if opens else {},
        speaker=who,
        capacity=capacity,
        **more,
    )


def yes(who: SubjectId, *, ago: int, **more: Any) -> ConsentDecision:
    own = more.pop("capacity", Capacity.COMPETENT_CHILD)
    return said(Act.GIVE, who, own if who is CHILD else Capacity.PARENTAL_RESPONSIBILITY, ago=ago, **more)


def no(who: SubjectId | None, *, ago: int, act: Act = Act.WITHDRAW, **more: Any) -> ConsentDecision:
    capacity = {None: None, CHILD: Capacity.COMPETENT_CHILD}.get(who, Capacity.PARENTAL_RESPONSIBILITY)
    return said(act, who, capacity, ago=ago, **more)


def of(who: SubjectId, scope: Scope = Scope()) -> Objection:  # noqa: B008 - frozen
    return Objection(who, Exit.WITHDRAWN, scope)


def outcome(history: Sequence[ConsentDecision], *, agency: str = "camhs", at: datetime = NOW) -> str:
    """What camhs may have: everything, without health, or the reason why nothing."""
    result = evaluate(fold(history), agency=agency, purpose="P1", now=at)
    if isinstance(result, NotGranted):
        return result.reason.value
    return "all" if result.covers("child_health", "health") else "but health"


CASES: dict[str, tuple[list[ConsentDecision], str]] = {
    "one parent alone": ([yes(MUM, ago=5)], "all"),
    "changes her mind": ([yes(MUM, ago=5), no(MUM, ago=4)], "withdrawn"),
    "and again": ([yes(MUM, ago=5), no(MUM, ago=4), yes(MUM, ago=3)], "all"),
    "the other parent objects": ([yes(MUM, ago=5), no(DAD, ago=4)], "disputed"),
    "a no is a no, asked or not": ([yes(MUM, ago=5), no(DAD, ago=4, act=Act.REFUSE)], "disputed"),
    "to a part": ([yes(MUM, ago=5), no(DAD, ago=4, scope=HEALTH)], "disputed"),
    "she insists": ([yes(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3)], "disputed"),
    "he comes round": ([yes(MUM, ago=5), no(DAD, ago=4), yes(DAD, ago=3)], "disputed"),
    "it is resolved": ([yes(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3, resolves=True)], "all"),
    "and he objects again": (
        [yes(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3, resolves=True), no(DAD, ago=2)],
        "disputed",
    ),
    "a worker's stop in between resolves nothing": (
        [yes(MUM, ago=5), no(DAD, ago=4), no(None, ago=3), yes(MUM, ago=2)],
        "disputed",
    ),
    "her own no resolves nothing": (
        [yes(MUM, ago=5), no(DAD, ago=4), no(MUM, ago=3), yes(MUM, ago=2)],
        "disputed",
    ),
    "the child settles it": ([yes(MUM, ago=5), no(DAD, ago=4), yes(CHILD, ago=3)], "all"),
    "a part from the child does not": (
        [yes(MUM, ago=5), no(DAD, ago=4), no(CHILD, ago=3, scope=HEALTH), yes(MUM, ago=2)],
        "disputed",
    ),
    "he was first": ([no(DAD, ago=5), yes(MUM, ago=4)], "withdrawn"),
    "somebody who represents them does not": (
        [yes(MUM, ago=5), no(DAD, ago=4), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3)],
        "disputed",
    ),
    "but by a resolution": (
        [yes(MUM, ago=5), no(DAD, ago=4), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3, resolves=True)],
        "all",
    ),
    "who may be the child does not": (
        [yes(MUM, ago=5), no(DAD, ago=4), said(Act.HOLD, MUM, Capacity.SELF, ago=3, authority=Authority.UNKNOWN)],
        "disputed",
    ),
    "he was first, for a part": ([no(DAD, ago=5, scope=HEALTH), yes(MUM, ago=4)], "but health"),
    "for a part that she took back, he does not say yes": (
        [yes(MUM, ago=5), no(MUM, ago=4, scope=HEALTH), yes(DAD, ago=3)],
        "but health",
    ),
    "and she does": (
        [yes(MUM, ago=5), no(MUM, ago=4, scope=HEALTH), yes(DAD, ago=3), yes(MUM, ago=2)],
        "all",
    ),
    "she is the only one who said no": ([no(MUM, ago=5), yes(MUM, ago=4)], "all"),
    "she said no twice": ([no(MUM, ago=6), no(MUM, ago=5), yes(MUM, ago=4)], "all"),
    "both said no, and he comes round": (
        [yes(MUM, ago=5), no(MUM, ago=4), no(DAD, ago=3), yes(DAD, ago=2)],
        "withdrawn",
    ),
    "both said no, and she comes round": ([no(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3)], "withdrawn"),
    "both said no, she first and last": (
        [no(MUM, ago=6), no(DAD, ago=5), no(MUM, ago=4), yes(MUM, ago=3)],
        "withdrawn",
    ),
    "he said no, then she did, to a part": (
        [no(DAD, ago=6), no(MUM, ago=5, scope=HEALTH), yes(MUM, ago=4)],
        "withdrawn",
    ),
    "both said no, and it is resolved": (
        [no(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3, resolves=True)],
        "all",
    ),
    "both said no, and the child says yes": ([no(MUM, ago=5), no(DAD, ago=4), yes(CHILD, ago=3)], "all"),
    "a parent whom nobody can name": (
        [said(Act.REFUSE, None, Capacity.PARENTAL_RESPONSIBILITY, ago=5), yes(MUM, ago=4)],
        "refused",
    ),
    "who is not known to be the one who says yes": (
        [
            said(Act.REFUSE, None, Capacity.PARENTAL_RESPONSIBILITY, ago=5),
            said(Act.GIVE, None, Capacity.PARENTAL_RESPONSIBILITY, ago=4),
        ],
        "refused",
    ),
    "he holds it, and she lets go": (
        [yes(MUM, ago=5), no(DAD, ago=4, act=Act.HOLD), yes(MUM, ago=3)],
        "held",
    ),
    "a worker holds it, and she says yes again": (
        [yes(MUM, ago=5), no(None, ago=4, act=Act.HOLD), yes(MUM, ago=3)],
        "all",
    ),
    "her yes had ended": ([yes(MUM, ago=50, lasts=10), no(DAD, ago=4)], "withdrawn"),
    "a grandmother": ([yes(MUM, ago=5), no(GRAN, ago=4, authority=Authority.NONE)], "all"),
    "a stranger": ([yes(MUM, ago=5), no(DAD, ago=4, authority=Authority.UNKNOWN)], "held"),
    "whose stop is not undone by her yes": (
        [yes(MUM, ago=5), no(DAD, ago=4, authority=Authority.UNKNOWN), yes(MUM, ago=3)],
        "held",
    ),
    "but by a resolution, once it is known": (
        [yes(MUM, ago=5), no(DAD, ago=4, authority=Authority.UNKNOWN), yes(MUM, ago=3, resolves=True)],
        "all",
    ),
    "a stranger's yes": ([said(Act.GIVE, ago=5, authority=Authority.UNKNOWN)], "no_decision"),
    "the child says no": ([yes(MUM, ago=5), no(CHILD, ago=4)], "withdrawn"),
    "and a parent cannot say yes": ([yes(MUM, ago=5), no(CHILD, ago=4), yes(MUM, ago=3)], "withdrawn"),
    "nor by a resolution": (
        [yes(MUM, ago=5), no(CHILD, ago=4), yes(MUM, ago=3, resolves=True)],
        "withdrawn",
    ),
    "the child says no to a part": ([yes(MUM, ago=5), no(CHILD, ago=4, scope=HEALTH)], "but health"),
    "which a parent's yes leaves": (
        [yes(MUM, ago=5), no(CHILD, ago=4, scope=HEALTH), yes(MUM, ago=3)],
        "but health",
    ),
    "and the child's takes back": (
        [yes(MUM, ago=5), no(CHILD, ago=4, scope=HEALTH), yes(CHILD, ago=3)],
        "all",
    ),
    "before anybody said yes": ([no(CHILD, ago=5, scope=HEALTH), yes(MUM, ago=4)], "but health"),
    "the child says yes": ([yes(CHILD, ago=5)], "all"),
    "and a parent objects": ([yes(CHILD, ago=5), no(MUM, ago=4)], "all"),
    "and a parent says yes to more": (
        [yes(CHILD, ago=5, scope=Scope(agencies=frozenset({"school"}))), yes(MUM, ago=4)],
        "agency_not_covered",
    ),
    "until it ended": ([yes(CHILD, ago=50, lasts=10), yes(MUM, ago=4)], "all"),
    "a parent's no meanwhile is remembered": (
        [yes(CHILD, ago=50, lasts=10), no(DAD, ago=45), yes(MUM, ago=4)],
        "expired",
    ),
    "and so is a part": (
        [yes(CHILD, ago=50, lasts=10), no(DAD, ago=45, scope=HEALTH), yes(MUM, ago=4)],
        "but health",
    ),
    "and changes nothing until then": ([yes(CHILD, ago=50), no(DAD, ago=45, scope=HEALTH)], "all"),
    "a worker holds it all the same": ([yes(CHILD, ago=5), no(None, ago=4, act=Act.HOLD)], "held"),
    "and no parent's yes goes round it": (
        [yes(CHILD, ago=5, scope=SCHOOL), no(None, ago=4, act=Act.HOLD), yes(MUM, ago=3)],
        "held",
    ),
    "nor by a resolution between them": (
        [yes(CHILD, ago=5, scope=SCHOOL), no(None, ago=4, act=Act.HOLD), yes(MUM, ago=3, resolves=True)],
        "held",
    ),
    "nor after a parent's own hold": (
        [yes(CHILD, ago=5, scope=SCHOOL), no(MUM, ago=4, act=Act.HOLD), yes(MUM, ago=3)],
        "held",
    ),
    "nor when a parent calls it invalid": (
        [yes(CHILD, ago=5, scope=SCHOOL), no(MUM, ago=4, act=Act.INVALIDATE), yes(MUM, ago=3)],
        "invalidated",
    ),
    "nor after two holds": (
        [yes(CHILD, ago=6), no(None, ago=5, act=Act.HOLD), no(None, ago=4, act=Act.HOLD), yes(MUM, ago=3)],
        "held",
    ),
    "but once it had ended": (
        [yes(CHILD, ago=50, lasts=40), no(None, ago=20, act=Act.HOLD), yes(MUM, ago=10)],
        "all",
    ),
    "or was found invalid": (
        [yes(CHILD, ago=6), no(None, ago=5, act=Act.HOLD), no(None, ago=4, act=Act.INVALIDATE), yes(MUM, ago=3)],
        "all",
    ),
    "or the child answers again": (
        [yes(CHILD, ago=5, scope=SCHOOL), no(None, ago=4, act=Act.HOLD), yes(CHILD, ago=3)],
        "all",
    ),
    "who represents them does not speak over their no": (
        [no(CHILD, ago=5), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3)],
        "withdrawn",
    ),
    "nor over their yes": (
        [yes(CHILD, ago=5, scope=SCHOOL), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3)],
        "agency_not_covered",
    ),
    "nor over a part": (
        [no(CHILD, ago=5, scope=HEALTH), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3)],
        "but health",
    ),
    "but by a resolution, when they cannot answer any more": (
        [no(CHILD, ago=5), said(Act.GIVE, MUM, Capacity.REPRESENTATIVE, ago=3, resolves=True)],
        "all",
    ),
    "and whoever represents them stops it": (
        [yes(CHILD, ago=5), said(Act.WITHDRAW, MUM, Capacity.REPRESENTATIVE, ago=3)],
        "withdrawn",
    ),
    "coercion": ([yes(MUM, ago=5), no(None, ago=4, act=Act.INVALIDATE)], "invalidated"),
    "the wrong family": ([yes(MUM, ago=5), no(None, ago=4, act=Act.ENTER_IN_ERROR)], "entered_in_error"),
    "responsibility ended": ([yes(MUM, ago=5), no(None, ago=4, reason=CHANGE_IN_RELATIONSHIP)], "lapsed_pr_change"),
    "the case was closed": ([yes(MUM, ago=5), no(None, ago=4, act=Act.HOLD, reason=CASE_CLOSED)], "expired"),
    "and everybody is asked again": (
        [yes(CHILD, ago=5), no(None, ago=4, act=Act.HOLD, reason=CASE_CLOSED), yes(MUM, ago=3)],
        "all",
    ),
    "but a no stays": (
        [no(CHILD, ago=5), yes(CHILD, ago=4), no(CHILD, ago=3), no(None, ago=2, reason=CASE_CLOSED), yes(MUM, ago=1)],
        "expired",
    ),
    "an agency that was not shown": (
        [said(Act.GIVE, CHILD, Capacity.SELF, scope=Scope(frozenset({"camhs", "police"}), purposes=ALL.purposes))],
        "all",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("history", "expected"), list(CASES.values())[:-1], ids=list(CASES)[:-1])
def test_what_stands(history: list[ConsentDecision], expected: str) -> None:
    assert expected == outcome(history)


def test_an_agency_whose_profile_was_not_shown_is_not_covered() -> None:
    history = CASES["an agency that was not shown"][0]
    result = evaluate(fold(history), agency="police", purpose="P1", now=NOW)
    assert NotGranted(Reason.PROFILE_NOT_SHOWN) == result


NARROWED: dict[str, tuple[list[ConsentDecision], ConsentDecision, set[str]]] = {
    "the same": ([yes(MUM, ago=5)], yes(MUM, ago=4), set()),
    "more": ([yes(MUM, ago=5, scope=SCHOOL)], yes(MUM, ago=4), set()),
    "the first": ([], yes(MUM, ago=4), set()),
    "after a no": ([yes(MUM, ago=5), no(MUM, ago=4)], yes(MUM, ago=3, scope=SCHOOL), set()),
    "after its end": ([yes(MUM, ago=50, lasts=10)], yes(MUM, ago=4, scope=SCHOOL), set()),
    "one agency less": ([yes(MUM, ago=5)], yes(MUM, ago=4, scope=SCHOOL), {"camhs"}),
    "one excluded": (
        [yes(MUM, ago=5)],
        yes(MUM, ago=4, scope=replace(ALL, exclude=frozenset({"camhs"}))),
        {"camhs"},
    ),
    "one whose profile was not shown": (
        [yes(MUM, ago=5)],
        replace(yes(MUM, ago=4), profiles_shown={"school": 1}),
        {"camhs"},
    ),
    "a category less": (
        [yes(MUM, ago=5)],
        yes(MUM, ago=4, scope=replace(ALL, categories=frozenset({"name"}))),
        {"camhs", "school"},
    ),
    "a field less": (
        [yes(MUM, ago=5, scope=replace(ALL, fields=frozenset({"risk_person"})))],
        yes(MUM, ago=4),
        {"camhs", "school"},
    ),
    "another purpose": (
        [yes(MUM, ago=5)],
        yes(MUM, ago=4, scope=replace(ALL, purposes=frozenset({"P2"}))),
        {"camhs", "school"},
    ),
    "the same, from next week": ([yes(MUM, ago=5)], replace(yes(MUM, ago=4), valid_from=NOW + 7 * DAY), set()),
    "less than was left": (
        [yes(MUM, ago=5), no(MUM, ago=4, scope=HEALTH)],
        yes(MUM, ago=3, scope=replace(ALL, categories=frozenset({"name"}))),
        set(),
    ),
    "the child's own, to less": ([yes(MUM, ago=5)], yes(CHILD, ago=4, scope=SCHOOL), {"camhs"}),
}  # fmt: skip


@pytest.mark.parametrize(("history", "new", "expected"), NARROWED.values(), ids=NARROWED.keys())
def test_whom_a_new_yes_gives_less(
    history: list[ConsentDecision], new: ConsentDecision, expected: set[str]
) -> None:
    """Their copies are called back: a yes to less is a stop of the rest."""
    assert expected == narrowed(fold(history), fold([*history, new]), now=new.recorded_at)


def test_a_field_closed_before_a_new_yes_is_less() -> None:
    """What the child closed meanwhile stays closed under a parent's yes; a parent's own closing does not."""
    before = fold([yes(MUM, ago=5)])
    closed = no(CHILD, ago=4, scope=Scope(fields=frozenset({"child_name"})))
    after = fold([yes(MUM, ago=5), closed, yes(MUM, ago=3)])
    assert {"camhs", "school"} == narrowed(before, after, now=NOW)
    assert frozenset() == narrowed(after, before, now=NOW)


HISTORIES: dict[str, tuple[list[ConsentDecision], list[str]]] = {
    "nothing": ([], []),
    "superseded": ([yes(MUM, ago=5), yes(MUM, ago=4)], ["superseded", "active"]),
    "ended, then replaced": ([yes(MUM, ago=50, lasts=10), yes(MUM, ago=4)], ["expired", "active"]),
    "withdrawn": ([yes(MUM, ago=5), no(MUM, ago=4)], ["withdrawn", "withdrawn"]),
    "ended, then withdrawn": ([yes(MUM, ago=50, lasts=10), no(MUM, ago=4)], ["expired", "withdrawn"]),
    "a part": ([yes(MUM, ago=5), no(MUM, ago=4, scope=HEALTH)], ["active", "withdrawn"]),
    "found invalid after it was withdrawn": (
        [yes(MUM, ago=5), no(MUM, ago=4), no(None, ago=3, act=Act.INVALIDATE)],
        ["invalidated", "withdrawn", "invalidated"],
    ),
    "of which a part was found invalid after it was withdrawn": (
        [yes(MUM, ago=5), no(MUM, ago=4), no(None, ago=3, act=Act.INVALIDATE, scope=HEALTH)],
        ["withdrawn", "withdrawn", "invalidated"],
    ),
    "found invalid after it had ended": (
        [yes(MUM, ago=50, lasts=10), no(None, ago=3, act=Act.INVALIDATE)],
        ["invalidated", "invalidated"],
    ),
    "disputed": ([yes(MUM, ago=5), no(DAD, ago=4)], ["disputed", "disputed"]),
    "insisted on": (
        [yes(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3)],
        ["disputed", "disputed", "noted"],
    ),
    "resolved": (
        [yes(MUM, ago=5), no(DAD, ago=4), yes(MUM, ago=3, resolves=True)],
        ["disputed", "disputed", "active"],
    ),
    "noted": ([yes(CHILD, ago=5), no(MUM, ago=4)], ["active", "noted"]),
    "held": ([yes(MUM, ago=5), no(DAD, ago=4, authority=Authority.UNKNOWN)], ["held", "held"]),
    "restored": (
        [yes(MUM, ago=5), no(MUM, ago=4), yes(MUM, ago=3)],
        ["withdrawn", "withdrawn", "active"],
    ),
}


@pytest.mark.parametrize(("history", "expected"), HISTORIES.values(), ids=HISTORIES.keys())
def test_what_became_of_each_decision(history: list[ConsentDecision], expected: list[str]) -> None:
    assert expected == [state.value for state in states(history, now=NOW)]


def test_a_past_answer_is_found_again_from_the_decisions_until_then() -> None:
    history = [yes(MUM, ago=9), no(MUM, ago=6), yes(MUM, ago=3)]
    found = {
        ago: outcome([each for each in history if each.recorded_at <= NOW - ago * DAY], at=NOW - ago * DAY)
        for ago in (10, 9, 7, 6, 4, 3, 0)
    }
    assert {
        10: "no_decision",
        9: "all",
        7: "all",
        6: "withdrawn",
        4: "withdrawn",
        3: "all",
        0: "all",
    } == found


def test_birthdays_are_days_in_london() -> None:
    """In summer a day begins an hour before it does in UTC; a 29 February counts on 1 March."""
    assert Birthdays(
        datetime(2026, 6, 30, 23, tzinfo=UTC), datetime(2028, 6, 30, 23, tzinfo=UTC)
    ) == birthdays_of(date(2010, 7, 1))
    leap = birthdays_of(date(2012, 2, 29))
    assert (datetime(2028, 2, 29, tzinfo=UTC), datetime(2030, 3, 1, tzinfo=UTC)) == (
        leap.sixteenth,
        leap.eighteenth,
    )
    assert Birthdays(None, datetime(2028, 6, 30, 23, tzinfo=UTC)) == birthdays_of(
        date(2010, 7, 1), lapse_at_sixteen=False
    )
    assert Birthdays() == birthdays_of(None)


TICK = timedelta(microseconds=1)
AGES: dict[str, tuple[SubjectId, datetime, str]] = {
    "just before 16": (MUM, NOW + TICK, "active"),
    "at 16": (MUM, NOW, "lapsed_16"),
    "the young person's own": (CHILD, NOW, "active"),
}


@pytest.mark.parametrize(("who", "sixteenth", "expected"), AGES.values(), ids=AGES.keys())
def test_a_parents_yes_ends_on_the_birthday(who: SubjectId, sixteenth: datetime, expected: str) -> None:
    ends = Birthdays(sixteenth, sixteenth + 731 * DAY)
    standing = fold([yes(who, ago=5)])
    assert expected == state_of(standing, now=NOW, birthdays=ends).value
    result = evaluate(standing, agency="camhs", purpose="P1", now=NOW, birthdays=ends)
    if isinstance(result, Granted) and who is MUM:
        assert sixteenth == result.valid_until
    assert (expected == "active") is isinstance(result, Granted)


def test_parental_responsibility_ends_at_18_whatever_the_policy() -> None:
    standing, ends = fold([yes(MUM, ago=5)]), Birthdays(None, NOW)
    result = evaluate(standing, agency="camhs", purpose="P1", now=NOW, birthdays=ends)
    assert NotGranted(Reason.LAPSED_AT_18) == result


def test_what_a_dispute_leaves_is_written_down() -> None:
    """Another node, and another year, must read from it who objected and that nothing stands."""
    objection = no(DAD, ago=4)
    expected = Standing(closed_by=Exit.DISPUTED, dispute=objection.decision_id, objections=(of(DAD),))
    assert expected == fold([yes(MUM, ago=5), objection])
    settled = fold([yes(MUM, ago=5), objection, no(CHILD, ago=3)])
    assert (None, (), Exit.WITHDRAWN) == (settled.dispute, settled.objections, settled.closed_by)


def test_a_no_to_everything_leaves_only_who_said_it_and_how() -> None:
    """A closure kept from before would close a part of what is agreed next."""
    history = [yes(MUM, ago=5), no(MUM, ago=4, scope=HEALTH), no(MUM, ago=3)]
    assert Standing(closed_by=Exit.WITHDRAWN, objections=(of(MUM, HEALTH), of(MUM))) == fold(history)


def test_what_a_hold_leaves_of_the_childs_own_yes_is_written_down() -> None:
    """Another node, and a year later, must read from it until when no parent answers for them."""
    own = yes(CHILD, ago=5)
    held = [own, no(None, ago=4, act=Act.HOLD)]
    assert Standing(closed_by=Exit.HELD, answered_until=own.valid_until) == fold(held)
    assert Standing(closed_by=Exit.HELD) == fold([yes(MUM, ago=5), *held[1:]])
    assert fold([*held, no(CHILD, ago=3)]).answered_until is None


def test_at_16_the_young_persons_own_yes_takes_over() -> None:
    """Until they answer nothing is shared; neither parent can answer for them any more."""
    ends = Birthdays(NOW - 3 * DAY, NOW + 728 * DAY)
    parents = [yes(MUM, ago=9), yes(DAD, ago=2)]
    own = yes(CHILD, ago=1, capacity=Capacity.SELF)
    assert "lapsed_16" == state_of(fold(parents), now=NOW, birthdays=ends).value
    history = [*parents, own]
    assert "active" == state_of(fold(history), now=NOW, birthdays=ends).value
    found = [each.value for each in states(history, now=NOW, birthdays=ends)]
    assert ["lapsed_16", "lapsed_16", "active"] == found
    result = evaluate(fold(history), agency="camhs", purpose="P1", now=NOW, birthdays=ends)
    assert isinstance(result, Granted)
    assert own.valid_until == result.valid_until


def test_an_end_is_not_within() -> None:
    """At the very instant at which a yes ends it governs nothing, and nobody disputes it."""
    own, parents = yes(CHILD, ago=10, lasts=10), yes(MUM, ago=10, lasts=10)
    assert "all" == outcome([own, yes(MUM, ago=0)])
    assert "expired" == outcome([replace(own, valid_until=NOW), no(MUM, ago=1)])
    assert "withdrawn" == outcome([parents, no(DAD, ago=0)])
    assert "expired" == state_of(fold([parents]), now=NOW).value
    assert "active" == state_of(fold([yes(MUM, ago=0)]), now=NOW).value
    assert "scheduled" == state_of(fold([yes(MUM, ago=0)]), now=NOW - TICK).value
    assert "active" == state_of(fold([parents]), now=NOW - TICK).value


def test_a_decision_counts_from_its_beginning_or_its_recording() -> None:
    later, earlier = (replace(yes(MUM, ago=5), valid_from=NOW + days * DAY) for days in (3, -9))
    assert NOW + 3 * DAY == in_effect_at(later)
    assert NOW - 5 * DAY == in_effect_at(earlier)
    assert NOW - 5 * DAY == in_effect_at(replace(no(MUM, ago=5), valid_from=NOW))


def test_what_became_of_a_yes_knows_the_birthday() -> None:
    ends = Birthdays(NOW - 3 * DAY, NOW + 800 * DAY)
    history = [yes(MUM, ago=9), no(None, ago=2, act=Act.HOLD)]
    assert ["lapsed_16", "held"] == [state.value for state in states(history, now=NOW, birthdays=ends)]
    assert ["lapsed_16"] == [state.value for state in states(history[:1], now=NOW, birthdays=ends)]


def test_an_act_that_opens_without_a_validity_is_our_own_fault() -> None:
    broken = copy(yes(MUM, ago=1))
    object.__setattr__(broken, "valid_until", None)
    with pytest.raises(InvalidDecisionError):
        fold([broken])


def test_the_18th_birthday_ends_what_the_policy_let_stand() -> None:
    ends = Birthdays(None, NOW + DAY)
    result = evaluate(fold([yes(MUM, ago=5)]), agency="camhs", purpose="P1", now=NOW, birthdays=ends)
    assert isinstance(result, Granted)
    assert NOW + DAY == result.valid_until
