"""Create the tables of: gates."""

from gateway.migrations import run_sql

revision = "0001_gates"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0001_gates.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0001_gates.down")
