"""The embedded database: what the demo and the whole test run stand on."""

import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from gateway.ops.embedded import ADMINISTRATOR, EmbeddedPostgres, EmbeddedPostgresError
from gateway.ops.provisioning import ROLES, ProvisioningError, create_database, create_roles
from tests.support.throwaway import Cluster, Database


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder other users can reach; pytest's own is closed, and as root the server is another user."""
    with tempfile.TemporaryDirectory(prefix="gateway-embedded-") as made:
        yield Path(made) / "database"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """One server for the tests that only look at it."""
    with (
        tempfile.TemporaryDirectory(prefix="gateway-embedded-") as made,
        EmbeddedPostgres.start(Path(made) / "database", durable=False) as running,
    ):
        yield running


def _scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(sql.SQL(query)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("role", ROLES)
def test_no_gateway_role_has_power_over_the_cluster(database: Database, cluster: Cluster, role: str) -> None:
    """A superuser skips row security and grants: tests as one would prove nothing about production."""
    query = (
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
        " OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert _scalar(cluster.url(role, database.name), query) is False


def test_the_owner_role_owns_the_database(database: Database) -> None:
    """Migrations create schemas, which only the owner of a database may."""
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert _scalar(database.owner_url, query) == "gateway_owner"


def test_a_copy_of_a_database_is_closed_to_the_public(database: Database) -> None:
    """CREATE DATABASE copies no grants on the database itself, so they are made again."""
    query = "SELECT datacl::text FROM pg_database WHERE datname = current_database()"
    assert not any(
        grant.startswith("{=") or ",=" in grant for grant in [str(_scalar(database.app_url, query))]
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_its_password_is_refused(server: EmbeddedPostgres, role: str) -> None:
    """The socket alone must not be enough to become the owner or the eraser."""
    assert _scalar(server.url(role, "postgres"), "SELECT current_user") == role
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(server.sockets), dbname="postgres", user=role, password="guess")


def test_a_second_start_finds_roles_and_data_again(folder: Path) -> None:
    """A demo that is stopped and started keeps what was recorded in it."""
    with EmbeddedPostgres.start(folder) as server:
        server.create_database("kept")
        with psycopg.connect(server.url("gateway_owner", "kept")) as connection:
            connection.execute("CREATE TABLE line (said text)")
            connection.execute("INSERT INTO line VALUES ('still here')")
    with EmbeddedPostgres.start(folder) as server:
        server.create_database("kept")
        assert _scalar(server.url("gateway_owner", "kept"), "SELECT said FROM line") == "still here"


def test_a_folder_of_someone_else_is_refused(folder: Path) -> None:
    """``gateway demo`` must never take over, or write into, files it did not make."""
    folder.mkdir()
    (folder / "letters.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="did not make"):
        EmbeddedPostgres.start(folder)
    assert [child.name for child in folder.iterdir()] == ["letters.txt"]


def test_a_folder_in_use_is_refused_and_left_running(folder: Path) -> None:
    """A second demo in the same folder would stop the first one's database under it."""
    with EmbeddedPostgres.start(folder, durable=False) as server:
        with pytest.raises(EmbeddedPostgresError, match="in use"):
            EmbeddedPostgres.start(folder)
        assert _scalar(server.url("gateway_app", "postgres"), "SELECT 1") == 1


def test_a_server_left_by_a_killed_process_is_replaced(folder: Path) -> None:
    """After ``kill -9`` of a demo, the next one must start without anyone hunting for processes."""
    script = (
        "import os, pathlib, signal, sys\n"
        "from gateway.ops.embedded import EmbeddedPostgres\n"
        "EmbeddedPostgres.start(pathlib.Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)  # noqa: S603 - our own script
    pid_file = folder / "data" / "postmaster.pid"
    left = pid_file.read_text().splitlines()[0]
    with EmbeddedPostgres.start(folder) as server:
        # PostgreSQL itself refuses a data folder whose server still lives: another process is proof enough.
        assert pid_file.read_text().splitlines()[0] != left
        assert _scalar(server.url("gateway_app", "postgres"), "SELECT 1") == 1


def test_stop_ends_its_own_server_only(folder: Path) -> None:
    """Two checkouts on one machine run two demos; stopping one must not touch the other."""
    with EmbeddedPostgres.start(folder / "first", durable=False) as first:
        second = EmbeddedPostgres.start(folder / "second", durable=False)
        second.stop()
        second.stop()
        assert _scalar(first.url("gateway_app", "postgres"), "SELECT 1") == 1
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(second.url("gateway_app", "postgres"))


def test_a_long_path_still_gets_a_socket(folder: Path) -> None:
    """A Unix socket's path may have 107 bytes; a checkout in a deep folder has more."""
    deep = folder / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres.start(deep, durable=False) as server:
        assert _scalar(server.url("gateway_app", "postgres"), "SELECT 1") == 1
        sockets = server.sockets
    assert not sockets.exists()


def test_the_server_opens_no_port_and_its_secrets_are_private(server: EmbeddedPostgres) -> None:
    """Nothing of the demo's database is reachable from the network or readable by other users."""
    assert _scalar(server.url(ADMINISTRATOR, "postgres"), "SHOW listen_addresses") == ""
    assert stat.S_IMODE((server.folder / "passwords.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.folder / "data").stat().st_mode) == 0o700


def test_no_secret_shows_in_the_representation(server: EmbeddedPostgres) -> None:
    """Objects end up in tracebacks and logs."""
    assert not any(password in repr(server) for password in server.passwords.values())


def test_a_role_that_is_too_powerful_stops_the_set_up(server: EmbeddedPostgres) -> None:
    """An operator's cluster may already have a role of that name; running with it would void every grant."""
    admin = server.url(ADMINISTRATOR, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("ALTER ROLE gateway_app SUPERUSER")
        with pytest.raises(ProvisioningError, match="more power than the gateway allows: gateway_app"):
            create_roles(admin, passwords=server.passwords)
        connection.execute("ALTER ROLE gateway_app NOSUPERUSER")


@pytest.mark.parametrize("name", ["x'; DROP DATABASE postgres; --", "Upper", "", "1st", "a" * 64])
def test_a_name_that_is_no_plain_identifier_never_reaches_the_server(name: str) -> None:
    """Names become part of a statement."""
    with pytest.raises(ProvisioningError, match="plain lower-case identifier"):
        create_database("postgresql://nowhere.invalid/", name=name)
