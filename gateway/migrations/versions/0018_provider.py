"""Change the tables of: staff who sign in at a provider."""

from gateway.migrations import run_sql

revision = "0018_provider"
down_revision = "0017_belonging"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0018_provider.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0018_provider.down")
