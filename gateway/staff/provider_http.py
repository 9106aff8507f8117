"""One request to the provider: https only, bounded in time and size, whatever answers.

INVARIANTS
- An exchange ends within ``CONNECT_SECONDS`` and ``EXCHANGE_SECONDS``.
- No redirect is followed, no proxy is used, and no cookie is kept: what answers is what was asked.
- The provider's certificate is checked against the system's authorities, and one more that the council names.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from gateway.staff.errors import ProviderAnswerError, ProviderAwayError

CONNECT_SECONDS: Final = 5.0
"""For the connection, and again for its handshake."""
EXCHANGE_SECONDS: Final = 5.0
"""From the first byte of the request to the last one of the answer."""
MAX_BYTES: Final = 256 * 1024

_JSON: Final = frozenset({"application/json", "application/jwk-set+json"})


@dataclass(frozen=True, slots=True)
class ProviderHttp:
    """Speaks with one provider."""

    context: ssl.SSLContext

    @classmethod
    def trusting(cls, ca_file: Path | None) -> "ProviderHttp":
        """Trust the system's authorities, and those of a file beside them.

        Raises: OSError, the file holds none.
        """
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
        return cls(context)

    def get(self, url: str) -> bytes:
        """Return the JSON at an address.

        Raises: ProviderAwayError; ProviderAnswerError.
        """
        return self._exchange("GET", url, None, {})

    def post(self, url: str, fields: Mapping[str, str], *, authorization: str | None) -> bytes:
        """Return the JSON that a form is answered with.

        Raises: ProviderAwayError; ProviderAnswerError, it was refused.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if authorization is not None:
            headers["Authorization"] = authorization
        return self._exchange("POST", url, urlencode(fields), headers)

    def _exchange(self, method: str, url: str, body: str | None, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise ProviderAnswerError("an address is not https")
        path = parts.path or "/"
        try:
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=CONNECT_SECONDS, context=self.context
            )
            with contextlib.closing(connection):
                connection.connect()
                with _cut_off(connection.sock, after=EXCHANGE_SECONDS):
                    connection.request(
                        method,
                        f"{path}?{parts.query}" if parts.query else path,
                        body=body,
                        headers={"Accept": "application/json", "Connection": "close", **headers},
                    )
                    with connection.getresponse() as response:
                        read = response.read(MAX_BYTES + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ProviderAwayError(type(error).__name__) from error
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderAwayError(f"status {response.status}")
        if response.status != HTTPStatus.OK:
            raise ProviderAnswerError(f"{method} was answered with status {response.status}")
        if len(read) > MAX_BYTES:
            raise ProviderAnswerError("an answer is too long")
        if response.length:
            raise ProviderAwayError("an answer was cut off")
        if response.headers.get_content_type() not in _JSON:
            raise ProviderAnswerError("an answer is not JSON")
        return read


@contextlib.contextmanager
def _cut_off(connection: socket.socket, *, after: float) -> Iterator[None]:
    """End the connection ``after`` seconds: a timeout of a socket begins anew with every byte."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            # The plain socket's: the one of TLS would take the session away under the thread that uses it.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(after, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
