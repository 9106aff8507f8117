"""The databases of the bench of growth: one for each point, grown out of the one before it, and kept.

INVARIANT: a database that bears its name is whole; one that is still growing has another.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from bench.axes import AXES, Axis
from bench.population import Population
from gateway.disclosure_log.publishing import start
from gateway.ops.embedded import ADMINISTRATOR
from gateway.settings import Settings
from gateway.wiring import Wiring, wire


@dataclass(frozen=True, slots=True)
class Stage:
    """One database in which there is so much of one thing."""

    axis: Axis
    size: int

    @property
    def database(self) -> str:
        """Its name."""
        return f"gateway_growth_{self.axis.name}_{self.size}"


def grow(population: Population, stages: Sequence[Stage]) -> None:
    """Make every stage's database that is not whole yet, each out of the one before, the first out of the council's."""
    before = population.template
    for stage in stages:
        if not _exists(population, stage.database):
            working = f"{stage.database}_new"
            if not _exists(population, working):
                population.server.create_database(working, template=before)
            with wired(over(population, working)) as wiring:
                stage.axis.grow(wiring, population, stage.size)
                start(wiring)  # published up to its end, so that no node has to
            with _administrator(population, working) as administrator:
                administrator.execute("VACUUM ANALYZE")
            with _administrator(population, "postgres") as administrator:
                administrator.execute(f"ALTER DATABASE {working} RENAME TO {stage.database}".encode())
        before = stage.database


def there_are(population: Population, stage: Stage) -> dict[str, int]:
    """How much there is in a database of everything that can grow, by axis."""
    found = {}
    with _administrator(population, stage.database) as administrator:
        for axis in AXES.values():
            row = administrator.execute(axis.count.encode()).fetchone()
            found[axis.name] = 0 if row is None else int(row[0])
    return found


def over(population: Population, database: str) -> Settings:
    """Settings of a process over one of the databases."""
    return replace(population.settings, database_url=population.server.url("gateway_app", database))


@contextmanager
def wired(settings: Settings) -> Iterator[Wiring]:
    """A process over a database; its mark of the log is its own, as each database has another log."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as state:
        wiring = wire(replace(settings, state_dir=Path(state)))
        try:
            yield wiring
        finally:
            wiring.engine.dispose()


@contextmanager
def _administrator(population: Population, database: str) -> Iterator[psycopg.Connection[Any]]:
    url = population.server.url(ADMINISTRATOR, database)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def _exists(population: Population, database: str) -> bool:
    with _administrator(population, "postgres") as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        return found.fetchone() is not None
