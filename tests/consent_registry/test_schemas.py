"""The consent decision document is read whole or refused with every fault in its place."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from consent_registry.errors import InvalidDocumentError
from consent_registry.model import Act
from consent_registry.schemas import DecisionRequest, Vocabulary, load_decision

KNOWN = Vocabulary(
    frozenset({"name", "health"}),
    frozenset({"child_name", "risk_person"}),
    parental_bases=frozenset({"birth_mother"}),
)
GIVE: dict[str, Any] = {
    "decision_id": "9e0c3c1e-6d2f-4b57-9b0e-4f0e1c7a0d11",
    "source_ref": "EH-0001",
    "person": "P-17",
    "act": "give",
    "recorded_by": "ada",
    "given_by": {"person": "P-17", "capacity": "self"},
    "agencies": ["all", "camhs", "kind:charity"],
    "exclude": ["met"],
    "categories": ["name"],
    "fields": ["risk_person"],
    "purposes": ["P1"],
    "valid_from": "2026-10-01",
    "valid_until": "2027-01-01",
    "method": "signed_form",
    "evidence": {"scan": {"sha256": "00"}},
    "alone_and_safe": "yes",
    "notice": {"id": "families", "version": 3, "language": "en-GB"},
    "profiles_shown": {"camhs": 3},
    "reason": "not_asked",
}
CLOSE_MEMBERS = ("decision_id", "source_ref", "person", "recorded_by")
CLOSE = {name: GIVE[name] for name in CLOSE_MEMBERS} | {"act": "withdraw"}
CLOSING = [act.value for act in Act if not act.opens]


def load(document: object) -> DecisionRequest:
    return load_decision(document, vocabulary=KNOWN)


def pointers(document: object) -> list[str]:
    with pytest.raises(InvalidDocumentError) as refused:
        load(document)
    return [fault.pointer for fault in refused.value.faults]


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def test_a_whole_give_is_read() -> None:
    request = load(GIVE)
    assert request.agencies == ("all", "camhs", "kind:charity")
    assert request.exclude == ("met",)
    assert request.fields == {"risk_person"}
    assert request.received is GIVE


@pytest.mark.parametrize("act", CLOSING)
def test_an_act_that_closes_needs_five_members(act: str) -> None:
    """GDPR Art. 7(3): withdrawing takes no more than this, and less than giving."""
    request = load(CLOSE | {"act": act})
    assert request.reason == "not_asked"
    assert len(CLOSE) == 5


@pytest.mark.parametrize("name", [*CLOSE_MEMBERS, "act"])
def test_each_of_the_five_members_is_needed(name: str) -> None:
    assert pointers(without(CLOSE, name)) == [f"/{name}"]


def test_a_case_may_be_named_by_our_own_reference() -> None:
    reference = "7c1f3c52-53f4-4e43-9f0d-1f1f1d7f2b9c"
    request = load(without(CLOSE, "source_ref") | {"case_ref": reference})
    assert str(request.case_ref) == reference
    assert request.source_ref is None


@pytest.mark.parametrize("act", ["give", "withdraw"])
def test_two_references_are_refused(act: str) -> None:
    """Two cases in one document: nobody could say which one was meant."""
    reference = "7c1f3c52-53f4-4e43-9f0d-1f1f1d7f2b9c"
    assert pointers(GIVE | {"act": act, "case_ref": reference}) == ["/source_ref"]


@pytest.mark.parametrize("name", ["given_by", "agencies", "purposes", "method", "notice", "profiles_shown"])
def test_a_give_needs_what_must_be_provable(name: str) -> None:
    assert pointers(without(GIVE, name)) == [f"/{name}"]


@pytest.mark.parametrize("name", ["agencies", "purposes"])
def test_a_give_to_nobody_or_for_nothing_is_refused(name: str) -> None:
    assert pointers(GIVE | {name: []}) == [f"/{name}"]


def test_a_give_of_no_data_is_refused() -> None:
    assert pointers(GIVE | {"categories": [], "fields": []}) == ["/categories"]
    assert load(GIVE | {"categories": []}).categories == frozenset()
    assert load(without(GIVE, "fields")).fields == frozenset()


FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown member": ({"Mrs Smith": 1}, [""]),
    "unknown member inside": ({"notice": GIVE["notice"] | {"x": 1}}, ["/notice"]),
    "urn as id": ({"decision_id": "urn:uuid:" + GIVE["decision_id"]}, ["/decision_id"]),
    "number as id": ({"decision_id": 7}, ["/decision_id"]),
    "unknown act": ({"act": "allow"}, ["/act"]),
    "act is a list": ({"act": ["give"]}, ["/act"]),
    "unknown capacity": ({"given_by": {"person": "P-17", "capacity": "worker"}}, ["/given_by/capacity"]),
    "self for another": ({"given_by": {"person": "P-18", "capacity": "self"}}, ["/given_by/capacity"]),
    "parent of oneself": (
        {"given_by": {"person": "P-17", "capacity": "parental_responsibility"}},
        ["/evidence/parental_responsibility", "/given_by/capacity"],
    ),
    "all but all": ({"exclude": ["all"]}, ["/exclude/0"]),
    "agency in capitals": ({"agencies": ["camhs", "CAMHS"]}, ["/agencies/1"]),
    "agencies as text": ({"agencies": "all"}, ["/agencies"]),
    "too many agencies": ({"agencies": ["camhs"] * 201}, ["/agencies"]),
    "unknown category": ({"categories": ["name", "gossip"]}, ["/categories/1"]),
    "unknown field": ({"fields": ["child_name", "gossip"]}, ["/fields/1"]),
    "field as number": ({"fields": [2]}, ["/fields/0"]),
    "unknown purpose": ({"purposes": ["P1", "P7"]}, ["/purposes/1"]),
    "end before beginning": ({"valid_until": "2026-09-30"}, ["/valid_until"]),
    "end at beginning": ({"valid_until": "2026-10-01"}, ["/valid_until"]),
    "no such day": ({"valid_from": "2026-02-30"}, ["/valid_from"]),
    "week date": ({"valid_from": "2026-W40-1"}, ["/valid_from"]),
    "compact date": ({"valid_from": "20261001"}, ["/valid_from"]),
    "no zone": ({"valid_from": "2026-10-01T00:00:00"}, ["/valid_from"]),
    "a far year": ({"valid_until": "9999-12-31"}, ["/valid_until"]),
    "null": ({"valid_until": None}, ["/valid_until"]),
    "evidence is a list": ({"evidence": []}, ["/evidence"]),
    "unclear answer": ({"alone_and_safe": "perhaps"}, ["/alone_and_safe"]),
    "version is true": ({"notice": GIVE["notice"] | {"version": True}}, ["/notice/version"]),
    "version is zero": ({"profiles_shown": {"camhs": 0}}, ["/profiles_shown"]),
    "profile of no agency": ({"profiles_shown": {"Mrs Smith": 1}}, ["/profiles_shown"]),
    "line break in a reason": ({"reason": "He said\nno."}, ["/reason"]),
    "blank reference": ({"source_ref": " \u00a0"}, ["/source_ref"]),
    "line break after a name": ({"recorded_by": "ada\n"}, ["/recorded_by"]),
    "line break after a code": ({"method": "signed_form\n"}, ["/method"]),
    "line break in a name": ({"recorded_by": "ada\nroot"}, ["/recorded_by"]),
    "two faults": ({"method": "", "person": ""}, ["/method", "/person"]),
}


@pytest.mark.parametrize(("change", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_in_its_place(change: dict[str, Any], expected: list[str]) -> None:
    assert expected == pointers(GIVE | change)


SEEN: dict[str, dict[str, Any]] = {
    "competence": {"assessor": "ada", "assessed_on": "2026-11-01", "reasons": "She explained it."},
    "parental_responsibility": {"basis": "birth_mother", "seen": "birth certificate"},
    "representative": {"authority": "deputy", "seen": "order of the court"},
    "interpreter": {"id": "int-7", "relative": False},
    "resolution": {"grounds": "court_order", "decided_by": "mo", "reasons": "The court ordered it."},
    "receipt": {"shows_sensitive": True},
}
WRONG: dict[str, tuple[str, Any]] = {
    "assessed on no day": ("competence/assessed_on", "2026-02-30"),
    "assessed by nobody": ("competence/assessor", " "),
    "views that are a list": ("competence/views", []),
    "a basis that there is not": ("parental_responsibility/basis", "grandmother"),
    "a basis that is none": ("parental_responsibility/basis", "none"),
    "a basis that is a list": ("parental_responsibility/basis", ["birth_mother"]),
    "an authority that there is not": ("representative/authority", "neighbour"),
    "a relative interprets": ("interpreter/relative", True),
    "a relative, perhaps": ("interpreter/relative", "no"),
    "grounds that there are not": ("resolution/grounds", "shouting"),
    "decided by nobody": ("resolution/decided_by", ""),
    "a wish that is a word": ("receipt/shows_sensitive", "yes"),
}


@pytest.mark.parametrize("part", SEEN)
def test_each_part_of_the_evidence_is_whole_and_may_hold_more(part: str) -> None:
    """What a council adds of its own is kept; what is known here and missing is told."""
    sent = {"evidence": {"scan": 1, part: SEEN[part] | {"of our own": [1]}}}
    evidence: dict[str, Any] = load(GIVE | sent).evidence
    assert [1] == evidence[part]["of our own"]
    for member in SEEN[part]:
        assert [f"/evidence/{part}/{member}"] == pointers(
            GIVE | {"evidence": {part: without(SEEN[part], member)}}
        )


@pytest.mark.parametrize(("place", "value"), WRONG.values(), ids=WRONG.keys())
def test_evidence_that_is_present_is_checked(place: str, value: object) -> None:
    part, member = place.split("/")
    assert [f"/evidence/{place}"] == pointers(GIVE | {"evidence": {part: SEEN[part] | {member: value}}})


NEEDED: dict[str, tuple[dict[str, Any], str]] = {
    "a competent child": ({"given_by": {"person": "P-17", "capacity": "competent_child"}}, "competence"),
    "a parent": (
        {"given_by": {"person": "P-18", "capacity": "parental_responsibility"}},
        "parental_responsibility",
    ),
    "a representative": ({"given_by": {"person": "P-18", "capacity": "representative"}}, "representative"),
    "an interpreter": ({"method": "interpreter_mediated"}, "interpreter"),
}


@pytest.mark.parametrize(("more", "part"), NEEDED.values(), ids=NEEDED.keys())
def test_a_give_needs_the_evidence_of_who_spoke_and_how(more: dict[str, Any], part: str) -> None:
    whole = GIVE | more | {"evidence": SEEN}
    evidence: dict[str, Any] = load(whole).evidence
    assert SEEN[part].keys() == evidence[part].keys()
    assert [f"/evidence/{part}"] == pointers(whole | {"evidence": without(SEEN, part)})


CORE = {"decision_id", "source_ref", "person", "act", "recorded_by"}


@pytest.mark.parametrize(("change", "_expected"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_a_fault_of_a_give_makes_a_withdrawal_a_hold_of_everything(
    change: dict[str, Any], _expected: list[str]
) -> None:
    document = GIVE | {"act": "withdraw"} | change
    if CORE & change.keys():
        pointers(document)
        return
    request = load(document)
    assert request.received is document
    if request.faults:
        assert (Act.HOLD, (), None) == (request.act, request.agencies, request.given_by)
        assert frozenset() == request.categories | request.fields | request.purposes
    else:
        assert Act.WITHDRAW is request.act


@pytest.mark.parametrize("act", CLOSING)
def test_a_stop_with_a_reference_that_is_null_names_one_case_and_is_a_hold(act: str) -> None:
    request = load(CLOSE | {"act": act, "case_ref": None})
    assert (Act.HOLD, "EH-0001", None) == (request.act, request.source_ref, request.case_ref)
    assert ["/case_ref", "/source_ref"] == [fault.pointer for fault in request.faults]
    assert ["/source_ref"] == pointers(without(CLOSE, "source_ref") | {"case_ref": None, "source_ref": None})[
        -1:
    ]


JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
OPTIONAL = sorted(GIVE.keys() - CORE)


@given(
    more=st.dictionaries(st.sampled_from(OPTIONAL) | st.text(max_size=9), JSON), act=st.sampled_from(CLOSING)
)
def test_whatever_else_is_sent_a_stop_is_never_turned_away(more: dict[str, Any], act: str) -> None:
    document = {**without(more, *CORE, "case_ref"), **CLOSE, "act": act}
    request = load(document)
    assert (Act.HOLD if request.faults else Act(act)) is request.act
    assert (GIVE["person"], "EH-0001", "ada") == (request.person, request.source_ref, request.recorded_by)


@pytest.mark.parametrize("document", [None, [], "x", 1], ids=repr)
def test_what_is_no_object_is_refused(document: object) -> None:
    assert pointers(document) == [""]


def test_a_fault_never_quotes_a_value() -> None:
    """Faults travel to logs and to other systems; values are about families."""
    secret = "Mrs Smith of 4 Acacia Avenue"
    document = (
        dict.fromkeys([*GIVE, secret], secret)
        | {"profiles_shown": {secret: 1}}
        | {"categories": [secret], "notice": {"id": secret}}
    )
    with pytest.raises(InvalidDocumentError) as refused:
        load(document)
    assert "Smith" not in str(refused.value)


def test_a_request_does_not_show_in_its_repr() -> None:
    assert "P-17" not in repr(load(GIVE))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-01", datetime(2026, 9, 30, 23, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-10-01T12:00:00+02:00", datetime(2026, 10, 1, 10, tzinfo=UTC)),
        ("2026-10-01t12:00:00.5z", datetime(2026, 10, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
    ],
    ids=["summer date", "winter date", "offset", "lower case"],
)
def test_dates_turn_at_midnight_in_london(text: str, expected: datetime) -> None:
    assert expected == load(GIVE | {"valid_from": text}).valid_from
