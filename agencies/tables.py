"""The tables of schema ``agencies``, as the migrations made them.

INVARIANT: the SQL of the migrations is the contract; this file only names its columns.
"""

from sqlalchemy import Column, Date, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

METADATA = MetaData(schema="agencies")

AGENCY = Table(
    "agency",
    METADATA,
    Column("agency_code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("practitioner_policy", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("purposes", ARRAY(Text), nullable=False, server_default="{P1,P2,P3}"),
)
AGREEMENT = Table(
    "agreement",
    METADATA,
    Column("agreement_id", Uuid, primary_key=True),
    Column("agency_code", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("assessment", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
)
PROFILE_VERSION = Table(
    "profile_version",
    METADATA,
    Column("agency_code", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
)
EFFECTIVE_PROFILE = Table(
    "effective_profile",
    METADATA,
    Column("agency_code", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("effective_from", DateTime(timezone=True), nullable=False),
)
PRACTITIONER = Table(
    "practitioner",
    METADATA,
    Column("agency_code", Text, primary_key=True),
    Column("practitioner_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("active_from", Date, nullable=False),
    Column("active_until", Date),
)
ATTESTATION = Table(
    "attestation",
    METADATA,
    Column("attestation_id", Uuid, primary_key=True),
    Column("agency_code", Text, nullable=False),
    Column("attested_on", Date, nullable=False),
    Column("attested_by", Text, nullable=False),
    Column("practitioners", Integer, nullable=False),
    Column("register_sha256", LargeBinary, nullable=False),
)
