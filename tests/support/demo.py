"""The demo as a newcomer starts it, for as long as a test needs it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.prefix) / "bin"


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: its folder, what it printed, and what ``demo.json`` says."""

    folder: Path
    printed: str
    document: dict[str, Any]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start the demo by its command, wait until it says what to try, and end it as Ctrl+C does."""
    environ = {
        **os.environ,
        "GATEWAY_VAR": str(folder),
        "GATEWAY_PORT": str(free_port()),
        "GATEWAY_MTLS_PORT": str(free_port()),
    }
    command = [str(PROGRAMS / "gateway"), "demo"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command line, no shell
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "monitor" in line:
                break
        assert process.poll() is None, "the demo ended"
        yield Demo(folder, "".join(lines), json.loads((folder / "demo.json").read_text()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert not (folder / "demo.json").exists(), "demo.json outlived the demo"


def free_port() -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
