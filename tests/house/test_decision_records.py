"""Architecture decision records keep one form, and the one on dependencies is true of the code."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "agencies", "consent_registry", "certs", "extract_client")
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
SECTIONS = ["Context", "Drivers", "Options", "Outcome", "Negative consequences"]
LONGEST = 70  # lines: one page

_ROW = re.compile(r"^\| `(?P<library>[\w-]+)` \|[^|]*\|(?P<modules>[^|]*)\|$", re.MULTILINE)


def _permitted() -> dict[str, list[str]]:
    """Return, per library as imported, the modules that may import it: the table of the record on dependencies."""
    (record,) = (path for path in RECORDS if path.stem.endswith("runtime-dependencies"))
    return {
        row["library"]: re.findall(r"`([^`]+)`", row["modules"])
        for row in _ROW.finditer(record.read_text("utf-8"))
    }


def _foreign_imports() -> Iterator[tuple[str, str]]:
    """Yield (module, library it imports) for everything outside the standard library and our packages."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = [node.module]
            for name in names:
                root = name.partition(".")[0]
                if root not in sys.stdlib_module_names and root not in PACKAGES:
                    yield module, root


def _is_permitted(module: str, library: str) -> bool:
    patterns = _permitted().get(library, [])
    return any(fnmatchcase(module, pattern) or fnmatchcase(module, pattern + ".*") for pattern in patterns)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_record_has_every_section_and_fits_a_page(record: Path) -> None:
    """A decision without its rejected options and its price cannot be weighed again later."""
    text = record.read_text(encoding="utf-8")
    assert SECTIONS == re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert re.match(rf"# {int(record.stem[:4])}\. \S", text)
    assert re.search(r"^(Accepted|Proposed|Superseded by \d{4}), \d{4}-\d{2}-\d{2}\.", text, re.MULTILINE)
    assert len(text.splitlines()) <= LONGEST


def test_decision_records_are_numbered_without_gaps_and_listed() -> None:
    """Code and commits cite records by number."""
    assert list(range(1, len(RECORDS) + 1)) == [int(record.stem[:4]) for record in RECORDS]
    listed = re.findall(
        r"\((\d{4}-[a-z0-9-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    )
    assert [record.name for record in RECORDS] == listed


def test_every_library_is_imported_only_where_its_record_says() -> None:
    """A library that spreads cannot be replaced, and one without a record was never weighed."""
    strays = [
        f"{module} imports {library}"
        for module, library in _foreign_imports()
        if not _is_permitted(module, library)
    ]
    assert [] == strays


def test_every_declared_dependency_has_its_row() -> None:
    """New dependencies enter by a record."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [*settings["dependencies"], *settings["optional-dependencies"]["demo"]]
    names = {re.split(r"[\[<>=!~ ]", need)[0].replace("-", "_") for need in needs}
    assert names == set(_permitted())


def test_a_stray_import_is_found() -> None:
    """A search that never finds anything passes for ever."""
    assert not _is_permitted("gateway.release.decision", "sqlalchemy")
    assert not _is_permitted("agencies.catalogue", "no_such_library")
