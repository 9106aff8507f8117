"""Change the tables of: samples of past accesses that agencies are asked to confirm."""

from gateway.migrations import run_sql

revision = "0026_access_sample"
down_revision = "0025_disclosure_view"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0026_access_sample.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0026_access_sample.down")
