"""Change the tables of: incidents and complaints, as the officer keeps them."""

from gateway.migrations import run_sql

revision = "0027_dossier"
down_revision = "0026_access_sample"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0027_dossier.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0027_dossier.down")
