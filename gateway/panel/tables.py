"""The tables of meetings, agendas and offers, as the migrations made them.

INVARIANT: the SQL of the migrations is the contract; this file only names its columns.
"""

from sqlalchemy import Column, Date, DateTime, Integer, MetaData, Table, Text, Uuid

METADATA = MetaData(schema="gateway")

PANEL_MEETING = Table(
    "panel_meeting",
    METADATA,
    Column("meeting_id", Uuid, primary_key=True),
    Column("source_ref", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("held_on", Date, nullable=False),
    Column("opens_at", DateTime(timezone=True), nullable=False),
    Column("closes_at", DateTime(timezone=True), nullable=False),
)
PANEL_MEMBER = Table(
    "panel_member",
    METADATA,
    Column("meeting_id", Uuid, primary_key=True),
    Column("agency_code", Text, primary_key=True),
)
AGENDA_ITEM = Table(
    "agenda_item",
    METADATA,
    Column("meeting_id", Uuid, primary_key=True),
    Column("case_id", Uuid, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("not_ready_since", DateTime(timezone=True)),
    Column("position", Integer),
)
OFFER = Table(
    "offer",
    METADATA,
    Column("offer_id", Uuid, primary_key=True),
    Column("source_ref", Text, nullable=False, unique=True),
    Column("case_id", Uuid, nullable=False),
    Column("family_id", Uuid, nullable=False),
    Column("agency_code", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("accepted_on", Date, nullable=False),
    Column("ended_on", Date),
)
