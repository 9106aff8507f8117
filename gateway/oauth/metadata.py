"""What we tell the world about ourselves: exactly what exists, never an absent route.

Sources: RFC 8414 section 2, RFC 8705 section 5, RFC 9728 section 2, RFC 9449 section 5.1, RFC 9396 section 10.
"""

from gateway.oauth import token_endpoint, token_status
from gateway.oauth.jose import CLIENT_ALGORITHMS
from gateway.oauth.model import ENTRY_TYPES, AuthenticationMethod, Scope
from gateway.oauth.server import GRANT_TYPE
from gateway.settings import Settings

JWKS_PATH = "/.well-known/jwks.json"
_ENDPOINTS = {
    "token_endpoint": token_endpoint.PATH,
    "introspection_endpoint": token_status.INTROSPECTION_PATH,
    "revocation_endpoint": token_status.REVOCATION_PATH,
}


def authorization_server(settings: Settings) -> dict[str, object]:
    """Return the authorization server's metadata; every address is below a configured one.

    Mutual TLS, its endpoints (RFC 8705 section 5) and what it allows are named where it is offered.
    """
    methods = [
        str(method)
        for method in AuthenticationMethod
        if settings.mtls_url is not None or method is not AuthenticationMethod.TLS_CLIENT_AUTH
    ]
    authentication = {
        f"{endpoint}_{what}_supported": [*values]
        for endpoint in _ENDPOINTS
        for what, values in (("auth_methods", methods), ("auth_signing_alg_values", CLIENT_ALGORITHMS))
    }
    return {
        "issuer": settings.issuer,
        **_addresses(settings.public_url),
        "jwks_uri": settings.public_url + JWKS_PATH,
        "scopes_supported": [*Scope],
        "response_types_supported": [],
        "grant_types_supported": [GRANT_TYPE],
        **authentication,
        "dpop_signing_alg_values_supported": [*CLIENT_ALGORITHMS],
        "authorization_details_types_supported": [*ENTRY_TYPES],
        "protected_resources": [settings.resource],
        **_mutual_tls(settings),
    }


def protected_resource(settings: Settings) -> dict[str, object]:
    """Return the protected resource's metadata."""
    with_certificates = settings.mtls_url is not None
    return {
        "resource": settings.resource,
        "resource_name": settings.council_name,
        "authorization_servers": [settings.issuer],
        "scopes_supported": [*Scope],
        "bearer_methods_supported": ["header"],
        "dpop_bound_access_tokens_required": not with_certificates,
        "dpop_signing_alg_values_supported": [*CLIENT_ALGORITHMS],
        **({"tls_client_certificate_bound_access_tokens": True} if with_certificates else {}),
        "authorization_details_types_supported": [*ENTRY_TYPES],
    }


def _mutual_tls(settings: Settings) -> dict[str, object]:
    if settings.mtls_url is None:
        return {}
    return {
        "tls_client_certificate_bound_access_tokens": True,
        "mtls_endpoint_aliases": _addresses(settings.mtls_url),
    }


def _addresses(base_url: str) -> dict[str, str]:
    return {name: base_url + path for name, path in _ENDPOINTS.items()}
