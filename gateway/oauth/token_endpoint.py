"""The steps of one token request, in the order that makes them safe.

INVARIANTS
- A token is bound to the key of a DPoP proof or to the client's certificate, and to nothing less.
- Credentials and proof are used up together, before anything is decided about rights: a refused scope
  costs the client a new assertion.
- The resource is the one we protect; a token for anything else does not exist.

Sources: RFC 6749 section 3.2, RFC 8705 section 3, RFC 8707 section 2, RFC 9449 section 5.
"""

from dataclasses import dataclass
from typing import Final

from gateway.oauth import tokens
from gateway.oauth.authorization_details import granted_scopes, read_entry
from gateway.oauth.client_authentication import ClientRequest, prove, use_up
from gateway.oauth.contact import note_issued, note_refused
from gateway.oauth.dpop import Proof, verify_proof
from gateway.oauth.errors import (
    InvalidAuthorizationDetailsError,
    InvalidProofError,
    InvalidTargetError,
    RequestRefusedError,
)
from gateway.oauth.keys import active_key
from gateway.oauth.model import (
    CLOSING_SCOPES,
    Client,
    Confirmation,
    ConfirmationMethod,
    Scope,
    Thumbprint,
)
from gateway.oauth.nonce import check_nonce
from gateway.oauth.rate_limit import admit_token_request
from gateway.oauth.repository import practitioner_standing
from gateway.wiring import Wiring

PATH: Final = "/oauth/token"


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that proved who it is and that it holds what its token will be bound to.

    Attributes:
        key: the registered key it authenticated with; None: it came by certificate.
    """

    client: Client
    key: Thumbprint | None
    confirmation: Confirmation


def authenticate(wiring: Wiring, request: ClientRequest) -> AuthenticatedClient:
    """Authenticate the client, and use up its assertion and proof, together, once.

    1. Who it is. 2. What the token will be bound to. 3. Use both up. 4. Whether it asks too often.

    Raises: RequestRefusedError.
    """
    proven = prove(wiring, request)
    # A scope that the client may not have is refused for that, and opens nothing on the way there.
    scopes = proven.client.scopes.intersection(asked_scopes(request))
    proof = _proof(wiring, request, scopes=scopes)
    confirmation = _confirmation(request, proof)
    client = use_up(wiring, proven, also=() if proof is None else (proof.use,), now=request.now)
    if scopes.isdisjoint(CLOSING_SCOPES):
        admit_token_request(wiring, client.client_id)
    return AuthenticatedClient(client, proven.key, confirmation)


def decide(wiring: Wiring, request: ClientRequest, authenticated: AuthenticatedClient) -> tokens.Grant:
    """Return the grant that was asked for, whole, or refuse it; the council can see what its client was refused for.

    Raises: InvalidScopeError, InvalidTargetError, InvalidAuthorizationDetailsError.
    """
    try:
        return _decided(wiring, request, authenticated)
    except RequestRefusedError as error:
        with wiring.autocommit.connect() as connection:
            note_refused(connection, authenticated.client.client_id, error=error.code, now=request.now)
        raise


def _decided(wiring: Wiring, request: ClientRequest, authenticated: AuthenticatedClient) -> tokens.Grant:
    client = authenticated.client
    scopes = granted_scopes(request.form.get("scope"), client=client)
    if request.form.get("resource", wiring.settings.resource) != wiring.settings.resource:
        raise InvalidTargetError("The resource is not one that this server issues tokens for.")
    entry = read_entry(request.form.get("authorization_details"), scopes=scopes)
    if entry is not None:
        if entry.purpose is not None and entry.purpose not in client.purposes:
            raise InvalidAuthorizationDetailsError("The purpose is not one that this agency may name.")
        with wiring.autocommit.connect() as connection:
            standing = practitioner_standing(
                connection,
                client.client_id,
                practitioner=entry.practitioner,
                believed_days=wiring.settings.register_believed_days,
                now=request.now,
            )
        if not standing.may_act:
            raise InvalidAuthorizationDetailsError("The practitioner is not active on the agency's list.")
    return tokens.Grant(
        client_id=client.client_id,
        client_key=authenticated.key,
        confirmation=authenticated.confirmation,
        scopes=scopes,
        entry=entry,
    )


def token_response(wiring: Wiring, grant: tokens.Grant, *, request: ClientRequest) -> dict[str, object]:
    """Sign a token for a grant and return the response (RFC 6749 section 5.1, RFC 9449 section 5).

    It is counted before it leaves: whoever stops the client is told how many end.
    """
    settings = wiring.settings
    token_id = tokens.new_token_id()
    with wiring.autocommit.connect() as connection:
        signing_key = active_key(connection, wiring.keyring)
        note_issued(connection, grant, token_id=token_id, now=request.now, seconds=settings.token_seconds)
    token = tokens.issue(
        grant,
        token_id=token_id,
        signing_key=signing_key,
        issuer=settings.issuer,
        resource=settings.resource,
        now=request.now,
        seconds=settings.token_seconds,
    )
    details = {} if grant.details is None else {"authorization_details": grant.details}
    return {
        "access_token": token,
        "token_type": grant.confirmation.token_type,
        "expires_in": settings.token_seconds,
        "scope": grant.scope,
        **details,
    }


def asked_scopes(request: ClientRequest) -> list[str]:
    """The scopes as they were asked for, before anything is decided about them."""
    return request.form.get("scope", "").split(" ")


def _proof(wiring: Wiring, request: ClientRequest, *, scopes: frozenset[Scope]) -> Proof | None:
    """The verified proof of the request; absent when it sends none and brings a certificate instead."""
    if request.dpop is None and request.certificate is not None:
        return None
    addresses = [base + PATH for base in wiring.settings.base_urls]
    proof = verify_proof(request.dpop, method="POST", addresses=addresses, now=request.now)
    check_nonce(wiring, proof.nonce, scopes=scopes, now=request.now)
    return proof


def _confirmation(request: ClientRequest, proof: Proof | None) -> Confirmation:
    if proof is not None:
        return Confirmation(ConfirmationMethod.PROOF_KEY, proof.key)
    if request.certificate is None:
        raise InvalidProofError("Send exactly one DPoP header with a proof, or come with a certificate.")
    return Confirmation(ConfirmationMethod.CERTIFICATE, Thumbprint(request.certificate.thumbprint))
