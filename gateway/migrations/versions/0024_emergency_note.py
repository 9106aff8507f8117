"""Change the tables of: notes of emergencies, from when nothing else could be written."""

from gateway.migrations import run_sql

revision = "0024_emergency_note"
down_revision = "0023_referral"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL of this step."""
    run_sql("0024_emergency_note.up")


def downgrade() -> None:
    """Take the SQL of this step back."""
    run_sql("0024_emergency_note.down")
