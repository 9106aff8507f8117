"""Everything a fresh checkout needs, with nothing but Python: ``python3 dev.py demo`` (or test, check, ...).

Invariants:
- Standard library only: this runs before anything is installed. The Makefile is an alias of it.
- Every package comes from ``uv.lock``: through uv where it is installed, else through pip with the hashes exported
  to ``requirements/``. A package whose hash differs is refused.
- When the environment already matches the lock, nothing is installed and nothing is asked of the network.
"""

from __future__ import annotations  # an older Python must get as far as being told so

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / "bin"
STAMP = ENVIRONMENT / "early-help-gateway.stamp"
OLDEST = (3, 11)
STYLESHEETS = ROOT / "gateway" / "console" / "assets" / "built"
SOURCES = ("gateway", "agencies", "consent_registry", "certs", "extract_client")

# Extras and groups per set; "dev" contains "demo", so a development environment serves the demo too.
UV_ARGUMENTS = {
    "demo": ["--no-default-groups", "--extra", "demo"],
    "dev": ["--all-extras", "--group", "dev"],
}

IN_FOUR = [
    "-n",
    "4",
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
]  # tests/conftest.py says what begins first

# command: (packages it needs, what it runs, in order; the words after the command join the last one)
COMMANDS = {
    "demo": ("demo", [["gateway", "demo"]]),
    # More processes than cores: half of the time a test waits for PostgreSQL. A file stays in one process.
    "test": ("dev", [["python", "-m", "pytest", "-m", "not long and not browser", *IN_FOUR]]),
    # Each of the two has a demo and a browser of its own, and goes through the tests in their order.
    "test-browser": ("dev", [["python", "-m", "pytest", "-m", "not long", "-n", "2", "tests/browser"]]),
    "test-long": ("dev", [["python", "-m", "pytest", "-m", "long"]]),
    "coverage": ("dev", [["python", "-m", "tools.branch_coverage"]]),
    "mutation": ("dev", [["python", "-m", "tools.mutation"]]),
    "bench": ("dev", [["python", "-m", "bench.release"]]),
    "bench-long": ("dev", [["python", "-m", "bench.growth"]]),
    "bench-console": ("dev", [["python", "-m", "bench.console"]]),
    "screens": ("dev", [["python", "-m", "tools.screens"]]),
    "metrics": ("dev", [["python", "tools/metrics.py"]]),
    "check": (
        "dev",
        [
            ["interrogate", "--quiet", *SOURCES],
            ["vulture"],
            ["lint-imports", "--no-logo"],
            ["mypy"],
            ["ruff", "format", "--check", "."],
            ["ruff", "check", "."],
        ],
    ),
}


class SetupError(Exception):
    """The environment cannot be made; the message is one plain sentence."""


def main(arguments: list[str]) -> int:
    """Prepare the environment and run one command; return its exit status."""
    name = arguments[0] if arguments else ""
    if name == "clean":
        clean()
        return 0
    if name not in COMMANDS:
        say(f"usage: python3 dev.py {{{'|'.join([*COMMANDS, 'clean'])}}}")
        return 2
    packages, steps = COMMANDS[name]
    try:
        prepare(packages)
    except (SetupError, subprocess.CalledProcessError) as error:
        say(f"Cannot set up: {error}")
        return 1
    *first, last = steps
    failed = [step for step in first if run_step(step) != 0]
    if not first:
        run_in_place([*last, *arguments[1:]])
    failed += [last] if run_step(last) != 0 else []
    for step in failed:
        say(f"failed: {' '.join(step)}")
    return 1 if failed else 0


def prepare(packages: str) -> None:
    """Make the environment hold the locked packages of ``demo`` or ``dev`` and this project; a no-op when it does.

    Raises: SetupError, this machine lacks something; CalledProcessError, an installer failed.
    """
    if os.name != "posix":
        raise SetupError("the gateway needs Linux or macOS; on Windows, use WSL.")
    if sys.version_info < OLDEST:  # this file meets whatever Python the machine has
        raise SetupError("Python 3.11 or newer is needed; with make, name it: make PYTHON=python3.12 demo")
    wanted = lock_digest()
    if is_usable() and STAMP.is_file():
        digest, _, installed = STAMP.read_text(encoding="utf-8").strip().partition(" ")
        if digest == wanted and installed in {packages, "dev"}:
            return
    say("Installing the locked packages into .venv (once per change of the lock) ...")
    uv = shutil.which("uv")
    if uv is None:
        install_with_pip(packages)
    else:
        install_with_uv(uv, packages)
    if not STYLESHEETS.is_dir():
        say(
            "npm was out of reach: the pages show our own plain stylesheet. With a network: python3 dev.py clean, then again"
        )
    STAMP.write_text(f"{wanted} {packages}\n", encoding="utf-8")


def lock_digest() -> str:
    """Return the SHA-256 of everything that decides what is installed."""
    digest = hashlib.sha256()
    for name in (
        "uv.lock",
        "pyproject.toml",
        "gateway/console/frontend/package-lock.json",
        "tools/stylesheets.py",
    ):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_usable() -> bool:
    """Tell whether the environment's interpreter still runs (a Python may have been removed under it)."""
    python = PROGRAMS / "python"
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def install_with_uv(uv: str, packages: str) -> None:
    """Install with uv, keeping what else is in the environment."""
    settings = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    settings["UV_PROJECT_ENVIRONMENT"] = str(ENVIRONMENT)
    interpreter = [] if is_usable() else ["--python", sys.executable]
    command = [uv, "sync", "--quiet", "--frozen", "--inexact", *interpreter, *UV_ARGUMENTS[packages]]
    subprocess.run(command, cwd=ROOT, env=settings, check=True)


def install_with_pip(packages: str) -> None:
    """Install with the pip of the environment, hashes required; the build tool is locked like the rest."""
    if not is_usable():
        if importlib.util.find_spec("ensurepip") is None:
            raise SetupError("this Python has no venv module; on Debian or Ubuntu: apt install python3-venv")
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
    python = str(PROGRAMS / "python")
    if subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "ensurepip"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = str(ROOT / "requirements" / f"{packages}.txt")
    subprocess.run([*install, "--require-hashes", "-r", locked], cwd=ROOT, check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", "."], cwd=ROOT, check=True)


def run_step(step: list[str]) -> int:
    """Run one program of the environment to its end; return its exit status."""
    say(f"> {' '.join(step)}")
    return subprocess.run(
        [PROGRAMS / step[0], *step[1:]], cwd=ROOT, env=environment(), check=False
    ).returncode


def run_in_place(step: list[str]) -> None:
    """Become the program: it gets the terminal's signals, and its last line is the last line."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(  # noqa: S606 - our own program, no shell
        PROGRAMS / step[0], [str(PROGRAMS / step[0]), *step[1:]], environment()
    )


def environment() -> dict[str, str]:
    """Return this process's environment with the programs of ``.venv`` first, and what Python compiles kept in ``build``.

    Kept even where the machine says not to: tests and demo start hundreds of processes, and each would compile all.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PATH": os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)]),
        "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "pycache"),
    }


def clean() -> None:
    """Remove what can be made again: the environment and every cache. The demo's data under ``var/`` stays."""
    caches = (
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".import_linter_cache",
        "build",
        "dist",
        "mutants",
    )
    for name in (*caches, "htmlcov", ".venv"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    shutil.rmtree(STYLESHEETS, ignore_errors=True)
    for source in (*SOURCES, "tests", "tools", "bench"):
        for folder in list((ROOT / source).rglob("__pycache__")):
            shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    """Write one line for the person at the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
