"""Nonces for DPoP proofs: made without being stored, checked on every node alike.

INVARIANTS
- A nonce is a minute-exact time and a MAC over it: whoever lacks the key cannot make one.
- Every node derives the same key, so a nonce of one node is good at the next.
- A proof with a nonce was made after the nonce was, so proofs made in advance on a stolen machine run out.

Source: RFC 9449 sections 8, 9 and 11.3.
"""

import base64
import binascii
import hmac
from collections.abc import Collection
from datetime import datetime
from typing import Final

from gateway.oauth.claims import FUTURE_SECONDS
from gateway.oauth.errors import UseNonceError
from gateway.wiring import Wiring

LIFETIME_SECONDS: Final = 300
_TIME_BYTES: Final = 8
_MAC_BYTES: Final = 16
_LABEL: Final = b"dpop nonce 1:"


def offer_nonce(wiring: Wiring, *, now: datetime) -> str:
    """Return a nonce for the header ``DPoP-Nonce``."""
    return new_nonce(_key(wiring), now=now)


def check_nonce(wiring: Wiring, nonce: object, *, scopes: Collection[str], now: datetime) -> None:
    """Let a proof pass whose nonce is as the council's policy wants it; one that is sent is checked in any case.

    Args:
        nonce: the claim of a verified proof; None: it has none.

    Raises: UseNonceError.
    """
    if nonce is None and not needs_nonce(scopes, policy=wiring.settings.dpop_nonce_scopes):
        return
    if not is_fresh(nonce, key=_key(wiring), now=now):
        raise UseNonceError(
            "The DPoP proof needs the nonce of the header DPoP-Nonce: make a new one with it."
        )


def new_nonce(key: bytes, *, now: datetime) -> str:
    """Return a nonce, base64url, good for ``LIFETIME_SECONDS`` from now."""
    made = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
    return base64.urlsafe_b64encode(made + _mac(key, made)).rstrip(b"=").decode("ascii")


def is_fresh(nonce: object, *, key: bytes, now: datetime) -> bool:
    """Tell whether ``nonce`` is one of ours and not too old; anything may be given."""
    if not isinstance(nonce, str):
        return False
    try:
        data = base64.b64decode(nonce + "=" * (-len(nonce) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    made, mac = data[:_TIME_BYTES], data[_TIME_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, made)):
        return False
    age = now.timestamp() - int.from_bytes(made, "big")
    return -FUTURE_SECONDS <= age <= LIFETIME_SECONDS


def needs_nonce(scopes: Collection[str], *, policy: Collection[str]) -> bool:
    """Tell whether a proof that goes with these scopes needs a nonce by the council's policy."""
    return not set(scopes).isdisjoint(policy)


def _key(wiring: Wiring) -> bytes:
    with wiring.autocommit.connect() as connection:
        return wiring.keyring.nonce_key(connection)


def _mac(key: bytes, made: bytes) -> bytes:
    return hmac.digest(key, _LABEL + made, "sha256")[:_MAC_BYTES]
