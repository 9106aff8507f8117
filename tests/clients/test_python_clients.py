"""requests_oauth2client and Authlib against a real gateway.

No session here reads the machine's environment: a ``REQUESTS_CA_BUNDLE`` would win over its ``verify``.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped] # ships no types
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign  # type: ignore[import-untyped] # as above
from joserfc.jwk import ECKey
from requests.adapters import HTTPAdapter
from requests_oauth2client import (
    BearerToken,
    DPoPToken,
    InvalidClient,
    MissingDPoPNonce,
    OAuth2Client,
    PrivateKeyJwt,
    PublicApp,
)

from tests.clients.site import ALGORITHMS, PartnerSystem, Site, expected_extract, identity

SECONDS = 30


class _WholeAnswers(HTTPAdapter):
    """Reads every answer to its end: requests_oauth2client drops a refused one unread, and its open socket with it."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(*args, **kwargs)
        _ = answer.content
        return answer


@contextmanager
def connected(site: Site, *, system: PartnerSystem | None = None) -> Iterator[requests.Session]:
    """Yield a session that trusts the gateway, with the certificate of a system if one is given."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(site.authority)
        session.mount("https://", _WholeAnswers())
        if system is not None:
            session.cert = (str(system.tls.certificate), str(system.tls.key))
        yield session


def discovered(
    site: Site, session: requests.Session, auth: requests.auth.AuthBase, **more: Any
) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(issuer=site.issuer, auth=auth, session=session, **more)


def with_key(site: Site, system: PartnerSystem, *, algorithm: str | None = None) -> PrivateKeyJwt:
    """Authentication by assertion; the library writes ``EdDSA`` where RFC 9864 says ``Ed25519``."""
    named = {"Ed25519": "EdDSA"}.get(system.algorithm, system.algorithm)
    return PrivateKeyJwt(system.client_id, system.private_key, alg=algorithm or named, aud=site.issuer)


def token_for(site: Site, client: OAuth2Client, system: PartnerSystem) -> BearerToken:
    return client.client_credentials(
        "extract:read", resource=site.resource, authorization_details=system.authorization_details
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_extract_is_pulled_under_a_proof(gateway_node: Site, algorithm: str) -> None:
    system = gateway_node.council.equip("camhs", algorithm)
    with connected(gateway_node) as session:
        client = discovered(
            gateway_node, session, with_key(gateway_node, system), dpop_bound_access_tokens=True
        )
        token = token_for(gateway_node, client, system)
        answer = session.get(gateway_node.extract_url("camhs"), auth=token, timeout=SECONDS)
    assert isinstance(token, DPoPToken)
    assert expected_extract(gateway_node, "camhs") == identity(answer.json())


def test_an_answer_tells_what_is_left(gateway_node: Site) -> None:
    """The guide names the letters; a program that slows down in time is never told to wait."""
    system = gateway_node.council.equip("camhs")
    with connected(gateway_node) as session:
        client = discovered(
            gateway_node, session, with_key(gateway_node, system), dpop_bound_access_tokens=True
        )
        answer = session.get(
            f"{gateway_node.resource}/me", auth=token_for(gateway_node, client, system), timeout=SECONDS
        )
    left = r"r=\d+;t=\d+"
    assert re.fullmatch(f'"client";{left}, "practitioner";{left}', answer.headers["RateLimit"])


def test_the_library_follows_the_demand_for_a_nonce(nonce_node: Site) -> None:
    system = nonce_node.council.equip("charity")
    with connected(nonce_node) as session:
        client = discovered(nonce_node, session, with_key(nonce_node, system), dpop_bound_access_tokens=True)
        answer = session.get(
            nonce_node.extract_url("charity"), auth=token_for(nonce_node, client, system), timeout=SECONDS
        )
    assert expected_extract(nonce_node, "charity") == identity(answer.json())


def test_a_revoked_token_is_not_active_and_not_served(gateway_node: Site) -> None:
    """The library takes every 401 for a demand for a nonce; the guide says so, as it looks like a fault of ours."""
    system = gateway_node.council.equip("camhs")
    with connected(gateway_node) as session:
        client = discovered(
            gateway_node, session, with_key(gateway_node, system), dpop_bound_access_tokens=True
        )
        token = token_for(gateway_node, client, system)
        alive = client.introspect_token(token)
        assert client.revoke_token(token.access_token)
        dead = client.introspect_token(token)
        with pytest.raises(MissingDPoPNonce) as refused:
            session.get(gateway_node.extract_url("camhs"), auth=token, timeout=SECONDS)
    assert (True, {"active": False}) == (alive["active"], dead)
    assert 'error="invalid_token"' in refused.value.response.headers["WWW-Authenticate"]


def test_the_default_audience_is_refused(gateway_node: Site) -> None:
    """The library's own default is the token endpoint, which FAPI 2.0 forbids: the guide gives the issuer."""
    system = gateway_node.council.equip("camhs")
    auth = PrivateKeyJwt(system.client_id, system.private_key, alg="ES256")
    with connected(gateway_node) as session, pytest.raises(InvalidClient, match="aud of the assertion"):
        token_for(
            gateway_node, discovered(gateway_node, session, auth, dpop_bound_access_tokens=True), system
        )


