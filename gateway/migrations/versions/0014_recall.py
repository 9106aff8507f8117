"""Change the tables of: recall."""

from gateway.migrations import run_sql

revision = "0014_recall"
down_revision = "0013_birth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0014_recall.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0014_recall.down")
