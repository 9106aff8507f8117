"""Passkeys: what a browser is asked to sign, and whether it did (WebAuthn Level 3).

INVARIANTS
- User verification is required, whatever the library's defaults are.
- A challenge is ours, for one purpose, five minutes old at most, and used once.
- The relying party is the host of the public URL, and its origin is the only one.

Sources: W3C Web Authentication Level 3, sections 7.1 and 7.2.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.staff.errors import SignInError

LIFETIME: Final = timedelta(minutes=5)
MAX_CREDENTIAL_CHARS: Final = 16_384
_LABEL: Final = b"staff challenge 1:"
_TIME_BYTES: Final = 8
_RANDOM_BYTES: Final = 16
_MAC_BYTES: Final = 16


class Ceremony(StrEnum):
    """What a challenge is for; one made for another is not accepted."""

    ENROL = "enrol"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks.

    Attributes:
        origin: ``https://host[:port]``, as the browser shows it.
        name: the council's, shown when a passkey is made.
    """

    origin: str
    name: str

    @property
    def id(self) -> str:
        """The host alone: a passkey is for it, on any port."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was made just now, with its public key (COSE)."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    """A passkey and whose it is."""

    credential_id: bytes
    staff_id: UUID
    public_key: bytes
    sign_count: int


def new_challenge(key: bytes, ceremony: Ceremony, *, now: datetime) -> bytes:
    """Return a challenge that this gateway knows again without having stored it."""
    made = int(now.timestamp()).to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
    return made + _mac(key, ceremony, made)


def enrolment_options(
    party: RelyingParty, *, staff_id: UUID, username: str, known: list[bytes], challenge: bytes
) -> str:
    """Return what the browser is asked to make a passkey by, as JSON.

    Args:
        known: the member's passkeys; an authenticator that has one makes no second.
    """
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=staff_id.bytes,
        user_name=username,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return options_to_json(options)


def sign_in_options(party: RelyingParty, *, challenge: bytes, known: Sequence[bytes] = ()) -> str:
    """Return what the browser is asked to sign, as JSON; without ``known`` nobody learns of an account.

    Args:
        known: the passkeys of whoever is signed in already; empty: any.
    """
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def challenge_of(credential: str, *, key: bytes, ceremony: Ceremony, now: datetime) -> bytes:
    """Return the challenge that a browser's answer signs, if it is ours, for this, and not too old.

    Raises: SignInError.
    """
    challenge = signed_challenge(credential)
    made, mac = challenge[:-_MAC_BYTES], challenge[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, ceremony, made)):
        raise SignInError
    age = now.timestamp() - int.from_bytes(made[:_TIME_BYTES], "big")
    if not -1 <= age <= LIFETIME.total_seconds():
        raise SignInError
    return challenge


def unsigned(challenge: bytes) -> str:
    """Return an answer that names a challenge and signs nothing."""
    client_data = json.dumps({"challenge": _encoded(challenge)}).encode()
    return json.dumps({"response": {"clientDataJSON": _encoded(client_data)}})


def signed_challenge(credential: str) -> bytes:
    """Return the challenge that a browser's answer says it signs, whosever it is.

    Raises: SignInError.
    """
    if len(credential) > MAX_CREDENTIAL_CHARS:
        raise SignInError
    try:
        client_data = json.loads(_decoded(json.loads(credential)["response"]["clientDataJSON"]))
        return _decoded(client_data["challenge"])
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise SignInError from error


def read_enrolment(credential: str, *, party: RelyingParty, challenge: bytes) -> NewPasskey:
    """Return the passkey that a browser made.

    Raises: SignInError.
    """
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, LookupError, TypeError, ValueError) as error:
        raise SignInError from error
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def credential_id_of(credential: str) -> bytes:
    """Return which passkey an answer says that it is of.

    Raises: SignInError.
    """
    try:
        return _decoded(json.loads(credential)["rawId"])
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise SignInError from error


def check_signature(credential: str, *, party: RelyingParty, challenge: bytes, passkey: StoredPasskey) -> int:
    """Return the new count of a passkey that signed the challenge, by somebody whom it verified.

    Raises: SignInError, also for a count that does not grow: the passkey may have been copied.
    """
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, LookupError, TypeError, ValueError) as error:
        raise SignInError from error
    return verified.new_sign_count


def _mac(key: bytes, ceremony: Ceremony, made: bytes) -> bytes:
    return hmac.digest(key, _LABEL + ceremony.encode() + b":" + made, "sha256")[:_MAC_BYTES]


def _encoded(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: Any) -> bytes:
    """Base64url without padding; anything else raises TypeError or ValueError."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
