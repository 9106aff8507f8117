"""A PostgreSQL 18 of our own for the demo and the tests; never for production.

Invariants:
- The server listens on a Unix socket in a folder that only its own user (and root) may enter; no TCP port is open.
- The gateway's roles need their SCRAM password even there. Only the operating-system user who started the server is
  its administrator, by the kernel's word (``peer``).
- ``start`` refuses a folder that it did not make; ``stop`` ends the server of its own folder and no other.
- One process at a time holds a folder (a file lock). A server left behind by a killed process is stopped first.
- PostgreSQL refuses to run as root. Started by root, the server runs as ``nobody``, and the closed parents of its
  data and program folders become passable (search permission, nothing else) for all users of the machine.

Layout of a folder: ``data/`` the cluster, ``socket/``, ``passwords.json`` (0600), ``lock``.
"""

import contextlib
import fcntl
import getpass
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import quote

from gateway.ops.provisioning import (
    ROLES,
    ProvisioningError,
    clean_environment,
    create_database,
    create_roles,
    server_programs,
)

ADMINISTRATOR: Final = "postgres"

_START_SECONDS: Final = 60
_UNPRIVILEGED_USER: Final = "nobody"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH: Final = 107  # sun_path of unix(7) is 108 bytes, the last of them NUL; macOS allows 103
_HBA: Final = """\
local all postgres peer map=administrator
local all gateway_owner,gateway_app,gateway_eraser scram-sha-256
local all all reject
"""


class EmbeddedPostgresError(Exception):
    """The embedded server could not be started; the message says what to do about it."""


@dataclass(frozen=True, slots=True, repr=False)
class EmbeddedPostgres:
    """A running server; leave its ``with`` block or call ``stop`` to end it."""

    folder: Path
    sockets: Path
    passwords: Mapping[str, str]
    _programs: Path
    _held: IO[bytes]

    @classmethod
    def start(cls, folder: Path, *, durable: bool = True) -> Self:
        """Start the server of ``folder``, made on first use with its three roles, and return once it answers.

        Args:
            folder: absent, empty, or made by an earlier ``start``.
            durable: False spares the disk (``fsync`` off) and never tidies up. Then a crash of the machine, not of the server,
                may lose the cluster: for throw-away databases only.

        Raises:
            EmbeddedPostgresError: the folder is not ours or is in use, or the server did not come up.
        """
        folder = folder.absolute()
        try:
            programs = server_programs()
        except ProvisioningError as error:
            raise EmbeddedPostgresError(str(error)) from error
        with contextlib.ExitStack() as undo:
            passwords = _claim(folder)
            held = undo.enter_context(_hold(folder))
            server = cls(folder, _socket_folder(folder), passwords, programs, held)
            undo.callback(server.stop)
            server._bring_up(durable=durable)
            undo.pop_all()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End this server at once (open transactions roll back); afterwards its folder may be started again."""
        _stop(self.folder / "data", programs=self._programs)
        if self.sockets.parent != self.folder:
            shutil.rmtree(self.sockets, ignore_errors=True)
        self._held.close()

    def url(self, role: str, database: str) -> str:
        """Return the ``postgresql://`` URL of one role, password included, for one database.

        Args:
            role: one of ``ROLES``, or ``ADMINISTRATOR`` (no password; only this operating-system user may use it).
            database: its name; nothing checks that it exists.
        """
        secret = "" if role == ADMINISTRATOR else f":{quote(self.passwords[role], safe='')}"
        return f"postgresql://{role}{secret}@/{quote(database, safe='')}?host={quote(str(self.sockets), safe='/')}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make the database exist, owned by ``gateway_owner``; see ``provisioning.create_database``."""
        create_database(self.url(ADMINISTRATOR, "postgres"), name=name, template=template)

    def _bring_up(self, *, durable: bool) -> None:
        data = self.folder / "data"
        if os.geteuid() == 0:
            _open_for_server(self._programs.parent, data=data)
        if not data.exists():
            _initialise(data, programs=self._programs)
        # The lock is ours, so a server still running here lost the process that started it.
        _stop(data, programs=self._programs)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "max_connections": "200",
        }
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        _write_options(data, options=options)
        _program("pg_ctl", "start", "-w", "-t", str(_START_SECONDS), "-D", str(data), "-l", str(data / "server.log"),
                 programs=self._programs)  # fmt: skip
        try:
            create_roles(self.url(ADMINISTRATOR, "postgres"), passwords=self.passwords)
        except ProvisioningError as error:
            raise EmbeddedPostgresError(str(error)) from error


