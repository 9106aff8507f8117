"""One history of changes: it runs forth and back, and the packages' tables are what it makes."""

from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import MetaData, Table, inspect

import agencies.tables
import consent_registry.tables
import gateway.panel.tables
import gateway.staff.tables
import gateway.tasks.tables
from gateway import migrations
from gateway.database import open_engine
from tests.support.throwaway import Cluster, Database, new_database

MODULES = (
    agencies.tables,
    consent_registry.tables,
    gateway.panel.tables,
    gateway.staff.tables,
    gateway.tasks.tables,
)

STEPS = sorted(Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))


def declared() -> list[Table]:
    found = {value for module in MODULES for value in vars(module).values() if isinstance(value, Table)}
    metadata = {value for module in MODULES for value in vars(module).values() if isinstance(value, MetaData)}
    found |= {table for each in metadata for table in each.tables.values()}
    return sorted(found, key=lambda table: table.fullname)


@pytest.mark.parametrize("table", declared(), ids=lambda table: table.fullname)
def test_a_declared_table_is_the_migrated_one(template_database: Database, table: Table) -> None:
    """Queries are built on the declaration; a column it has too many, too few or nullable otherwise misleads them."""
    engine = open_engine(template_database.owner_url)
    columns = inspect(engine).get_columns(table.name, schema=table.schema)
    engine.dispose()
    migrated = {column["name"]: column["nullable"] for column in columns}
    assert migrated == {column.name: bool(column.nullable) for column in table.columns}


def test_some_tables_are_declared() -> None:
    assert len(declared()) >= 12


def test_the_history_runs_back_to_nothing_and_forth_again(cluster: Cluster) -> None:
    with new_database(cluster) as database:
        migrations.upgrade(database.owner_url)
        before = tables(database)
        migrations.downgrade(database.owner_url, revision="base")
        assert not tables(database)
        migrations.upgrade(database.owner_url)
        assert before == tables(database)


def test_each_step_can_be_taken_back_alone(cluster: Cluster) -> None:
    with new_database(cluster) as database:
        migrations.upgrade(database.owner_url)
        for _ in STEPS:
            migrations.downgrade(database.owner_url, revision="-1")
        assert not tables(database)


def revisions() -> list[str]:
    """Every step of the history; a new one is taken back from its first day."""
    return [
        file.name
        for file in resources.files(migrations).joinpath("versions").iterdir()
        if file.name[0] == "0"
    ]


def tables(database: Database) -> set[str]:
    engine = open_engine(database.owner_url)
    inspector: sqlalchemy.Inspector = inspect(engine)
    found = {
        f"{schema}.{name}"
        for schema in ("agencies", "consent_registry", "gateway", "jobs")
        for name in inspector.get_table_names(schema=schema)
    }
    engine.dispose()
    return found
