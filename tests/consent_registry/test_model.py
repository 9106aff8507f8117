"""The words of consent as values: what cannot be built, and that what is stored is read back whole or not at all."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_registry.birthdays import LONDON, midnight
from consent_registry.errors import InvalidDecisionError, StoredStandingError
from consent_registry.model import (
    Act,
    Capacity,
    Closure,
    ConsentDecision,
    DecisionId,
    Exit,
    Given,
    Objection,
    Scope,
    Standing,
    SubjectId,
)

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
START, END = NOW - timedelta(days=30), NOW + timedelta(days=30)
WIDE = Scope(
    agencies=frozenset({"camhs", "food-bank", "met"}),
    exclude=frozenset({"met"}),
    categories=frozenset({"health", "name"}),
    fields=frozenset({"risk_person"}),
    purposes=frozenset({"P1", "P2"}),
)
GIVEN = Given(
    DecisionId(UUID(int=1)),
    WIDE,
    START,
    END,
    capacity=Capacity.SELF,
    speaker=SubjectId(UUID(int=7)),
    profiles_shown={"camhs": 1, "food-bank": 2},
)

IDS = st.uuids()
CODES = st.frozensets(st.sampled_from(["camhs", "met", "*", "name", "risk_person", "P1"]))
SCOPES = st.builds(Scope, CODES, CODES, CODES, CODES, CODES)
INSTANTS = st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, LONDON))
STANDINGS = st.builds(
    Standing,
    given=st.none()
    | st.builds(
        Given,
        IDS.map(DecisionId),
        SCOPES,
        INSTANTS,
        INSTANTS,
        capacity=st.sampled_from(Capacity),
        speaker=st.none() | IDS.map(SubjectId),
        profiles_shown=st.dictionaries(st.sampled_from(["camhs", "met"]), st.integers(1, 99)),
    ),
    closures=st.lists(st.builds(Closure, st.sampled_from(Exit), SCOPES, own=st.booleans()), max_size=3).map(
        tuple
    ),
    closed_by=st.none() | st.sampled_from(Exit),
    dispute=st.none() | IDS.map(DecisionId),
    objections=st.lists(
        st.builds(Objection, st.none() | IDS.map(SubjectId), st.sampled_from(Exit), SCOPES), max_size=2
    ).map(tuple),
    answered_until=st.none() | INSTANTS,
)


@given(standing=STANDINGS)
def test_a_standing_survives_being_stored(standing: Standing) -> None:
    assert standing == Standing.from_json(json.loads(json.dumps(standing.to_json())))


@given(scope=SCOPES)
def test_a_scope_survives_being_stored(scope: Scope) -> None:
    assert scope == Scope.from_json(json.loads(json.dumps(scope.to_json())))


def test_nothing_decided_is_stored_as_nothing() -> None:
    assert {} == Standing().to_json()
    assert Standing() == Standing.from_json({})


def test_a_stored_standing_holds_codes_ids_and_instants() -> None:
    """Another node, and the next version, read these very words."""
    standing = Standing(
        given=Given(GIVEN.decision_id, Scope(frozenset({"met", "camhs"})), START, END),
        closures=(Closure(Exit.HELD, Scope()), Closure(Exit.WITHDRAWN, Scope(), own=True)),
        closed_by=Exit.DISPUTED,
        dispute=DecisionId(UUID(int=8)),
        objections=(
            Objection(SubjectId(UUID(int=9)), Exit.WITHDRAWN, Scope()),
            Objection(None, Exit.HELD, Scope(categories=frozenset({"health"}))),
        ),
        answered_until=END.astimezone(LONDON),
    )
    assert {
        "given": {
            "decision_id": str(UUID(int=1)),
            "scope": {"agencies": ["camhs", "met"]},
            "valid_from": "2026-09-01T09:30:00+00:00",
            "valid_until": "2026-10-31T09:30:00+00:00",
            "capacity": "parental_responsibility",
            "profiles_shown": {},
        },
        "closures": [
            {"exit": "held", "scope": {}},
            {"exit": "withdrawn", "scope": {}, "own": True},
        ],
        "closed_by": "disputed",
        "dispute": str(UUID(int=8)),
        "objections": [
            {"exit": "withdrawn", "scope": {}, "speaker": str(UUID(int=9))},
            {"exit": "held", "scope": {"categories": ["health"]}},
        ],
        "answered_until": "2026-10-31T09:30:00+00:00",
    } == standing.to_json()


def test_instants_are_stored_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes must write the same words for the same standing."""
    standing = Standing(given=GIVEN, answered_until=END)
    expected = standing.to_json()
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert expected == standing.to_json()
        assert "2026-06-30T23:00:00+00:00" == midnight(date(2026, 7, 1)).isoformat()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_yes_stored_without_capacity_or_profiles_lapses_and_reaches_nobody() -> None:
    """What a standing does not say is read as the narrower of what it could have said."""
    body: Any = Standing(given=GIVEN).to_json()
    del body["given"]["capacity"], body["given"]["profiles_shown"]
    expected = replace(GIVEN, capacity=Capacity.PARENTAL_RESPONSIBILITY, profiles_shown={})
    assert Standing(given=expected) == Standing.from_json(body)


