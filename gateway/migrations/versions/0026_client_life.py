"""Change the tables of: clients that were stopped, keys that end, and what became of requests for tokens."""

from gateway.migrations import run_sql

revision = "0026_client_life"
down_revision = "0025_disclosure_view"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0026_client_life.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0026_client_life.down")
