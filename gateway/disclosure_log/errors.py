"""Faults of the disclosure log; a refusal to append is never silent."""


class DisclosureLogError(Exception):
    """Base of this room's faults."""


class NotAppendedError(DisclosureLogError):
    """The database could not append: nothing that depends on the entry may leave."""


class UnrecordedActError(DisclosureLogError):
    """A change moved a gate but recorded no entry: a fault of ours, the change is undone."""


class LogNotServedError(DisclosureLogError):
    """The log must not be served as it is: rolled back, contradicted or not durable. Says what to do in one sentence."""


class NotReconciledError(DisclosureLogError):
    """A log that was rolled back could not be brought back; nothing was changed. Says in one sentence what to do."""
