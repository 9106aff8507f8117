"""Readers of single claims, strict about types: a boolean is no number, an empty text no identifier.

Source: RFC 7519 section 2 (NumericDate) and section 4.1.
"""

from typing import Final

from gateway.oauth.jose import Claims

JTI_CHARACTERS: Final = 128
"""Longest ``jti`` accepted: it becomes part of a digest, and 128 bits need 22."""

FUTURE_SECONDS: Final = 30
"""Clocks ahead of ours: FAPI 2.0 section 5.3.2.1 (13) wants 10 s accepted and more than 60 s refused."""


def numeric_date(claims: Claims, name: str) -> float | None:
    """Return a NumericDate, or None when the claim is absent or not a number."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value


def unique_id(claims: Claims) -> str | None:
    """Return the ``jti``, or None when it is absent, empty or too long."""
    value = claims.get("jti")
    return value if isinstance(value, str) and 0 < len(value) <= JTI_CHARACTERS else None
