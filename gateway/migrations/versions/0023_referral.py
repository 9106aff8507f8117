"""Change the tables of: referrals, what was considered and not shared, their documents and reviews."""

from gateway.migrations import run_sql

revision = "0023_referral"
down_revision = "0022_draft"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0023_referral.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0023_referral.down")