WHOLES: dict[str, tuple[Scope, bool]] = {
    "nothing named": (Scope(), True),
    "everyone": (Scope(frozenset({"*"})), True),
    "everyone, and one by name": (Scope(frozenset({"*", "camhs"})), True),
    "one agency": (Scope(frozenset({"camhs"})), False),
    "everyone but one": (Scope(frozenset({"*"}), exclude=frozenset({"camhs"})), False),
    "a category": (Scope(categories=frozenset({"health"})), False),
    "a field": (Scope(fields=frozenset({"risk_person"})), False),
    "a purpose": (Scope(purposes=frozenset({"P1"})), False),
}


@pytest.mark.parametrize(("scope", "expected"), WHOLES.values(), ids=WHOLES.keys())
def test_an_act_that_closes_is_whole_when_nothing_narrows_it(scope: Scope, expected: bool) -> None:
    assert expected is scope.is_whole


def test_who_speaks_for_themself() -> None:
    assert {Capacity.COMPETENT_CHILD, Capacity.SELF} == {each for each in Capacity if each.is_own}


def test_one_act_opens() -> None:
    assert [Act.GIVE] == [act for act in Act if act.opens]


@pytest.mark.parametrize(("start", "end"), [(None, END), (START, None)], ids=["no beginning", "no end"])
def test_a_give_without_validity_cannot_be_built(start: datetime | None, end: datetime | None) -> None:
    with pytest.raises(InvalidDecisionError):
        ConsentDecision(GIVEN.decision_id, 1, Act.GIVE, WIDE, start, end, NOW)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidDecisionError):
        ConsentDecision(GIVEN.decision_id, 1, Act.HOLD, Scope(), None, None, NOW.replace(tzinfo=None))


BROKEN: dict[str, object] = {
    "not an object": [],
    "unknown act": {"closed_by": "forgive"},
    "no scope": {"given": {"decision_id": str(UUID(int=1)), "valid_from": "x", "valid_until": "x"}},
    "no zone": {
        "given": {
            "decision_id": str(UUID(int=1)),
            "scope": {},
            "valid_from": "2026-10-01T00:00:00",
            "valid_until": "2026-11-01T00:00:00",
        }
    },
    "closures are no list": {"closures": {}},
    "a closure without scope": {"closures": [{"exit": "withdrawn"}]},
    "agencies are text": {"closures": [{"exit": "withdrawn", "scope": {"agencies": "camhs"}}]},
    "closures are empty text": {"closures": ""},
    "closures are nothing": {"closures": None},
    "an empty give": {"given": {}},
    "a give that is nothing": {"given": None},
    "an act that is nothing": {"closed_by": None},
}


