"""A provider of sign-in over TLS on the loopback: honest by default, and it lies in any way that it is told to."""

import base64
import contextlib
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from joserfc.jwk import Key

from certs.authority import create_authority, issue_server
from certs.jwk import public_part
from certs.private_file import write_private
from gateway.settings import ProviderSettings
from gateway.staff.id_token import LOGOUT_EVENT
from tests.gateway.oauth.partner import new_key, sign, without

METADATA: Final = "/.well-known/openid-configuration"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it is sent.

    Attributes:
        drips: a byte of the body every so many seconds; 0: at once.
    """

    status: int = 200
    body: bytes = b"{}"
    kind: str = JSON
    location: str | None = None
    drips: float = 0.0


@dataclass
class FakeProvider:
    """One provider and one client of it.

    Attributes:
        metadata: members of its metadata that differ; ``...`` takes one away.
        claims: the same for its ID tokens.
        header: the same for their headers.
        key: what it signs with; ``published`` is what its key set holds.
        signs: makes a token of a header and claims.
        raw: what a path is answered with, in place of the honest answer.
        warps: what is done to the honest answer of a path.
        token_answer: members of the token endpoint's answer that differ.
        asked: paths that were asked for, in order.
        forms: what the token endpoint was sent.
    """

    url: str
    authority: Path
    client_id: str = "gateway"
    secret: str = "a-secret-that-is-long"
    subject: str = "u-1"
    key: Key = field(default_factory=lambda: new_key("ES256"))
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    signs: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    raw: dict[str, Raw] = field(default_factory=dict)
    warps: dict[str, Callable[[Raw], Raw]] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[tuple[dict[str, str], str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.published = [self.jwk()]

    def be_honest(self) -> None:
        """Be as it was at first, with another key."""
        for lies in (self.metadata, self.claims, self.header, self.raw, self.token_answer):
            lies.clear()
        self.warps.clear()
        self.key, self.subject, self.signs = new_key("ES256"), "u-1", None
        self.published = [self.jwk()]
        self.asked.clear()
        self.forms.clear()

    def jwk(self, key: Key | None = None, *, key_id: str = "k1", **members: Any) -> dict[str, Any]:
        """The public part of a key as its set shows it."""
        public: dict[str, Any] = public_part((key or self.key).as_dict(private=False))
        return without({**public, "kid": key_id, "use": "sig", "alg": "ES256", **members})

    def settings(self, secret_file: Path, **changes: Any) -> ProviderSettings:
        """What a gateway is told of this provider; the secret is written to the file."""
        secret_file.write_text(self.secret + "\n")
        named = {
            "issuer": self.url,
            "client_id": self.client_id,
            "client_secret_file": secret_file,
            "ca_file": self.authority,
            "name": "Testshire account",
        }
        return ProviderSettings(**{**named, **changes})

    def authorize(self, address: str) -> dict[str, str]:
        """Sign somebody in whose browser came to this address; return what it is sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def described(self) -> dict[str, Any]:
        """Its metadata."""
        return without(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        )

    def token(self, claims: dict[str, Any], **header: Any) -> str:
        """Any token of its own making."""
        head = without({"alg": "ES256", "kid": "k1", "typ": "JWT", **header})
        return sign(head, claims, self.key) if self.signs is None else self.signs(head, claims)

    def logout_token(self, **changes: Any) -> str:
        """Its word that somebody signed out."""
        now = int(time.time())
        header = changes.pop("header", {})
        claims = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": self.subject,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "events": {LOGOUT_EVENT: {}},
        }
        return self.token(without({**claims, **changes}), **{"typ": "logout+jwt", **header})

    def exchange(self, form: dict[str, str], authorization: str) -> Raw:
        """Answer at the token endpoint."""
        self.forms.append((form, authorization))
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if asked is None or asked["code_challenge"] != challenge.rstrip(b"=").decode():
            return Raw(400, b'{"error":"invalid_grant"}')
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "canary@testshire.example",
            **({"auth_time": now} if "max_age" in asked else {}),
        }
        token = self.token(without({**claims, **self.claims}), **self.header)
        answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": token, **self.token_answer}
        return Raw(body=json.dumps(without(answer)).encode())

    def answer(self, method: str, path: str, body: bytes, authorization: str) -> Raw:
        """Answer a request."""
        self.asked.append(path)
        if path in self.raw:
            return self.raw[path]
        honest = self.honest(method, path, body, authorization)
        return self.warps[path](honest) if path in self.warps else honest

    def honest(self, method: str, path: str, body: bytes, authorization: str) -> Raw:
        """Answer a request as it should be."""
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                return Raw(body=json.dumps(self.described()).encode())
            case "GET", "/keys":
                return Raw(body=json.dumps({"keys": self.published}).encode())
            case "POST", "/token":
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                return self.exchange(form, authorization)
            case _:
                return Raw(404)


@contextlib.contextmanager
def fake_provider(folder: Path) -> Iterator[FakeProvider]:
    """Yield a provider that answers; its authority's certificate lies in ``folder``."""
    authority = create_authority("A provider's authority", now=datetime.now(UTC))
    issued = issue_server(authority, names=["localhost"], now=datetime.now(UTC))
    files = [folder / name for name in ("provider-ca.pem", "provider.pem", "provider.key")]
    files[0].write_bytes(authority.certificate_pem)
    files[1].write_bytes(issued.certificate_pem)
    write_private(files[2], issued.key_pem)
    made: list[FakeProvider] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            raw = made[0].answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            self.send_response(raw.status)
            self.send_header("Content-Type", raw.kind)
            self.send_header("Content-Length", str(len(raw.body)))
            if raw.location is not None:
                self.send_header("Location", raw.location)
            self.end_headers()
            if not raw.drips:
                self.wfile.write(raw.body)
                return
            with contextlib.suppress(OSError):  # whoever asked went away
                for byte in raw.body:
                    time.sleep(raw.drips)
                    self.wfile.write(bytes([byte]))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.append(FakeProvider(f"https://localhost:{server.server_address[1]}", files[0]))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
