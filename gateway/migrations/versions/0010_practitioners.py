"""Create the tables of: practitioners."""

from gateway.migrations import run_sql

revision = "0010_practitioners"
down_revision = "0009_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0010_practitioners.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0010_practitioners.down")
