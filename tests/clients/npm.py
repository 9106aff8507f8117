"""The npm packages of the clients that run in Node: installed once as their lock says, and run.

INVARIANTS
- What is not whole is never used: an install is made beside its place and put there by one rename.
- Node and npm are those of the locked wheel; a program gets the variables it is given and no others.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

PROGRAMS: Final = Path(sys.prefix) / "bin"
PACKAGES: Final = Path(__file__).with_name("node")
"""``package.json``, its lock, and the programs."""

_FILES: Final = ("package.json", "package-lock.json")
_NPM: Final = (
    str(PROGRAMS / "npm"),
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)
_SECONDS: Final = 60
_NETWORK_FAULTS: Final = (
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
)


class InstallError(Exception):
    """The packages cannot be installed; the message says why and what to do."""


class UnreachableRegistryError(InstallError):
    """npm does not reach its registry: the machine's fault, not the lock's."""


def install(builds: Path, *, packages: Path = PACKAGES, npm: Sequence[str] = _NPM) -> Path:
    """Return a folder of ``builds`` whose ``node_modules`` is what the lock says; it is made at most once.

    Raises: UnreachableRegistryError; InstallError, the lock does not fit or a package is not what it was.
    """
    digest = hashlib.sha256(b"\0".join((packages / name).read_bytes() for name in _FILES)).hexdigest()
    made = builds / digest
    if made.is_dir():
        return made
    builds.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=builds, prefix=".npm-") as place:
        draft = Path(place) / "draft"
        draft.mkdir()
        for name in _FILES:
            shutil.copy(packages / name, draft)
        _run_npm(npm, draft)
        try:
            draft.rename(made)
        except OSError:
            if not made.is_dir():  # otherwise another session was faster, with the same packages
                raise
    return made


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder in which programs find the installed packages.

    Attributes:
        authority: PEM of whom they trust, beside the authorities that Node brings along.
    """

    folder: Path
    authority: Path

    @classmethod
    def prepare(cls, folder: Path, *, installed: Path, authority: Path) -> "Programs":
        """Put our programs into a folder, beside the installed packages."""
        link_packages(folder, installed=installed)
        for program in PACKAGES.glob("*.mjs"):
            shutil.copy(program, folder)
        return cls(folder, authority)

    def run(self, program: str, **options: object) -> dict[str, Any]:
        """Run a program with these options, and return what it found out.

        Raises: AssertionError, it failed; with what it wrote.
        """
        command = [str(PROGRAMS / "node"), program, json.dumps(options)]
        variables = {"PATH": os.defpath, "NODE_EXTRA_CA_CERTS": str(self.authority)}
        done = run(command, folder=self.folder, variables=variables)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def link_packages(folder: Path, *, installed: Path) -> None:
    """Let programs in a folder find the installed packages, as if npm had installed them there."""
    (folder / "node_modules").symlink_to(installed / "node_modules")


def run(
    command: Sequence[str], *, folder: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with these variables and no others."""
    return subprocess.run(  # noqa: S603 - our own programs, no shell
        command,
        cwd=folder,
        env=dict(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def _run_npm(npm: Sequence[str], folder: Path) -> None:
    """Raises: InstallError."""
    # npm gets the whole environment: registry, proxy and authorities are the machine's own settings.
    variables = os.environ | {"PATH": os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)])}
    try:
        done = run(npm, folder=folder, variables=variables)
    except subprocess.TimeoutExpired as error:
        raise UnreachableRegistryError(_advice(f"it did not end in {_SECONDS} s")) from error
    if done.returncode != 0:
        reached = not any(fault in done.stderr for fault in _NETWORK_FAULTS)
        raise (InstallError if reached else UnreachableRegistryError)(_advice(done.stderr.strip()))


def _advice(why: str) -> str:
    return (
        "npm COULD NOT INSTALL THE CLIENTS, SO NO INDEPENDENT NODE CLIENT IS TESTED. Let npm reach its registry once"
        f" (`.venv/bin/npm ping` says whether it does), then run the tests again. It said: {why}"
    )
