"""Create the tables of: panel."""

from gateway.migrations import run_sql

revision = "0005_panel"
down_revision = "0004_cases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0005_panel.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0005_panel.down")
