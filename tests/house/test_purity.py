"""The decision core is pure: what it decides follows from its arguments alone.

import-linter holds the named libraries away, chains of imports included. Here the rest of the promise:
no clock, no randomness and no I/O of the standard library either.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPURE_MODULES = {
    "asyncio", "concurrent", "ftplib", "glob", "http", "importlib", "io", "logging", "multiprocessing", "os", "pathlib",
    "random", "secrets", "select", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib",
}  # fmt: skip
PURE_LIBRARIES = {"msgspec"}
"""They turn bytes into values and back, and reach for nothing else."""
CLOCK_READINGS = {"now", "today", "utcnow", "uuid1", "uuid4"}
OPENERS = {"open", "print", "input", "eval", "exec", "__import__"}
CORE = {
    "agencies.catalogue", "agencies.codes", "agencies.identifiers", "agencies.ladders", "agencies.model",
    "agencies.values", "consent_registry.model", "gateway.disclosure_log.canonical", "gateway.disclosure_log.entry",
    "gateway.calendar", "gateway.release.decision", "gateway.release.minimisation", "gateway.release.model",
    "gateway.release.redaction",
}  # fmt: skip


def _declared() -> list[str]:
    """Return the pure modules that the import contract lists."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    names: list[str] = next(c["source_modules"] for c in contracts if c["name"].startswith("Rules do no I/O"))
    return names


PURE = _declared()


def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            inside = [f"{module}.{alias.name}" for alias in node.names]
            yield from [name for name in inside if name in PURE] or [module]


def _impurities(tree: ast.Module) -> list[str]:
    """Return every import, clock reading and opener that a pure module may not have."""
    found = []
    for name in _imports(tree):
        root = name.partition(".")[0]
        known = root in PURE_LIBRARIES or (root in sys.stdlib_module_names and root not in IMPURE_MODULES)
        if name not in PURE and not known:
            found.append(f"imports {name}")
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_READINGS:
                found.append(f"reads {name} in line {node.lineno}")
            case ast.Call(func=ast.Name(id=name)) if name in {*OPENERS, *CLOCK_READINGS}:
                found.append(f"calls {name} in line {node.lineno}")
    return found


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_needs_nothing_but_its_arguments(module: str) -> None:
    """The same request on the same facts must always be decided the same way, and be replayable years later."""
    assert [] == _impurities(_tree(module))


def test_the_whole_decision_core_is_declared_pure() -> None:
    """A rule that leaves the list leaves its protection."""
    assert set() == CORE - set(PURE)


@pytest.mark.parametrize(
    "code",
    [
        "import sqlalchemy",
        "from flask import request",
        "import os",
        "from gateway.release import repository",
        "from datetime import datetime\ndatetime.now()",
        "from uuid import uuid4\nuuid4()",
        "open('case.json')",
    ],
)
def test_an_impure_line_is_found(code: str) -> None:
    """A search that never finds anything passes for ever."""
    assert _impurities(ast.parse(code))
