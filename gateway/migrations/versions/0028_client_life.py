"""Change the tables of: clients that were stopped, keys that end, and what became of requests for tokens."""

from gateway.migrations import run_sql

revision = "0028_client_life"
down_revision = "0027_dossier"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0028_client_life.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0028_client_life.down")
