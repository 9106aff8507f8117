"""A door of a running gateway, with the calls of werkzeug's test client that a partner's system uses.

What a test gives goes out as it is: each header on its own line, in order, however often and however odd. One
connection per thread is kept alive; a kept one that turns out closed is opened again, once.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import urlencode, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

SECONDS = 30.0
"""No answer of a living gateway takes longer."""

FORM = "application/x-www-form-urlencoded"

_GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError)
"""How a connection answers that was closed since it was last used."""

Pairs = Mapping[str, str] | Iterable[tuple[str, str]]


class DoorClosedError(ConnectionError):
    """The door was shut before there was an answer: a TLS alert, or the connection ended."""


class Answer(Response):
    """What came back, as it came: nothing is filled in."""

    default_mimetype = None
    automatically_set_content_length = False


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """PEM files of a client's certificate and its key."""

    certificate: Path
    key: Path


@dataclass
class Door:
    """One address of a gateway, entered with or without a client certificate.

    Attributes:
        port: on the loopback.
        url: what clients call it; gives the Host header, and no address.
        authority: PEM of who vouches for the server.
        client: the certificate to show, if it is asked for.
        version: the one version of TLS to speak; None: the best that both know.
    """

    port: int
    url: str
    authority: Path
    client: ClientFiles | None = None
    version: ssl.TLSVersion | None = None
    _thread: threading.local = field(default_factory=threading.local, repr=False)
    _opened: list[http.client.HTTPSConnection] = field(default_factory=list, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **request: Any) -> Answer:
        """Send a GET; what may be said of it is what ``send`` takes."""
        return self.send("GET", path, **request)

    def post(self, path: str, **request: Any) -> Answer:
        """Send a POST."""
        return self.send("POST", path, **request)

    def delete(self, path: str, **request: Any) -> Answer:
        """Send a DELETE."""
        return self.send("DELETE", path, **request)

    def open(self, path: str, *, method: str = "GET", **request: Any) -> Answer:
        """Send a request with any method."""
        return self.send(method, path, **request)

    def send(
        self,
        method: str,
        path: str,
        *,
        data: str | bytes | Mapping[str, str] | None = None,
        content_type: str | None = None,
        headers: Pairs = (),
        base_url: str | None = None,
    ) -> Answer:
        """Send a request; a mapping goes as a form, ``base_url`` changes the Host header and nothing else.

        Raises: DoorClosedError, no answer came.
        """
        sent = _pairs(headers)
        if isinstance(data, Mapping):
            data, content_type = urlencode(data), content_type or FORM
        body = data.encode() if isinstance(data, str) else data
        named = {name.lower() for name, _ in sent}
        if content_type is not None:
            sent.append(("Content-Type", content_type))
        if (body is not None or method == "POST") and not named & {"content-length", "transfer-encoding"}:
            sent.append(("Content-Length", str(len(body or b""))))
        if "host" not in named:
            sent.insert(0, ("Host", urlsplit(base_url or self.url).netloc))
        return self._exchange(method, path, sent, body)

    def tls(self, *, handshake: bool = True) -> ssl.SSLSocket:
        """Return a connection for a test that speaks for itself, and closes it."""
        context = self._context()
        bare = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        return context.wrap_socket(bare, server_hostname="127.0.0.1", do_handshake_on_connect=handshake)

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._opened:
            self._opened.pop().close()
        self._thread = threading.local()

    def _exchange(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | None) -> Answer:
        kept: http.client.HTTPSConnection | None = getattr(self._thread, "connection", None)
        used = kept is not None and kept.sock is not None
        try:
            return _ask(kept if kept is not None else self._connect(), method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            if used and isinstance(error, _GONE):
                return self._exchange(method, path, headers, body)
            _refuse(error)

    def _connect(self) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self._context(), timeout=SECONDS
        )
        self._thread.connection = connection
        self._opened.append(connection)
        return connection

    def _forget(self) -> None:
        connection = self._thread.connection
        self._thread.connection = None
        self._opened.remove(connection)
        connection.close()

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if self.client is not None:
            context.load_cert_chain(self.client.certificate, self.client.key)
        if self.version is not None:
            context.minimum_version = context.maximum_version = self.version
        return context


def _ask(
    connection: http.client.HTTPSConnection,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
) -> Answer:
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    return Answer([response.read()], status=response.status, headers=Headers(response.getheaders()))


def _pairs(headers: Pairs) -> list[tuple[str, str]]:
    return [*(headers.items() if isinstance(headers, Mapping) else headers)]


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, TimeoutError | ConnectionRefusedError | ssl.SSLCertVerificationError):
        raise error  # a gateway that hangs, that is not there, or whose own certificate is wrong shuts no door
    raise DoorClosedError(str(error)) from error
