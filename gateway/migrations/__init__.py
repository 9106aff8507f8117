"""One history of database changes, written as SQL and run by Alembic as the owner.

The SQL files under ``sql/`` are the truth about tables, grants, triggers and functions; the
``tables.py`` of each package mirrors them for queries, and a test compares the two.
"""

from collections.abc import Callable
from importlib import resources

import sqlalchemy
from alembic import command, op
from alembic.config import Config

from gateway.database import connect_url

_PACKAGE = "gateway.migrations"


def run_sql(name: str) -> None:
    """Run ``sql/<name>.sql`` in the migration's transaction (called by the revisions only)."""
    text = resources.files(_PACKAGE).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # The driver's own cursor: the file is many statements, without bound parameters.
    op.get_bind().connection.cursor().execute(text)


def upgrade(owner_url: str, *, revision: str = "head") -> None:
    """Bring the database to ``revision``.

    Args:
        owner_url: a PostgreSQL URL of the owner role; the app role may not migrate.
        revision: an Alembic revision; the newest by default.
    """
    _run(owner_url, lambda config: command.upgrade(config, revision))


def downgrade(owner_url: str, *, revision: str) -> None:
    """Take the database back to ``revision`` (``base`` removes everything)."""
    _run(owner_url, lambda config: command.downgrade(config, revision))


def _run(owner_url: str, step: Callable[[Config], None]) -> None:
    engine = sqlalchemy.create_engine(connect_url(owner_url), poolclass=sqlalchemy.NullPool)
    config = Config()
    config.set_main_option("script_location", str(resources.files(_PACKAGE)).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        step(config)
    engine.dispose()
