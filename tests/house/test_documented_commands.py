"""Every command and option that the documentation names exists, in the form in which it is named."""

import re
import shlex
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from extract_client import cli as partner
from gateway import cli as council

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "README.md"]
PROGRAMS = ("gateway", "extract-client")
_CODE = re.compile(r"```console\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_PROMPT = re.compile(r"^\$ ", re.MULTILINE)


def named(text: str) -> Iterator[list[str]]:
    """The words of every command of ours in a page, whichever way it is written."""
    for block, inline in _CODE.findall(text):
        lines = _PROMPT.split(block.replace("\\\n", " "))[1:] if block else [inline]
        for line in lines:
            first = line.splitlines()[0].split(" #")[0].split(" | ")[0].split(" > ")[0]
            words = shlex.split(first.replace("'", ""))
            if words and Path(words[0]).name in PROGRAMS and len(words) > 1:
                yield [Path(words[0]).name, *words[1:]]


def fault_of(words: list[str]) -> str | None:
    """What of a command does not exist; absent: all of it does."""
    program, *rest = words
    return _fault_of_click(council.gateway, rest) if program == "gateway" else _fault_of_argparse(rest)


def _fault_of_click(command: click.Command, words: list[str]) -> str | None:
    waiting = list(words)
    while isinstance(command, click.Group) and waiting:
        word = waiting.pop(0)
        if word == "--env-file":
            waiting.pop(0)
        elif word in command.commands:
            command = command.commands[word]
        else:
            return word
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    return next((word for word in waiting if word.startswith("--") and word not in options), None)


def _fault_of_argparse(words: list[str]) -> str | None:
    parser, waiting = partner._parser(), list(words)
    while waiting and (commands := _commands(parser)):
        word = waiting.pop(0)
        if word not in commands:
            return word
        parser = commands[word]
    options = parser._option_string_actions
    return next((word for word in waiting if word.startswith("--") and word not in options), None)


def _commands(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    (found, *_) = [
        *(action.choices for action in parser._actions if isinstance(action, _SubParsersAction)),
        {},
    ]
    return dict(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    """Whoever follows the page at 3 a.m. has no time to guess what it was renamed to."""
    commands = list(named(page.read_text("utf-8")))
    assert [] == [" ".join(words) for words in commands if fault_of(words) is not None]


def test_the_pages_name_commands() -> None:
    """A search that never finds anything passes for ever."""
    counts = {page.name: len(list(named(page.read_text("utf-8")))) for page in PAGES}
    assert counts["disclosure-log.md"] >= 10, counts
    assert counts["partners.md"] >= 5, counts


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("gateway log verify", None),
        ("gateway log rotated", "rotated"),
        ("gateway log verify --offline", "--offline"),
        ("extract-client witness serve --bind x", None),
        ("extract-client witness listen", "listen"),
        ("extract-client verify x --key y", "--key"),
    ],
)
def test_a_command_that_is_not_there_is_found(line: str, fault: str | None) -> None:
    assert fault == fault_of(line.split())
