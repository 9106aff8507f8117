"""A running gateway: the real gunicorn with our configuration, alone or behind the nginx configuration we ship.

The processes are children of the test's and end with its ``with`` block. They listen on the loopback.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Self

import pytest
from cryptography import x509

from certs.authority import Issued, create_authority, issue_client, issue_server
from certs.private_file import write_private
from certs.revocation import LIST_LIFETIME, Reason, Revoked, issue_list
from gateway.ops.serve import APPLICATION, start_server
from gateway.settings import ClientCertificates, Settings, environ_of
from tests.support.door import ClientFiles, Door

ROOT: Final = Path(__file__).resolve().parents[2]
NGINX_CONFIGURATION: Final = ROOT / "deploy" / "nginx.conf"
PROBE: Final = "tests.support.probe:app"

Kind = Literal["native", "nginx"]
KINDS: Final[tuple[Kind, ...]] = ("native", "nginx")

_SECONDS = 60.0
_WORKERS = 2
_NO_LIMIT = "1000000"


class NodeError(Exception):
    """A node did not start or stop as it should; the message ends with its log."""


class Certificates:
    """The authority of one node, its server's certificate, and the revocation list, all as files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.authority = create_authority("Test authority", now=datetime.now(UTC))
        self.authority_file = folder / "ca.pem"
        self.authority_file.write_bytes(self.authority.certificate_pem)
        self.server = ClientFiles(folder / "server.pem", folder / "server.key")
        self.list_file = folder / "crl.pem"
        self._revoked: list[Revoked] = []
        self._lists = 0
        self._clients = 0
        self.renew_server()
        self.publish_list()

    def renew_server(self) -> x509.Certificate:
        """Put a fresh server certificate, and its key, in place of the one that is there; return it."""
        issued = issue_server(
            self.authority, names=["localhost"], addresses=[ip_address("127.0.0.1")], now=datetime.now(UTC)
        )
        write_private(self.server.key, issued.key_pem)
        write_private(self.server.certificate, issued.certificate_pem)
        return issued.certificate

    def client(
        self,
        agency: str = "camhs",
        *,
        authority: Issued | None = None,
        now: datetime | None = None,
        lifetime: timedelta = timedelta(days=1),
    ) -> ClientFiles:
        """Issue a client certificate, by this authority if no other is given."""
        issued = issue_client(
            authority or self.authority, agency=agency, now=now or datetime.now(UTC), lifetime=lifetime
        )
        return self.keep(issued)

    def keep(self, issued: Issued) -> ClientFiles:
        """Write any certificate and its key as a client's."""
        self._clients += 1
        stem = self.folder / f"client-{self._clients}"
        files = ClientFiles(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        write_private(files.key, issued.key_pem)
        files.certificate.write_bytes(issued.certificate_pem)
        return files

    def revoke(self, client: ClientFiles) -> None:
        """Put a client's certificate on the list, and the list in place of the last one."""
        serial = x509.load_pem_x509_certificate(client.certificate.read_bytes()).serial_number
        self._revoked.append(Revoked(serial, datetime.now(UTC), Reason.KEY_COMPROMISE))
        self.publish_list()

    def publish_list(self, *, now: datetime | None = None, lifetime: timedelta = LIST_LIFETIME) -> None:
        """Put a new list in place of the last one."""
        self._lists += 1
        pem = issue_list(
            self.authority, self._revoked, number=self._lists, now=now or datetime.now(UTC), lifetime=lifetime
        )
        write_private(self.list_file, pem)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a node listens; free when they were chosen."""

    public: int
    mutual: int

    @classmethod
    def free(cls) -> Self:
        """Choose two."""
        with socket.socket() as one, socket.socket() as other:
            for probe in (one, other):
                probe.bind(("127.0.0.1", 0))
            return cls(one.getsockname()[1], other.getsockname()[1])

    @property
    def public_url(self) -> str:
        """What clients call the address that asks for no certificate."""
        return f"https://localhost:{self.public}"

    @property
    def mutual_url(self) -> str:
        """What clients call the other one."""
        return f"https://localhost:{self.mutual}"


@dataclass
class Node:
    """A running gateway and its doors."""

    kind: Kind
    ports: Ports
    certificates: Certificates
    processes: Sequence[subprocess.Popen[bytes]]
    folder: Path
    _doors: list[Door] = field(default_factory=list)

    def public(self) -> Door:
        """A door that asks for no certificate."""
        return self._door(self.ports.public, self.ports.public_url, None)

    def mutual(self, client: ClientFiles | None = None) -> Door:
        """A door that asks for one."""
        return self._door(self.ports.mutual, self.ports.mutual_url, client)

    def revoke(self, client: ClientFiles) -> None:
        """Return once no new connection with this certificate comes through, on any worker."""
        self.certificates.revoke(client)
        self.reload()

    def reload(self) -> None:
        """Make new files count: natively they do by themselves, nginx is told (``nginx -s reload``)."""
        if self.kind == "nginx":
            master = self.processes[-1]
            before = _children(master.pid)
            master.send_signal(signal.SIGHUP)
            self.wait(lambda: not any(map(_accepts, before)), "nginx did not load its files again")

    @property
    def log(self) -> str:
        """What the processes wrote so far, nginx's own log included."""
        return "".join(
            file.read_text(errors="replace")
            for file in (self.folder / name for name in ("node.log", "error.log"))
            if file.exists()
        )

    def wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Return once the condition holds.

        Raises: NodeError, it never did.
        """
        deadline = time.monotonic() + _SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise NodeError(f"{otherwise}:\n{self.log}")
            time.sleep(0.05)

    def close(self) -> None:
        """Close every door that was opened."""
        while self._doors:
            self._doors.pop().close()

    def _door(self, port: int, url: str, client: ClientFiles | None) -> Door:
        door = Door(port, url, self.certificates.authority_file, client)
        self._doors.append(door)
        return door


def settled(settings: Settings, kind: Kind, ports: Ports) -> Settings:
    """Return the settings of a node of this kind; of a process beside it over the same database, too."""
    source = {"native": ClientCertificates.TLS, "nginx": ClientCertificates.PROXY}[kind]
    return replace(
        settings, public_url=ports.public_url, mtls_url=ports.mutual_url, client_certificates=source
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables that give a process these settings, with limits that no test reaches by accident."""
    return {
        **environ_of(settings),
        "GATEWAY_MTLS_URL": settings.mtls_url or "",
        "GATEWAY_CLIENT_CERTIFICATES": settings.client_certificates,
        "GATEWAY_CLIENT_REQUESTS_PER_MINUTE": _NO_LIMIT,
        "GATEWAY_PRACTITIONER_REQUESTS_PER_MINUTE": _NO_LIMIT,
        "GATEWAY_ABSENCES_PER_HOUR": _NO_LIMIT,
    }


@contextmanager
def running(
    kind: Kind,
    folder: Path,
    *,
    ports: Ports | None = None,
    environ: Mapping[str, str] | None = None,
    nginx_changes: Mapping[str, str] | None = None,
    application: str = APPLICATION,
) -> Iterator[Node]:
    """Yield a node that answers; its certificates and its logs lie in ``folder``.

    Args:
        environ: for the gateway, over what the kind of node needs.
        nginx_changes: more literals of our configuration of nginx to replace.

    Raises: NodeError, it did not come up, or ended before it was told to.
    """
    ports = ports or Ports.free()
    certificates = Certificates(folder / "tls")
    log_file = folder / "node.log"
    with ExitStack() as stack:
        # Not under the test's folder: the path of a unix socket may have 107 bytes.
        place = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-node-")))
        doors = _native(ports, certificates) if kind == "native" else _behind_proxy(place)
        variables = {**_inherited(), "GATEWAY_WORKERS": str(_WORKERS), **doors, **(environ or {})}
        processes = [start_server(variables, log_file=log_file, application=application)]
        stack.callback(_end, processes[0])
        if kind == "nginx":
            configuration = place / "nginx.conf"
            literals = {**_nginx_literals(place, folder, ports, certificates), **(nginx_changes or {})}
            configuration.write_text(_nginx_configuration(literals))
            processes.append(_start_nginx(configuration, log_file))
            stack.callback(_end, processes[1])
        node = Node(kind, ports, certificates, processes, folder)
        stack.callback(node.close)
        node.wait(lambda: _answers(node), "The node did not come up")
        yield node
        if any(process.poll() is not None for process in processes):
            raise NodeError(f"A process of the node ended by itself:\n{node.log}")


def nginx_program() -> str | None:
    """Return the path of nginx; None: it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def require_nginx() -> None:
    """Skip loudly without nginx; fail where everything must be tested."""
    if nginx_program() is None:
        missing = "NGINX IS NOT INSTALLED, SO NO TEST GOES THROUGH IT: apt install nginx-light"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


def _nginx_configuration(literals: Mapping[str, str]) -> str:
    """The configuration we ship with its literals replaced, and nothing else; each must be in it."""
    text = NGINX_CONFIGURATION.read_text()
    for literal, value in literals.items():
        if literal not in text:
            raise NodeError(f"{NGINX_CONFIGURATION.name} does not say {literal!r} any more")
        text = text.replace(literal, value)
    return text


def _nginx_literals(place: Path, folder: Path, ports: Ports, certificates: Certificates) -> dict[str, str]:
    # The last three are for nothing of ours, but nginx makes them, and only root may make its own ones.
    modules = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    user = pwd.getpwuid(os.geteuid())
    return {
        "user www-data;": f"user {user.pw_name} {grp.getgrgid(user.pw_gid).gr_name};",
        "pid /run/nginx.pid;": f"pid {place}/nginx.pid;",
        "/var/log/nginx/error.log": f"{folder}/error.log",
        "/var/log/nginx/access.log": f"{folder}/access.log",
        "client_body_temp_path /var/lib/nginx/body;": "".join(
            f"{module}_temp_path {folder}/{module}; " for module in modules
        ),
        "listen 443 ssl;": f"listen 127.0.0.1:{ports.public} ssl;",
        "listen [::]:443 ssl;": "",
        "listen 8444 ssl;": f"listen 127.0.0.1:{ports.mutual} ssl;",
        "listen [::]:8444 ssl;": "",
        "/etc/early-help-gateway/tls/server.pem": str(certificates.server.certificate),
        "/etc/early-help-gateway/tls/server.key": str(certificates.server.key),
        "/etc/early-help-gateway/tls/client-ca.pem": str(certificates.authority_file),
        "/etc/early-help-gateway/tls/client-crl.pem": str(certificates.list_file),
        "/run/early-help-gateway/gateway.sock": f"{place}/gateway.sock",
        "gateway.example.org": "localhost",
    }


def _native(ports: Ports, certificates: Certificates) -> dict[str, str]:
    return {
        "GATEWAY_BIND": f"127.0.0.1:{ports.public}",
        "GATEWAY_MTLS_BIND": f"127.0.0.1:{ports.mutual}",
        "GATEWAY_CLIENT_CERTIFICATES": "tls",
        "GATEWAY_TLS_CERTIFICATE_FILE": str(certificates.server.certificate),
        "GATEWAY_TLS_KEY_FILE": str(certificates.server.key),
        "GATEWAY_CLIENT_CA_FILE": str(certificates.authority_file),
        "GATEWAY_CLIENT_CRL_FILE": str(certificates.list_file),
    }


def _behind_proxy(place: Path) -> dict[str, str]:
    return {"GATEWAY_BIND": f"unix:{place}/gateway.sock", "GATEWAY_CLIENT_CERTIFICATES": "proxy"}


def _inherited() -> dict[str, str]:
    """The environment of the test without its own gateway, and with the way to the test's modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))}


def _start_nginx(configuration: Path, log_file: Path) -> subprocess.Popen[bytes]:
    program = nginx_program()
    if program is None:
        raise NodeError("nginx is not installed: apt install nginx-light")
    command = [program, "-e", "stderr", "-c", str(configuration), "-g", "daemon off;"]
    with log_file.open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own words


def _answers(node: Node) -> bool:
    if any(process.poll() is not None for process in node.processes):
        raise NodeError(f"The node ended at its start:\n{node.log}")
    try:
        return node.public().get("/healthz").status_code == HTTPStatus.OK
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(_SECONDS)


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _accepts(worker: int) -> bool:
    """True while a worker of nginx takes new connections: one that was told to stop changes its title."""
    try:
        title = Path(f"/proc/{worker}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return title != b"" and b"shutting down" not in title