AUTHENTICATION: dict[str, Callable[[Site, PartnerSystem], requests.auth.AuthBase]] = {
    "tls_client_auth": lambda _site, system: PublicApp(system.client_id),
    "private_key_jwt": with_key,
}


@pytest.mark.parametrize("method", AUTHENTICATION)
def test_an_extract_is_pulled_under_a_certificate(gateway_node: Site, method: str) -> None:
    """The library knows no endpoint aliases, so it is told the address; a client that sends its id and nothing else
    is what RFC 8705 section 2 asks for, whatever the library calls it."""
    system = gateway_node.council.equip("camhs")
    with connected(gateway_node, system=system) as session:
        client = OAuth2Client(
            token_endpoint=f"{gateway_node.mutual_url}/oauth/token",
            auth=AUTHENTICATION[method](gateway_node, system),
            session=session,
        )
        token = token_for(gateway_node, client, system)
        extract_url = gateway_node.extract_url("camhs", base=gateway_node.mutual_url)
        pulled = session.get(extract_url, auth=token, timeout=SECONDS)
    with connected(gateway_node) as session:
        stolen = session.get(extract_url, auth=token, timeout=SECONDS)
    assert not isinstance(token, DPoPToken)
    assert expected_extract(gateway_node, "camhs") == identity(pulled.json())
    assert 401 == stolen.status_code


class _FreshAssertion(PrivateKeyJWT):  # type: ignore[misc] # Authlib ships no types
    """Authlib's assertion with an end it is allowed to have, and a new ``jti`` each time."""

    def sign(self, auth: Any, token_endpoint: str) -> str:
        key, client_id = auth.client_secret, auth.client_id
        assertion: str = private_key_jwt_sign(
            key, client_id, token_endpoint, alg="ES256", header={"kid": key.kid}, expires_in=60
        )
        return assertion


def test_authlib_pulls_under_a_certificate_once_its_defaults_are_changed(gateway_node: Site) -> None:
    """Its own are RS256, the token endpoint as audience, and an hour; all three are refused. It knows no DPoP."""
    system = gateway_node.council.equip("charity")
    with OAuth2Session(
        system.client_id,
        ECKey.import_key(system.private_key),
        token_endpoint_auth_method="private_key_jwt",
        scope="extract:read",
    ) as session:
        session.trust_env, session.verify = False, str(gateway_node.authority)
        session.cert = (str(system.tls.certificate), str(system.tls.key))
        session.register_client_auth_method(_FreshAssertion(gateway_node.issuer))
        for _ in range(2):  # its mistakes with the jti show the second time
            session.fetch_token(
                f"{gateway_node.mutual_url}/oauth/token",
                grant_type="client_credentials",
                authorization_details=system.authorization_details,
            )
        answer = session.get(
            gateway_node.extract_url("charity", base=gateway_node.mutual_url), timeout=SECONDS
        )
    assert expected_extract(gateway_node, "charity") == identity(answer.json())
