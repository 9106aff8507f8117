"""One request to a witness: it ends in time, whatever answers, and goes to safe addresses only."""

import socket
import time

import pytest

from extract_client.log.note import COSIGNATURE, VerifierKey
from extract_client.log.policy import Witness
from extract_client.log.witness_address import is_safe_address
from gateway.disclosure_log import witness_exchange
from gateway.disclosure_log.witness_exchange import exchange
from tests.support.witnesses import answering


def at(url: str) -> Witness:
    return Witness("w", VerifierKey("w.test", COSIGNATURE, bytes(32)), url)


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for _ in range(100):
        connection.sendall(b"H")
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 4096)


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


HANGING = {
    "says nothing": silent,
    "drips": drip,
    "never ends": endless,
    "hangs up": lambda connection: connection.close(),
    "speaks no HTTP": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
    "promises more than it sends": lambda connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc"
    ),
    "sends chunks that are none": lambda connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
    "sends headers without end": lambda connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500
    ),
}


@pytest.mark.parametrize("serve", HANGING)
def test_whatever_answers_an_exchange_ends(monkeypatch: pytest.MonkeyPatch, serve: str) -> None:
    monkeypatch.setattr(witness_exchange, "EXCHANGE_SECONDS", 0.3)
    started = time.monotonic()
    with answering(HANGING[serve]) as url:
        assert exchange(at(url), "POST", "/add-checkpoint", body=b"old 0\n\n") is None
        assert time.monotonic() - started < 4


ADDRESSES = {
    "https://witness.test": True,
    "https://witness.test:8460/prefix/": True,
    "http://127.0.0.1:8460": True,
    "http://127.9.9.9": True,
    "http://[::1]:8460": True,
    "http://localhost:8460": True,
    "http://witness.test": False,
    "http://127.0.0.1.witness.test": False,
    "http://10.0.0.1": False,
    "http://localhost@witness.test": False,
    "https://user:secret@witness.test": False,
    "https://witness.test/?a=b": False,
    "https://witness.test:0": False,
    "https://witness.test:port": False,
    "https://": False,
    "ftp://localhost": False,
    "file:///etc/passwd": False,
    "[": False,
    "": False,
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_only_https_and_this_machine_are_spoken_to(url: str) -> None:
    assert ADDRESSES[url] == is_safe_address(url)
    if not ADDRESSES[url]:
        assert exchange(at(url), "GET", "/") is None


def test_a_prefix_of_the_address_is_kept() -> None:
    said: list[bytes] = []
    with answering(lambda connection: said.append(connection.recv(65536))) as url:
        exchange(at(f"{url}/prefix/"), "GET", "/a/checkpoint")
    assert said[0].startswith(b"GET /prefix/a/checkpoint HTTP/1.1\r\n")
