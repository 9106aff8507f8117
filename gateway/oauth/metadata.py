"""What we tell the world about ourselves: exactly what exists, never an absent route.

Sources: RFC 8414 section 2, RFC 9728 section 2, RFC 9449 section 5.1, RFC 9396 section 10.
"""

from gateway.oauth import token_endpoint
from gateway.oauth.jose import CLIENT_ALGORITHMS
from gateway.oauth.model import ENTRY_TYPES, Scope
from gateway.oauth.server import AUTHENTICATION_METHOD, GRANT_TYPE
from gateway.settings import Settings

JWKS_PATH = "/.well-known/jwks.json"


def authorization_server(settings: Settings) -> dict[str, object]:
    """Return the authorization server's metadata; every address is below the configured public URL."""
    return {
        "issuer": settings.issuer,
        "token_endpoint": settings.public_url + token_endpoint.PATH,
        "jwks_uri": settings.public_url + JWKS_PATH,
        "scopes_supported": [*Scope],
        "response_types_supported": [],
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_methods_supported": [AUTHENTICATION_METHOD],
        "token_endpoint_auth_signing_alg_values_supported": [*CLIENT_ALGORITHMS],
        "dpop_signing_alg_values_supported": [*CLIENT_ALGORITHMS],
        "authorization_details_types_supported": [*ENTRY_TYPES],
        "protected_resources": [settings.resource],
    }


def protected_resource(settings: Settings) -> dict[str, object]:
    """Return the protected resource's metadata."""
    return {
        "resource": settings.resource,
        "resource_name": settings.council_name,
        "authorization_servers": [settings.issuer],
        "scopes_supported": [*Scope],
        "dpop_bound_access_tokens_required": True,
        "dpop_signing_alg_values_supported": [*CLIENT_ALGORITHMS],
        "authorization_details_types_supported": [*ENTRY_TYPES],
    }
