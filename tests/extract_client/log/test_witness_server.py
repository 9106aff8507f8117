"""The witness as others reach it: real sockets, TLS, hostile clients, and its command."""

import http.client
import re
import socket
import ssl
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.authority import create_authority, issue_server
from extract_client.errors import ConfigurationError, ExtractClientError
from extract_client.log import witness_command, witness_server
from extract_client.log.note import COSIGNATURE, VerifierKey, open_note, read_key, write_key
from extract_client.log.witness import MAX_SUBMISSION_BYTES, PLAIN, SIZE, Witness, origin_digest
from extract_client.log.witness_server import WitnessServer
from tests.support.small_log import ORIGIN, SmallLog
from tests.support.witnesses import WitnessProcess, listening, port_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
NAME = "witness.test/w1"
CHECKPOINT = f"/{origin_digest(ORIGIN)}/checkpoint"


@pytest.fixture
def log() -> SmallLog:
    return SmallLog(20, key=KEY)


@pytest.fixture
def witness(tmp_path: Path, log: SmallLog) -> Witness:
    (tmp_path / "state").mkdir()
    return Witness(NAME, key=WITNESS_KEY, logs=[log.signer.verifier], folder=tmp_path / "state")


@pytest.fixture
def server(witness: Witness) -> Iterator[WitnessServer]:
    with listening(witness) as running:
        yield running


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, str | None, bytes]:
    connection.request(method, path, body=body)
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type"), response.read()


@pytest.fixture
def connection(server: WitnessServer) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=5)
    yield opened
    opened.close()


def test_one_connection_carries_a_whole_conversation(
    connection: http.client.HTTPConnection, witness: Witness, log: SmallLog
) -> None:
    assert 404 == asked(connection, "GET", CHECKPOINT)[0]
    used = connection.sock
    for old, size in ((0, 5), (5, 5), (5, 9)):
        status, kind, line = asked(connection, "POST", "/add-checkpoint", log.request(old, size))
        assert (200, PLAIN) == (status, kind)
        assert (
            witness.verifier
            == open_note(log.note(size) + line.decode(), [witness.verifier]).signatures[0].key
        )
    assert (409, SIZE, b"9\n") == asked(connection, "POST", "/add-checkpoint", log.request(0, 10))
    assert (200, PLAIN, log.note(9).encode() + line) == asked(connection, "GET", CHECKPOINT)
    assert used is connection.sock


def test_a_cosignature_carries_the_time_it_was_made(
    connection: http.client.HTTPConnection, witness: Witness, log: SmallLog
) -> None:
    before = int(time.time())
    _, _, line = asked(connection, "POST", "/add-checkpoint", log.request(0, 5))
    at = open_note(log.note(5) + line.decode(), [witness.verifier]).signatures[0].time
    assert at is not None
    assert before <= at <= time.time()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/add-checkpoint", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("GET", f"/{origin_digest(ORIGIN).upper()}/checkpoint", 404),
        ("GET", f"/../{CHECKPOINT}", 404),
        ("GET", f"{CHECKPOINT}?a=b", 404),
        ("POST", "/", 404),
        ("POST", CHECKPOINT, 404),
        ("POST", "/add-checkpoint/", 404),
        ("PUT", "/add-checkpoint", 501),
        ("DELETE", CHECKPOINT, 501),
        ("HEAD", CHECKPOINT, 501),
        ("OPTIONS", "*", 501),
    ],
)
def test_nothing_else_is_answered(
    connection: http.client.HTTPConnection, log: SmallLog, method: str, path: str, status: int
) -> None:
    asked(connection, "POST", "/add-checkpoint", log.request(0, 5))
    found, _, body = asked(connection, method, path, log.request(5, 6) if method in ("POST", "PUT") else None)
    assert status == found
    assert path.encode() not in body or path == "/"


def spoken(server: WitnessServer, said: bytes) -> bytes:
    """What comes back to bytes of a client that then says no more."""
    got = b""
    with (
        socket.create_connection(("127.0.0.1", port_of(server)), timeout=5) as client,
        suppress(ConnectionError),  # the server need not read to the end what it refuses
    ):
        client.sendall(said)
        with suppress(OSError):  # not connected any more: what was answered can still be read
            client.shutdown(socket.SHUT_WR)
        while chunk := client.recv(4096):
            got += chunk
    return got


