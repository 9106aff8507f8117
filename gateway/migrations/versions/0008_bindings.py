"""Create the tables of: bindings."""

from gateway.migrations import run_sql

revision = "0008_bindings"
down_revision = "0007_disclosure_log"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0008_bindings.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0008_bindings.down")
