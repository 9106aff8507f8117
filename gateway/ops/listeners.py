"""The TLS of gunicorn's listeners: one asks for a client certificate, the others never do.

INVARIANTS
- A certificate is asked for on the mutual-TLS listener alone, and never demanded there: a client without one is
  answered by the application, not by an alert.
- A certificate that comes through is of a configured authority, for clients, in date, and not on a revocation list
  that is in date itself. Without such a list every client certificate is refused.
- No certificate is believed from memory: the mutual-TLS listener resumes no session, and when its authorities or
  its list change, connections that are open end before their next byte is read.
- Files count as they are now, without a restart. A server certificate that does not load leaves the last one in use.
- A handshake ends within ``HANDSHAKE_SECONDS``, whatever the client sends or does not send.

gunicorn asks its configuration for a context at each connection and wraps the socket with what it gets, without
telling which listener the socket came to; the port of the socket's own end says it.

Sources: RFC 8705 section 2 and section 5 (aliases: two listeners), RFC 5280 sections 5 and 6.3, RFC 9325 sections 3
and 4 (BCP 195), FAPI 2.0 Security Profile section 5.2.2.
"""

import errno
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, cast

HANDSHAKE_SECONDS: Final = 5.0
"""From the first byte of a client to the end of its handshake."""

GOODBYE_SECONDS: Final = 0.5
"""A refused client has this long to read why."""

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
"""The suites FAPI 2.0 section 5.2.2 allows for TLS 1.2; TLS 1.3 brings its own."""

DEFAULT_ADDRESS: Final = "127.0.0.1:8443"

_PLAIN: Final = "GATEWAY_BIND"
_MUTUAL: Final = "GATEWAY_MTLS_BIND"
_SOURCE: Final = "GATEWAY_CLIENT_CERTIFICATES"
_CERTIFICATE: Final = "GATEWAY_TLS_CERTIFICATE_FILE"
_KEY: Final = "GATEWAY_TLS_KEY_FILE"
_AUTHORITIES: Final = "GATEWAY_CLIENT_CA_FILE"
_REVOCATIONS: Final = "GATEWAY_CLIENT_CRL_FILE"
_UNIX: Final = "unix:"

_Stamp = tuple[tuple[int, int, int] | None, ...]
"""Of each file: time of its last change in ns, size, inode; None: it cannot be read."""

_log = logging.getLogger("gunicorn.error")


class ListenersError(Exception):
    """The listeners cannot be set up; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """PEM files of the server's certificate chain and its private key; one file may hold both."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """Who vouches for client certificates, at the listener of this port.

    Attributes:
        authorities: PEM bundle of the authorities, and of nothing else.
        revocations: PEM file with the newest revocation list of each of them.
    """

    port: int
    authorities: Path
    revocations: Path


class Listeners:
    """What gunicorn takes for an ``ssl.SSLContext``."""

    def __init__(self, server: ServerFiles, *, trust: ClientTrust | None = None) -> None:
        """Read every file once.

        Raises: ListenersError, one of them is not there or does not load.
        """
        self._plain = _Listener(server, trust=None)
        self._mutual = None if trust is None else _Listener(server, trust=trust)
        self._mutual_port = None if trust is None else trust.port

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self | None:
        """Return the listeners that the environment describes; None: no TLS, a proxy in front speaks it.

        Raises: ListenersError, what is described is not whole or contradicts itself.
        """
        for rule, holds in _rules(environ).items():
            if not holds:
                raise ListenersError(rule)
        certificate = environ.get(_CERTIFICATE)
        if not certificate:
            return None
        server = ServerFiles(Path(certificate), Path(environ.get(_KEY) or certificate))
        mutual = environ.get(_MUTUAL)
        if not mutual:
            return cls(server)
        authorities, revocations = Path(environ[_AUTHORITIES]), Path(environ[_REVOCATIONS])
        return cls(server, trust=ClientTrust(_port(mutual), authorities, revocations))

    def wrap_socket(
        self, sock: socket.socket, *, suppress_ragged_eofs: bool = True, **_choices: bool
    ) -> ssl.SSLSocket:
        """Return the server's end of a TLS connection, its handshake still to be made by ``do_handshake``.

        Raises: ConnectionResetError, the files do not allow one now; what is wrong with them is in the log.
        """
        listener = self._plain
        if self._mutual is not None and sock.getsockname()[1] == self._mutual_port:
            listener = self._mutual
        return listener.wrap(sock, suppress_ragged_eofs=suppress_ragged_eofs)


class _Connection(ssl.SSLSocket):
    """A server's end that waits for no handshake longer than it must, and outlives no trust.

    Attributes:
        trusted_files: what the client's certificate was judged by, and ``trusted_as``: as they were then.
    """

    trusted_files: tuple[Path, ...] = ()
    trusted_as: _Stamp = ()

    def do_handshake(self, block: bool = False) -> None:
        """Make the handshake; afterwards the socket waits without limit, as gunicorn expects.

        Raises: ConnectionResetError, it took too long, or the client went. ssl.SSLError, it failed; the client
            was told.
        """
        self.settimeout(HANDSHAKE_SECONDS)  # one deadline for the whole of it, not for each byte
        try:
            super().do_handshake(block)
        except (
            TimeoutError,
            ssl.SSLEOFError,
        ) as error:  # gunicorn counts a connection twice that ends in the latter
            self._end(patience=0)
            raise ConnectionResetError(errno.ECONNRESET, "the client made no handshake") from error
        except ssl.SSLError:
            self._end(patience=GOODBYE_SECONDS)
            raise
        self.settimeout(None)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read; the end of the stream, if the files by which the client was trusted are not the same any more."""
        if _stamp(self.trusted_files) != self.trusted_as:
            return b""
        return super().recv(buflen, flags)

    def _end(self, *, patience: float) -> None:
        """Close both ways after the alert was read or time is up.

        gunicorn closes too, and lingers on its main loop where all clients wait; here it is one thread, and
        after this there is nothing left to linger for.
        """
        deadline = time.monotonic() + patience
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            while (left := deadline - time.monotonic()) > 0:
                self.settimeout(left)
                if not super().recv(4096):
                    break
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class _Built:
    """A context and the files it was built from, as they were before they were read."""

    server: _Stamp
    trust: _Stamp
    context: ssl.SSLContext


