"""A-14: an assertion that was made for somebody else, or for anybody: lists, addresses, other servers.

The audience is our issuer, as one string (FAPI 2.0 section 5.3.2.1 (8)). Expected: 400 ``invalid_client``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.adversarial.attackers import ASSERTIONS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace

AUDIENCES: Mapping[str, Callable[[str], Any]] = {
    "list of the issuer alone": lambda issuer: [issuer],
    "list with another server": lambda issuer: [issuer, "https://evil.example"],
    "object": lambda issuer: {issuer: True},
    "token endpoint": lambda issuer: issuer + "/oauth/token",
    "protected resource": lambda issuer: issuer + "/v1",
    "metadata": lambda issuer: issuer + "/.well-known/oauth-authorization-server",
    "with a slash": lambda issuer: issuer + "/",
    "with a query": lambda issuer: issuer + "?",
    "with a blank": lambda issuer: issuer + " ",
    "in capitals": str.upper,
    "without TLS": lambda issuer: issuer.replace("https:", "http:"),
    "without a scheme": lambda issuer: issuer.removeprefix("https://"),
    "another port": lambda issuer: issuer.rpartition(":")[0] + ":1",
    "another server": lambda _: "https://evil.example",
    "our name below another": lambda issuer: issuer + ".evil.example",
    "empty": lambda _: "",
    "null": lambda _: None,
    "absent": lambda _: ...,
}


def _for(audience: Callable[[str], Any]) -> Attack:
    def attack(honest: Honest) -> str:
        return honest.changed(aud=audience(honest.claims["aud"]))

    return attack


@pytest.mark.parametrize("target", ASSERTIONS)
def test_an_assertion_for_another_audience_is_refused(door: DoorPlace, target: str) -> None:
    attacks = {name: _for(audience) for name, audience in AUDIENCES.items()}
    attacks["the mutual-TLS address"] = _for(lambda _: door.settings.mtls_url)
    assert_refused(ASSERTIONS[target](door), attacks)
