"""The table of tasks, as the migrations make it.

INVARIANT: the SQL of the migrations is the contract; this file only names its columns.
"""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

TASK = Table(
    "task",
    MetaData(schema="gateway"),
    Column("task_id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("ref", Uuid),
    Column("facts", JSONB, nullable=False),
    Column("forgotten", Boolean, nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    Column("done_by", Text),
)
