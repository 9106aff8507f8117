"""HTTPS with the standard library: one certificate authority, no redirects, no proxies, bounded answers."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from extract_client.errors import ConfigurationError, UnexpectedAnswerError, UnreachableError

TIMEOUT_SECONDS = 30
MAX_ANSWER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read to its end.

    Attributes:
        nonce: what the next proof must carry (RFC 9449 section 8); None: nothing was asked for.
        retry_after: seconds to wait before asking again (RFC 9110 section 10.2.3); None: not told.
    """

    status: int
    content_type: str
    body: bytes
    nonce: str | None = None
    retry_after: int | None = None


class Transport(Protocol):
    """What carries a request: HTTPS here, the application itself in tests."""

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request and return its answer; raises UnreachableError."""
        ...


class HttpsTransport:
    """Connects to servers that ``ca_file`` vouches for; None: the authorities of this machine."""

    def __init__(self, ca_file: Path | None) -> None:
        try:
            self._context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"The certificate authority's file {ca_file} cannot be read.") from error
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send one request over a connection of its own and return the answer.

        Raises: ConfigurationError, the URL is not ``https``; UnreachableError; UnexpectedAnswerError.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigurationError("The gateway's address starts with https://.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=self._context
        )
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            response = connection.getresponse()
            read = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"The gateway at {parts.netloc} cannot be reached safely.") from error
        finally:
            connection.close()
        if len(read) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswerError("The gateway's answer is too large.")
        return Answer(
            response.status,
            response.headers.get_content_type(),
            read,
            nonce=response.headers.get("DPoP-Nonce"),
            retry_after=seconds_of(response.headers.get("Retry-After")),
        )


def seconds_of(retry_after: str | None) -> int | None:
    """Return the seconds that a Retry-After header tells; nothing for a date or for none."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return int(retry_after)
