"""Two gunicorn masters over one PostgreSQL, all real processes, and the ways in which they are killed and stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from gateway.ops.embedded import EmbeddedPostgres, _program
from gateway.ops.serve import start_server
from tests.support.door import Door
from tests.support.node import Certificates, Ports, _children, _inherited, _native

SECONDS = 60.0


@dataclass
class Master:
    """One node: a gunicorn master, its workers, and its own state folder.

    Attributes:
        environ: what it is started with, each time alike.
    """

    ports: Ports
    certificates: Certificates
    environ: Mapping[str, str]
    log_file: Path
    process: subprocess.Popen[bytes]
    _orphans: list[int] = field(default_factory=list)
    """Handles (pidfd) of workers whose master was killed: they serve open connections for a while."""

    def door(self) -> Door:
        """A new door of it, for one client."""
        return Door(self.ports.public, self.ports.public_url, self.certificates.authority_file)

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that are there now."""
        return _children(self.process.pid)

    def kill_worker(self, number: int) -> None:
        """Kill one worker; the master starts another by itself."""
        wait_until(lambda: len(self.workers) > 0, "the master has no worker")
        workers = self.workers
        os.kill(workers[number % len(workers)], signal.SIGKILL)

    def kill(self, *, orphans: bool) -> None:
        """Kill the master, and its workers with it or not: then they end by themselves; start it again.

        Args:
            orphans: the workers are left alone.
        """
        self._orphans += _handles(self.workers)
        self.process.kill()
        self.process.wait(SECONDS)
        if not orphans:
            self._kill_orphans()
        self.process = start_server(self.environ, log_file=self.log_file)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let every worker stand still meanwhile."""
        handles = [*self._orphans, *_handles(self.workers)]
        for handle in handles:
            _signal(handle, signal.SIGSTOP)
        try:
            yield
        finally:
            for handle in handles:
                _signal(handle, signal.SIGCONT)
            for handle in handles[len(self._orphans) :]:
                os.close(handle)

    def end(self) -> None:
        """End it with its workers."""
        self._kill_orphans()
        self.process.terminate()
        self.process.wait(SECONDS)

    def _kill_orphans(self) -> None:
        while self._orphans:
            handle = self._orphans.pop()
            _signal(handle, signal.SIGKILL)
            os.close(handle)

    def answers(self) -> bool:
        """True while it is up."""
        with self.door() as door, suppress(OSError):
            return bool(door.get("/healthz").status_code == HTTPStatus.OK)
        return False


def start_master(
    folder: Path, certificates: Certificates, environ: Mapping[str, str], ports: Ports
) -> Master:
    """Start a node whose log and state lie in a folder of its own; it may not answer yet."""
    state = folder / "state"
    state.mkdir(parents=True)
    variables = {
        **_inherited(),
        "GATEWAY_WORKERS": "2",
        **_native(ports, certificates),
        **environ,
        "GATEWAY_STATE_DIR": str(state),
    }
    log_file = folder / "node.log"
    return Master(ports, certificates, variables, log_file, start_server(variables, log_file=log_file))


def crash_database(server: EmbeddedPostgres) -> None:
    """Stop PostgreSQL at once, as if it was killed, and start it again on the same data."""
    with stopped(server):
        pass


@contextmanager
def stopped(server: EmbeddedPostgres) -> Iterator[None]:
    """Let PostgreSQL be away meanwhile, stopped at once as if it was killed."""
    data = str(server.folder / "data")
    _program("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data, programs=server._programs)
    try:
        yield
    finally:
        log = f"{data}/server.log"
        _program("pg_ctl", "start", "-w", "-t", "60", "-D", data, "-l", log, programs=server._programs)


def wait_until(condition: Callable[[], bool], otherwise: str, *, seconds: float = SECONDS) -> None:
    """Return once the condition holds.

    Raises: AssertionError, it never did.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _handles(processes: Iterable[int]) -> Iterator[int]:
    for process in processes:
        with suppress(ProcessLookupError):
            yield os.pidfd_open(process)


def _signal(handle: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)
