"""The tables of schema ``consent_registry``, as the migrations make them.

Invariants:
- ``decision`` is append-only and names a random subject id; ``subject`` maps it to a person and can be erased.
- A clear column holds codes, ids and instants; whatever says something about a person is in ``sealed``.
- ``standing`` is the fold of a subject's decisions, never written otherwise.
"""

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData(schema="consent_registry")

SUBJECT = Table(
    "subject",
    METADATA,
    Column("subject_id", Uuid, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
)

DECISION = Table(
    "decision",
    METADATA,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("decision_id", Uuid, nullable=False, unique=True),
    Column("subject_id", Uuid, nullable=False),
    Column("act", Text, nullable=False),
    Column("scope", JSONB, nullable=False),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

STANDING = Table(
    "standing",
    METADATA,
    Column("subject_id", Uuid, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
)
