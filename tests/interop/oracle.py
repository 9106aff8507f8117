"""The independent verifier in Go: built offline from Debian's packages, and run over a folder."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

GOPATH: Final = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go libraries."""

SUMDB: Final = GOPATH / "src" / "golang.org" / "x" / "mod" / "sumdb"
_SOURCES: Final = sorted(Path(__file__).parent.glob("*.go"))
_SECONDS: Final = 120


class FaultFoundError(AssertionError):
    """The oracle does not accept a log; the message is the first fault."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """The built program."""

    program: Path

    @classmethod
    def build(cls, folder: Path) -> "Oracle":
        """Build the program in a folder; nothing is asked of the network."""
        program = folder / "oracle"
        settings = {
            "CGO_ENABLED": "0",
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOCACHE": str(folder / "cache"),
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
        }
        _run(["go", "build", "-o", str(program), *map(str, _SOURCES)], settings)
        return cls(program)

    def verify(self, folder: Path) -> dict[str, Any]:
        """Verify a whole log; return how much of it was verified.

        Raises: FaultFoundError.
        """
        found: dict[str, Any] = json.loads(_run([str(self.program), "log", str(folder)], {}))
        return found

    def judge(self, folder: Path) -> dict[str, str]:
        """Return for each note ``accepted``, or the layer that refuses it: ``note`` or ``body``."""
        verdicts: dict[str, str] = json.loads(_run([str(self.program), "notes", str(folder)], {}))
        return verdicts

    def paths(self, folder: Path) -> list[str]:
        """Return the paths of the tiles that the folder lists."""
        paths: list[str] = json.loads(_run([str(self.program), "paths", str(folder)], {}))
        return paths


def require_go() -> None:
    """Skip loudly without Go and its library; fail where everything must be tested."""
    if shutil.which("go") is None or not SUMDB.is_dir():
        missing = (
            "GO IS NOT INSTALLED, SO NOBODY ELSE VERIFIES THE DISCLOSURE LOG: "
            "apt install --no-install-recommends golang-go golang-golang-x-mod-dev"
        )
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


def _run(command: list[str], settings: Mapping[str, str]) -> str:
    """Raises: FaultFoundError, the program failed; with what it wrote."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), **settings}
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        command, env=environ, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode != 0:
        raise FaultFoundError(done.stderr.strip())
    return done.stdout
