"""A receipt tells what was decided, no more than is for paper, and the same thing every time."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_registry.birthdays import Birthdays
from consent_registry.model import (
    ALL,
    CASE_CLOSED,
    CHANGE_IN_RELATIONSHIP,
    Act,
    Authority,
    Capacity,
    ConsentDecision,
    DecisionId,
    Granted,
    JsonObject,
    Notice,
    Purpose,
    Scope,
    SubjectId,
)
from consent_registry.receipt import (
    Account,
    Catalogue,
    OffPaper,
    Party,
    Share,
    Told,
    account_of_decision,
    account_of_standing,
    is_own_wish,
    receipt_fields,
)
from consent_registry.standing import evaluate, fold

NOW: Final = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MUM, DAD, CHILD = (SubjectId(UUID(int=number)) for number in (101, 102, 103))
CATALOGUE: Final = Catalogue(
    category_of={
        "address": "address",
        "child_health": "health",
        "adult_health": "health",
        "child_name": "name",
        "risk_person": None,
        "domestic_abuse": None,
    },
    special=frozenset({"health", "child_health"}),
    sensitive=frozenset({"health", "child_health", "domestic_abuse"}),
)
OFF: Final = OffPaper(
    frozenset({"haven", "kind:refuge"}),
    frozenset({"address"}),
    frozenset({"address", "domestic_abuse"}),
)
NOTHING_OFF: Final = OffPaper()
PARTIES: Final = (
    Party("camhs", "The mental health service", "6(1)(e)", "9(2)(h)"),
    Party("food-bank", "The food bank", "6(1)(e)"),
    Party("haven", "The haven", "6(1)(e)"),
)


def said(act: Act, number: int = 1, *, on: datetime = NOW, **more: Any) -> ConsentDecision:
    """One decision of a mother for her child, a give unless the act says otherwise."""
    members = {"agencies", "exclude", "categories", "fields", "purposes"}
    scope = Scope(**{name: frozenset(more.pop(name)) for name in members & more.keys()})
    values: dict[str, Any] = {
        "capacity": Capacity.PARENTAL_RESPONSIBILITY,
        "speaker": MUM,
        "valid_from": on if act.opens else None,
        "valid_until": on + 90 * DAY if act.opens else None,
        "notice": Notice("families", "1", "en") if act.opens else None,
        "profiles_shown": dict.fromkeys(("camhs", "food-bank", "haven"), 3) if act.opens else {},
    }
    return ConsentDecision(
        DecisionId(UUID(int=number)), number, act, scope, recorded_at=on, **{**values, **more}
    )


def give(number: int = 1, **more: Any) -> ConsentDecision:
    scope = {"agencies": ["camhs", "food-bank"], "categories": ["health", "name"], "purposes": ["P1", "P2"]}
    return said(Act.GIVE, number, **{**scope, **more})


def of_decision(*history: ConsentDecision, number: int = 1, off: OffPaper = NOTHING_OFF) -> Account | None:
    return account_of_decision(history, DecisionId(UUID(int=number)), off=off, catalogue=CATALOGUE)


def standing_of(
    *history: ConsentDecision,
    now: datetime = NOW + DAY,
    off: OffPaper = NOTHING_OFF,
    birthdays: Birthdays = Birthdays(),  # noqa: B008 - immutable
) -> Account:
    return account_of_standing(history, now=now, off=off, catalogue=CATALOGUE, birthdays=birthdays)


def share(agencies: str, purposes: str, categories: str = "", fields: str = "", without: str = "") -> Share:
    lists = (agencies, purposes, categories, fields, without)
    return Share(*(frozenset(codes.split()) for codes in lists))


def fields_of(account: Account) -> JsonObject:
    return receipt_fields(
        account,
        owner=UUID(int=7),
        subject_id=CHILD,
        controller="A council",
        parties=PARTIES,
        catalogue=CATALOGUE,
    )


WIDE = give(agencies=["camhs", "food-bank", "haven"], fields=["domestic_abuse"])


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([give()], [share("camhs food-bank", "P1 P2", "health name")], id="alike, so together"),
        pytest.param(
            [give(), said(Act.WITHDRAW, 2, agencies=["camhs"])],
            [share("food-bank", "P1 P2", "health name")],
            id="one agency closed",
        ),
        pytest.param(
            [give(), said(Act.WITHDRAW, 2, agencies=["camhs"], purposes=["P2"])],
            [share("camhs", "P1", "health name"), share("food-bank", "P1 P2", "health name")],
            id="one purpose of one agency closed",
        ),
        pytest.param(
            [give(), said(Act.WITHDRAW, 2, categories=["health"])],
            [share("camhs food-bank", "P1 P2", "name")],
            id="one category closed",
        ),
        pytest.param(
            [give(), said(Act.WITHDRAW, 2, fields=["child_health"])],
            [share("camhs food-bank", "P1 P2", "health name", without="child_health")],
            id="one field of a category closed",
        ),
        pytest.param(
            [give(), said(Act.WITHDRAW, 2, categories=["health"], purposes=["P2"])],
            [share("camhs food-bank", "P1", "health name"), share("camhs food-bank", "P2", "name")],
            id="one category for one purpose closed",
        ),
        pytest.param(
            [give(fields=["child_name", "risk_person"])],
            [share("camhs food-bank", "P1 P2", "health name", "risk_person")],
            id="a field that its category brings is not said twice",
        ),
        pytest.param(
            [give(exclude=["camhs"])], [share("food-bank", "P1 P2", "health name")], id="an exclusion"
        ),
        pytest.param(
            [give(profiles_shown={"camhs": 3})],
            [share("camhs", "P1 P2", "health name")],
            id="whose profile was not shown gets nothing",
        ),
    ],
)
def test_what_stands_is_told_as_it_is_released(history: list[ConsentDecision], expected: list[Share]) -> None:
    assert Account(Told.AGREED, NOW, history[0], tuple(expected)) == standing_of(*history)


YES = give()
SIXTEEN = Birthdays(NOW + 30 * DAY, NOW + 760 * DAY)


@pytest.mark.parametrize(
    ("history", "after", "expected"),
    [
        pytest.param([], 1, (Told.NOTHING, None), id="nobody decided"),
        pytest.param([YES], 89.9, (Told.AGREED, NOW), id="the last day"),
        pytest.param([YES], 90, (Told.ENDED, NOW + 90 * DAY), id="at its end"),
        pytest.param([YES], 95, (Told.ENDED, NOW + 90 * DAY), id="days after its end"),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, agencies=["camhs"]), said(Act.WITHDRAW, 3, agencies=["food-bank"])],
            1,
            (Told.NOTHING, None),
            id="closed part by part until nothing is left",
        ),
        pytest.param([give(valid_from=NOW + 5 * DAY)], 1, (Told.AGREED, NOW), id="not begun"),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY)], 2, (Told.STOPPED, NOW + DAY), id="withdrawn"
        ),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY), said(Act.WITHDRAW, 3, on=NOW + 2 * DAY)],
            3,
            (Told.STOPPED, NOW + DAY),
            id="withdrawn twice is stopped since the first",
        ),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY), give(3, on=NOW + 2 * DAY)],
            3,
            (Told.AGREED, NOW + 2 * DAY),
            id="given again",
        ),
        pytest.param([YES, said(Act.HOLD, 2, on=NOW + DAY)], 2, (Told.HELD, NOW + DAY), id="held"),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY, authority=Authority.UNKNOWN)],
            2,
            (Told.HELD, NOW + DAY),
            id="held until somebody can tell who may speak",
        ),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY, speaker=DAD, agencies=["camhs"])],
            2,
            (Told.STOPPED, NOW + DAY),
            id="a dispute is told as no more than stopped",
        ),
        pytest.param(
            [YES, said(Act.INVALIDATE, 2, on=NOW + DAY)], 2, (Told.STOPPED, NOW + DAY), id="invalidated"
        ),
        pytest.param(
            [YES, said(Act.WITHDRAW, 2, on=NOW + DAY, reason=CHANGE_IN_RELATIONSHIP)],
            2,
            (Told.STOPPED, NOW + DAY),
            id="a change in the relationship",
        ),
        pytest.param([YES], 30, (Told.OUTGROWN, None), id="sixteen, and no day is told"),
        pytest.param([said(Act.REFUSE)], 1, (Told.STOPPED, NOW), id="refused"),
    ],
)
def test_each_state_is_told(
    history: list[ConsentDecision], after: float, expected: tuple[Told, datetime | None]
) -> None:
    birthdays = SIXTEEN if expected[0] is Told.OUTGROWN else Birthdays()
    account = standing_of(*history, now=NOW + after * DAY, birthdays=birthdays)
    assert expected == (account.told, account.since)


def test_a_birthday_is_nowhere_in_what_is_told() -> None:
    """The end of what a parent agreed is the end that was agreed, although the birthday comes first."""
    with_birthday = standing_of(YES, birthdays=SIXTEEN)
    assert standing_of(YES) == with_birthday
    outgrown = standing_of(YES, now=NOW + 40 * DAY, birthdays=SIXTEEN)
    for account in (with_birthday, outgrown):
        told = json.dumps(fields_of(account))
        for birthday in (SIXTEEN.sixteenth, SIXTEEN.eighteenth):
            assert birthday is not None
            assert birthday.date().isoformat() not in told


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(give(), (Told.AGREED, [share("camhs food-bank", "P1 P2", "health name")]), id="give"),
        pytest.param(said(Act.WITHDRAW), (Told.STOPPED, [share("*", "")]), id="withdraw from everything"),
        pytest.param(
            said(
                Act.WITHDRAW, agencies=["kind:charity", "food-bank"], categories=["health"], purposes=["P2"]
            ),
            (Told.STOPPED, [share("kind:charity food-bank", "P2", "health")]),
            id="withdraw a part",
        ),
        pytest.param(said(Act.HOLD), (Told.HELD, [share("*", "")]), id="hold"),
        pytest.param(said(Act.REFUSE, authority=Authority.NONE), (Told.NOTED, []), id="may not decide"),
        pytest.param(said(Act.HOLD, reason=CASE_CLOSED), (Told.ENDED, [share("*", "")]), id="case closed"),
    ],
)
def test_one_decision_is_told(decision: ConsentDecision, expected: tuple[Told, list[Share]]) -> None:
    told, shares = expected
    assert Account(told, NOW, decision, tuple(shares)) == of_decision(decision)


@pytest.mark.parametrize("later", [*Act])
def test_the_receipt_of_a_decision_does_not_change_with_what_comes_after(later: Act) -> None:
    """A paper in a drawer and the one printed today must not contradict each other."""
    after = replace(give(2), speaker=DAD) if later.opens else said(later, 2, speaker=DAD)
    assert of_decision(YES) == of_decision(YES, after)


def test_an_objection_is_told_alike_whether_the_other_parent_agreed_or_not() -> None:
    """What one parent told us is nothing that the other one's receipt gives away."""
    objection = said(Act.WITHDRAW, 2, speaker=DAD)
    assert of_decision(objection, number=2) == of_decision(YES, objection, number=2)