class _Listener:
    """The context of one listener, as new as its files."""

    def __init__(self, server: ServerFiles, *, trust: ClientTrust | None) -> None:
        self._server = server
        self._trust = trust
        self._server_files = (server.certificate, server.key)
        self._trust_files = () if trust is None else (trust.authorities, trust.revocations)
        if trust is not None:
            _check_trust(trust)
        try:
            self._built = self._build()
        except OSError as error:
            names = f"{_CERTIFICATE} and {_KEY}"
            raise ListenersError(f"{names} must be a certificate and its private key in PEM") from error

    def wrap(self, sock: socket.socket, *, suppress_ragged_eofs: bool) -> ssl.SSLSocket:
        try:
            built = self._current()
        except OSError as error:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError(errno.ECONNRESET, "there is no certificate to serve with") from error
        wrapped = built.context.wrap_socket(
            sock,
            server_side=True,
            suppress_ragged_eofs=suppress_ragged_eofs,
            do_handshake_on_connect=False,
        )
        connection = cast("_Connection", wrapped)  # the context's sslsocket_class
        connection.trusted_files, connection.trusted_as = self._trust_files, built.trust
        return connection

    def _current(self) -> _Built:
        """Threads may build side by side: each takes what it built, and the last one is kept."""
        built = self._built
        server, trust = _stamp(self._server_files), _stamp(self._trust_files)
        if (server, trust) == (built.server, built.trust):
            return built
        try:
            built = self._build()
        except OSError as error:
            _log.error("The server's certificate and key do not load: %s", error)
            if trust != built.trust:
                raise  # the last context would trust whom the files do not trust any more
            built = _Built(server, trust, built.context)
        self._built = built
        return built

    def _build(self) -> _Built:
        server, trust = _stamp(self._server_files), _stamp(self._trust_files)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        # Without a password: an encrypted key is a fault to report, and nobody is there to be asked.
        context.load_cert_chain(self._server.certificate, self._server.key, password="")
        context.sslsocket_class = _Connection
        if self._trust is not None:
            _ask_for_certificate(context, self._trust)
        return _Built(server, trust, context)


def _ask_for_certificate(context: ssl.SSLContext, trust: ClientTrust) -> None:
    """Ask; where a file is missing or wrong, every certificate is refused, as nothing vouches for it."""
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_CRL_CHECK_LEAF
    context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN  # newer Pythons set it: only a root is an anchor
    context.options |= ssl.OP_NO_TICKET  # a resumed session would skip the revocation list
    try:
        _check_trust(trust)
        for file in (trust.authorities, trust.revocations):
            context.load_verify_locations(file)
    except (ListenersError, OSError) as error:
        _log.error("Every client certificate is refused: %s", error)


def _check_trust(trust: ClientTrust) -> None:
    """Raise ListenersError unless one file holds authorities only, and the other revocation lists only.

    A certificate beside a revocation list would be trusted like an authority.
    """
    if not _holds_only(trust.authorities, "x509_ca"):
        raise ListenersError(f"{_AUTHORITIES} must be a file of authorities' certificates in PEM")
    if not _holds_only(trust.revocations, "crl"):
        raise ListenersError(f"{_REVOCATIONS} must be a file of revocation lists in PEM")


def _holds_only(file: Path, kind: str) -> bool:
    scratch = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        scratch.load_verify_locations(file)
    except OSError:
        return False
    counted = scratch.cert_store_stats()
    return 0 < counted[kind] == counted["x509"] + counted["crl"]


def _stamp(files: tuple[Path, ...]) -> _Stamp:
    return tuple(map(_stamp_of, files))


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _rules(environ: Mapping[str, str]) -> dict[str, bool]:
    """Each rule as the operator is told it, and whether it holds."""
    plain = (environ.get(_PLAIN) or DEFAULT_ADDRESS).split(",")
    encrypted, mutual = bool(environ.get(_CERTIFICATE)), environ.get(_MUTUAL, "")
    whole = all(environ.get(name) for name in (_CERTIFICATE, _AUTHORITIES, _REVOCATIONS))
    return {
        f"{_KEY} goes with {_CERTIFICATE}": encrypted or not environ.get(_KEY),
        f"{_PLAIN} names a unix socket, which is for a proxy and never encrypted; unset {_CERTIFICATE}": not (
            encrypted and any(address.startswith(_UNIX) for address in plain)
        ),
        f"{_MUTUAL} needs {_CERTIFICATE}, {_AUTHORITIES} and {_REVOCATIONS}": whole or not mutual,
        f"{_MUTUAL} and {_SOURCE}=tls go together": bool(mutual) == (environ.get(_SOURCE) == "tls"),
        f"{_MUTUAL} must be host:port, with another port than {_PLAIN}": not mutual
        or (_port(mutual) > 0 and _port(mutual) not in map(_port, plain)),
    }


def _port(address: str) -> int:
    """The port of ``host:port``; 0, where there is none."""
    port = address.rpartition(":")[2]
    return int(port) if port.isascii() and port.isdigit() else 0
