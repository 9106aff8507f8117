"""What can be wrong with a sample or an answer; nothing of it names a case."""


class SamplingError(Exception):
    """Base of the errors of this room."""


class NothingReleasedError(SamplingError):
    """The agency received nothing in that time that it could be asked about."""


class NotAskedError(SamplingError):
    """For whoever answers there is no such question, or it was answered before; nothing was stored."""
