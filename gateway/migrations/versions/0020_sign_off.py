"""Change the tables of: who let free text go."""

from gateway.migrations import run_sql

revision = "0020_sign_off"
down_revision = "0019_approval"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0020_sign_off.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0020_sign_off.down")
