"""What an ID token or a logout token has to say before it counts; its signature was checked before. Pure.

INVARIANTS
- A claim that has to be there and is missing refuses, and so does one of another type.
- The token is for us alone: an audience beside us is somebody who could use it against us.
- Clocks may differ by a minute, and by no more.
- A refusal names the rule, never a value of the token.

Sources: OpenID Connect Core 1.0 sections 2, 3.1.2.1 (max_age) and 3.1.3.7; OpenID Connect Back-Channel Logout 1.0
sections 2.4 and 2.6; RFC 8725 sections 3.8 to 3.12.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from gateway.staff.errors import ProviderAnswerError
from gateway.strict_json import JsonValue

SKEW: Final = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
STEP_UP: Final = timedelta(minutes=5)
"""How old a fresh proof of who somebody is may be when it is used."""
LOGOUT_AGE: Final = timedelta(minutes=5)
"""How old a logout token may be."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

_SUBJECT_CHARS: Final = 255  # OpenID Connect Core 1.0 section 2
_ID_CHARS: Final = 255

Claims: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to their provider; an address of e-mail is nobody."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token of one login has to answer.

    Attributes:
        begun_at: when we sent the browser to the provider.
        max_age: so many seconds may lie between signing in there and ``begun_at``; None: that was not asked.
        subject: of whom a fresh proof is wanted; None: whoever it is signs in.
        acr: how they have to have signed in; None: in any way.
    """

    issuer: str
    client_id: str
    nonce: str
    begun_at: datetime
    now: datetime
    max_age: int | None = None
    subject: str | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Logout:
    """Whom the provider signed out, and what makes the message usable once."""

    identity: Identity
    jti: str


def check_claims(claims: Claims, expected: Expected) -> Identity:
    """Return who signed in, if the token answers this login.

    Raises: ProviderAnswerError.
    """
    rules = {
        **_addressed(claims, issuer=expected.issuer, client_id=expected.client_id),
        "the ID token is a logout token": "events" not in claims,
        "the nonce is not ours": _same(claims.get("nonce"), expected.nonce),
        "exp is missing or over": _is_within(claims, "exp", after=expected.now - SKEW),
        "iat is missing, or not of this login": _is_within(
            claims, "iat", after=expected.begun_at - SKEW, until=expected.now + SKEW
        ),
        "nbf lies ahead": "nbf" not in claims or _is_within(claims, "nbf", until=expected.now + SKEW),
        "auth_time is missing or not fresh": _is_fresh(claims, expected),
        "sub is somebody else": expected.subject is None or _same(claims.get("sub"), expected.subject),
        "acr is missing or another": expected.acr is None or _has_acr(claims, expected.acr),
    }
    _check(rules)
    return Identity(expected.issuer, str(claims["sub"]))


def check_logout(claims: Claims, *, issuer: str, client_id: str, now: datetime) -> Logout:
    """Return whom a logout token signs out.

    Raises: ProviderAnswerError, also for one that names a session of the provider's alone: we know none.
    """
    events = claims.get("events")
    event = events.get(LOGOUT_EVENT) if isinstance(events, dict) else None
    rules = {
        **_addressed(claims, issuer=issuer, client_id=client_id),
        "events names no logout": isinstance(event, dict),
        "a logout token has no nonce": "nonce" not in claims,
        "jti is missing or too long": _is_text(claims.get("jti"), _ID_CHARS),
        "iat is missing or not fresh": _is_within(claims, "iat", after=now - LOGOUT_AGE, until=now + SKEW),
        "exp is over": "exp" not in claims or _is_within(claims, "exp", after=now - SKEW),
    }
    _check(rules)
    return Logout(Identity(issuer, str(claims["sub"])), str(claims["jti"]))


def _addressed(claims: Claims, *, issuer: str, client_id: str) -> dict[str, bool]:
    """What holds of every token: by whom, for whom, about whom."""
    return {
        "iss is another": claims.get("iss") == issuer,
        "aud is not ours alone": claims.get("aud") in (client_id, [client_id]),
        "azp is another": claims.get("azp", client_id) == client_id,
        "sub is missing or too long": _is_text(claims.get("sub"), _SUBJECT_CHARS),
    }


def _check(rules: Mapping[str, bool]) -> None:
    """Raises: ProviderAnswerError, naming the first rule that does not hold."""
    for rule, holds in rules.items():
        if not holds:
            raise ProviderAnswerError(rule)


def _is_fresh(claims: Claims, expected: Expected) -> bool:
    """True when somebody signed in as recently as was asked; for a fresh proof also within ``STEP_UP`` of now."""
    if expected.max_age is None:
        return expected.subject is None
    after = expected.begun_at - timedelta(seconds=expected.max_age) - SKEW
    if expected.subject is not None:
        after = max(after, expected.now - STEP_UP)
    return _is_within(claims, "auth_time", after=after, until=expected.now + SKEW)


def _has_acr(claims: Claims, wanted: str) -> bool:
    """True for the ``acr``; Entra ID says it in a list of its own (``acrs``)."""
    several = claims.get("acrs")
    return claims.get("acr") == wanted or (isinstance(several, list) and wanted in several)


def _is_within(
    claims: Claims, name: str, *, after: datetime | None = None, until: datetime | None = None
) -> bool:
    """True for a NumericDate (RFC 7519 section 2) between two instants, both included."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (after is None or value >= after.timestamp()) and (until is None or value <= until.timestamp())


def _same(value: JsonValue, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), wanted.encode())


def _is_text(value: JsonValue, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest
