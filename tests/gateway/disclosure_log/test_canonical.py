"""Whoever checks the log in another language must come to the very bytes we hashed."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract_client.log.canonical import canonical as of_partner
from gateway.disclosure_log.canonical import MAX_INTEGER, Canonical, NotCanonicalError, canonical


def test_members_are_sorted_and_nothing_is_added() -> None:
    value: Canonical = {"b": [True, MAX_INTEGER, -MAX_INTEGER], "a": {"Z": "é\u2028", "A": ""}}
    expected = '{"a":{"A":"","Z":"é\u2028"},"b":[true,9007199254740991,-9007199254740991]}'
    assert expected.encode() == canonical(value)


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), None, b"x", {1}, MAX_INTEGER + 1, -MAX_INTEGER - 1, {"é": "x"}, {1: "x"}],
    ids=repr,
)
def test_what_readers_disagree_about_is_refused_at_any_depth(value: Canonical) -> None:
    """Else an entry would stand whose hash an honest checker cannot reproduce."""
    for nested in (value, [value], {"a": [{"b": value}]}):
        with pytest.raises(NotCanonicalError):
            canonical(nested)


_MEMBERS = st.text(st.characters(max_codepoint=127), max_size=6)
_VALUES: st.SearchStrategy[Canonical] = st.recursive(
    st.text() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER),
    lambda below: st.lists(below) | st.lists(below).map(tuple) | st.dictionaries(_MEMBERS, below),
)


@given(_VALUES)
def test_the_quick_encoder_writes_what_the_partner_writes(value: Canonical) -> None:
    """Else the gateway would hash bytes to which no partner comes."""
    assert of_partner(value) == canonical(value)


class _Code(StrEnum):
    F = "full"


def test_a_code_is_its_text() -> None:
    assert b'["full"]' == canonical([_Code.F]) == of_partner([_Code.F])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_sign_is_refused_by_both(text: str) -> None:
    for encode in (canonical, of_partner):
        with pytest.raises(NotCanonicalError):
            encode({"a": text})


def test_a_value_without_end_is_refused_by_both() -> None:
    deep: Canonical = "x"
    for _ in range(100_000):
        deep = [deep]
    for encode in (canonical, of_partner):
        with pytest.raises(NotCanonicalError):
            encode(deep)
