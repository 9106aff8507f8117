"""Who is asking at the token, introspection and revocation endpoints, and what is used up by asking.

INVARIANTS
- Exactly one method: a signed assertion (``private_key_jwt``) or a certificate (``tls_client_auth``).
- Nothing is read from the database for a client before its assertion parses; nothing is used up before
  everything verified (a client may resend what was refused for another reason).
- A client that is unknown, revoked, suspended or out of agreement, a wrong signature and a wrong or revoked
  certificate look the same.
- A client that was not approved yet learns that it proved who it is, and gets nothing: its connection test.

Sources: RFC 6749 section 2.3, RFC 7521 section 4.2, RFC 8705 section 2, FAPI 2.0 section 5.3.2.1 (6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certs.certificate import PresentedCertificate
from gateway.oauth.assertion import ASSERTION_TYPE, ClientAssertion, read_assertion, verify_assertion
from gateway.oauth.errors import (
    InvalidClientError,
    InvalidProofError,
    RequestRefusedError,
    UnauthorizedClientError,
)
from gateway.oauth.model import AuthenticationMethod, Client, Thumbprint
from gateway.oauth.replay import Kind, Use, sweep, use_all
from gateway.oauth.repository import find_client, note_connection_test
from gateway.wiring import Wiring

_OTHER_METHODS: Final = ("client_secret", "code_verifier", "username", "password")
_REFUSED: Final = "The client is not known here, or its certificate is not the one that was registered."


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What arrived at an endpoint that authenticates clients.

    Attributes:
        form: parameters, none twice and none empty.
        dpop: the ``DPoP`` header; None: absent.
        certificate: the verified client certificate; None: there is none.
        other_credentials: there is an ``Authorization`` header.
    """

    form: Mapping[str, str]
    dpop: str | None
    certificate: PresentedCertificate | None
    other_credentials: bool
    now: datetime

    @property
    def method(self) -> AuthenticationMethod:
        """The method that the request uses; whether it succeeds is another question."""
        if self.certificate is not None and "client_assertion" not in self.form and "client_id" in self.form:
            return AuthenticationMethod.TLS_CLIENT_AUTH
        return AuthenticationMethod.PRIVATE_KEY_JWT


@dataclass(frozen=True, slots=True)
class ProvenClient:
    """A client that proved who it is; what it proved it with is not used up yet.

    Attributes:
        assertion: None: it came by certificate.
    """

    client: Client
    assertion: ClientAssertion | None

    @property
    def key(self) -> Thumbprint | None:
        """The registered key that signed; None for a client that came by certificate."""
        return None if self.assertion is None else self.assertion.key

    @property
    def uses(self) -> tuple[Use, ...]:
        """What this authentication uses up."""
        if self.assertion is None:
            return ()
        assertion = self.assertion
        return (Use(Kind.ASSERTION, self.client.client_id, assertion.jti, assertion.expires),)


def prove(wiring: Wiring, request: ClientRequest) -> ProvenClient:
    """Return the client that a request comes from; nothing is used up yet.

    1. One authentication method. 2. Parse. 3. The client that may be served now. 4. Its signature by one of
    its keys, then the claims; or its certificate by the name and issuer that were registered.

    Raises: InvalidClientError, RequestRefusedError.
    """
    if request.other_credentials or any(name in request.form for name in _OTHER_METHODS):
        raise _other_method(request)
    if request.method is AuthenticationMethod.TLS_CLIENT_AUTH:
        return _by_certificate(wiring, request)
    return _by_assertion(wiring, request)


def use_up(wiring: Wiring, proven: ProvenClient, *, also: Sequence[Use] = (), now: datetime) -> Client:
    """Use up what the client proved itself with, all of it or nothing, and return the client if it is effective.

    Args:
        also: the DPoP proof of the same request.

    Raises: InvalidClientError or InvalidProofError, something was used before; UnauthorizedClientError, the
        client proved who it is and was not approved yet.
    """
    uses = (*proven.uses, *also)
    if uses:
        with wiring.engine.connect() as connection:
            used_before = {use.kind for use in use_all(connection, uses)}
        if Kind.ASSERTION in used_before:
            raise InvalidClientError("The assertion was used before: make a new one, with a new jti.")
        if used_before:
            raise InvalidProofError("The DPoP proof was used before: make a new one, with a new jti.")
        with wiring.autocommit.connect() as connection:
            sweep(connection, now=now)
    client = proven.client
    if not client.effective or proven.key in client.proposed_keys:
        with wiring.autocommit.connect() as connection:
            note_connection_test(connection, client.client_id, now=now)
        raise UnauthorizedClientError(
            "The connection works: the client proved who it is. The council has not made it effective yet."
        )
    return client


def _other_method(request: ClientRequest) -> RequestRefusedError:
    if "client_assertion" in request.form or request.certificate is not None:
        return RequestRefusedError("Authenticate with one method only.")
    return InvalidClientError("Authenticate with private_key_jwt: send a client_assertion.")


def _by_assertion(wiring: Wiring, request: ClientRequest) -> ProvenClient:
    form = request.form
    compact = form.get("client_assertion")
    if compact is None:
        raise InvalidClientError("Authenticate with private_key_jwt: send a client_assertion.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError("The client_assertion_type is not the one of RFC 7523.")
    unverified, subject = read_assertion(compact)
    client = _find(wiring, subject, request)
    assertion = verify_assertion(unverified, client=client, issuer=wiring.settings.issuer, now=request.now)
    if client is None or form.get("client_id", client.client_id) != client.client_id:
        raise InvalidClientError("The client_id is not the one of the assertion.")
    return ProvenClient(client, assertion)


def _by_certificate(wiring: Wiring, request: ClientRequest) -> ProvenClient:
    client = _find(wiring, request.form["client_id"], request)
    certificate = request.certificate
    if client is None or client.certificate is None or certificate is None:
        raise InvalidClientError(_REFUSED)
    if not client.certificate.is_of(certificate):
        raise InvalidClientError(_REFUSED)
    return ProvenClient(client, None)


def _find(wiring: Wiring, client_id: str, request: ClientRequest) -> Client | None:
    with wiring.autocommit.connect() as connection:
        return find_client(connection, client_id, certificate=request.certificate, now=request.now)
