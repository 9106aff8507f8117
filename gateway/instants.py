"""Instants as the API tells them (RFC 3339, UTC). Pure."""

from datetime import UTC, datetime


def precise(at: datetime) -> str:
    """With microseconds: a rounded instant could lie before what happened at it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