def test_a_part_of_it_is_told_as_a_part() -> None:
    parts = [of_decision(said(Act.WITHDRAW)), of_decision(said(Act.WITHDRAW, agencies=["camhs"]))]
    assert [False, True] == [part is not None and part.is_partial for part in parts]
    everything = standing_of(YES, said(Act.WITHDRAW, 2, speaker=DAD, agencies=["camhs"]))
    assert everything.is_partial is False


@pytest.mark.parametrize("unknown", [2, 99])
def test_a_decision_that_is_not_the_persons_has_no_receipt(unknown: int) -> None:
    assert of_decision(YES, number=unknown) is None


@pytest.mark.parametrize(
    ("with_it", "without_it"),
    [
        pytest.param([WIDE], [give()], id="a refuge and a named field in a yes"),
        pytest.param(
            [give(agencies=["camhs", "haven"], exclude=["haven"])],
            [give(agencies=["camhs"])],
            id="a refuge among the exclusions",
        ),
        pytest.param([give(categories=["health", "name", "address"])], [give()], id="a category"),
        pytest.param(
            [WIDE, said(Act.WITHDRAW, 2, agencies=["haven", "kind:refuge"])], [give()], id="its end alone"
        ),
        pytest.param([WIDE, said(Act.WITHDRAW, 2, fields=["domestic_abuse"])], [give()], id="a field's end"),
        pytest.param(
            [WIDE, said(Act.WITHDRAW, 2, agencies=["haven", "camhs"])],
            [give(), said(Act.WITHDRAW, 2, agencies=["camhs"])],
            id="its end with another's",
        ),
        pytest.param(
            [give(agencies=["haven"])], [], id="a yes to nobody else is nothing to list, like no decision"
        ),
        pytest.param([give(agencies=["haven"], valid_until=NOW + DAY)], [], id="and so is its end"),
        pytest.param(
            [give(agencies=["haven"]), said(Act.WITHDRAW, 2)],
            [said(Act.WITHDRAW, 2)],
            id="and its withdrawal",
        ),
        pytest.param(
            [give(agencies=["haven"]), said(Act.WITHDRAW, 2, speaker=DAD)],
            [said(Act.WITHDRAW, 2, speaker=DAD)],
            id="and another parent's objection to it",
        ),
    ],
)
def test_what_is_off_paper_leaves_no_trace(
    with_it: list[ConsentDecision], without_it: list[ConsentDecision]
) -> None:
    plain = [replace(each, profiles_shown=_shown(each)) for each in without_it]
    assert fields_of(standing_of(*plain)) == fields_of(standing_of(*with_it, off=OFF))
    for number in (1, 2):
        expected, found = of_decision(*plain, number=number), of_decision(*with_it, number=number, off=OFF)
        assert expected == found


