"""Where a monitor reads from: the gateway's log, and the witnesses that watch it.

INVARIANT: nothing that is returned here is believed; whoever reads it verifies it.

Sources: c2sp.org/tlog-tiles (paths), c2sp.org/tlog-witness (a witness's newest checkpoint).
"""

import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from extract_client.client import ExtractClient
from extract_client.deadline import cut_off
from extract_client.errors import (
    BusyError,
    ConfigurationError,
    NotAvailableError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from extract_client.log.witness_address import is_safe_address
from extract_client.transport import TIMEOUT_SECONDS

PATIENCE_SECONDS: Final = 120
"""How long one piece of the log is waited for while the gateway asks to slow down."""
_MAX_NOTE_BYTES: Final = 1_000_000


class LogSource(Protocol):
    """What a monitor reads one log from: the gateway here, a folder or another gateway elsewhere."""

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint; raises ExtractClientError."""
        ...

    def resource(self, path: str) -> bytes:
        """Return the tile or bundle at a path such as ``tile/0/000``; raises ExtractClientError."""
        ...


class WitnessSource(Protocol):
    """Fetches what a witness last cosigned."""

    def __call__(self, url: str) -> bytes | None:
        """Return the note at this address, or nothing where there is none; raises ExtractClientError."""
        ...


@dataclass(slots=True)
class GatewayLog:
    """The log of one gateway, read as a client that holds ``log:read``."""

    client: ExtractClient
    sleep: Callable[[float], None] = time.sleep
    _token: str | None = field(default=None, repr=False)

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint; raises ExtractClientError."""
        return self.client.checkpoint()

    def resource(self, path: str) -> bytes:
        """Return one tile or bundle, with a new token when the last one has ended.

        Raises: NotAvailableError, the log does not have it; BusyError, the gateway asked for too much patience;
            ExtractClientError.
        """
        waited = 0
        while True:
            try:
                return self._read(path)
            except BusyError as error:
                waited += max(1, error.retry_after)
                if waited > PATIENCE_SECONDS:
                    raise
                self.sleep(max(1, error.retry_after))

    def _read(self, path: str) -> bytes:
        held = self._token
        if held is not None:
            try:
                return self.client.log_resource(path, token=held)
            except (BusyError, NotAvailableError):
                raise
            except RefusedError:
                self._token = None  # it lives for minutes only: ask once more with a new one
        self._token = self.client.log_token()
        return self.client.log_resource(path, token=self._token)


class WitnessHttp:
    """Reads witnesses over HTTPS, or over HTTP on this machine."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """Trust the authorities of this machine, or those in ``ca_file``.

        Raises: ConfigurationError.
        """
        try:
            self._context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"The certificate authority's file {ca_file} cannot be read.") from error

    def __call__(self, url: str) -> bytes | None:
        """Return the note at this address, or nothing where there is none.

        Raises: ConfigurationError, the address is not safe; UnreachableError; UnexpectedAnswerError.
        """
        if not is_safe_address(url):
            raise ConfigurationError(f"The address {url} of a witness does not start with https://.")
        parts = urlsplit(url)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.connect()
            with cut_off(connection.sock, after=TIMEOUT_SECONDS):
                connection.request("GET", parts.path)
                response = connection.getresponse()
                body = response.read(_MAX_NOTE_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"The witness at {parts.netloc} cannot be reached.") from error
        finally:
            connection.close()
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK or len(body) > _MAX_NOTE_BYTES:
            raise UnexpectedAnswerError(f"The witness at {parts.netloc} did not answer with a checkpoint.")
        return body

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
