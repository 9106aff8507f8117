"""A wire to PostgreSQL that a test cuts or stops at any message: what a network, or a frozen process, does.

The gateway connects to a unix socket here; each of its connections is passed on, message by message. A *trip* is one
request of the client with everything up to the server being ready again.

Source: PostgreSQL 18 documentation, chapter "Frontend/Backend Protocol".
"""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict

SOCKET: Final = ".s.PGSQL.5432"
PORT: Final = 5432
SECONDS: Final = 30.0
_PREPARES: Final = re.compile(r'PREPARE "(?P<name>\w+)" AS ')


class Fault(Enum):
    """What happens to one trip."""

    FAILED = "failed"
    """The request never arrives: the connection ends before it."""
    PERSISTED = "failed but persisted"
    """The request is done, and the connection ends before the answer."""
    FROZEN_BEFORE = "frozen before"
    """The client stops with the request in its hands."""
    FROZEN_AFTER = "frozen after"
    """The request is done, and the client stops before it sees the answer."""


CUTS: Final = (Fault.FAILED, Fault.PERSISTED)
FREEZES: Final = (Fault.FROZEN_BEFORE, Fault.FROZEN_AFTER)


@dataclass
class Plan:
    """The trip to be hit, counted from now.

    Attributes:
        hit: set once it was.
        thaw: set once what is frozen goes on.
        statement: the beginning of what was hit.
    """

    trip: int
    fault: Fault
    matching: str
    hit: threading.Event = field(default_factory=threading.Event)
    thaw: threading.Event = field(default_factory=threading.Event)
    statement: str = ""

    def hit_before(self, ends: Future[Any]) -> bool:
        """Wait for the hit, or for the end of what was to be hit; tell whether it was."""
        while not ends.done():
            if self.hit.wait(0.002):
                return True
        return self.hit.is_set()


@dataclass
class Wire:
    """Passes connections on, and keeps the statements of the trips in their order.

    Attributes:
        url: what the gateway connects to.
    """

    url: str
    upstream: tuple[socket.AddressFamily, str | tuple[str, int]]
    trips: list[str] = field(default_factory=list)
    _plan: Plan | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def faulty(self, fault: Fault, *, trip: int = 0, matching: str = "") -> Iterator[Plan]:
        """Hit the ``trip``-th of the coming trips whose statement matches the pattern, once."""
        plan = Plan(trip, fault, matching)
        with self._lock:
            self._plan = plan
        try:
            yield plan
        finally:
            with self._lock:
                self._plan = None
            plan.thaw.set()

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Yield the statements of the trips that are made meanwhile."""
        first = len(self.trips)
        made: list[str] = []
        yield made
        made.extend(self.trips[first:])

    def serve(self, listener: socket.socket) -> None:
        """Pass connections on until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        family, address = self.upstream
        server = socket.socket(family, socket.SOCK_STREAM)
        with client, server, contextlib.suppress(OSError, _EndedError):
            server.connect(address)
            with client.makefile("rb") as from_client, server.makefile("rb") as from_server:
                _Connection(self, client, server, from_client, from_server).run()

    def claim(self, statement: str) -> Plan | None:
        """Count a trip; return the plan if it is the one to be hit."""
        with self._lock:
            self.trips.append(statement)
            plan = self._plan
            if plan is None or re.search(plan.matching, statement) is None:
                return None
            plan.trip -= 1
            if plan.trip >= 0:
                return None
            self._plan = None
        plan.statement = statement[:60]
        return plan


class _EndedError(Exception):
    """One end closed, or a fault closed both."""


@dataclass
class _Connection:
    """One connection: trips are strictly one after the other, so one thread passes both ways."""

    wire: Wire
    client: socket.socket
    server: socket.socket
    from_client: BinaryIO
    from_server: BinaryIO
    prepared: dict[bytes, str] = field(default_factory=dict)

    def run(self) -> None:
        self._start_up()
        while True:
            request, statement = self._request()
            self._trip(request, statement)

    def _start_up(self) -> None:
        """Pass the start-up on, and its answers until the server is ready; a password may be asked for."""
        length = _exactly(self.from_client, 4)
        self.server.sendall(length + _exactly(self.from_client, int.from_bytes(length) - 4))
        while True:
            kind, message = _message(self.from_server)
            self.client.sendall(message)
            if kind == b"Z":
                return
            if kind == b"R" and int.from_bytes(message[5:9]) in {3, 5, 10, 11}:
                self.server.sendall(_message(self.from_client)[1])

    def _request(self) -> tuple[bytes, str]:
        """Read one request of the client up to what the server answers with being ready."""
        whole, statement = b"", ""
        while True:
            kind, message = _message(self.from_client)
            whole += message
            if kind == b"P":
                name, text = message[5:].split(b"\0", 2)[:2]
                statement = self.prepared[name] = text.decode()
            elif kind == b"B":
                statement = self.prepared.get(message[5:].split(b"\0", 2)[1], statement)
            elif kind == b"Q":
                statement = message[5:-1].decode()
                prepares = _PREPARES.match(statement)
                if prepares is not None:  # it does nothing yet of what it says
                    self.prepared[prepares["name"].encode()] = statement[prepares.end() :]
                    statement = prepares[0]
                return whole, statement
            elif kind in {b"S", b"X"}:
                return whole, statement

    def _trip(self, request: bytes, statement: str) -> None:
        plan = self.wire.claim(" ".join(statement.split()))
        fault = None if plan is None else plan.fault
        if plan is not None and fault in {Fault.FAILED, Fault.FROZEN_BEFORE}:
            plan.hit.set()
            if fault is Fault.FAILED:
                raise _EndedError
            plan.thaw.wait(SECONDS)
        self.server.sendall(request)
        answer = self._answer()
        if plan is not None and fault in {Fault.PERSISTED, Fault.FROZEN_AFTER}:
            plan.hit.set()
            if fault is Fault.PERSISTED:
                raise _EndedError
            plan.thaw.wait(SECONDS)
        self.client.sendall(answer)

    def _answer(self) -> bytes:
        whole = b""
        while True:
            kind, message = _message(self.from_server)
            whole += message
            if kind == b"Z":
                return whole


def _message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """Read one message; return its type, and the whole of it."""
    head = _exactly(stream, 5)
    return head[:1], head + _exactly(stream, int.from_bytes(head[1:]) - 4)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise _EndedError
    return data


@contextmanager
def wired_to(url: str) -> Iterator[Wire]:
    """Yield a wire to the server of a ``postgresql://`` URL; its own URL is the same by way of the wire."""
    parts = conninfo_to_dict(url)
    host, port = str(parts.get("host") or "localhost"), int(parts.get("port") or PORT)
    over_unix = host.startswith("/")
    upstream: tuple[socket.AddressFamily, str | tuple[str, int]] = (
        (socket.AF_UNIX, f"{host}/.s.PGSQL.{port}") if over_unix else (socket.AF_INET, (host, port))
    )
    with TemporaryDirectory(prefix="gateway-wire-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder) / SOCKET))
        listener.listen(64)
        split = urlsplit(url)
        user = split.netloc.rpartition("@")[0]
        through = urlunsplit((split.scheme, f"{user}@", split.path, f"host={quote(folder, safe='/')}", ""))
        wire = Wire(through, upstream)
        threading.Thread(target=wire.serve, args=(listener,), daemon=True).start()
        try:
            yield wire
        finally:
            listener.shutdown(socket.SHUT_RDWR)
