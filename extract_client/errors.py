"""What can go wrong for a partner, divided by who can do something about it.

INVARIANT: the message is one plain sentence for a person; it never holds a key, a token or a case's data.
"""


class ExtractClientError(Exception):
    """Base of everything this package raises."""


class ConfigurationError(ExtractClientError):
    """A file, an address or a name given to the client is wrong; the partner's own fault."""


class UnreachableError(ExtractClientError):
    """The gateway did not answer, or it is not the one that the certificate authority vouches for."""


class UnexpectedAnswerError(ExtractClientError):
    """Something answered that is not the gateway, or not one of this version."""


class RefusedError(ExtractClientError):
    """The gateway refused: no token, or a problem (RFC 9457).

    Attributes:
        code: error code of OAuth, or the problem type.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotAvailableError(RefusedError):
    """There is nothing for this caller under this reference; why is never told."""


class BusyError(RefusedError):
    """The gateway asks to be asked again later.

    Attributes:
        retry_after: seconds to wait.
    """

    def __init__(self, message: str, *, code: str, retry_after: int) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class NoteError(ExtractClientError):
    """A signed note, a checkpoint or a key is malformed, or a signature is missing or does not hold."""


class ProofError(ExtractClientError):
    """Something that the log or the gateway states is not proved, or contradicts what was proved before."""


class NotWitnessedError(ProofError):
    """The checkpoint is the log's, but the policy's quorum has not witnessed it (yet)."""
