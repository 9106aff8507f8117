"""What a yes covers, and what an act that closes takes away: nothing by default, nothing after a whole no."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_registry.model import (
    ALL,
    Act,
    Capacity,
    ConsentDecision,
    DecisionId,
    Granted,
    NotGranted,
    Reason,
    Scope,
)
from consent_registry.standing import evaluate, evaluate_consent, fold, follow, in_effect_at

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
START, END = NOW - timedelta(days=30), NOW + timedelta(days=30)
AGENCIES = ("camhs", "food-bank", "met")
CATEGORIES = ("health", "name")
FIELDS = ("child_health", "child_name", "risk_person")
PURPOSES = ("P1", "P2")
CATEGORY_OF = {"child_health": "health", "child_name": "name", "risk_person": None}
CLOSING = [act for act in Act if not act.opens]
WIDE = Scope(
    agencies=frozenset(AGENCIES),
    categories=frozenset(CATEGORIES),
    fields=frozenset({"risk_person"}),
    purposes=frozenset(PURPOSES),
)


def decide(act: Act, scope: Scope = Scope(), *, sequence: int = 1) -> ConsentDecision:  # noqa: B008 - immutable
    return ConsentDecision(
        decision_id=DecisionId(UUID(int=sequence)),
        sequence=sequence,
        act=act,
        scope=scope,
        valid_from=START if act.opens else None,
        valid_until=END if act.opens else None,
        recorded_at=NOW,
        capacity=Capacity.SELF if act.opens else None,
        profiles_shown=dict.fromkeys(AGENCIES, 1) if act.opens else {},
    )


GIVE = decide(Act.GIVE, WIDE)


def ask(
    history: Sequence[ConsentDecision], *, agency: str = "camhs", purpose: str = "P1"
) -> Granted | NotGranted:
    return evaluate_consent(history, purpose=purpose, recipient=agency, now=NOW)


def subsets(codes: Sequence[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(codes))


SCOPES = st.builds(
    Scope,
    agencies=st.one_of(st.just(ALL), subsets(AGENCIES)),
    exclude=subsets(AGENCIES),
    categories=subsets(CATEGORIES),
    fields=subsets(FIELDS),
    purposes=subsets(PURPOSES),
)
HISTORIES = st.lists(st.builds(decide, st.sampled_from(Act), SCOPES, sequence=st.integers(1, 9)), max_size=8)
CLOSED_HISTORIES = st.lists(st.builds(decide, st.sampled_from(CLOSING), SCOPES), max_size=8)
AGENCY = st.sampled_from(AGENCIES)
PURPOSE = st.sampled_from(PURPOSES)


def released(result: Granted | NotGranted) -> set[str]:
    if isinstance(result, NotGranted):
        return set()
    return {name for name, category in CATEGORY_OF.items() if result.covers(name, category)}


def test_no_decision_grants_nothing() -> None:
    assert NotGranted(Reason.NO_DECISION) == ask([])


def test_a_give_grants_what_it_names() -> None:
    expected = Granted(GIVE.decision_id, END, WIDE.categories, WIDE.fields, profile_shown=1)
    assert expected == ask([GIVE])


@given(history=CLOSED_HISTORIES, agency=AGENCY, purpose=PURPOSE)
def test_nothing_permits_before_a_give(history: list[ConsentDecision], agency: str, purpose: str) -> None:
    assert isinstance(ask(history, agency=agency, purpose=purpose), NotGranted)


@given(history=HISTORIES, act=st.sampled_from(CLOSING), agency=AGENCY, purpose=PURPOSE)
def test_an_act_that_closes_all_closes_whatever_came_before(
    history: list[ConsentDecision], act: Act, agency: str, purpose: str
) -> None:
    """Promise: when the caseworker sees "withdrawn", nothing recorded earlier can still open."""
    result = ask([*history, decide(act)], agency=agency, purpose=purpose)
    reasons = {Reason.ENTERED_IN_ERROR, Reason.HELD, Reason.INVALIDATED, Reason.REFUSED, Reason.WITHDRAWN}
    assert isinstance(result, NotGranted)
    assert result.reason in reasons


@given(history=HISTORIES, scope=SCOPES, act=st.sampled_from(CLOSING), agency=AGENCY, purpose=PURPOSE)
def test_an_act_that_closes_never_opens_anything(
    history: list[ConsentDecision], scope: Scope, act: Act, agency: str, purpose: str
) -> None:
    before = released(ask(history, agency=agency, purpose=purpose))
    after = released(ask([*history, decide(act, scope)], agency=agency, purpose=purpose))
    assert after <= before


@given(history=HISTORIES, scope=SCOPES, agency=AGENCY, purpose=PURPOSE)
def test_what_an_act_closes_is_not_released(
    history: list[ConsentDecision], scope: Scope, agency: str, purpose: str
) -> None:
    result = released(ask([*history, decide(Act.WITHDRAW, scope)], agency=agency, purpose=purpose))
    reached = not scope.agencies or scope.agencies == ALL or agency in scope.agencies
    if reached and agency not in scope.exclude and (not scope.purposes or purpose in scope.purposes):
        everything = not scope.fields and not scope.categories
        closed = {name for name in FIELDS if name in scope.fields or CATEGORY_OF[name] in scope.categories}
        assert set() == result & (set(FIELDS) if everything else closed)


@given(history=HISTORIES, scope=SCOPES, agency=AGENCY, purpose=PURPOSE)
def test_a_give_opens_no_more_than_it_names(
    history: list[ConsentDecision], scope: Scope, agency: str, purpose: str
) -> None:
    """What an earlier give named and the latest does not is gone: the latest states the whole."""
    result = released(ask([*history, decide(Act.GIVE, scope)], agency=agency, purpose=purpose))
    named = {name for name in FIELDS if name in scope.fields or CATEGORY_OF[name] in scope.categories}
    reached = agency in scope.agencies and agency not in scope.exclude and purpose in scope.purposes
    assert (named if reached else set()) == result


@given(history=HISTORIES, cut=st.integers(0, 8))
def test_a_standing_can_be_carried_on_from_any_point(history: list[ConsentDecision], cut: int) -> None:
    standing = fold(history[:cut])
    for decision in history[cut:]:
        standing = follow(standing, decision)
    assert fold(history) == standing


OUTSIDE = {
    "an agency not named": (WIDE, "late-comer", "P1", NOW, Reason.AGENCY_NOT_COVERED),
    "a purpose not named": (WIDE, "camhs", "P4", NOW, Reason.PURPOSE_NOT_COVERED),
    "before it begins": (WIDE, "camhs", "P1", START - timedelta(microseconds=1), Reason.NOT_YET_VALID),
    "at its end": (WIDE, "camhs", "P1", END, Reason.EXPIRED),
    "long after": (WIDE, "camhs", "P1", END + timedelta(days=900), Reason.EXPIRED),
    "an excluded agency": (
        Scope(agencies=frozenset({"camhs"}), exclude=frozenset({"camhs"}), purposes=frozenset({"P1"})),
        "camhs",
        "P1",
        NOW,
        Reason.AGENCY_EXCLUDED,
    ),
    "agencies left unresolved": (
        Scope(agencies=ALL, categories=frozenset({"name"}), purposes=frozenset({"P1"})),
        "camhs",
        "P1",
        NOW,
        Reason.AGENCY_NOT_COVERED,
    ),
    "no purpose named": (
        Scope(agencies=frozenset({"camhs"})),
        "camhs",
        "P1",
        NOW,
        Reason.PURPOSE_NOT_COVERED,
    ),
}


@pytest.mark.parametrize(
    ("scope", "agency", "purpose", "now", "reason"), OUTSIDE.values(), ids=OUTSIDE.keys()
)
def test_outside_a_give_nothing_is_granted(
    scope: Scope, agency: str, purpose: str, now: datetime, reason: Reason
) -> None:
    standing = fold([decide(Act.GIVE, scope)])
    assert NotGranted(reason) == evaluate(standing, agency=agency, purpose=purpose, now=now)


def test_the_first_of_several_reasons_is_told() -> None:
    """The log must say the same of the same refusal: the agency, then the purpose, then the time."""
    excluding = Scope(agencies=frozenset({"met"}), exclude=frozenset({"camhs"}))
    found = [
        evaluate(
            fold([decide(Act.GIVE, scope), decide(Act.HOLD, Scope(purposes=frozenset({"P4"})))]),
            agency="camhs",
            purpose=purpose,
            now=now,
        )
        for scope, purpose, now in (
            (excluding, "P4", END),
            (Scope(agencies=frozenset({"met"})), "P4", END),
            (WIDE, "P4", END),
            (WIDE, "P1", END),
        )
    ]
    assert [
        NotGranted(Reason.AGENCY_EXCLUDED),
        NotGranted(Reason.AGENCY_NOT_COVERED),
        NotGranted(Reason.PURPOSE_NOT_COVERED),
        NotGranted(Reason.EXPIRED),
    ] == found


@pytest.mark.parametrize("now", [START, END - timedelta(microseconds=1)], ids=["first", "last"])
def test_validity_holds_from_its_first_to_its_last_instant(now: datetime) -> None:
    assert isinstance(evaluate(fold([GIVE]), agency="camhs", purpose="P1", now=now), Granted)


def test_withdrawing_from_one_agency_leaves_the_others() -> None:
    history = [GIVE, decide(Act.WITHDRAW, Scope(agencies=frozenset({"camhs"})))]
    assert NotGranted(Reason.WITHDRAWN) == ask(history)
    assert isinstance(ask(history, agency="met"), Granted)


def test_withdrawing_from_all_but_one_leaves_that_one() -> None:
    history = [GIVE, decide(Act.WITHDRAW, Scope(exclude=frozenset({"camhs"})))]
    assert isinstance(ask(history), Granted)
    assert NotGranted(Reason.WITHDRAWN) == ask(history, agency="met")


def test_closing_a_category_closes_its_named_fields_too() -> None:
    """A person who says "not my health" does not know that a field was also ticked by name."""
    named = Scope(frozenset({"camhs"}), fields=frozenset(FIELDS), purposes=frozenset({"P1"}))
    closing = decide(Act.WITHDRAW, Scope(categories=frozenset({"health"})))
    assert released(ask([decide(Act.GIVE, named), closing])) == {"child_name", "risk_person"}


def test_a_field_outside_every_category_must_be_named() -> None:
    """Domestic abuse, offences and their like never ride along with a tick for something else."""
    everything_but = Scope(frozenset({"camhs"}), categories=frozenset(CATEGORIES), purposes=frozenset({"P1"}))
    assert released(ask([decide(Act.GIVE, everything_but)])) == {"child_name", "child_health"}


def test_a_new_give_lifts_earlier_closures() -> None:
    """Restoring is a new record that states the whole; the person was asked again."""
    closed = decide(Act.WITHDRAW, Scope(agencies=frozenset({"camhs"})))
    assert isinstance(ask([GIVE, closed, GIVE]), Granted)


def test_dates_of_an_act_that_closes_count_for_nothing() -> None:
    """A withdrawal dated next month is still a withdrawal today."""
    later = ConsentDecision(
        decision_id=GIVE.decision_id,
        sequence=2,
        act=Act.WITHDRAW,
        scope=Scope(),
        valid_from=NOW + timedelta(days=30),
        valid_until=NOW + timedelta(days=31),
        recorded_at=NOW,
    )
    assert NotGranted(Reason.WITHDRAWN) == ask([GIVE, later])
    assert NOW == in_effect_at(later)
