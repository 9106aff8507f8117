"""A witness over HTTP or HTTPS: two paths, small requests, short connections.

INVARIANTS
- Nothing but ``POST /add-checkpoint`` and ``GET /<SHA-256 of an origin>/checkpoint`` is answered.
- A client costs at most one thread, ``MAX_SUBMISSION_BYTES`` and ``CONNECTION_SECONDS``, whatever it sends or does
  not send; beyond ``MAX_CONNECTIONS`` at once, new ones are closed.
- What is written about a request is its method and the answer's status, never a part of it.

The paths stand at the root; a proxy in front may put a prefix before them.

Source: C2SP tlog-witness, HTTP interface.
"""

import re
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from extract_client.deadline import cut_off
from extract_client.errors import ConfigurationError
from extract_client.log.witness import MAX_SUBMISSION_BYTES, PLAIN, Reply, Witness, WitnessStateError

CONNECTION_SECONDS: Final = 30.0
"""From the first byte of a connection to its end, its handshake and every request on it included."""
IDLE_SECONDS: Final = 10.0
"""A client that sends or takes nothing for so long is gone."""
MAX_CONNECTIONS: Final = 64

_ADD: Final = "/add-checkpoint"
_CHECKPOINT: Final = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)
_LENGTH: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness until ``shutdown`` is called from another thread."""

    daemon_threads = (
        True  # one that is cut off between state and answer: the client asks again, and is answered
    )
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        witness: Witness,
        *,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Listen at once; requests are answered once ``serve_forever`` runs.

        Args:
            address: host and port; port 0: a free one, see ``server_address``.
            tls: None: plain HTTP, for this machine alone or behind a proxy.

        Raises: ConfigurationError, nothing can listen there.
        """
        self.witness = witness
        self.clock = clock
        self._tls = tls
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can listen at {address[0]}, port {address[1]}: {error.strerror}."
            ) from error

    def server_bind(self) -> None:
        """Bind without asking the name service for this machine's name."""
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; its handshake is made by its own thread."""
        connection, client = super().get_request()
        if self._tls is None:
            return connection, client
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), client

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, if there is a place."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread is to be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end, which comes."""
        try:
            with cut_off(request, after=CONNECTION_SECONDS):
                super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection failed, by the type of its fault alone: clients that leave are everyday."""
        del request, client_address
        _say(f"connection ended: {type(sys.exception()).__name__}")


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # also who speaks no HTTP is refused in it
    timeout = IDLE_SECONDS

    def setup(self) -> None:
        """Make the handshake, then the streams."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        """Answer with the note last cosigned of one log."""
        self._answer(self._checkpoint)

    def do_POST(self) -> None:
        """Answer a request to cosign."""
        if self.path != _ADD:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = self._body()
        if body is not None:
            self._answer(lambda: self.server.witness.add_checkpoint(body, int(self.server.clock())))

    def _checkpoint(self) -> Reply:
        asked = _CHECKPOINT.fullmatch(self.path)
        note = None if asked is None else self.server.witness.checkpoint(asked[1])
        if note is None:
            return Reply(404, PLAIN, b"There is nothing here.\n")
        return Reply(200, PLAIN, note)

    def _body(self) -> bytes | None:
        """The request's body; None: it was refused."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return None
        length = int(lengths[0])
        if length > MAX_SUBMISSION_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        body = self.rfile.read(length)
        if len(body) != length:
            self.close_connection = True  # the client left in the middle
            return None
        return body

    def _answer(self, ask: Callable[[], Reply]) -> None:
        try:
            reply = ask()
        except WitnessStateError as error:
            _say(f"fault: {error}")
            reply = Reply(500, PLAIN, b"The witness cannot cosign at present.\n")
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request of ours, without repeating any of it, and end the connection."""
        del message, explain
        status = HTTPStatus(code)
        body = f"{status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", PLAIN)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Name no product and no version."""
        return "witness"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say what was answered."""
        del size
        _say(f"{self.command if self.command in ('GET', 'POST') else 'other'} {int(code)}")

    def log_message(self, *_: Any) -> None:
        """Say nothing: the library's messages repeat what was sent."""


def _say(sentence: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{stamp} {sentence}\n")
    sys.stderr.flush()
