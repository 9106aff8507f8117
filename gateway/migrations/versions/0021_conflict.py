"""Change the tables of: to whom a case does not exist."""

from gateway.migrations import run_sql

revision = "0021_conflict"
down_revision = "0020_sign_off"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0021_conflict.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0021_conflict.down")
