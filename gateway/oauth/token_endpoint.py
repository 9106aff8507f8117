"""The steps of one token request, in the order that makes them safe.

INVARIANTS
- Nothing is read from the database for a client before its assertion parses; nothing is used up before
  assertion and proof both verify (a client may resend what was refused for another reason).
- Assertion and proof are used up together, before anything is decided about rights: a refused scope
  costs the client a new assertion.
- The resource is the one we protect; a token for anything else does not exist.

Sources: RFC 6749 section 3.2, RFC 7521 section 4.2, RFC 8707 section 2, RFC 9449 section 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.oauth import tokens
from gateway.oauth.assertion import ASSERTION_TYPE, ClientAssertion, read_assertion, verify_assertion
from gateway.oauth.authorization_details import granted_scopes, read_entry
from gateway.oauth.dpop import Proof, verify_proof
from gateway.oauth.errors import (
    InvalidAuthorizationDetailsError,
    InvalidClientError,
    InvalidProofError,
    InvalidTargetError,
    RequestRefusedError,
)
from gateway.oauth.keys import active_key
from gateway.oauth.model import Client
from gateway.oauth.replay import Kind, Use, sweep, use_all
from gateway.oauth.repository import find_client, practitioner_standing
from gateway.settings import Settings
from gateway.wiring import Wiring

PATH: Final = "/oauth/token"
_OTHER_METHODS: Final = ("client_secret", "code_verifier", "username", "password")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What arrived at the token endpoint.

    Attributes:
        form: parameters, none twice and none empty.
        dpop: the ``DPoP`` header; None: absent.
        other_credentials: there is an ``Authorization`` header.
    """

    form: Mapping[str, str]
    dpop: str | None
    other_credentials: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that proved who it is and that it holds the key its token will be bound to."""

    client: Client
    assertion: ClientAssertion
    proof: Proof


def authenticate(wiring: Wiring, request: TokenRequest) -> AuthenticatedClient:
    """Authenticate the client and use up its assertion and proof.

    1. One authentication method, ours. 2. Parse. 3. The client that may be served now, by ``sub``.
    4. Signature by one of its keys, then the claims. 5. The proof. 6. Use both, together, once.

    Raises: InvalidClientError, InvalidProofError, RequestRefusedError.
    """
    unverified, subject = read_assertion(_only_assertion(request))
    with wiring.autocommit.connect() as connection:
        client = find_client(connection, subject, now=request.now)
    assertion = verify_assertion(unverified, client=client, issuer=wiring.settings.issuer, now=request.now)
    if client is None or request.form.get("client_id", client.client_id) != client.client_id:
        raise InvalidClientError("The client_id is not the one of the assertion.")
    proof = verify_proof(request.dpop, method="POST", address=_address(wiring.settings), now=request.now)
    authenticated = AuthenticatedClient(client, assertion, proof)
    _use_up(wiring, authenticated, now=request.now)
    return authenticated


def decide(wiring: Wiring, request: TokenRequest, authenticated: AuthenticatedClient) -> tokens.Grant:
    """Return the grant that was asked for, whole, or refuse it.

    Raises: InvalidScopeError, InvalidTargetError, InvalidAuthorizationDetailsError.
    """
    client = authenticated.client
    scopes = granted_scopes(request.form.get("scope"), client=client)
    if request.form.get("resource", wiring.settings.resource) != wiring.settings.resource:
        raise InvalidTargetError("The resource is not one that this server issues tokens for.")
    entry = read_entry(request.form.get("authorization_details"), scopes=scopes)
    if entry is not None:
        with wiring.autocommit.connect() as connection:
            standing = practitioner_standing(
                connection, client.client_id, practitioner=entry.practitioner, now=request.now
            )
        if not standing.may_act:
            raise InvalidAuthorizationDetailsError("The practitioner is not active on the agency's list.")
    return tokens.Grant(
        client_id=client.client_id,
        client_key=authenticated.assertion.key,
        proof_key=authenticated.proof.key,
        scopes=scopes,
        entry=entry,
    )


def token_response(wiring: Wiring, grant: tokens.Grant, *, now: datetime) -> dict[str, object]:
    """Sign a token for a grant and return the response (RFC 6749 section 5.1, RFC 9449 section 5)."""
    settings = wiring.settings
    with wiring.autocommit.connect() as connection:
        signing_key = active_key(connection, wiring.keyring)
    token = tokens.issue(
        grant,
        signing_key=signing_key,
        issuer=settings.issuer,
        resource=settings.resource,
        now=now,
        seconds=settings.token_seconds,
    )
    details = {} if grant.details is None else {"authorization_details": grant.details}
    return {
        "access_token": token,
        "token_type": "DPoP",
        "expires_in": settings.token_seconds,
        "scope": grant.scope,
        **details,
    }


def _only_assertion(request: TokenRequest) -> str:
    form = request.form
    other = request.other_credentials or any(name in form for name in _OTHER_METHODS)
    assertion = form.get("client_assertion")
    if assertion is None:
        raise InvalidClientError("Authenticate with private_key_jwt: send a client_assertion.")
    if other:
        raise RequestRefusedError("Authenticate with one method only.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError("The client_assertion_type is not the one of RFC 7523.")
    return assertion


def _use_up(wiring: Wiring, authenticated: AuthenticatedClient, *, now: datetime) -> None:
    assertion, proof = authenticated.assertion, authenticated.proof
    uses = (
        Use(Kind.ASSERTION, authenticated.client.client_id, assertion.jti, assertion.expires),
        Use(Kind.PROOF, proof.key, proof.jti, proof.expires, proof.address),
    )
    with wiring.engine.connect() as connection:
        used_before = {use.kind for use in use_all(connection, uses)}
    if Kind.ASSERTION in used_before:
        raise InvalidClientError("The assertion was used before: make a new one, with a new jti.")
    if used_before:
        raise InvalidProofError("The DPoP proof was used before: make a new one, with a new jti.")
    with wiring.autocommit.connect() as connection:
        sweep(connection, now=now)


def _address(settings: Settings) -> str:
    return settings.public_url + PATH