def _shown(decision: ConsentDecision) -> dict[str, int]:
    return {code: version for code, version in decision.profiles_shown.items() if code != "haven"}


def test_an_objection_is_told_alike_whether_the_child_agreed_to_what_is_off_paper() -> None:
    """That it changed nothing would tell a parent that there is something."""
    own = give(agencies=["haven"], capacity=Capacity.COMPETENT_CHILD, speaker=CHILD)
    objection = said(Act.WITHDRAW, 2)
    assert of_decision(objection, number=2) == of_decision(own, objection, number=2, off=OFF)


def test_a_childs_no_to_all_that_is_told_is_told_as_a_no_to_all() -> None:
    """A parent reads that their yes changed nothing, whether the child left something out or not."""
    own: dict[str, Any] = {"capacity": Capacity.COMPETENT_CHILD, "speaker": CHILD}
    plain, narrowed = said(Act.WITHDRAW, **own), said(Act.WITHDRAW, **own, exclude=["haven"])
    expected, found = of_decision(plain, give(2), number=2), of_decision(narrowed, give(2), number=2, off=OFF)
    assert found is not None
    assert (Told.NOTED, Told.NOTED) == (found.told, expected.told if expected else None)


def test_a_field_that_is_off_paper_is_not_named_as_left_out() -> None:
    account = standing_of(
        YES, said(Act.WITHDRAW, 2, fields=["child_health"]), off=OffPaper(fields=frozenset({"child_health"}))
    )
    assert (share("camhs food-bank", "P1 P2", "health name"),) == account.shares


