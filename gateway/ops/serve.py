"""Starting gunicorn as a child with the gateway's configuration."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")
APPLICATION = "gateway.wsgi:app"
DEMO_APPLICATION = "gateway.demo_wsgi:app"


def gunicorn_command(application: str = APPLICATION) -> list[str]:
    """Return the command line that serves an application (``module:name``) with our configuration."""
    return [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION), application]


def start_worker(environ: Mapping[str, str], *, log_file: Path) -> subprocess.Popen[bytes]:
    """Start ``gateway worker`` as a child process with this environment; its output goes to ``log_file``."""
    return _start([sys.executable, "-c", "from gateway.cli import main; main()", "worker"], environ, log_file)


def start_server(
    environ: Mapping[str, str], *, log_file: Path, application: str = APPLICATION
) -> subprocess.Popen[bytes]:
    """Start gunicorn as a child process with this environment; its output goes to ``log_file``."""
    return _start(gunicorn_command(application), environ, log_file)


def _start(command: list[str], environ: Mapping[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    with log_file.open("ab") as log:
        return subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log)  # noqa: S603 - of our own words, no shell
