"""Identifiers: published and computed vectors, and the traps among them."""

from collections.abc import Callable

import pytest

from agencies import identifiers
from agencies.errors import IdentifierError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9990000018", "9990000018"),
        ("9990000026", "9990000026"),
        ("9990000034", "9990000034"),
        ("9990000107", "9990000107"),
        ("999 000 0018", "9990000018"),
        ("999-000-0018", "9990000018"),
    ],
)
def test_synthetic_nhs_number_is_accepted_where_data_is_synthetic(text: str, expected: str) -> None:
    assert expected == identifiers.nhs_number(text, synthetic=True)


@pytest.mark.parametrize("text", ["9434765919", "943 476 5919", "943-476-5919"])
def test_issued_nhs_number_is_accepted_in_production(text: str) -> None:
    assert identifiers.nhs_number(text, synthetic=False) == "9434765919"


@pytest.mark.parametrize("digit", "0123456789")
@pytest.mark.parametrize("synthetic", [True, False])
def test_repeated_digits_are_no_nhs_number(digit: str, synthetic: bool) -> None:
    """All ten pass Modulus 11, so the check digit alone would let them in."""
    with pytest.raises(IdentifierError, match="repeated"):
        identifiers.nhs_number(digit * 10, synthetic=synthetic)


@pytest.mark.parametrize(
    "text",
    [
        *[f"999000000{digit}" for digit in range(10)],
        "9990000019",
        "999000001",
        "99900000181",
        "\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff10\uff11\uff18",
        "+9990000018",
        "999000001X",
        "9990000018\n",
        "",
    ],
)
def test_wrong_nhs_number_is_refused(text: str) -> None:
    """999000000x has no valid check digit; digits of other scripts would pass str.isdigit."""
    with pytest.raises(IdentifierError):
        identifiers.nhs_number(text, synthetic=True)


def test_real_nhs_number_is_refused_where_data_is_synthetic() -> None:
    """A real person's number must never enter a demo."""
    with pytest.raises(IdentifierError, match="only synthetic"):
        identifiers.nhs_number("9434765919", synthetic=True)


def test_synthetic_nhs_number_is_refused_in_production() -> None:
    with pytest.raises(IdentifierError, match="not accepted"):
        identifiers.nhs_number("9990000018", synthetic=False)


@pytest.mark.parametrize(
    "text",
    ["X209999926001", "L209999926002", "H20999992600A", "B801200005001", "P207000016049", "x209999926001"],
)
def test_upn_with_the_right_check_letter_is_accepted(text: str) -> None:
    assert text.upper() == identifiers.upn(text)


@pytest.mark.parametrize(
    "text",
    [
        "Q207000016049",  # a vendor's published example: its sum is off by one, the letter is P
        "A209999926001",
        "X209999926002",
        "I209999926001",
        "X20999992600I",
        "X20999992600",
        "X2099999260011",
        "X\uff1209999926001",
        "\u017f209999926001",  # upper() makes an S of it
        "",
    ],
)
def test_wrong_upn_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        identifiers.upn(text)


@pytest.mark.parametrize(("number", "expected"), [("X209999926001", False), ("H20999992600A", True)])
def test_upn_form_tells_temporary_numbers(number: str, expected: bool) -> None:
    assert expected is identifiers.upn_is_temporary(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SE6 4RU", "SE6 4RU"),
        ("se64ru", "SE6 4RU"),
        (" SE13  6LG ", "SE13 6LG"),
        ("M1 1AE", "M1 1AE"),
        ("B33 8TH", "B33 8TH"),
        ("CR2 6XH", "CR2 6XH"),
        ("DN55 1PT", "DN55 1PT"),
        ("W1A 0AX", "W1A 0AX"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("GIR 0AA", "GIR 0AA"),
        ("ZZ99 3VZ", "ZZ99 3VZ"),
        ("zz993wz", "ZZ99 3WZ"),
    ],
)
def test_postcode_has_one_normal_form(text: str, expected: str) -> None:
    assert expected == identifiers.postcode(text)


@pytest.mark.parametrize(
    "text", ["", "SE6", "QQ1 1AA", "SE6 4CI", "ZZ99 3AZ", "SE6 4RU\n", "SE\uff16 4RU", "4RU"]
)
def test_wrong_postcode_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        identifiers.postcode(text)


@pytest.mark.parametrize(
    ("normalise", "text", "expected"),
    [
        (identifiers.uprn, "1", "1"),
        (identifiers.uprn, "000100020999", "100020999"),
        (identifiers.urn, "100999", "100999"),
        (identifiers.phone, "+44 7700 900123", "+447700900123"),
        (identifiers.phone, "+353-1-234-5678", "+35312345678"),
        (identifiers.email, "a.b+c@example.org", "a.b+c@example.org"),
        (identifiers.ward, "E05013714", "E05013714"),
        (identifiers.snomed, "195967001", "195967001"),
    ],
)
def test_other_identifier_is_accepted(normalise: Callable[[str], str], text: str, expected: str) -> None:
    assert expected == normalise(text)


@pytest.mark.parametrize(
    ("normalise", "text"),
    [
        (identifiers.uprn, "1234567890123"),
        (identifiers.uprn, "0"),
        (identifiers.uprn, "12a"),
        (identifiers.uprn, "\u0661\u0662"),
        (identifiers.urn, "10099"),
        (identifiers.urn, "010099"),
        (identifiers.phone, "07700900123"),
        (identifiers.phone, "+4407700900123"),
        (identifiers.phone, "+1234567890123456"),
        (identifiers.phone, "+0123456789"),
        (identifiers.email, "nobody"),
        (identifiers.email, "a@b"),
        (identifiers.email, "a b@example.org"),
        (identifiers.email, "a..b@example.org"),
        (identifiers.email, "a@example.org\n"),
        (identifiers.email, f"{'a' * 65}@example.org"),
        (identifiers.ward, "E09000023"),
        (identifiers.ward, "E0501371"),
        (identifiers.snomed, "12345"),
    ],
)
def test_other_wrong_identifier_is_refused(normalise: Callable[[str], str], text: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        normalise(text)
    assert text not in str(refused.value)
