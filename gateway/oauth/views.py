"""Routes of the authorization server: the token endpoint, and what is published about it."""

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Flask, Response, jsonify, request

from gateway.oauth import metadata, token_endpoint
from gateway.oauth.access import RESOURCE_METADATA_PATH
from gateway.oauth.errors import RequestRefusedError
from gateway.oauth.form import read_form
from gateway.oauth.keys import JWKS_SECONDS, published_keys
from gateway.oauth.server import TokenServer, refusal
from gateway.oauth.token_endpoint import TokenRequest
from gateway.wiring import Wiring

_AUTHORIZATION_SERVER_PATH: Final = "/.well-known/oauth-authorization-server"
_OPENID_PATH: Final = "/.well-known/openid-configuration"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the authorization server's routes, all of them public."""
    routes = Blueprint("oauth", __name__)
    _add_token_endpoint(routes, wiring)
    _add_documents(routes, wiring)
    app.register_blueprint(routes)


def _add_token_endpoint(routes: Blueprint, wiring: Wiring) -> None:
    server = TokenServer(wiring)

    @routes.post(token_endpoint.PATH)
    def token() -> Response:
        """Issue an access token (RFC 6749 section 4.4)."""
        try:
            form = read_form(request)
        except RequestRefusedError as error:
            return refusal(error)
        return server.respond(
            TokenRequest(
                form=form,
                dpop=request.headers.get("DPoP"),
                other_credentials="Authorization" in request.headers,
                now=datetime.now(UTC),
            )
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
