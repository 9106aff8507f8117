"""${message}"""

from gateway.migrations import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("${up_revision}.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("${up_revision}.down")
