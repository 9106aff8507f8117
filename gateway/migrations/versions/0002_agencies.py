"""Create the tables of: agencies."""

from gateway.migrations import run_sql

revision = "0002_agencies"
down_revision = "0001_gates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0002_agencies.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0002_agencies.down")
