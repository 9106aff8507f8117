"""Change the tables of: what an officer looks for in the disclosure log, kept by name."""

from gateway.migrations import run_sql

revision = "0025_disclosure_view"
down_revision = "0024_emergency_note"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0025_disclosure_view.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0025_disclosure_view.down")
