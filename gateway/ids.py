"""Ids as they come in addresses and forms. Pure."""

from uuid import UUID


def read_id(text: str) -> UUID | None:
    """Return the id that a text is; absent: it can be none."""
    try:
        return UUID(text)
    except ValueError:
        return None
