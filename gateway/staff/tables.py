"""The table of the members of staff, as the migrations make it.

INVARIANT: a member is never deleted, because decisions name members; one who leaves becomes inactive.
"""

from sqlalchemy import Boolean, Column, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

STAFF = Table(
    "staff",
    MetaData(schema="gateway"),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("username", Text, nullable=False, unique=True),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
)
