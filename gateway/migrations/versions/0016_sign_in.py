"""Change the tables of: staff who sign in."""

from gateway.migrations import run_sql

revision = "0016_sign_in"
down_revision = "0015_past"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0016_sign_in.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0016_sign_in.down")
