"""Databases that live for one test, on an embedded server or on one the developer names."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from gateway.ops import provisioning
from gateway.ops.embedded import ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Database:
    """One fresh database with every migration applied; each URL is of one role."""

    name: str
    owner_url: str
    app_url: str
    eraser_url: str
    admin_url: str


class Cluster(Protocol):
    """A PostgreSQL server on which the tests may make and drop databases."""

    def url(self, role: str, database: str) -> str:
        """Return the URL of one of the gateway's roles, or of ``ADMINISTRATOR``."""
        ...

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database owned by the owner role."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class NamedCluster:
    """The server behind ``GATEWAY_TEST_DATABASE_ADMIN_URL``, whose gateway roles get new passwords."""

    admin_url: str
    passwords: Mapping[str, str]

    @classmethod
    def prepare(cls, admin_url: str) -> "NamedCluster":
        """Give the server the three roles."""
        passwords = {role: secrets.token_urlsafe(24) for role in provisioning.ROLES}
        provisioning.create_roles(admin_url, passwords=passwords)
        return cls(admin_url, passwords)

    def url(self, role: str, database: str) -> str:
        parts = urlsplit(self.admin_url)
        host = parts.netloc.rpartition("@")[2]
        user = parts.netloc.rpartition("@")[0] if role == ADMINISTRATOR else f"{role}:{self.passwords[role]}"
        return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host, path=f"/{database}"))

    def create_database(self, name: str, *, template: str | None = None) -> None:
        provisioning.create_database(self.admin_url, name=name, template=template)


_numbers = count(1)
_run = secrets.token_hex(3)


@contextmanager
def new_database(cluster: Cluster, *, template: str | None = None) -> Iterator[Database]:
    """Make a database under a name of this test run and drop it afterwards, whoever is still connected."""
    name = f"gateway_test_{_run}_{next(_numbers)}"
    cluster.create_database(name, template=template)
    try:
        yield Database(
            name=name,
            owner_url=cluster.url("gateway_owner", name),
            app_url=cluster.url("gateway_app", name),
            eraser_url=cluster.url("gateway_eraser", name),
            admin_url=cluster.url(ADMINISTRATOR, name),
        )
    finally:
        with psycopg.connect(cluster.url(ADMINISTRATOR, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
