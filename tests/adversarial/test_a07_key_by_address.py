"""A-7: a header that says where to fetch the key (``jku``) or the certificate (``x5u``).

Expected: nobody fetches anything, and 400 ``invalid_client`` for an assertion, 401 ``invalid_token`` for a token, 400
``invalid_dpop_proof`` (401 at the API) for a proof that brings no key beside the address.
"""

import socket
from collections.abc import Iterator

import pytest

from tests.adversarial.attackers import TARGETS, Attack, Honest, assert_refused
from tests.adversarial.conftest import DoorPlace
from tests.gateway.oauth.partner import new_key, sign


@pytest.fixture(scope="module")
def trap() -> Iterator[socket.socket]:
    """A server of the attacker's, where nobody ever calls."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def _pointing(member: str, trap: socket.socket) -> Attack:
    def attack(honest: Honest) -> str:
        address = f"https://127.0.0.1:{trap.getsockname()[1]}/keys"
        header = {name: value for name, value in honest.header.items() if name != "jwk"}
        return sign({**header, member: address}, honest.claims, new_key())

    return attack


@pytest.mark.parametrize("target", TARGETS)
def test_no_key_is_fetched(door: DoorPlace, trap: socket.socket, target: str) -> None:
    assert_refused(TARGETS[target](door), {member: _pointing(member, trap) for member in ("jku", "x5u")})
    with pytest.raises(BlockingIOError):
        trap.accept()
