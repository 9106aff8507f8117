"""HTTPS as the partner speaks it, against a real server on this machine's loopback."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certs.authority import create_authority, issue_server
from extract_client.errors import ConfigurationError, UnexpectedAnswerError, UnreachableError
from extract_client.transport import MAX_ANSWER_BYTES, HttpsTransport


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/")
            self.end_headers()
            return
        body = b"x" * (MAX_ANSWER_BYTES + 1) if self.path == "/large" else b'{"path": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@dataclass
class Server:
    """A TLS server, and the files that vouch for it and for somebody else."""

    url: str
    ca_file: Path
    other_ca_file: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    now = datetime.now(UTC)
    authority, other = create_authority("Test CA", now=now), create_authority("Other CA", now=now)
    issued = issue_server(authority, names=["localhost"], now=now)
    files = {"ca": authority.certificate_pem, "other": other.certificate_pem}
    for name, pem in files.items():
        (tmp_path / name).write_bytes(pem)
    (tmp_path / "server").write_bytes(issued.key_pem + issued.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        listening.handle_error = lambda *_: None  # type: ignore[method-assign] # refused handshakes are the point
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield Server(f"https://localhost:{listening.server_address[1]}", tmp_path / "ca", tmp_path / "other")
        listening.shutdown()
        thread.join()


def test_a_server_that_the_authority_vouches_for_is_read(server: Server) -> None:
    answer = HttpsTransport(server.ca_file).send("GET", server.url, headers={})
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b'{"path": true}')


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_of_another_authority_is_not_spoken_to(server: Server) -> None:
    with pytest.raises(UnreachableError):
        HttpsTransport(server.other_ca_file).send("GET", server.url, headers={})


def test_a_server_under_another_name_is_not_spoken_to(server: Server) -> None:
    with pytest.raises(UnreachableError):
        HttpsTransport(server.ca_file).send("GET", server.url.replace("localhost", "127.0.0.1"), headers={})


def test_a_redirect_is_an_answer_and_not_followed(server: Server) -> None:
    """A token must never travel to where an answer points."""
    assert HttpsTransport(server.ca_file).send("GET", server.url + "/elsewhere", headers={}).status == 302


def test_an_answer_without_end_is_cut(server: Server) -> None:
    with pytest.raises(UnexpectedAnswerError):
        HttpsTransport(server.ca_file).send("GET", server.url + "/large", headers={})


@pytest.mark.parametrize("url", ["http://localhost/", "localhost", "https://", "ftp://a/"])
def test_only_https_is_spoken(url: str) -> None:
    with pytest.raises(ConfigurationError):
        HttpsTransport(None).send("GET", url, headers={})


def test_a_missing_authority_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        HttpsTransport(tmp_path / "absent")
