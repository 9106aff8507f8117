"""One request to one witness: HTTPS, except on this machine; bounded in time and size, whatever answers.

INVARIANTS
- An exchange ends within ``CONNECT_SECONDS`` and ``EXCHANGE_SECONDS``, and gives an answer or None, never an error.
- No redirect is followed, no proxy is used, and what a witness says is not written to the log.
"""

import contextlib
import http.client
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog

from extract_client.deadline import cut_off
from extract_client.log.policy import Witness
from extract_client.log.witness import MAX_SUBMISSION_BYTES
from extract_client.log.witness_address import is_safe_address

CONNECT_SECONDS: Final = 5.0
"""For the connection, and again for its handshake."""
EXCHANGE_SECONDS: Final = 5.0
"""From the first byte of the request to the last one of the answer."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answered, read to its end."""

    status: int
    content_type: str
    body: bytes


def exchange(witness: Witness, method: str, path: str, *, body: bytes | None = None) -> Answer | None:
    """Return what a witness answers; None: it has no address, or nothing usable came in time.

    Args:
        path: after the prefix of the witness's address, with its slash.
    """
    if witness.url is None:
        return None
    try:
        return _exchange(witness.url, method, path, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        _log.warning("witness.unreachable", witness=witness.name, fault=type(error).__name__)
        return None


def _exchange(url: str, method: str, path: str, body: bytes | None) -> Answer | None:
    if not is_safe_address(url):
        raise ValueError("neither https nor of this machine")
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    with contextlib.closing(connection):
        connection.connect()
        with cut_off(connection.sock, after=EXCHANGE_SECONDS):
            connection.request(method, parts.path.rstrip("/") + path, body=body)
            with connection.getresponse() as response:
                read = response.read(MAX_SUBMISSION_BYTES + 1)
    if len(read) > MAX_SUBMISSION_BYTES:
        raise ValueError("the answer is too long")
    return Answer(response.status, response.headers.get_content_type(), read)


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
