"""Alembic environment: runs the one history as the owner, on the connection it is given."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, version_table_schema="public")
with context.begin_transaction():
    context.run_migrations()