def test_nothing_to_list_is_the_two_fields_that_every_receipt_has() -> None:
    assert {"schema_version", "receipt_id"} == fields_of(standing_of()).keys()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="an adult for themself"),
        pytest.param({"capacity": Capacity.COMPETENT_CHILD}, False, id="a child"),
        pytest.param({"capacity": Capacity.PARENTAL_RESPONSIBILITY}, False, id="a parent"),
        pytest.param({"capacity": None}, False, id="nobody said"),
        pytest.param({"speaker": DAD}, False, id="somebody else as them"),
        pytest.param({"speaker": None}, False, id="nobody known"),
        pytest.param({"authority": Authority.UNKNOWN}, False, id="nobody can tell"),
    ],
)
def test_only_their_own_wish_counts(changes: dict[str, Any], expected: bool) -> None:
    decision = give(**{"capacity": Capacity.SELF, "speaker": CHILD, **changes})
    assert expected == is_own_wish(decision, subject_id=CHILD)


# ---- ISO/IEC TS 27560 -----------------------------------------------------------------------------------

_INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_CODES = {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
_TEXT = {"type": "string", "minLength": 1}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*required],
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


SHAPE: Final = _object(
    {
        "schema_version": {"const": "urn:early-help-gateway:consent-receipt:1"},
        "receipt_id": {"type": "string", "format": "uuid"},
    },
    {
        "record_id": {"type": "string", "format": "uuid"},
        "pii_principal_id": {"type": "string", "format": "uuid"},
        "pii_processing": _object(
            {
                "pii_controllers": _CODES,
                "withdrawal_method": _TEXT,
                "jurisdiction": {"const": "GB-ENG"},
                "described_in_notice": _CODES,
            },
            {
                "privacy_notice": _object({"id": _TEXT, "version": _TEXT}),
                "language": _TEXT,
                "purposes": _CODES,
                "pii_information": {
                    "type": "array",
                    "minItems": 1,
                    "items": _object(
                        {
                            "pii_type": _TEXT,
                            "sensitive_pii_category": {"type": "boolean"},
                            "special_pii_category": {"type": "boolean"},
                        }
                    ),
                },
                "recipient_third_parties": {
                    "type": "array",
                    "items": _object(
                        {"party_id": _TEXT, "purposes": _CODES, "pii_types": _CODES},
                        {
                            "pii_types_excluded": _CODES,
                            "profile_version": {"type": "integer"},
                            "lawful_basis": _object({"article6": _TEXT}, {"article9": _TEXT}),
                        },
                    ),
                },
                "recipient_exclusions": _CODES,
            },
        ),
        "party_identification": {
            "type": "array",
            "items": _object(
                {"party_id": _TEXT, "party_name": _TEXT, "party_role": {"enum": ["controller", "recipient"]}}
            ),
        },
        "event": _object(
            {"event_type": _TEXT, "event_state": {"type": "string", "pattern": "^dpv:Consent"}},
            {
                "event_time": _INSTANT,
                "validity_duration": _object({"from": _INSTANT, "until": _INSTANT}),
                "entity_id": {"enum": [str(each) for each in Capacity]},
            },
        ),
    },
)

