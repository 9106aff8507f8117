"""Change the tables of: what staff belong to and prove."""

from gateway.migrations import run_sql

revision = "0017_belonging"
down_revision = "0016_sign_in"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0017_belonging.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0017_belonging.down")
