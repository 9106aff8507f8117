"""Change the tables of: what two people decide."""

from gateway.migrations import run_sql

revision = "0019_approval"
down_revision = "0018_provider"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0019_approval.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0019_approval.down")
