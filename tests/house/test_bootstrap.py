"""What a fresh checkout runs first: it may need nothing that is not there yet."""

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``dev.py``, looking at an empty environment instead of the one that runs the tests."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {
        "ENVIRONMENT": tmp_path,
        "PROGRAMS": tmp_path / "bin",
        "STAMP": tmp_path / "stamp",
    }.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_the_bootstrap_imports_the_standard_library_only() -> None:
    """It runs before anything is installed."""
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [] == [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]


def test_the_makefile_is_an_alias_of_the_bootstrap(bootstrap: ModuleType) -> None:
    """Whoever has no make gets the same commands."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^(.+):\n\t@\$\(PYTHON\) dev\.py \$@$", makefile, re.MULTILINE)
    assert {*bootstrap.COMMANDS, "clean"} == set(targets.split())


def test_what_is_compiled_is_kept_whatever_the_machine_says(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of processes of the tests and the demo would compile everything anew."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("GATEWAY_VAR", "kept")
    given = bootstrap.environment()
    assert "PYTHONDONTWRITEBYTECODE" not in given
    assert given["PYTHONPYCACHEPREFIX"] == str(bootstrap.ROOT / "build" / "pycache")
    assert given["GATEWAY_VAR"] == "kept"


def test_a_python_without_venv_is_told_what_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian splits venv off; one sentence saves an hour."""
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _: None)
    assert bootstrap.main(["test"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Cannot set up: this Python has no venv module; on Debian or Ubuntu: apt install python3-venv"
    )


def test_an_old_python_is_told_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A syntax error deep inside a dependency tells nobody anything."""
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    assert bootstrap.main(["demo"]) == 1
    assert "Python 3.11 or newer is needed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("installed", "wanted", "installs"),
    [("dev", "demo", False), ("demo", "demo", False), ("demo", "dev", True)],
)
def test_an_environment_that_matches_the_lock_is_left_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, installed: str, wanted: str, installs: bool
) -> None:
    """The second ``make test`` of the day must cost nothing, and work without a network."""
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "is_usable", lambda: True)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    monkeypatch.setattr(bootstrap, "install_with_pip", ran.append)
    bootstrap.STAMP.write_text(f"{bootstrap.lock_digest()} {installed}\n")
    bootstrap.prepare(wanted)
    assert ran == ([wanted] if installs else [])


def test_a_changed_lock_installs_again(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of yesterday's lock would test yesterday's libraries."""
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "is_usable", lambda: True)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    monkeypatch.setattr(bootstrap, "install_with_pip", ran.append)
    bootstrap.STAMP.write_text("0" * 64 + " dev\n")
    bootstrap.prepare("dev")
    assert ran == ["dev"]
