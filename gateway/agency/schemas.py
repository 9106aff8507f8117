"""What ``GET /v1/me`` answers."""

from marshmallow import Schema, fields


class AgencySchema(Schema):
    """The agency a client belongs to."""

    code = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)


class AgreementSchema(Schema):
    """The data sharing agreement under which the agency receives; half-open, dates in Europe/London."""

    reference = fields.String(required=True)
    valid_from = fields.String(required=True, metadata={"format": "date"})
    valid_until = fields.String(required=True, metadata={"format": "date"})


class FieldSchema(Schema):
    """One row of the sharing profile: how much of a field, at which stage, when, and why."""

    field = fields.String(required=True)
    subject = fields.String(required=True)
    category = fields.String(metadata={"description": "Absent: consent must name the field itself."})
    panel = fields.String(required=True)
    service = fields.String(required=True)
    when = fields.String(required=True)
    reason = fields.String(required=True)


class ProfileSchema(Schema):
    """The sharing profile in effect."""

    version = fields.Integer(required=True)
    article6 = fields.String(required=True)
    article9 = fields.String()
    review_on = fields.String(required=True, metadata={"format": "date"})
    fields_ = fields.List(fields.Nested(FieldSchema), required=True, data_key="fields")


class MeSchema(Schema):
    """What this client is, what its agency may see, and why; the council's client has no agency."""

    client_id = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    agency = fields.Nested(AgencySchema)
    purposes = fields.List(fields.String())
    agreement = fields.Nested(AgreementSchema)
    profile = fields.Nested(ProfileSchema)
