"""Create the tables of: oauth."""

from gateway.migrations import run_sql

revision = "0006_oauth"
down_revision = "0005_panel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0006_oauth.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0006_oauth.down")
