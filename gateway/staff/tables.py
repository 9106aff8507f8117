"""The tables of the members of staff and of how they sign in, as the migrations make them.

INVARIANT: a member is never deleted, because decisions name members; one who leaves becomes inactive.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

_METADATA = MetaData(schema="gateway")
_INSTANT = DateTime(timezone=True)

STAFF = Table(
    "staff",
    _METADATA,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("username", Text, nullable=False, unique=True),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("team", Text),
    Column("agency_code", Text),
    Column("practitioner_id", Text),
    Column("break_glass", Boolean, nullable=False),
)
INVITATION = Table(
    "staff_invitation",
    _METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("staff_id", Uuid, nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("used_at", _INSTANT),
)
PASSKEY = Table(
    "staff_passkey",
    _METADATA,
    Column("credential_id", LargeBinary, primary_key=True),
    Column("staff_id", Uuid, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("added_at", _INSTANT, nullable=False, server_default=func.now()),
    Column("used_at", _INSTANT),
)
CHALLENGE = Table(
    "staff_challenge",
    _METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", _INSTANT, nullable=False),
)
SESSION = Table(
    "staff_session",
    _METADATA,
    Column("session_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("staff_id", Uuid, nullable=False),
    Column("method", Text, nullable=False),
    Column("began_at", _INSTANT, nullable=False),
    Column("seen_at", _INSTANT, nullable=False),
    Column("ends_at", _INSTANT, nullable=False),
    Column("ended_at", _INSTANT),
    Column("ending", Text),
)
STEP_UP = Table(
    "staff_step_up",
    _METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("session_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("proved_at", _INSTANT),
)
IDENTITY = Table(
    "staff_identity",
    _METADATA,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("staff_id", Uuid, nullable=False),
    Column("linked_at", _INSTANT, nullable=False),
)
LOGIN = Table(
    "staff_login",
    _METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("browser", LargeBinary, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("invitation", LargeBinary),
    Column("subject", Text),
    Column("max_age", Integer),
    Column("purpose", LargeBinary),
    Column("begun_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)
