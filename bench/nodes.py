"""Servers of one run: the gateway as it is shipped, and the floor, each under the gateway's own gunicorn settings.

INVARIANTS
- The number of workers and threads, keep-alive and TLS are those of ``gateway/ops/gunicorn_conf.py``, for both alike.
- Of the gateway's settings only the limits differ: one machine asks for all agencies, and their number is no subject.
- All are children of this process, listen on the loopback, and are gone afterwards.
"""

import http.client
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from bench.population import ROOT
from gateway.ops.serve import APPLICATION, start_server
from gateway.settings import Settings, environ_of
from tests.support.node import Certificates, Ports

FLOOR: Final = "bench.floor:app"
_SECONDS: Final = 60.0
_TOLD: Final = 20
"""Lines of a log that are shown when something went wrong."""
_LIMITS: Final = ("CLIENT_REQUESTS_PER_MINUTE", "PRACTITIONER_REQUESTS_PER_MINUTE", "ABSENCES_PER_HOUR")
_NO_LIMIT: Final = "1000000"
_LOOPBACK: Final = "0100007F"
"""127.0.0.1, as proc(5) writes it."""


class BenchFailedError(click.ClickException):
    """The run means nothing: a server did not start, or what it answered was not what was asked for."""


@dataclass(frozen=True, slots=True)
class Node:
    """One running master with its workers.

    Attributes:
        certificates: what its TLS is made of; absent: it speaks plain HTTP.
    """

    process: subprocess.Popen[bytes]
    ports: Ports
    certificates: Certificates | None
    log_file: Path

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text().split()]

    def worker_of(self, port: int) -> int:
        """The worker that serves the connection from this port of the loopback.

        Raises: BenchFailedError, none does.
        """
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()
        fields = [line.split() for line in lines]
        served = {f"socket:[{each[9]}]" for each in fields if each[2] == f"{_LOOPBACK}:{port:04X}"}
        for worker in self.workers:
            for descriptor in Path(f"/proc/{worker}/fd").iterdir():
                with suppress(FileNotFoundError):
                    if str(descriptor.readlink()) in served:
                        return worker
        raise BenchFailedError("No worker serves a connection that was answered.")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let every worker stand still meanwhile."""
        stopped = self.workers
        for worker in stopped:
            os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in stopped:
                os.kill(worker, signal.SIGCONT)

    @property
    def faults(self) -> str:
        """The last lines of its log that are not of answered requests."""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if '"event": "request"' not in line][-_TOLD:])

    @property
    def memory(self) -> int:
        """Bytes that its processes hold, what they share divided between them (proportional set size)."""
        total = 0
        for process in (self.process.pid, *self.workers):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total


@contextmanager
def running(
    folder: Path, settings: Settings, *, certificates: Certificates | None, application: str = APPLICATION
) -> Iterator[Node]:
    """Yield a node that answers; its state and its log lie in a folder of its own.

    Raises: BenchFailedError, it did not come up.
    """
    state = folder / "state"
    state.mkdir(parents=True)
    ports = Ports.free()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        **environ_of(settings),
        **{f"GATEWAY_{name}": _NO_LIMIT for name in _LIMITS},
        **_listeners(ports, settings, certificates),
        "GATEWAY_STATE_DIR": str(state),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    log_file = folder / "node.log"
    process = start_server(environ, log_file=log_file, application=application)
    node = Node(process, ports, certificates, log_file)
    try:
        _wait(node)
        yield node
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _listeners(ports: Ports, settings: Settings, certificates: Certificates | None) -> Mapping[str, str]:
    """Two TLS listeners as shipped; or one without TLS that believes a proxy about certificates, as behind nginx."""
    plain = {"GATEWAY_BIND": f"127.0.0.1:{ports.public}", "GATEWAY_MTLS_URL": settings.mtls_url or ""}
    if certificates is None:
        return {
            **plain,
            "GATEWAY_CLIENT_CERTIFICATES": "proxy",
            "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
        }
    return {
        **plain,
        "GATEWAY_MTLS_BIND": f"127.0.0.1:{ports.mutual}",
        "GATEWAY_CLIENT_CERTIFICATES": "tls",
        "GATEWAY_TLS_CERTIFICATE_FILE": str(certificates.server.certificate),
        "GATEWAY_TLS_KEY_FILE": str(certificates.server.key),
        "GATEWAY_CLIENT_CA_FILE": str(certificates.authority_file),
        "GATEWAY_CLIENT_CRL_FILE": str(certificates.list_file),
    }


def _wait(node: Node) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and node.process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            if _healthz(node) == HTTPStatus.OK:
                return
        time.sleep(0.05)
    raise BenchFailedError(f"A server did not come up:\n{node.faults}")


def _healthz(node: Node) -> int:
    connection: http.client.HTTPConnection
    if node.certificates is None:
        connection = http.client.HTTPConnection("127.0.0.1", node.ports.public, timeout=5)
    else:
        context = ssl.create_default_context(cafile=str(node.certificates.authority_file))
        connection = http.client.HTTPSConnection("localhost", node.ports.public, context=context, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()
