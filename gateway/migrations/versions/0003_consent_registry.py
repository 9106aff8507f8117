"""Create the tables of: consent registry."""

from gateway.migrations import run_sql

revision = "0003_consent_registry"
down_revision = "0002_agencies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0003_consent_registry.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0003_consent_registry.down")
