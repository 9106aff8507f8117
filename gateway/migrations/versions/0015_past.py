"""Change the tables of: past."""

from gateway.migrations import run_sql

revision = "0015_past"
down_revision = "0014_recall"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0015_past.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0015_past.down")
