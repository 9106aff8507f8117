"""What a client may ask about its own tokens: whether one is still good, and that it end.

INVARIANTS
- A token is active here exactly when the API would serve it: the same signature check, the same statement.
- A client learns about its own tokens and no others: for any other the answer is "not active".
- Ending a token closes: it is never told to wait, however often the client asked before.
- Ending a token that is none, or no longer good, is done before it was asked (RFC 7009 section 2.2).

Sources: RFC 7662, RFC 7009.
"""

from collections.abc import Mapping
from typing import Final

from gateway.oauth.client_authentication import ClientRequest, prove, use_up
from gateway.oauth.errors import InvalidTokenError, UnauthorizedClientError
from gateway.oauth.model import Client
from gateway.oauth.rate_limit import admit_token_request
from gateway.oauth.repository import revoke_token, token_standing
from gateway.oauth.token_reader import TokenReader
from gateway.oauth.tokens import VerifiedToken
from gateway.wiring import Wiring

INTROSPECTION_PATH: Final = "/oauth/introspect"
REVOCATION_PATH: Final = "/oauth/revoke"
_INACTIVE: Final[Mapping[str, object]] = {"active": False}


def introspect(wiring: Wiring, request: ClientRequest, *, reader: TokenReader) -> Mapping[str, object]:
    """Return what a token of the client's own stands for, or that it is not active (RFC 7662 section 2.2).

    Args:
        request: with the parameter ``token``.

    Raises: RequestRefusedError.
    """
    client = use_up(wiring, prove(wiring, request), now=request.now)
    admit_token_request(wiring, client.client_id)
    token = _own_token(request, client, reader=reader)
    if token is None or not _is_served(wiring, token, request):
        return _INACTIVE
    grant = token.grant
    details = {} if grant.details is None else {"authorization_details": grant.details}
    return {
        "active": True,
        "iss": wiring.settings.issuer,
        "aud": wiring.settings.resource,
        "sub": grant.client_id,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "token_type": grant.confirmation.token_type,
        "cnf": {str(grant.confirmation.method): grant.confirmation.thumbprint},
        "iat": int(token.issued),
        "exp": int(token.expires),
        "jti": token.token_id,
        **details,
    }


def revoke(wiring: Wiring, request: ClientRequest, *, reader: TokenReader) -> None:
    """End a token of the client's own, on every node, from the next request on.

    Args:
        request: with the parameter ``token``.

    Raises: RequestRefusedError; UnauthorizedClientError, the token is another client's (RFC 7009 section 2.1).
    """
    client = use_up(wiring, prove(wiring, request), now=request.now)
    token = _token(request, reader=reader)
    if token is None:
        return
    if token.grant.client_id != client.client_id:
        raise UnauthorizedClientError("The token was issued to another client.")
    with wiring.engine.begin() as connection:
        revoke_token(connection, token)


def _own_token(request: ClientRequest, client: Client, *, reader: TokenReader) -> VerifiedToken | None:
    token = _token(request, reader=reader)
    return token if token is not None and token.grant.client_id == client.client_id else None


def _token(request: ClientRequest, *, reader: TokenReader) -> VerifiedToken | None:
    try:
        return reader.read(request.form["token"], now=request.now)
    except InvalidTokenError:
        return None


def _is_served(wiring: Wiring, token: VerifiedToken, request: ClientRequest) -> bool:
    with wiring.autocommit.connect() as connection:
        standing = token_standing(
            connection,
            token,
            proof=None,
            certificate=request.certificate,
            believed_days=wiring.settings.register_believed_days,
            now=request.now,
        )
    if standing is None or not standing.served:
        return False
    return token.grant.entry is None or standing.practitioner.may_act
