"""Create the tables of: the tree over the log."""

from gateway.migrations import run_sql

revision = "0011_log_tree"
down_revision = "0010_practitioners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0011_log_tree.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0011_log_tree.down")
