"""Alembic environment: runs the one history as the owner, on the connection it is given.

The version table has a schema of its own: nothing of ours lies in ``public``, where PostgreSQL 15 lets a
role without inheritance create nothing even in its own database.
"""

from alembic import context
from sqlalchemy.schema import CreateSchema

VERSION_SCHEMA = "migrations"

connection = context.config.attributes["connection"]
connection.execute(CreateSchema(VERSION_SCHEMA, if_not_exists=True))
context.configure(connection=connection, target_metadata=None, version_table_schema=VERSION_SCHEMA)
with context.begin_transaction():
    context.run_migrations()
