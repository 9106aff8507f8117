"""Routes of the authorization server: the token endpoint, and what is published about it."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, jsonify, request

from gateway.oauth import metadata, token_endpoint, token_status
from gateway.oauth.access import RESOURCE_METADATA_PATH
from gateway.oauth.client_authentication import ClientRequest
from gateway.oauth.client_certificate import presented_certificate
from gateway.oauth.errors import ForgedCertificateError, InvalidClientError, RequestRefusedError
from gateway.oauth.form import read_form
from gateway.oauth.keys import JWKS_SECONDS, published_keys
from gateway.oauth.nonce import needs_nonce, offer_nonce
from gateway.oauth.server import TokenServer, refusal
from gateway.oauth.token_reader import TokenReader
from gateway.wiring import Wiring

_AUTHORIZATION_SERVER_PATH: Final = "/.well-known/oauth-authorization-server"
_OPENID_PATH: Final = "/.well-known/openid-configuration"


def register(app: Flask, wiring: Wiring, *, reader: TokenReader) -> None:
    """Add the authorization server's routes: documents for everyone, endpoints that authenticate clients."""
    routes = Blueprint("oauth", __name__)
    _add_token_endpoint(routes, wiring)
    _add_status_endpoints(routes, wiring, reader)
    _add_documents(routes, wiring)
    app.register_blueprint(routes)


def _add_token_endpoint(routes: Blueprint, wiring: Wiring) -> None:
    server = TokenServer(wiring)

    @routes.post(token_endpoint.PATH)
    def token() -> Response:
        """Issue an access token (RFC 6749 section 4.4)."""
        try:
            asked = _client_request(wiring, needs="grant_type")
        except RequestRefusedError as error:
            return refusal(error)
        response = server.respond(asked)
        if needs_nonce(token_endpoint.asked_scopes(asked), policy=wiring.settings.dpop_nonce_scopes):
            response.headers["DPoP-Nonce"] = offer_nonce(wiring, now=asked.now)
        return response


def _add_status_endpoints(routes: Blueprint, wiring: Wiring, reader: TokenReader) -> None:
    @routes.post(token_status.INTROSPECTION_PATH)
    def introspect() -> Response:
        """Say whether a token of the client's own is good now (RFC 7662)."""
        try:
            asked = _client_request(wiring, needs="token")
            response = jsonify(token_status.introspect(wiring, asked, reader=reader))
        except RequestRefusedError as error:
            return refusal(error)
        response.cache_control.no_store = True
        return response

    @routes.post(token_status.REVOCATION_PATH)
    def revoke() -> Response:
        """End a token of the client's own (RFC 7009)."""
        try:
            token_status.revoke(wiring, _client_request(wiring, needs="token"), reader=reader)
        except RequestRefusedError as error:
            return refusal(error)
        return Response(status=HTTPStatus.OK)


def _client_request(wiring: Wiring, *, needs: str) -> ClientRequest:
    """Read what a client sent to one of its endpoints.

    Args:
        needs: the parameter without which there is nothing to answer.

    Raises: RequestRefusedError.
    """
    form = read_form(request)
    if needs not in form:
        raise RequestRefusedError(f"Name the {needs}.")
    now = datetime.now(UTC)
    try:
        certificate = presented_certificate(request, wiring.settings, now=now)
    except ForgedCertificateError as error:
        raise InvalidClientError(
            "A certificate is presented in the TLS handshake and nowhere else."
        ) from error
    return ClientRequest(
        form=form,
        dpop=request.headers.get("DPoP"),
        certificate=certificate,
        other_credentials="Authorization" in request.headers,
        now=now,
    )


def _add_documents(routes: Blueprint, wiring: Wiring) -> None:
    @routes.get(_AUTHORIZATION_SERVER_PATH)
    def authorization_server() -> Response:
        """Publish the authorization server's metadata (RFC 8414)."""
        return _cached(jsonify(metadata.authorization_server(wiring.settings)))

    @routes.get(_OPENID_PATH)
    def openid_configuration() -> Response:
        """Publish the same where OpenID clients look for it."""
        return _cached(jsonify(metadata.authorization_server(wiring.settings)))

    @routes.get(RESOURCE_METADATA_PATH)
    def protected_resource() -> Response:
        """Publish the protected resource's metadata (RFC 9728)."""
        return _cached(jsonify(metadata.protected_resource(wiring.settings)))

    @routes.get(metadata.JWKS_PATH)
    def jwks() -> Response:
        """Publish the keys that our tokens are signed with (RFC 7517)."""
        with wiring.autocommit.connect() as connection:
            found = published_keys(connection, now=datetime.now(UTC))
        return _cached(jsonify({"keys": found}))


def _cached(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = JWKS_SECONDS
    return response
