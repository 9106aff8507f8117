"""Create the tables of: cases."""

from gateway.migrations import run_sql

revision = "0004_cases"
down_revision = "0003_consent_registry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0004_cases.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0004_cases.down")