POST = b"POST /add-checkpoint HTTP/1.1\r\nHost: a\r\n"
HOSTILE = {
    "no length": (POST + b"\r\n", 411),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "chunks and a length": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 411),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", 411),
    "length with a sign": (POST + b"Content-Length: +5\r\n\r\n", 411),
    "huge number": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 411),
    "too long": (POST + f"Content-Length: {MAX_SUBMISSION_BYTES + 1}\r\n\r\n".encode(), 413),
    "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    "long line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    "many headers": (POST + b"".join(b"A%d: b\r\n" % n for n in range(200)) + b"\r\n", 431),
}


@pytest.mark.parametrize("said", HOSTILE)
def test_a_hostile_request_is_refused_in_a_few_words(server: WitnessServer, said: str) -> None:
    request, status = HOSTILE[said]
    answer = spoken(server, request)
    assert f" {status} ".encode() in answer.partition(b"\r\n")[0]
    assert b"Python" not in answer
    assert len(answer) < 300


def test_a_client_that_leaves_in_the_middle_gets_nothing(
    server: WitnessServer, witness: Witness, log: SmallLog
) -> None:
    body = log.request(0, 5)
    assert b"" == spoken(server, POST + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
    assert witness.checkpoint(origin_digest(ORIGIN)) is None


def test_the_largest_request_is_read(connection: http.client.HTTPConnection) -> None:
    assert 400 == asked(connection, "POST", "/add-checkpoint", b"x" * MAX_SUBMISSION_BYTES)[0]


def test_a_client_that_drips_is_cut_off(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time; together they would hold a place for days."""
    monkeypatch.setattr(witness_server, "CONNECTION_SECONDS", 0.3)
    with listening(witness) as server, socket.create_connection(("127.0.0.1", port_of(server))) as client:
        started = time.monotonic()
        client.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, as the system likes
            while time.monotonic() < started + 5:
                client.sendall(b"o")
                time.sleep(0.05)
        assert time.monotonic() - started < 2


def test_a_full_house_is_closed_to_others_and_opens_again(
    witness: Witness, log: SmallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_server, "MAX_CONNECTIONS", 2)
    with listening(witness) as server:
        places = [socket.create_connection(("127.0.0.1", port_of(server)), timeout=5) for _ in range(2)]
        for place in places:  # both are being served before the third comes
            place.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert place.recv(100).startswith(b"HTTP/1.1 404")
        assert b"" == spoken(server, b"")
        for place in places:
            place.close()
        deadline = time.monotonic() + 5
        while not spoken(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"):
            assert time.monotonic() < deadline
    assert 200 == witness.add_checkpoint(log.request(0, 5), 0).status


def test_what_is_said_about_a_request_is_none_of_it(
    connection: http.client.HTTPConnection, log: SmallLog, capfd: pytest.CaptureFixture[str]
) -> None:
    asked(connection, "POST", "/add-checkpoint", log.request(0, 5))
    asked(connection, "GET", "/secret-path")
    asked(connection, "SECRET", "/")
    said = [line.partition("Z ")[2] for line in capfd.readouterr().err.splitlines()]
    assert ["POST 200", "GET 404", "other 501"] == said


def test_a_state_that_cannot_be_read_is_a_fault_of_the_witness_and_says_no_path(
    connection: http.client.HTTPConnection, log: SmallLog, tmp_path: Path
) -> None:
    (tmp_path / "state" / origin_digest(ORIGIN)).write_bytes(b"damaged")
    status, _, body = asked(connection, "POST", "/add-checkpoint", log.request(0, 5))
    assert (500, b"The witness cannot cosign at present.\n") == (status, body)


class Tls:
    """A certificate for ``localhost`` and who vouches for it."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        authority = create_authority("Test CA", now=now)
        issued = issue_server(authority, names=["localhost"], now=now)
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.certificate.write_bytes(issued.certificate_pem)
        self.key.write_bytes(issued.key_pem)
        self.client = ssl.create_default_context(cadata=authority.certificate_pem.decode("ascii"))

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def test_it_is_the_same_over_tls_beside_clients_that_make_no_handshake(
    witness: Witness, log: SmallLog, tmp_path: Path
) -> None:
    tls = Tls(tmp_path)
    with listening(witness, tls=tls.server()) as server:
        port = port_of(server)
        with (
            socket.create_connection(("127.0.0.1", port)),
            socket.create_connection(("127.0.0.1", port)) as plain,
        ):
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=tls.client)
            for old, size in ((0, 5), (5, 9)):
                body = log.request(old, size)
                assert 200 == asked(connection, "POST", "/add-checkpoint", body)[0]
            assert asked(connection, "GET", CHECKPOINT)[2].startswith(log.note(9).encode())
            connection.close()


def given(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    witness_command.add_parser(parser.add_subparsers(dest="command", required=True))
    return parser.parse_args(["witness", *arguments])


def test_the_command_makes_a_key_and_prints_its_verifier(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key_file = tmp_path / "witness.key"
    witness_command.run(given("key", "--name", NAME, "--key-file", str(key_file)))
    public = read_key(key_file).public_key().public_bytes_raw()
    said = capsys.readouterr().out
    assert f"{VerifierKey(NAME, COSIGNATURE, public)}\n" == said
    assert f"{COSIGNATURE}" == str(VerifierKey.parse(said.strip()).algorithm)
    with pytest.raises(ConfigurationError, match="exists already"):
        witness_command.run(given("key", "--name", NAME, "--key-file", str(key_file)))


def test_a_name_that_cannot_stand_in_a_note_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(ExtractClientError):
        witness_command.run(given("key", "--name", "two words", "--key-file", str(tmp_path / "key")))
    assert not (tmp_path / "key").exists()


def wrong_arguments(tmp_path: Path) -> dict[str, list[str]]:
    log = str(SmallLog(0, key=KEY).signer.verifier)
    good = {
        "--name": NAME,
        "--key-file": str(tmp_path / "key"),
        "--log": log,
        "--state": str(tmp_path),
        "--bind": "127.0.0.1:0",
    }
    wrong = {
        "no key file": {"--key-file": str(tmp_path / "absent")},
        "log is no vkey": {"--log": "log.test/1+00000000+AAAA"},
        "log is a witness": {"--log": str(VerifierKey("w", COSIGNATURE, bytes(32)))},
        "no folder": {"--state": str(tmp_path / "absent")},
        "no port": {"--bind": "127.0.0.1"},
        "port too large": {"--bind": "127.0.0.1:65536"},
        "port of another script": {"--bind": "127.0.0.1:٣"},
        "address of another machine": {"--bind": "192.0.2.1:8460"},
        "key without certificate": {"--certificate-key": str(tmp_path / "key")},
        "no certificate": {"--certificate": str(tmp_path / "absent")},
        "certificate is none": {"--certificate": str(tmp_path / "key")},
    }
    return {
        name: [part for pair in {**good, **change}.items() for part in pair] for name, change in wrong.items()
    }


@pytest.mark.parametrize("case", wrong_arguments(Path()))
def test_a_wrong_argument_is_one_sentence(tmp_path: Path, case: str) -> None:
    write_key(tmp_path / "key")
    with pytest.raises(ConfigurationError) as error:
        witness_command.run(given("serve", *wrong_arguments(tmp_path)[case]))
    assert re.fullmatch(r"[^\n]+\.", str(error.value))


def test_the_command_serves_stops_when_told_and_goes_on_where_it_was(tmp_path: Path, log: SmallLog) -> None:
    write_key(tmp_path / "key")
    (tmp_path / "state").mkdir()

    def ask(process: WitnessProcess, old: int, size: int) -> tuple[int, str | None, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=5)
        try:
            return asked(connection, "POST", "/add-checkpoint", log.request(old, size))
        finally:
            connection.close()

    def start(port: int = 0) -> WitnessProcess:
        return WitnessProcess(
            NAME,
            key_file=tmp_path / "key",
            logs=[log.signer.verifier],
            folder=tmp_path / "state",
            port=port,
        )

    first = start()
    assert 200 == ask(first, 0, 5)[0]
    with socket.create_connection(("127.0.0.1", first.port)):  # nobody is waited for
        status, said = first.stop()
    assert (0, 1) == (status, said.count("POST 200"))
    second = start(first.port)
    assert first.vkey == second.vkey
    assert (409, SIZE, b"5\n") == ask(second, 0, 9)
    assert 200 == ask(second, 5, 9)[0]
    assert 0 == second.stop()[0]
