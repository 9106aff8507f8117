"""A mutual TLS listener on this machine's loopback: what it makes of one client's certificate."""

import contextlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certs.certificate import read_certificate
from certs.private_file import write_private

SECONDS = 10  # a handshake that takes longer hangs


def verdict(
    folder: Path, *, server: bytes, client: bytes, authority: bytes, revocation_list: bytes | None
) -> str | int:
    """The subject of the client that a strict listener with revocation checks let in, or why it did not.

    Args:
        folder: for the files that the TLS library reads.
        server: PEM, the listener's private key and certificate.
        client: PEM, the client's private key and certificate.
        authority: PEM, whom both trust.
        revocation_list: PEM; with None the listener has none.
    Returns: RFC 4514 text, or a number of OpenSSL's ``x509_vfy.h``.
    """
    listening_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening_context.verify_mode = ssl.CERT_REQUIRED
    listening_context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_CRL_CHECK_LEAF
    _trust(listening_context, authority + (revocation_list or b""), folder)
    _present(listening_context, server, folder)
    calling_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    calling_context.verify_flags |= ssl.VERIFY_X509_STRICT
    _trust(calling_context, authority, folder)
    _present(calling_context, client, folder)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(SECONDS)
        outcome = pool.submit(_accept, listening, listening_context)
        with contextlib.suppress(OSError):  # TLS 1.3: the caller learns of a refusal when it reads
            _call(listening.getsockname(), calling_context)
        return outcome.result(SECONDS)


def _accept(listening: socket.socket, context: ssl.SSLContext) -> str | int:
    raw, _ = listening.accept()
    with raw:
        raw.settimeout(SECONDS)
        try:
            with context.wrap_socket(raw, server_side=True) as secured:
                presented = secured.getpeercert(binary_form=True)
                secured.sendall(b"x")
        except ssl.SSLCertVerificationError as refused:
            return refused.verify_code
    assert presented is not None
    return read_certificate(presented).subject


def _call(address: tuple[str, int], context: ssl.SSLContext) -> None:
    with (
        socket.create_connection(address, timeout=SECONDS) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as secured,
    ):
        assert secured.recv(1) == b"x"


def _trust(context: ssl.SSLContext, pem: bytes, folder: Path) -> None:
    path = folder / "trusted.pem"
    path.write_bytes(pem)
    context.load_verify_locations(path)


def _present(context: ssl.SSLContext, pem: bytes, folder: Path) -> None:
    path = folder / "own.pem"
    write_private(path, pem)
    context.load_cert_chain(path)
