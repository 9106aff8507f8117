"""Starting gunicorn as a child with the gateway's configuration."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")


def gunicorn_command() -> list[str]:
    """Return the command line that serves the application with our configuration."""
    return [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION), "gateway.wsgi:app"]


def start_server(environ: Mapping[str, str], *, log_file: Path) -> subprocess.Popen[bytes]:
    """Start gunicorn as a child process with this environment; its output goes to ``log_file``."""
    with log_file.open("ab") as log:
        command = gunicorn_command()  # our own words, nothing of anybody's input
        return subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log)  # noqa: S603 -- see above
