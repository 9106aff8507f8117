"""Whoever checks the log in another language must come to the very bytes we hashed."""

import pytest

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
