"""A blind index finds equal values and tells nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.blind_index import blind_index, normalise
from certs.envelope import new_key
from certs.errors import BlindIndexError

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siân O'Neill", "SIÂN O'NEILL"),
        ("Siân", "Sia\u0302n"),
        ("  Ada   Byron ", "ada byron"),
        ("Weiß", "WEISS"),
        ("\uff21\uff22", "ab"),
        ("a\u00a0b", "a b"),
    ],
    ids=["case", "composition", "spaces", "sharp s", "full width", "no-break space"],
)
def test_spellings_of_one_value_have_one_index(one: str, other: str) -> None:
    """Two systems write the same name differently; a search must still find the family."""
    assert blind_index(KEY, kind="name", value=one) == blind_index(KEY, kind="name", value=other)


@given(value=st.text(max_size=40))
def test_normalising_twice_changes_nothing(value: str) -> None:
    assert normalise(value) == normalise(normalise(value))


def test_different_values_have_different_indexes() -> None:
    assert blind_index(KEY, kind="name", value="ada") != blind_index(KEY, kind="name", value="adb")


def test_one_value_under_two_kinds_has_unrelated_indexes() -> None:
    """Otherwise a reader of the table could see that a reference is also a phone number."""
    assert blind_index(KEY, kind="phone", value="020") != blind_index(KEY, kind="ref", value="020")


def test_without_the_key_a_guess_finds_nothing() -> None:
    """Dates of birth are few: an unkeyed hash would be undone by trying them all."""
    assert blind_index(KEY, kind="dob", value="2019-03-01") != blind_index(
        new_key(), kind="dob", value="2019-03-01"
    )


@pytest.mark.parametrize("value", ["", "   ", "\u00a0\t"])
def test_an_empty_value_has_no_index(value: str) -> None:
    """An index of nothing would join everybody whose field is empty."""
    with pytest.raises(BlindIndexError):
        blind_index(KEY, kind="name", value=value)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(BlindIndexError):
        blind_index(b"short", kind="name", value="ada")
