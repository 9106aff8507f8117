"""Errors of the OAuth room, one shallow tree, divided by who is at fault.

INVARIANTS
- ``code`` is a registered OAuth error code; ``description`` is one printable ASCII sentence of ours,
  safe for any caller and never a value that was sent (RFC 6749 section 5.2 forbids quotes and backslashes).
- Why a signature, a client or a key was not accepted is told to nobody: it is one sentence for all of them.
"""

from collections.abc import Mapping
from http import HTTPStatus


class OAuthError(Exception):
    """Base of every error of this room."""


class JoseError(OAuthError):
    """A stranger's JWS could not be read or its signature does not verify; the message never leaves us."""


class RequestRefusedError(OAuthError):
    """The client's request is refused; the token endpoint answers it in RFC 6749 section 5.2 form."""

    code = "invalid_request"

    def __init__(self, description: str, *, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(description)
        self.description = description
        self.status = status

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer says beside its body."""
        return {}


class InvalidClientError(RequestRefusedError):
    """The client did not prove who it is."""

    code = "invalid_client"


class InvalidProofError(RequestRefusedError):
    """The DPoP proof is missing, wrong, stale or used before (RFC 9449 section 5)."""

    code = "invalid_dpop_proof"


class UseNonceError(InvalidProofError):
    """The DPoP proof needs a nonce of ours, or the one it has is too old (RFC 9449 section 8)."""

    code = "use_dpop_nonce"


class UnauthorizedClientError(RequestRefusedError):
    """The client proved who it is, and may not do this (RFC 6749 section 5.2)."""

    code = "unauthorized_client"


class TooManyRequestsError(RequestRefusedError):
    """The client asks too often; it may come back after ``retry_after`` seconds."""

    code = "temporarily_unavailable"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(
            "This client asks too often: wait for the seconds in Retry-After.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
        )
        self.retry_after = retry_after

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back (RFC 9110 section 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class InvalidScopeError(RequestRefusedError):
    """A scope is missing, unknown, not the client's, or does not go with the others."""

    code = "invalid_scope"


class InvalidTargetError(RequestRefusedError):
    """The resource asked for is not ours (RFC 8707 section 2)."""

    code = "invalid_target"


class InvalidAuthorizationDetailsError(RequestRefusedError):
    """The authorization details are missing, malformed or not allowed (RFC 9396 section 5)."""

    code = "invalid_authorization_details"


class InvalidTokenError(OAuthError):
    """The access token is not valid here and now (RFC 6750 section 3.1); the reason is not told."""


class ForgedCertificateError(OAuthError):
    """A header claims a certificate that no proxy of ours vouches for; who sent it gets nothing."""


class RegistrationError(OAuthError):
    """A client cannot be registered as asked; the message is one sentence for whoever registers it."""


class SigningKeyError(OAuthError):
    """The gateway has no signing key in the state that the step needs; the operator's fault."""


class CallerAbsentError(OAuthError):
    """A view that needs a caller runs behind a public route; a fault in our own table of routes."""
