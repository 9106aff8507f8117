"""DPoP proofs, verified without a server: how addresses are compared, and the edges of time."""

from datetime import UTC, datetime

import pytest

from gateway.oauth.dpop import normalise, verify_proof
from gateway.oauth.errors import InvalidProofError
from tests.gateway.oauth.partner import Partner


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("HTTPS://GATEWAY.test:8443/v1/me", "https://gateway.test:8443/v1/me"),
        ("https://gateway.test:443/v1/me", "https://gateway.test/v1/me"),
        ("https://gateway.test/v1/me?a=b#c", "https://gateway.test/v1/me"),
        ("https://gateway.test/v1/%6de", "https://gateway.test/v1/me"),
        ("https://gateway.test", "https://gateway.test/"),
    ],
)
def test_spellings_of_one_address_are_one_address(sent: str, meant: str) -> None:
    """RFC 9449 section 4.3: compared after normalisation, without query and fragment."""
    assert normalise(sent) == normalise(meant) != ""


@pytest.mark.parametrize(
    "sent",
    [
        "",
        None,
        1,
        ["https://a/"],
        "https://",
        "http://a/",
        "https://a:x/",
        "https://[/",
        "https://a/b%2Fc",
        "https://é/",
        " https://a/",
        "https://a/ ",
        "https://a/\n",
        "ht\ttps://a/",
        "https://a\x00/",
        "https://user@a/",
    ],
)
def test_what_is_no_address_equals_none(sent: object) -> None:
    """The URL parser of the library takes blanks and line ends away; here they make another text."""
    assert normalise(sent) == ""


def test_the_window_of_a_proof_is_closed_at_both_ends(partner: Partner) -> None:
    """Exactly 60 s back and 30 s ahead are accepted, a second more is not; time enters as a value."""
    issued = 1_800_000_000
    proof = partner.proof(iat=issued)

    def accepted(moment: int) -> bool:
        try:
            verify_proof(
                proof, method="POST", addresses=[partner.token_url], now=datetime.fromtimestamp(moment, UTC)
            )
        except InvalidProofError:
            return False
        return True

    offsets = {offset: accepted(issued + offset) for offset in (-31, -30, 60, 61)}
    assert offsets == {-31: False, -30: True, 60: True, 61: False}
