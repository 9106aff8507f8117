"""Change the tables of: profiles that are being written, and by whom."""

from gateway.migrations import run_sql

revision = "0022_draft"
down_revision = "0021_conflict"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0022_draft.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0022_draft.down")