STATES = {
    "given": (standing_of(YES), ("give", "dpv:ConsentGiven")),
    "given in parts": (
        standing_of(WIDE, said(Act.WITHDRAW, 2, fields=["child_health"])),
        ("give", "dpv:ConsentGiven"),
    ),
    "ended": (standing_of(YES, now=NOW + 90 * DAY), ("give", "dpv:ConsentExpired")),
    "outgrown": (standing_of(YES, now=NOW + 40 * DAY, birthdays=SIXTEEN), ("give", "dpv:ConsentExpired")),
    "withdrawn": (standing_of(YES, said(Act.WITHDRAW, 2)), ("withdraw", "dpv:ConsentWithdrawn")),
    "a withdrawal": (of_decision(said(Act.WITHDRAW)), ("withdraw", "dpv:ConsentWithdrawn")),
    "refused": (standing_of(said(Act.REFUSE)), ("refuse", "dpv:ConsentRefused")),
    "held": (standing_of(YES, said(Act.HOLD, 2)), ("hold", "dpv:ConsentStatusInvalidForProcessing")),
    "held for now": (
        standing_of(said(Act.WITHDRAW, authority=Authority.UNKNOWN)),
        ("hold", "dpv:ConsentStatusInvalidForProcessing"),
    ),
    "coerced": (standing_of(YES, said(Act.INVALIDATE, 2)), ("stop", "dpv:ConsentRevoked")),
    "in error": (of_decision(said(Act.ENTER_IN_ERROR)), ("stop", "dpv:ConsentRevoked")),
    "noted": (of_decision(said(Act.REFUSE, authority=Authority.NONE)), ("refuse", "dpv:ConsentUnknown")),
    "stopped by what is off paper": (
        standing_of(YES, said(Act.WITHDRAW, 2, speaker=DAD, agencies=["haven"]), off=OFF),
        ("stop", "dpv:ConsentRevoked"),
    ),
}


@pytest.mark.parametrize(("account", "event"), STATES.values(), ids=STATES.keys())
def test_the_json_has_the_fields_of_the_specification(
    account: Account | None, event: tuple[str, str]
) -> None:
    assert account is not None
    fields: Any = fields_of(account)
    jsonschema.validate(fields, SHAPE, format_checker=jsonschema.FormatChecker())
    assert event == (fields["event"]["event_type"], fields["event"]["event_state"])
    assert {"pii_principal_id"} <= fields.keys()


def test_a_yes_as_a_machine_reads_it() -> None:
    decision = give(agencies=["camhs", "food-bank"], exclude=["haven"], fields=["domestic_abuse"])
    fields: Any = fields_of(standing_of(decision, said(Act.WITHDRAW, 2, fields=["child_health"])))
    processing = fields["pii_processing"]
    assert [str(UUID(int=1)), str(CHILD)] == [fields["record_id"], fields["pii_principal_id"]]
    assert {"id": "families", "version": "1"} == processing["privacy_notice"]
    assert ["en", ["P1", "P2"]] == [processing["language"], processing["purposes"]]
    assert [
        ("domestic_abuse", True, False),
        ("health", True, True),
        ("name", False, False),
    ] == [tuple(each[name] for name in sorted(each)) for each in processing["pii_information"]]
    assert {
        "party_id": "camhs",
        "purposes": ["P1", "P2"],
        "pii_types": ["domestic_abuse", "health", "name"],
        "pii_types_excluded": ["child_health"],
        "profile_version": 3,
        "lawful_basis": {"article6": "6(1)(e)", "article9": "9(2)(h)"},
    } == processing["recipient_third_parties"][0]
    assert {"article6": "6(1)(e)"} == processing["recipient_third_parties"][1]["lawful_basis"]
    assert ["haven"] == processing["recipient_exclusions"]
    assert ["A council", "The mental health service", "The food bank", "The haven"] == [
        party["party_name"] for party in fields["party_identification"]
    ]
    assert {
        "event_type": "give",
        "event_state": "dpv:ConsentGiven",
        "event_time": "2026-10-01T09:30:00Z",
        "validity_duration": {"from": "2026-10-01T09:30:00Z", "until": "2026-12-30T09:30:00Z"},
        "entity_id": "parental_responsibility",
    } == fields["event"]


