"""A partner's system with real keys: makes assertions and proofs, honest by default, and any attack on request."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from gateway.oauth.assertion import ASSERTION_TYPE

TOKEN_PATH = "/oauth/token"
FORM = "application/x-www-form-urlencoded"

CASE_EXTRACT = [{"type": "case_extract", "purpose": "P1", "practitioner": {"id": "worker-1"}}]
CASE_ACTION = [{"type": "case_action", "practitioner": {"id": "worker-1"}}]


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: object) -> str:
    return encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def sign(header: Mapping[str, Any], claims: object, key: Key) -> str:
    """Sign anything with a real algorithm, as no library would let us."""
    signed = f"{part(header)}.{part(claims)}"
    algorithm: Any = jws.JWSRegistry.algorithms[header["alg"]]
    return f"{signed}.{encode(algorithm.sign(signed.encode(), key))}"


def sign_hmac(header: Mapping[str, Any], claims: object, secret: bytes) -> str:
    """Sign with HS256 and any bytes as the secret, as no library would."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def claims_of(token: str) -> dict[str, Any]:
    segment = token.split(".", 2)[1]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return value


def header_of(token: str) -> dict[str, Any]:
    segment = token.split(".", 1)[0]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return value


def new_key(algorithm: str = "ES256") -> Key:
    match algorithm:
        case "ES256":
            return ECKey.generate_key("P-256")
        case "PS256" | "RS256":
            return RSAKey.generate_key(2048)
        case _:
            return OKPKey.generate_key("Ed25519")


def without(claims: dict[str, Any]) -> dict[str, Any]:
    """Drop the claims set to ``...``."""
    return {name: value for name, value in claims.items() if value is not ...}


class Http(Protocol):
    """What a partner speaks through: werkzeug's test client, or a real connection (``tests.support.door``)."""

    def get(self, path: str, **request: Any) -> Any: ...
    def post(self, path: str, **request: Any) -> Any: ...
    def open(self, path: str, **request: Any) -> Any: ...
    def delete(self, path: str) -> Any: ...


@dataclass
class Partner:
    """One client with its key, its DPoP key, and the gateway's addresses.

    Attributes:
        by_certificate: tokens are bound to the certificate of its connection: no proofs, scheme Bearer.
        method: how it authenticates: an assertion, or the certificate of its connection too.
        nonce: of the gateway, for the next proofs.
    """

    http: Http
    issuer: str
    client_id: str
    key: Key
    algorithm: str = "ES256"
    proof_key: Key = field(default_factory=new_key)
    proof_algorithm: str = "ES256"
    by_certificate: bool = False
    method: str = "private_key_jwt"
    nonce: str | None = None

    @property
    def scheme(self) -> str:
        return "Bearer" if self.by_certificate else "DPoP"

    @property
    def token_url(self) -> str:
        return self.issuer + TOKEN_PATH

    @property
    def resource(self) -> str:
        return self.issuer + "/v1"

    def assertion_claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
        }
        return without({**claims, **changes})

    def assertion(self, header: Any = None, **changes: Any) -> str:
        return sign({"alg": self.algorithm, **(header or {})}, self.assertion_claims(**changes), self.key)

    def proof(
        self,
        method: Any = "POST",
        url: Any = None,
        *,
        token: Any = None,
        header: Any = None,
        **changes: Any,
    ) -> str:
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url or self.token_url,
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(16),
            "nonce": self.nonce or ...,
        }
        if token is not None:
            claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
        base = {
            "typ": "dpop+jwt",
            "alg": self.proof_algorithm,
            "jwk": self.proof_key.as_dict(private=False),
        }
        return sign(without({**base, **(header or {})}), without({**claims, **changes}), self.proof_key)

    def credentials(self, assertion: Any = None) -> dict[str, Any]:
        """The parameters by which this client authenticates."""
        if self.method == "tls_client_auth":
            return {"client_id": self.client_id}
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion or self.assertion()}

    def form(self, **changes: Any) -> dict[str, Any]:
        parameters = {
            "grant_type": "client_credentials",
            **self.credentials(changes.get("client_assertion")),
            "scope": "extract:read",
            "authorization_details": json.dumps(CASE_EXTRACT),
        }
        return without({**parameters, **changes})

    def ask(
        self,
        *,
        proof: str | list[str] | None = "",
        headers: Mapping[str, str] | None = None,
        query: str = "",
        body: str | bytes | None = None,
        content_type: str = FORM,
        **changes: Any,
    ) -> TestResponse:
        """Send one token request; ``...`` leaves a parameter out, ``proof=None`` the proof."""
        honest = [] if self.by_certificate else [self.proof()]
        proofs = honest if proof == "" else [proof] if isinstance(proof, str) else proof or []
        sent = Headers([*(headers or {}).items(), *(("DPoP", one) for one in proofs)])
        return self.post(
            TOKEN_PATH + query,
            data=urlencode(self.form(**changes)) if body is None else body,
            content_type=content_type,
            headers=sent,
        )

    def post(self, path: str, **request: Any) -> TestResponse:
        answer: TestResponse = self.http.post(path, **request)
        return answer

    def about(self, path: str, of: str, *, proof: str | None = None, **changes: Any) -> TestResponse:
        """Ask the introspection or the revocation endpoint about a token."""
        form = without({**self.credentials(), "token": of} | changes)
        headers = [("DPoP", proof)] if proof is not None else []
        return self.post(path, data=urlencode(form), content_type=FORM, headers=headers)

    def token(self, **changes: Any) -> str:
        answer = self.ask(**changes)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        token: str = answer.get_json()["access_token"]
        return token

    def get(
        self,
        path: str,
        token: str,
        *,
        scheme: str | None = None,
        proof: str | None = "",
        headers: list[tuple[str, str]] | None = None,
        base_url: str | None = None,
    ) -> TestResponse:
        """Send one request to the API; ``proof=None`` leaves the proof out."""
        made = proof
        if proof == "":
            url = self.issuer + path.partition("?")[0]
            made = None if self.by_certificate else self.proof("GET", url, token=token)
        sent = Headers([("Authorization", f"{scheme or self.scheme} {token}"), *(headers or [])])
        if made is not None:
            sent.add("DPoP", made)
        answer: TestResponse = self.http.get(path, headers=sent, base_url=base_url or self.issuer)
        return answer