def _claim(folder: Path) -> Mapping[str, str]:
    """Make the folder ours, or recognise it; return the roles' passwords, chosen once per folder."""
    file = folder / "passwords.json"
    if file.is_file():
        stored: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return {role: stored[role] for role in ROLES}
    if folder.is_dir() and any(folder.iterdir()):
        raise EmbeddedPostgresError(
            f"{folder} holds files that the embedded database did not make: name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(passwords, opened)
    return passwords


def _hold(folder: Path) -> IO[bytes]:
    """Hold the folder for this process; the kernel lets go when the process ends, however it ends."""
    held = (folder / "lock").open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.close()
        raise EmbeddedPostgresError(f"{folder} is in use by another running demo or test") from error
    return held


def _socket_folder(folder: Path) -> Path:
    """Return the folder of the socket: inside ``folder`` unless the path would be too long for a Unix socket."""
    inside = folder / "socket"
    if len(os.fsencode(inside / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH - 4:
        inside.mkdir(exist_ok=True)
    else:
        inside = Path(tempfile.mkdtemp(prefix="gateway-socket-"))
    inside.chmod(0o700)
    if os.geteuid() == 0:
        shutil.chown(inside, _UNPRIVILEGED_USER)
    return inside


def _open_for_server(install: Path, *, data: Path) -> None:
    """Let the unprivileged user reach the programs and its data; only what is closed changes."""
    for closed in (*install.parents, *data.parents):
        mode = closed.stat().st_mode
        if not mode & stat.S_IXOTH:
            closed.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
    if install.stat().st_mode & stat.S_IROTH:
        return
    for path in (install, *install.rglob("*")):  # installed under a strict umask
        mode = stat.S_IMODE(path.stat().st_mode)
        executable = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IROTH | executable)


def _initialise(data: Path, *, programs: Path) -> None:
    """Make the cluster under a working name and rename it, so that a half-made one is never taken for whole."""
    working = data.with_name("data.new")
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(working, _UNPRIVILEGED_USER)
    _program(
        "initdb", "-D", str(working), "-U", ADMINISTRATOR, "--encoding=UTF8", "--no-locale",
        "--auth-local=peer", "--auth-host=reject", "--no-sync", programs=programs,
    )  # fmt: skip
    (working / "pg_hba.conf").write_text(_HBA, encoding="utf-8")
    (working / "pg_ident.conf").write_text(
        f'administrator "{getpass.getuser()}" {ADMINISTRATOR}\n', encoding="utf-8"
    )
    working.rename(data)


def _write_options(data: Path, *, options: Mapping[str, str]) -> None:
    """Replace the settings this module owns; ``postgresql.conf`` reads them last."""
    file = data / "gateway.conf"
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in options.items()]
    file.write_text("".join(lines), encoding="utf-8")
    main = data / "postgresql.conf"
    include = f"include '{file.name}'\n"
    if not main.read_text(encoding="utf-8").endswith(include):
        with main.open("a", encoding="utf-8") as opened:
            opened.write(include)


def _stop(data: Path, *, programs: Path) -> None:
    """Stop the server of this data folder, if one runs."""
    if (data / "postmaster.pid").exists():
        with contextlib.suppress(EmbeddedPostgresError):  # a stale file of a server that is gone
            _program("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(data), programs=programs)


def _program(name: str, *arguments: str, programs: Path) -> None:
    """Run one of PostgreSQL's programs to its end, as the unprivileged user where this process is root."""
    account = pwd.getpwnam(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None
    # A file, not a pipe: the server inherits the other end of a pipe and would keep it open for ever.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [programs / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=clean_environment(),
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            check=False,
        )
        output.seek(0)
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"{name} failed: {output.read().strip()}")
