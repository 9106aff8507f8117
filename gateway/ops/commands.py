"""``gateway demo``, ``gateway serve``, ``gateway migrate``."""

import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import click

from gateway.commands import command_wiring
from gateway.keyring import ensure_reserved
from gateway.migrations import upgrade
from gateway.oauth.keys import ensure_signing_key
from gateway.ops.serve import DEMO_APPLICATION, gunicorn_command, start_server, start_worker
from gateway.settings import load_settings

READY_SECONDS = 60


@click.command()
def serve() -> None:
    """Serve the gateway with gunicorn; settings come from the environment."""
    load_settings()
    command = gunicorn_command()
    os.execv(command[0], command)  # noqa: S606 -- our own command line, no shell


@click.command()
@click.option(
    "--owner-url",
    envvar="GATEWAY_ADMIN_DATABASE_URL",
    required=True,
    help="PostgreSQL URL of the owner role; or GATEWAY_ADMIN_DATABASE_URL.",
)
def migrate(owner_url: str) -> None:
    """Bring the database to the newest version, and make the keys that every gateway needs."""
    upgrade(owner_url)
    with command_wiring() as wiring, wiring.engine.begin() as connection:
        ensure_reserved(connection, wiring.keyring)
        ensure_signing_key(connection, wiring.keyring)
    click.echo("The database is at the newest version.")


@click.command()
def demo() -> None:
    """Start a council that does not exist, on the real parts, until Ctrl+C."""
    from gateway.ops.demo import (  # noqa: PLC0415 -- its packages are installed for the demo only
        DemoError,
        DemoPlace,
        build_world,
        prepare_folder,
        write_document,
    )
    from gateway.ops.embedded import EmbeddedPostgres, EmbeddedPostgresError  # noqa: PLC0415 -- as above

    started = time.monotonic()
    if "GATEWAY_DATABASE_URL" in os.environ:
        raise click.ClickException("The demo makes a database of its own; unset GATEWAY_DATABASE_URL.")
    place = DemoPlace(
        Path(os.environ.get("GATEWAY_VAR", "var/demo")).absolute(),
        int(os.environ.get("GATEWAY_PORT", "8443")),
        int(os.environ.get("GATEWAY_MTLS_PORT", "8444")),
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _refuse_busy_port(place.port, setting="GATEWAY_PORT")
        _refuse_busy_port(place.mtls_port, setting="GATEWAY_MTLS_PORT")
        prepare_folder(place)
        with EmbeddedPostgres.start(place.folder / "database") as server:
            world = build_world(place, server, progress=_say)
            _say("Starting the gateway")
            environ = {**os.environ, **world.environ}
            gateway = start_server(
                environ, log_file=place.folder / "gateway.log", application=DEMO_APPLICATION
            )
            worker = start_worker(environ, log_file=place.folder / "worker.log")
            try:
                _wait_until_ready(place.base_url, place.folder / "ca.pem", gateway)
                write_document(place, world)
                click.echo(_what_to_try(place.folder, world.document, seconds=time.monotonic() - started))
                gateway.wait()
            except KeyboardInterrupt:
                _say("Stopping")
            finally:
                (place.folder / "demo.json").unlink(missing_ok=True)
                for process in (worker, gateway):
                    process.terminate()
                for process in (worker, gateway):
                    process.wait()
    except (DemoError, EmbeddedPostgresError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        _say("Stopped")


def _say(step: str) -> None:
    click.echo(f"... {step}", err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _refuse_busy_port(port: int, *, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is taken; choose another with {setting}."
            raise click.ClickException(message) from error


def _wait_until_ready(base_url: str, ca_file: Path, gateway: subprocess.Popen[bytes]) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and gateway.poll() is None:
        try:
            with urlopen(f"{base_url}/readyz", context=context, timeout=5):  # noqa: S310 -- our own https URL
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise click.ClickException("The gateway did not start; see gateway.log in the demo's folder.")


def _what_to_try(folder: Path, document: Mapping[str, Any], *, seconds: float) -> str:
    programs = Path(sys.prefix) / "bin"
    config = _short(folder / "demo.json")
    pull = f"{_short(programs / 'extract-client')} pull --config {config}"
    state = _short(folder / "monitor")
    monitor = (
        f"{_short(programs / 'extract-client')} monitor --config {config} --agency camhs --state {state}"
    )
    gateway = f"{_short(programs / 'gateway')} --env-file {_short(folder / 'gateway.env')}"
    plain = next(case["source_ref"] for case in document["cases"] if case["label"] == "plain")
    staff = document["staff"][0]["username"]
    return f"""
The gateway answers on {document["base_url"]} (started in {seconds:.0f} s; Ctrl+C stops it).
Everyone in it is invented. Every extract is checked to be on record; the log has NO WITNESS yet, nobody outside confirms it.

The pages of staff, one click each: {document["base_url"]}/console/demo

Try these in another terminal, from {Path.cwd()}:

1. A mental health service pulls its extract of one family:
   {pull} --agency camhs --case plain

2. A charity pulls the same case and gets less:
   {pull} --agency charity --case plain

3. The family withdraws:
   {gateway} consent withdraw {plain} --everyone --recorded-by {staff}

4. The same pull is refused, and nothing says why:
   {pull} --agency camhs --case plain

5. Both are on record:
   {gateway} log list --last 8

6. The record is whole; the council checks from inside, any partner from outside:
   {gateway} log verify
   {monitor}
"""


def _short(path: Path) -> str:
    """The path from here where it lies below, quoted for a shell."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
