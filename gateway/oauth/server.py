"""The authorization server: Authlib's skeleton around our steps.

Authlib gives the dispatch by grant type, the order of the client credentials grant, the registry of client
authentication methods and the form of answers and errors. What a FAPI 2.0 server must decide is ours, in
``token_endpoint``: Authlib has no sender-constrained tokens, and its own readers of assertions, scopes and
parameters accept too much.

INVARIANTS
- One grant (client credentials) and two client authentication methods (``private_key_jwt`` and
  ``tls_client_auth``) are registered; a request uses one of them.
- Addresses come from the settings; the skeleton never sees the request's own URL.
- This is the only module that imports Authlib, which has no types: nothing untyped leaves it. The stubs that others
  publish know neither the members that a request carries from step to step here nor what the steps return.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]  # Authlib ships no types
    AuthorizationServer,
    ClientCredentialsGrant,
    ClientMixin,
    OAuth2Error,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload  # type: ignore[import-untyped]  # Authlib ships no types
from flask import Response, json

from gateway.oauth import token_endpoint
from gateway.oauth.client_authentication import ClientRequest
from gateway.oauth.errors import RequestRefusedError
from gateway.oauth.model import AuthenticationMethod
from gateway.oauth.token_endpoint import AuthenticatedClient
from gateway.oauth.tokens import Grant
from gateway.wiring import Wiring

GRANT_TYPE: str = ClientCredentialsGrant.GRANT_TYPE
_METHODS = tuple(map(str, AuthenticationMethod))
_NOT_STORED = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class TokenServer(AuthorizationServer):  # type: ignore[misc]  # Authlib ships no types
    """Answers token requests of one process."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__()
        self.wiring = wiring
        for method in AuthenticationMethod:
            self.register_client_auth_method(str(method), _authenticate(wiring, method))
        self.register_grant(_ClientCredentials)

    def respond(self, request: ClientRequest) -> Response:
        """Return the answer to a token request, a token or an error in RFC 6749 section 5.2 form."""
        response: Response = self.create_token_response(request)
        return response

    def create_oauth2_request(self, request: ClientRequest) -> OAuth2Request:
        """Wrap the request for the skeleton."""
        return _Request(request, address=self.wiring.settings.public_url + token_endpoint.PATH)

    def handle_response(
        self, status: int, body: Mapping[str, object], headers: Sequence[tuple[str, str]]
    ) -> Response:
        """Return the framework's form of an answer."""
        return Response(json.dumps(body), status=status, headers=list(headers))

    def query_client(self, client_id: str) -> None:
        """Find nobody: clients are found by what they signed, in ``token_endpoint``."""

    def save_token(self, token: Mapping[str, object], request: OAuth2Request) -> None:
        """Store nothing: tokens carry everything, and rights are read afresh on every use."""

    def send_signal(self, name: str, *_args: object, **_kwargs: object) -> None:
        """Tell nobody: there are no signals in this house."""


def refusal(error: RequestRefusedError) -> Response:
    """Return a refusal from before the skeleton, in the same form."""
    body = {"error": error.code, "error_description": error.description}
    headers = [*_NOT_STORED, *error.headers.items()]
    return Response(json.dumps(body), status=int(error.status), headers=headers)


class _Request(OAuth2Request):  # type: ignore[misc]  # Authlib ships no types
    """A token request as the skeleton passes it from step to step."""

    def __init__(self, request: ClientRequest, *, address: str) -> None:
        super().__init__("POST", address)
        self.payload = BasicOAuth2Payload(dict(request.form))
        self.client_request = request
        self.grant: Grant | None = None


class _Client(ClientMixin):  # type: ignore[misc]  # Authlib ships no types
    """An authenticated client as the skeleton asks about it."""

    def __init__(self, authenticated: AuthenticatedClient) -> None:
        self.authenticated = authenticated

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in _METHODS and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT_TYPE


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib ships no types
    """The one grant: its order is the skeleton's, its decisions are ours."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def validate_requested_scope(self) -> None:
        """Decide scope, resource and authorization details together."""
        with _told_to_the_skeleton():
            self.request.grant = token_endpoint.decide(
                self.server.wiring, self.request.client_request, self.request.client.authenticated
            )

    def generate_token(self, **_: object) -> dict[str, object]:
        """Sign the token of the grant that was decided."""
        return token_endpoint.token_response(
            self.server.wiring, self.request.grant, request=self.request.client_request
        )


def _authenticate(
    wiring: Wiring, method: AuthenticationMethod
) -> Callable[[object, _Request], _Client | None]:
    def authenticate(_query_client: object, request: _Request) -> _Client | None:
        if request.client_request.method is not method:
            return None  # the skeleton goes on to the other method
        with _told_to_the_skeleton():
            return _Client(token_endpoint.authenticate(wiring, request.client_request))

    return authenticate


@contextmanager
def _told_to_the_skeleton() -> Iterator[None]:
    try:
        yield
    except RequestRefusedError as error:
        raise _RefusedError(error) from error


class _RefusedError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    """A refusal of ours as the skeleton answers it."""

    def __init__(self, refused: RequestRefusedError) -> None:
        super().__init__(error=refused.code, description=refused.description, status_code=int(refused.status))
        self.refused = refused

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), *self.refused.headers.items()]
