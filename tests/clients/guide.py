"""The partner guide as a list of things to do, and a partner who does them in order, word for word."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.clients.npm import PROGRAMS, run
from tests.support.node import ROOT

GUIDE: Final = ROOT / "docs" / "partners.md"
EXAMPLES: Final = ROOT / "docs" / "examples"
SETTING_UP: Final = ("python3 -m venv ", "pip install ", "npm install ")
"""Lines that are not run: they ask registries for what the tests have; their versions are compared."""

_FENCE: Final = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_REMEMBERED: Final = ("umask ", "export ")


@dataclass(frozen=True, slots=True)
class Command:
    """One line to type, however many lines long, and what the guide says it prints; empty: it does not say."""

    line: str
    printed: str


@dataclass(frozen=True, slots=True)
class Done:
    """One line that was typed."""

    line: str
    expected: str
    printed: str


def blocks(language: str) -> list[str]:
    """Return the guide's fenced blocks of one language, in order."""
    return [text for named, text in _FENCE.findall(GUIDE.read_text()) if named == language]


def table(heading: str) -> list[list[str]]:
    """Return the rows of the guide's one table whose header begins with this cell."""
    rows = re.findall(
        r"^\| (.*) \|$", GUIDE.read_text().split(f"| {heading} |")[1].split("\n\n")[0], re.MULTILINE
    )
    return [row.split(" | ") for row in rows]


def commands(block: str) -> Iterator[Command]:
    """Yield what a console block types and prints."""
    for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = typed.splitlines(keepends=True)
        count = 1
        while _goes_on("".join(lines[:count])):
            count += 1
        yield Command("".join(lines[:count]).rstrip("\n"), "".join(lines[count:]))


def _goes_on(typed: str) -> bool:
    return typed.endswith("\\\n") or typed.count("'") % 2 == 1


@dataclass
class Reader:
    """Somebody with a shell, a folder and the guide.

    Attributes:
        given: what the council wrote, by variable: it goes in place of the guide's examples.
        variables: the environment of their machine.
    """

    folder: Path
    variables: Mapping[str, str]
    given: dict[str, str] = field(default_factory=dict)
    _left: list[str] = field(default_factory=lambda: blocks("console"))
    _remembered: list[str] = field(default_factory=list)

    @property
    def has_finished(self) -> bool:
        return not self._left

    def go_on(self, **variables: str) -> list[Done]:
        """Follow the next block of the guide."""
        return self.follow(self._left.pop(0), folder=None, **variables)

    def follow(self, block: str, *, folder: Path | None = None, **variables: str) -> list[Done]:
        """Type the lines of a block, each of which works.

        Args:
            variables: other values than those that were exported.

        Raises: AssertionError, one does not work; with what it wrote.
        """
        return [self._follow(command, folder, variables) for command in commands(block)]

    def type(
        self, line: str, *, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Type one line, whether it works or not."""
        changed = [f"export {name}={value}" for name, value in variables.items()]
        script = "\n".join([*self._remembered, *changed, line])
        shell = ["bash", "-euo", "pipefail", "-c", script]
        return run(shell, folder=folder or self.folder, variables=self.variables)

    def _follow(self, command: Command, folder: Path | None, variables: Mapping[str, str]) -> Done:
        line = command.line
        if line.startswith(SETTING_UP):
            return Done(line, command.printed, command.printed)
        if line.startswith(_REMEMBERED):
            self._remembered.append(self._filled_in(line))
            line = ":"
        done = self.type(line, folder=folder, **variables)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return Done(command.line, command.printed, done.stdout)

    def _filled_in(self, line: str) -> str:
        name = line.removeprefix("export ").partition("=")[0]
        return f"export {name}={self.given[name]}" if name in self.given else line


def machine(folder: Path, *, distribution: Path) -> dict[str, str]:
    """Return the environment of a partner's machine: our programs, the wheel, and authorities of the house.

    Those vouch for nobody here: what the guide says must win over them.
    """
    strangers = folder / "house-authorities.pem"
    strangers.touch()
    return {
        "PATH": os.pathsep.join([str(PROGRAMS), os.defpath]),
        "HOME": str(folder),
        "PYTHONPATH": str(distribution),
        "REQUESTS_CA_BUNDLE": str(strangers),
        "CURL_CA_BUNDLE": str(strangers),
        "SSL_CERT_FILE": str(strangers),
    }
