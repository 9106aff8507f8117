"""Tokens at the edges of what counts: a second more and they do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.staff.errors import ProviderAnswerError
from gateway.staff.id_token import LOGOUT_EVENT, Expected, Identity, Logout, check_claims, check_logout

NOW = datetime(2026, 6, 4, 9, 30, tzinfo=UTC)
BEGUN = NOW - timedelta(minutes=2)
AT, BEGUN_AT = int(NOW.timestamp()), int(BEGUN.timestamp())
ISSUER, US = "https://login.example.org", "gateway"
EXPECTED = Expected(issuer=ISSUER, client_id=US, nonce="n-1", begun_at=BEGUN, now=NOW)
STEP_UP = replace(EXPECTED, subject="u-1", max_age=0)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": US,
    "sub": "u-1",
    "nonce": "n-1",
    "iat": AT,
    "exp": AT + 300,
    "auth_time": AT - 10,
}


def accepted(changes: dict[str, Any], expected: Expected) -> bool:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    try:
        return check_claims(claims, expected) == Identity(ISSUER, claims["sub"])
    except ProviderAnswerError:
        return False


OLD = replace(EXPECTED, max_age=3600)
CASES: dict[str, tuple[dict[str, Any], Expected, bool]] = {
    "as it should be": ({}, EXPECTED, True),
    "over for a minute": ({"exp": AT - 60}, EXPECTED, True),
    "over for longer": ({"exp": AT - 61}, EXPECTED, False),
    "made in a minute": ({"iat": AT + 60}, EXPECTED, True),
    "made later": ({"iat": AT + 61}, EXPECTED, False),
    "made a minute before we asked": ({"iat": BEGUN_AT - 60}, EXPECTED, True),
    "made before that": ({"iat": BEGUN_AT - 61}, EXPECTED, False),
    "valid in a minute": ({"nbf": AT + 60}, EXPECTED, True),
    "valid later": ({"nbf": AT + 61}, EXPECTED, False),
    "a fraction of a second": ({"iat": AT + 0.5}, EXPECTED, True),
    "for us in a list": ({"aud": [US]}, EXPECTED, True),
    "for us twice": ({"aud": [US, US]}, EXPECTED, False),
    "for nobody": ({"aud": []}, EXPECTED, False),
    "authorized for us": ({"azp": US}, EXPECTED, True),
    "authorized for nobody": ({"azp": ""}, EXPECTED, False),
    "a subject of 255 characters": ({"sub": "u" * 255}, EXPECTED, True),
    "a subject of more": ({"sub": "u" * 256}, EXPECTED, False),
    "no auth_time where none was asked": ({"auth_time": ...}, EXPECTED, True),
    "no auth_time where one was": ({"auth_time": ...}, OLD, False),
    "signed in as long ago as was asked": ({"auth_time": BEGUN_AT - 3660}, OLD, True),
    "signed in longer ago": ({"auth_time": BEGUN_AT - 3661}, OLD, False),
    "signed in to come": ({"auth_time": AT + 61}, OLD, False),
    "a fresh proof": ({}, STEP_UP, True),
    "a fresh proof before we asked": ({"auth_time": BEGUN_AT - 61}, STEP_UP, False),
    "a proof of five minutes": ({"auth_time": AT - 300}, replace(STEP_UP, max_age=3600), True),
    "a proof older than that": ({"auth_time": AT - 301}, replace(STEP_UP, max_age=3600), False),
    "a proof without its age asked": ({}, replace(STEP_UP, max_age=None), False),
    "a proof without auth_time": ({"auth_time": ...}, STEP_UP, False),
    "somebody else's proof": ({}, replace(STEP_UP, subject="u-2"), False),
    "an acr": ({"acr": "gold"}, replace(STEP_UP, acr="gold"), True),
    "one of several": ({"acrs": ["silver", "gold"]}, replace(STEP_UP, acr="gold"), True),
    "several in one text": ({"acr": "silver gold"}, replace(STEP_UP, acr="gold"), False),
    "several that are no list": ({"acrs": "gold"}, replace(STEP_UP, acr="gold"), False),
    "no acr": ({}, replace(STEP_UP, acr="gold"), False),
}


@pytest.mark.parametrize(("changes", "expected", "right"), CASES.values(), ids=CASES.keys())
def test_a_token_counts_as_long_as_it_answers_this_login(
    changes: dict[str, Any], expected: Expected, right: bool
) -> None:
    assert right is accepted(changes, expected)


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "nonce", "iat", "exp"])
@pytest.mark.parametrize("value", [..., None, True, 7, [], {}], ids=str)
def test_what_has_to_be_there_has_one_type(name: str, value: Any) -> None:
    """A number is fine for an instant, and that one is long ago."""
    assert not accepted({name: value}, EXPECTED)


WORD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": US,
    "sub": "u-1",
    "iat": AT,
    "jti": "j-1",
    "events": {LOGOUT_EVENT: {}},
}
WORDS: dict[str, tuple[dict[str, Any], bool]] = {
    "as it should be": ({}, True),
    "with an end": ({"exp": AT + 120}, True),
    "over for a minute": ({"exp": AT - 60}, True),
    "over for longer": ({"exp": AT - 61}, False),
    "an end that is none": ({"exp": None}, False),
    "made five minutes ago": ({"iat": AT - 300}, True),
    "made longer ago": ({"iat": AT - 301}, False),
    "made in a minute": ({"iat": AT + 60}, True),
    "made later": ({"iat": AT + 61}, False),
    "with another event": ({"events": {LOGOUT_EVENT: {}, "https://other.example": 1}}, True),
    "a nonce that is nothing": ({"nonce": None}, False),
    "a session beside the subject": ({"sid": "s-1"}, True),
}


@pytest.mark.parametrize(("changes", "right"), WORDS.values(), ids=WORDS.keys())
def test_a_word_of_the_providers_counts_for_five_minutes(changes: dict[str, Any], right: bool) -> None:
    claims = {**WORD, **changes}
    if right:
        said = check_logout(claims, issuer=ISSUER, client_id=US, now=NOW)
        assert Logout(Identity(ISSUER, "u-1"), "j-1") == said
    else:
        with pytest.raises(ProviderAnswerError):
            check_logout(claims, issuer=ISSUER, client_id=US, now=NOW)


def test_a_refusal_says_nothing_of_the_token() -> None:
    for name in CLAIMS:
        with pytest.raises(ProviderAnswerError) as caught:
            check_claims(
                {**CLAIMS, name: "canary"}, OLD if name == "auth_time" else replace(EXPECTED, subject="x")
            )
        assert "canary" not in str(caught.value)
