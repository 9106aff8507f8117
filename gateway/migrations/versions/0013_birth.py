"""Change the tables of: birth."""

from gateway.migrations import run_sql

revision = "0013_birth"
down_revision = "0012_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0013_birth.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0013_birth.down")
