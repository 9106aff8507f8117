"""The tree keeps to the words and the shape that let a reader guess any path."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "agencies", "consent_registry", "certs", "extract_client")
VAGUE_WORDS = {
    "common",
    "handle",
    "handler",
    "helper",
    "helpers",
    "info",
    "manager",
    "misc",
    "processor",
    "stuff",
}
VAGUE_WORDS |= {"tool", "tools", "util", "utils"}
GENERATED = {"__pycache__", "build", "dist", "htmlcov", "mutants", "node_modules", "var"}
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users|private)/")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if (
            path.is_dir()
            and path.name not in GENERATED
            and (not path.name.startswith(".") or path.name == ".ci")
        ):
            yield from _files(path)
        elif path.is_file():
            yield path


def _lines() -> Iterator[tuple[Path, int, str]]:
    for path in _files(ROOT):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            yield path.relative_to(ROOT), number, line


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_has_a_name_that_says_nothing(package: str) -> None:
    """A module called after no noun of the field becomes the place where everything is put."""
    paths = [path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")]
    vague = [
        str(path) for path in paths if VAGUE_WORDS & {*path.with_suffix("").parts, *path.stem.split("_")}
    ]
    assert [] == vague


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is(package: str) -> None:
    """The first line of a file is where its invariants are read."""
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if path.parent.name != "versions" and not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert [] == silent


def test_no_file_names_a_folder_of_one_machine() -> None:
    """A path of whoever wrote a line is wrong everywhere else, and tells about them."""
    found = [
        f"{path}:{number}: {line.strip()}" for path, number, line in _lines() if MACHINE_PATH.search(line)
    ]
    assert [] == found


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (f"cd {Path('/', 'home', 'ada', 'gateway')}", True),
        ("https://example.org/home/page", False),
        ("docs/home/plan.md", False),
        ("/var/lib/early-help-gateway", False),
    ],
)
def test_the_search_for_machine_paths_finds_them(line: str, named: bool) -> None:
    """A search that never finds anything passes for ever."""
    assert named == bool(MACHINE_PATH.search(line))
