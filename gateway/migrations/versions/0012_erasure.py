"""Create the tables of: erasure."""

from gateway.migrations import run_sql

revision = "0012_erasure"
down_revision = "0011_log_tree"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0012_erasure.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0012_erasure.down")
