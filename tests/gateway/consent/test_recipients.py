"""A decision reaches the agencies that were meant: no more when it opens, no fewer when it closes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from agencies.model import AgencyCode, AgencyKind
from agencies.register import Agency, AgencyState, PractitionerPolicy
from consent_registry.errors import InvalidDocumentError
from consent_registry.model import (
    ALL,
    Closure,
    DecisionId,
    Exit,
    Given,
    Granted,
    NotGranted,
    Scope,
    Standing,
)
from consent_registry.schemas import DecisionRequest
from consent_registry.standing import evaluate
from gateway.consent.recipients import resolve_scope
from gateway.consent.schemas import read_decision


def agency(code: str, kind: AgencyKind, state: AgencyState = AgencyState.ACTIVE) -> Agency:
    return Agency(AgencyCode(code), kind, code, PractitionerPolicy.REGISTERED, state)


AGENCIES = (
    agency("camhs", AgencyKind.CAMHS),
    agency("food-bank", AgencyKind.CHARITY),
    agency("toy-library", AgencyKind.CHARITY),
    agency("old-charity", AgencyKind.CHARITY, AgencyState.SUSPENDED),
    agency("new-school", AgencyKind.EDUCATION, AgencyState.PROPOSED),
)
ACTIVE = {"camhs", "food-bank", "toy-library"}
CLOSE: dict[str, Any] = {
    "decision_id": "9e0c3c1e-6d2f-4b57-9b0e-4f0e1c7a0d11",
    "source_ref": "EH-1",
    "person": "P-1",
    "act": "withdraw",
    "recorded_by": "ada",
}
GIVE = CLOSE | {
    "act": "give",
    "given_by": {"person": "P-1", "capacity": "self"},
    "agencies": ["all"],
    "categories": ["name"],
    "purposes": ["P1"],
    "method": "signed_form",
    "notice": {"id": "families", "version": 1, "language": "en"},
    "profiles_shown": {"camhs": 1},
}


def read(document: dict[str, Any], **more: object) -> DecisionRequest:
    return read_decision(document | more)


def resolved(document: dict[str, Any], **more: object) -> Scope:
    return resolve_scope(read(document, **more), AGENCIES)


def closes_for_camhs(scope: Scope) -> bool:
    """Whether a withdrawal of this scope takes back what was given to that agency."""
    now = datetime(2026, 10, 1, tzinfo=UTC)
    whole = Scope(agencies=frozenset({"camhs"}), purposes=frozenset({"P1"}))
    given = Given(DecisionId(UUID(int=1)), whole, now, now + timedelta(days=1), profiles_shown={"camhs": 1})
    before, after = Standing(given), Standing(given, (Closure(Exit.WITHDRAWN, scope),))
    assert isinstance(evaluate(before, agency="camhs", purpose="P1", now=now), Granted)
    return isinstance(evaluate(after, agency="camhs", purpose="P1", now=now), NotGranted)


OPENS = {
    "all": (["all"], [], ACTIVE),
    "a kind": (["kind:charity"], [], {"food-bank", "toy-library"}),
    "a kind and a code": (["kind:charity", "camhs"], [], ACTIVE),
    "all but a kind": (["all"], ["kind:charity"], {"camhs"}),
    "all but one": (["all"], ["camhs"], {"food-bank", "toy-library"}),
    "one that is not active yet": (["new-school"], [], {"new-school"}),
}


@pytest.mark.parametrize(("agencies", "exclude", "expected"), OPENS.values(), ids=OPENS.keys())
def test_a_give_stores_the_agencies_it_stands_for_now(
    agencies: list[str], exclude: list[str], expected: set[str]
) -> None:
    """A family agrees to the agencies it was shown; who joins or returns later was not shown."""
    assert expected == resolved(GIVE, agencies=agencies, exclude=exclude).agencies


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown agency": ({"agencies": ["camhs", "cahms"]}, ["/agencies/1"]),
    "unknown kind": ({"agencies": ["kind:circus"]}, ["/agencies/0"]),
    "unknown exclusion": ({"exclude": ["cahms"]}, ["/exclude/0"]),
    "profile of no agency": ({"profiles_shown": {"cahms": 1}}, ["/profiles_shown"]),
    "nobody left": ({"agencies": ["camhs"], "exclude": ["camhs"]}, ["/agencies"]),
    "a kind without an agency": ({"agencies": ["kind:refuge"]}, ["/agencies"]),
}


@pytest.mark.parametrize(("more", "pointers"), REFUSED.values(), ids=REFUSED.keys())
def test_a_give_that_names_nobody_or_nothing_known_is_refused(
    more: dict[str, Any], pointers: list[str]
) -> None:
    """A slip in an exclusion would otherwise send the data exactly where it must not go."""
    with pytest.raises(InvalidDocumentError) as refused:
        resolved(GIVE, **more)
    assert pointers == [fault.pointer for fault in refused.value.faults]


CLOSES: dict[str, tuple[list[str], list[str], Any]] = {
    "nobody named": ([], [], ALL),
    "all": (["all"], [], ALL),
    "all and one": (["camhs", "all"], [], ALL),
    "one": (["camhs"], [], {"camhs"}),
    "a kind, whatever the state": (
        ["kind:charity"],
        [],
        {"kind:charity", "food-bank", "toy-library", "old-charity"},
    ),
    "a kind without an agency": (["kind:refuge"], [], {"kind:refuge"}),
}


@pytest.mark.parametrize(("agencies", "exclude", "expected"), CLOSES.values(), ids=CLOSES.keys())
def test_an_act_that_closes_reaches_at_least_who_was_meant(
    agencies: list[str], exclude: list[str], expected: set[str]
) -> None:
    assert expected == resolved(CLOSE, agencies=agencies, exclude=exclude).agencies


def test_a_kind_without_an_agency_closes_nothing_else() -> None:
    """The list must not become empty: for an act that closes, empty means everyone."""
    assert not closes_for_camhs(resolved(CLOSE, agencies=["kind:refuge"]))


def test_a_bare_withdrawal_is_whole() -> None:
    assert resolved(CLOSE).is_whole


def test_an_unknown_exclusion_does_not_stop_an_act_that_closes() -> None:
    assert closes_for_camhs(resolved(CLOSE, exclude=["cahms"]))


def test_closing_for_an_unknown_agency_is_told_and_not_taken_for_done() -> None:
    """The caseworker must not see "withdrawn" when a slip of the pen closed nothing."""
    with pytest.raises(InvalidDocumentError):
        resolved(CLOSE, agencies=["cahms"])


@pytest.mark.parametrize("document", [GIVE, CLOSE], ids=["give", "withdraw"])
def test_everything_that_was_named_is_in_the_scope(document: dict[str, Any]) -> None:
    """What got lost on the way would close more than was meant, or open it."""
    named = resolved(
        document,
        agencies=["camhs", "food-bank"],
        exclude=["food-bank", "old-charity"],
        categories=["health"],
        fields=["risk_person"],
        purposes=["P2"],
    )
    assert {"food-bank", "old-charity"} == named.exclude
    assert [{"health"}, {"risk_person"}, {"P2"}] == [
        set(each) for each in (named.categories, named.fields, named.purposes)
    ]


def test_a_kind_that_is_excluded_is_excluded_whatever_its_agencies_state() -> None:
    """A suspended charity may be back tomorrow, and the family left out charities."""
    assert {"food-bank", "old-charity", "toy-library"} == resolved(GIVE, exclude=["kind:charity"]).exclude
