"""One history of database changes (Alembic)."""
