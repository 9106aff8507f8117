"""Errors of bringing agencies in; each message is one sentence for whoever does it, without a value that was read."""


class ApplicationError(Exception):
    """The data file of an agency is wrong, or what it names is; nothing was stored."""


class ApprovalError(Exception):
    """What somebody proposed, or wants to decide, cannot be; nothing was changed."""


class DraftError(Exception):
    """A draft of a profile cannot be begun, changed or saved as asked; nothing was changed."""


class DraftMovedError(DraftError):
    """Somebody changed, saved or discarded the draft since it was shown; nothing was changed."""
