"""Create the tables of: tasks, the watch over pulls, and the queue of jobs.

The queue's tables are the pinned library's own, made by its own text, in a schema of their own. Its functions name
each other without a schema, so whoever uses them sets ``search_path``; nothing of ours depends on that.
"""

from alembic import op
from procrastinate.schema import SchemaManager

from gateway.migrations import run_sql

revision = "0009_tasks"
down_revision = "0008_bindings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the library's SQL in the schema ``jobs``, then the SQL of this step."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute("CREATE SCHEMA jobs; SET LOCAL search_path = jobs")
    cursor.execute(SchemaManager.get_schema())
    cursor.execute("SET LOCAL search_path TO DEFAULT")
    run_sql("0009_tasks.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0009_tasks.down")
