"""Which keys a client may have: their strength is checked where they enter, since verification would not notice."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from gateway.oauth.errors import RegistrationError
from gateway.oauth.registration import register_client
from tests.gateway.oauth.conftest import Council
from tests.gateway.oauth.partner import new_key


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param(lambda: RSAKey.generate_key(1024).as_dict(private=False), id="RSA of 1024 bits"),
        pytest.param(lambda: new_key().as_dict(private=True), id="private"),
        pytest.param(lambda: ECKey.generate_key("P-384").as_dict(private=False), id="another curve"),
        pytest.param(lambda: {"kty": "oct", "k": "AAAA"}, id="symmetric"),
        pytest.param(dict, id="empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*2048")
def test_a_weak_or_private_key_is_never_registered(
    council: Council, jwk: Callable[[], dict[str, Any]]
) -> None:
    with council.wiring.engine.begin() as connection, pytest.raises(RegistrationError):
        register_client(connection, agency=None, scopes=["case:write"], keys=[jwk()])
