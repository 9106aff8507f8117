"""Faults of the room."""


class RightsError(Exception):
    """Base of the room's errors."""


class UnknownPersonError(RightsError):
    """There is nobody in the family to whom a statement could be given."""
