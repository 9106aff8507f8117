"""Create the tables of: disclosure log."""

from gateway.migrations import run_sql

revision = "0007_disclosure_log"
down_revision = "0006_oauth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0007_disclosure_log.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0007_disclosure_log.down")
