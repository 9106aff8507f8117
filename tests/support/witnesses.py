"""Witnesses that listen: in a thread of the test, or in a process of their own."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from extract_client.log.note import VerifierKey
from extract_client.log.witness import Witness
from extract_client.log.witness_server import WitnessServer

START_SECONDS = 20
STOP_SECONDS = 5

COMMAND = """
import argparse, sys
from extract_client.log import witness_command

parser = argparse.ArgumentParser()
witness_command.add_parser(parser.add_subparsers(dest="command", required=True))
witness_command.run(parser.parse_args())
"""
"""The command alone, as the partner's program runs it."""

DIES_BEFORE_ITS_ANSWER = (
    """
import os, signal
from extract_client.log.witness import Witness

cosign = Witness.add_checkpoint

def dies(*arguments, **named):
    reply = cosign(*arguments, **named)
    if reply.status == 200:
        os.kill(os.getpid(), signal.SIGKILL)
    return reply

Witness.add_checkpoint = dies
"""
    + COMMAND
)
"""The same, killed with its state on the disk and its first cosignature not yet sent."""


@contextlib.contextmanager
def listening(witness: Witness, *, tls: ssl.SSLContext | None = None) -> Iterator[WitnessServer]:
    """Serve a witness on a free port of the loopback."""
    with WitnessServer(witness, address=("127.0.0.1", 0), tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def port_of(server: WitnessServer) -> int:
    return int(server.server_address[1])


@contextlib.contextmanager
def answering(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with its one connection what ``serve`` does; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


class WitnessProcess:
    """``extract-client witness serve`` in a process of its own."""

    def __init__(
        self,
        name: str,
        *,
        key_file: Path,
        logs: Sequence[VerifierKey],
        folder: Path,
        port: int = 0,
        program: str = COMMAND,
    ) -> None:
        named = ["--name", name, "--key-file", str(key_file), "--state", str(folder)]
        known = [part for log in logs for part in ("--log", str(log))]
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter
            [
                *(sys.executable, "-c", program, "witness", "serve"),
                *(*named, *known, "--bind", f"127.0.0.1:{port}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stdout = self.process.stdout
        assert stdout is not None
        self.vkey = stdout.readline().strip()
        self.url = stdout.readline().removeprefix("listening at ").strip()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self) -> tuple[int, str]:
        """Tell it to stop; returns its exit status and what it said."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Wait for its end; returns its exit status and what it said."""
        try:
            _, said = self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, said
