"""Change the tables of: marks by which the explorer finds entries without opening them all."""

from gateway.migrations import run_sql

revision = "0029_log_mark"
down_revision = "0028_client_life"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0029_log_mark.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0029_log_mark.down")