@pytest.mark.parametrize("stored", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_standing_is_an_error_and_grants_nothing(stored: object) -> None:
    """Half a standing could have lost its closures; it must stop a release, not slim it."""
    with pytest.raises(StoredStandingError):
        Standing.from_json(stored)


SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8)
NO_OBJECT = SCALARS | st.lists(SCALARS, max_size=2)
NO_LIST = SCALARS | st.dictionaries(st.text(max_size=4), SCALARS, max_size=2)
NO_CODE = NO_OBJECT.filter(lambda value: value not in list(Exit)) | NO_LIST
NO_INSTANT = NO_OBJECT | st.just(NOW.replace(tzinfo=None).isoformat())
SCOPE_MEMBERS = ("agencies", "exclude", "categories", "fields", "purposes")
WRONG: dict[tuple[str | int, ...], st.SearchStrategy[object]] = {
    ("given",): NO_OBJECT,
    ("given", "decision_id"): NO_OBJECT | NO_LIST,
    ("given", "scope"): NO_OBJECT,
    **{("given", "scope", name): NO_LIST for name in SCOPE_MEMBERS},
    ("given", "valid_from"): NO_INSTANT,
    ("given", "valid_until"): NO_INSTANT,
    ("closures",): NO_LIST,
    ("closures", 0): NO_OBJECT,
    ("closures", 1, "exit"): NO_CODE,
    ("closures", 0, "own"): NO_OBJECT.filter(lambda value: value not in (False, True)),
    ("closures", 1, "scope"): NO_OBJECT,
    **{("closures", 0, "scope", name): NO_LIST for name in SCOPE_MEMBERS},
    ("closed_by",): NO_CODE,
    ("dispute",): NO_OBJECT | NO_LIST,
    ("objections",): NO_LIST,
    ("objections", 0): NO_OBJECT,
    ("objections", 0, "speaker"): NO_OBJECT | NO_LIST,
    ("objections", 1, "exit"): NO_CODE,
    ("objections", 1, "scope"): NO_OBJECT,
    **{("objections", 0, "scope", name): NO_LIST for name in SCOPE_MEMBERS},
    ("answered_until",): NO_INSTANT | NO_LIST,
    ("given", "capacity"): NO_CODE,
    ("given", "speaker"): NO_OBJECT | NO_LIST,
    ("given", "profiles_shown"): NO_OBJECT,
    ("given", "profiles_shown", "camhs"): NO_OBJECT.filter(lambda value: type(value) is not int),
}
OPTIONAL = {"given", "closures", 0, "closed_by", *SCOPE_MEMBERS}
OPTIONAL |= {
    "own",
    "dispute",
    "objections",
    "answered_until",
    "capacity",
    "speaker",
    "profiles_shown",
    "camhs",
}


def whole_and_parent(place: tuple[str | int, ...]) -> tuple[object, Any]:
    """A stored standing with every member, and within it what holds one place."""
    standing = Standing(
        given=GIVEN,
        closures=(Closure(Exit.HELD, WIDE, own=True), Closure(Exit.WITHDRAWN, WIDE)),
        closed_by=Exit.HELD,
        dispute=DecisionId(UUID(int=8)),
        objections=(
            Objection(SubjectId(UUID(int=9)), Exit.REFUSED, WIDE),
            Objection(None, Exit.WITHDRAWN, Scope()),
        ),
        answered_until=END,
    )
    body = standing.to_json()
    assert standing == Standing.from_json(body)
    parent: Any = body
    for step in place[:-1]:
        parent = parent[step]
    return body, parent


@given(place=st.sampled_from(list(WRONG)), data=st.data())
def test_one_wrong_value_anywhere_stops_the_reading(
    place: tuple[str | int, ...], data: st.DataObject
) -> None:
    """Text read as a list of its letters, or a missing list as an empty one, would turn closed into open."""
    body, parent = whole_and_parent(place)
    parent[place[-1]] = data.draw(WRONG[place])
    with pytest.raises(StoredStandingError):
        Standing.from_json(body)


@pytest.mark.parametrize("place", [place for place in WRONG if place[-1] not in OPTIONAL])
def test_a_member_that_is_missing_stops_the_reading(place: tuple[str | int, ...]) -> None:
    body, parent = whole_and_parent(place)
    del parent[place[-1]]
    with pytest.raises(StoredStandingError):
        Standing.from_json(body)


@given(stored=NO_OBJECT)
def test_what_is_not_an_object_is_no_standing(stored: object) -> None:
    with pytest.raises(StoredStandingError):
        Standing.from_json(stored)


@given(place=st.sampled_from(SCOPE_MEMBERS), wrong=NO_LIST)
def test_a_scope_of_a_decision_is_read_as_strictly(place: str, wrong: object) -> None:
    """For an act that closes, a member read as an empty list would reach everybody; one of letters, nobody."""
    with pytest.raises(StoredStandingError):
        Scope.from_json(WIDE.to_json() | {place: wrong})
