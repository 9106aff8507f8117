"""Client assertions, read and verified without a server: the key that a ``kid`` narrows to, and the edges of time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.oauth.assertion import read_assertion, verify_assertion
from gateway.oauth.errors import InvalidClientError
from gateway.oauth.model import Client
from gateway.oauth.repository import find_client
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner

NOW = 1_800_000_000


@pytest.fixture
def client(council: Council, partner: Partner) -> Client:
    with council.wiring.autocommit.connect() as connection:
        found = find_client(connection, partner.client_id, now=datetime.now(UTC))
    assert found is not None
    return found


def _accepted(partner: Partner, client: Client, header: Any = None, **claims: Any) -> bool:
    times = {"iat": NOW, "exp": NOW + 60}
    unverified, subject = read_assertion(partner.assertion(header, **{**times, **claims}))
    assert client.client_id == subject
    try:
        verified = verify_assertion(
            unverified, client=client, issuer=partner.issuer, now=datetime.fromtimestamp(NOW, UTC)
        )
    except InvalidClientError:
        return False
    assert partner.key.thumbprint() == verified.key
    return True


@pytest.mark.parametrize(
    ("claim", "edges"),
    [
        ("exp", {-1: False, 0: False, 1: True, 300: True, 301: False}),
        ("iat", {-100_000: True, 30: True, 31: False}),
        ("nbf", {-100_000: True, 30: True, 31: False}),
    ],
)
def test_the_window_of_an_assertion_ends_on_the_second(
    partner: Partner, client: Client, claim: str, edges: dict[int, bool]
) -> None:
    """Time enters as a value."""
    assert edges == {offset: _accepted(partner, client, **{claim: NOW + offset}) for offset in edges}


def test_a_kid_narrows_and_never_widens(partner: Partner, client: Client) -> None:
    """The registered key is found by its thumbprint; an unknown kid finds nothing, though the key is there."""
    kids = {partner.key.thumbprint(): True, "other": False, "": False}
    assert kids == {kid: _accepted(partner, client, {"kid": kid}) for kid in kids}
    assert _accepted(partner, client)


def test_a_client_that_is_not_there_is_refused_like_a_wrong_signature(
    partner: Partner, client: Client
) -> None:
    """What is known here is nobody's business."""
    answers = set()
    for assertion, known in ((partner.assertion(), None), (partner.assertion()[:-4] + "AAAA", client)):
        unverified, _ = read_assertion(assertion)
        with pytest.raises(InvalidClientError) as refused:
            verify_assertion(unverified, client=known, issuer=partner.issuer, now=datetime.now(UTC))
        answers.add(refused.value.description)
    assert 1 == len(answers)
