"""Faults of the disclosure log; a refusal to append is never silent."""


class DisclosureLogError(Exception):
    """Base of this room's faults."""


class NotAppendedError(DisclosureLogError):
    """The database could not append: nothing that depends on the entry may leave."""


class UnrecordedActError(DisclosureLogError):
    """A change moved a gate but recorded no entry: a fault of ours, the change is undone."""
