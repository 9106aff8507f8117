"""Access tokens, verified without a server: what is remembered of them, and the edges of time."""

from datetime import UTC, datetime

from joserfc.jwk import ECKey

from gateway.oauth.errors import InvalidTokenError
from gateway.oauth.keys import active_key
from gateway.oauth.tokens import SignatureMemory, verify_token
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import Partner, claims_of


def test_a_remembered_signature_is_that_of_exactly_one_token() -> None:
    """The memory holds digests of whole tokens, and only so many."""
    memory = SignatureMemory(capacity=2)
    for token in ("a", "b"):
        memory.remember(token)
    assert memory.knows("a")
    memory.remember("c")
    assert [memory.knows(token) for token in ("a", "b", "c", "d")] == [True, False, True, False]


def test_a_signature_is_checked_once_per_token(council: Council, partner: Partner) -> None:
    """What the memory is for; the second look finds no key and needs none."""
    token, memory, asked = partner.token(), SignatureMemory(), []
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring)

    def key_of(kid: str) -> ECKey:
        asked.append(kid)
        return ours.key

    for _ in range(2):
        verify_token(
            token,
            key_of=key_of,
            memory=memory,
            issuer=partner.issuer,
            resource=partner.resource,
            now=datetime.now(UTC),
        )
    assert asked == [ours.kid]


def test_a_token_ends_on_the_second_and_may_come_from_a_clock_ahead(
    council: Council, partner: Partner
) -> None:
    """Half-open: valid at issue, not any more 300 s later; time enters as a value."""
    token = partner.token()
    issued = claims_of(token)["iat"]
    with council.wiring.engine.connect() as connection:
        ours = active_key(connection, council.wiring.keyring)

    def valid(moment: float) -> bool:
        try:
            verify_token(
                token,
                key_of=lambda _kid: ours.key,
                memory=SignatureMemory(),
                issuer=partner.issuer,
                resource=partner.resource,
                now=datetime.fromtimestamp(moment, UTC),
            )
        except InvalidTokenError:
            return False
        return True

    offsets = {offset: valid(issued + offset) for offset in (-31, -30, 0, 299.9, 300)}
    assert offsets == {-31: False, -30: True, 0: True, 299.9: True, 300: False}