def test_everything_stopped_is_said_as_everything() -> None:
    account = of_decision(said(Act.WITHDRAW))
    assert account is not None
    processing: Any = fields_of(account)["pii_processing"]
    everything = {"party_id": "all", "purposes": ["all"], "pii_types": ["all"]}
    assert ([everything], ["all"]) == (processing["recipient_third_parties"], processing["purposes"])


def test_the_number_of_a_receipt_follows_from_what_it_tells_and_whom() -> None:
    """Two receipts with one number say the same thing to the same person."""
    account = standing_of(YES)
    number = fields_of(account)["receipt_id"]
    assert number == fields_of(account)["receipt_id"]
    assert number != fields_of(standing_of(give(categories=["name"])))["receipt_id"]
    nobody = [
        receipt_fields(
            standing_of(),
            owner=UUID(int=owner),
            subject_id=None,
            controller="x",
            parties=(),
            catalogue=CATALOGUE,
        )
        for owner in (1, 2)
    ]
    assert nobody[0]["receipt_id"] != nobody[1]["receipt_id"]


# ---- any history ----------------------------------------------------------------------------------------

_AGENCIES = ("camhs", "food-bank", "haven")
_DATA = ("health", "name", "address")
_NAMES = ("child_health", "child_name", "risk_person", "domestic_abuse", "address")


def _some(codes: Sequence[str], *, least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(codes), unique=True, min_size=least)


_GIVES = st.fixed_dictionaries(
    {
        "agencies": _some(_AGENCIES, least=1),
        "exclude": _some(_AGENCIES),
        "categories": _some(_DATA),
        "fields": _some(_NAMES),
        "purposes": _some(("P1", "P2", "P3"), least=1),
    }
).map(lambda scope: (Act.GIVE, scope))
_CLOSINGS = st.tuples(
    st.sampled_from([act for act in Act if not act.opens]),
    st.fixed_dictionaries(
        {
            "agencies": _some((*_AGENCIES, "kind:refuge", *ALL)),
            "exclude": _some(_AGENCIES),
            "categories": _some(_DATA),
            "fields": _some(_NAMES),
            "purposes": _some(("P1", "P2")),
        }
    ),
)
_HISTORIES = st.lists(st.one_of(_GIVES, _CLOSINGS), max_size=6).map(
    lambda acts: [_said(act, number, scope) for number, (act, scope) in enumerate(acts, start=1)]
)


def _said(act: Act, number: int, scope: dict[str, Any]) -> ConsentDecision:
    return said(act, number, **scope)


@given(history=_HISTORIES)
def test_what_is_told_is_what_would_be_released(history: list[ConsentDecision]) -> None:
    """Field by field: the paper promises nothing that is refused and is silent of nothing that is released."""
    now = NOW + DAY
    standing = fold(history)
    released = set()
    for agency in _AGENCIES:
        for purpose in Purpose:
            result = evaluate(standing, agency=agency, purpose=purpose, now=now)
            if isinstance(result, Granted):
                released |= {
                    (agency, purpose.value, name)
                    for name, category in CATALOGUE.category_of.items()
                    if result.covers(name, category)
                }
    told = {
        (agency, purpose, name)
        for each in standing_of(*history, now=now).shares
        for agency in each.agencies
        for purpose in each.purposes
        for name, category in CATALOGUE.category_of.items()
        if name in each.fields or (category in each.categories and name not in each.without)
    }
    assert released == told


@given(history=_HISTORIES)
def test_a_receipt_names_nothing_that_is_off_paper(history: list[ConsentDecision]) -> None:
    accounts = [standing_of(*history, off=OFF)]
    accounts += [
        account
        for each in history
        if (account := of_decision(*history, number=each.sequence, off=OFF)) is not None
    ]
    for account in accounts:
        told = json.dumps(fields_of(account)).replace("party_address", "")
        assert [] == [word for word in ("haven", "refuge", "domestic_abuse", "address") if word in told]
