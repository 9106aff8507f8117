"""The hash-pinned requirements are the lock file in another form, for machines without uv."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "early-help-gateway"
# file: (extras, dependency groups)
SETS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "runtime.txt": ((), ()),
    "demo.txt": (("demo",), ("build",)),
    "dev.txt": (("demo",), ("dev",)),
}
_ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")

Pinned = dict[tuple[str, str], frozenset[str]]
Lock = dict[str, list[dict[str, Any]]]


def _lock() -> Lock:
    packages: Lock = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]:
        packages.setdefault(package["name"], []).append(package)
    return packages


def _closure(lock: Lock, *, extras: tuple[str, ...], groups: tuple[str, ...]) -> set[str]:
    """Return the names of everything the project needs with these extras and groups, on any platform."""
    (project,) = lock[PROJECT]
    optional, development = project.get("optional-dependencies", {}), project.get("dev-dependencies", {})
    waiting = [*project["dependencies"]]
    waiting += [need for extra in extras for need in optional[extra]]
    waiting += [need for group in groups for need in development[group]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        need = waiting.pop()
        for part in ("", *need.get("extra", ())):
            if (need["name"], part) not in seen:
                seen.add((need["name"], part))
                for package in lock[need["name"]]:
                    further = package.get("optional-dependencies", {}).get(part, ()) if part else ()
                    waiting += [*further, *(package.get("dependencies", ()) if not part else ())]
    return {name for name, _ in seen}


def _hashes(package: dict[str, Any]) -> frozenset[str]:
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
    return frozenset(file["hash"] for file in files)


def _expected(file: str) -> Pinned:
    extras, groups = SETS[file]
    lock = _lock()
    names = _closure(lock, extras=extras, groups=groups)
    return {(name, package["version"]): _hashes(package) for name in names for package in lock[name]}


def _actual(text: str) -> Pinned:
    return {
        (entry["name"], entry["version"]): frozenset(_HASH.findall(entry["rest"]))
        for entry in _ENTRY.finditer(text)
    }


@pytest.mark.parametrize("file", SETS)
def test_the_requirements_pin_what_the_lock_pins(file: str) -> None:
    """With pip or with uv, everybody must run the same bytes; ``make requirements`` writes both."""
    assert _expected(file) == _actual((ROOT / "requirements" / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", SETS)
def test_the_requirements_name_no_index(file: str) -> None:
    """Where packages come from is the choice of the machine, not of this tree."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    assert [] == re.findall(r"index-url|find-links|trusted-host|://|file:", text)


def test_a_changed_hash_is_found() -> None:
    """The comparison must see the one change that an attacker needs."""
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    first = _HASH.findall(text)[0]
    assert _expected("runtime.txt") != _actual(text.replace(first, "sha256:" + "0" * 64))


def test_the_build_tools_are_locked_in_the_versions_the_build_names() -> None:
    """``--require-hashes`` does not cover build dependencies, so ours is installed like any other package."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requires = settings["build-system"]["requires"]
    assert set(requires) <= set(settings["dependency-groups"]["build"])
    assert [] == [need for need in requires if "==" not in need]
    for file in ("demo.txt", "dev.txt"):
        text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
        assert [] == [need for need in requires if need not in text]
