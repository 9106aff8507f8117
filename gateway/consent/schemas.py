"""The consent decision document against this gateway's field catalogue, and what is answered to it."""

from typing import Final

from marshmallow import Schema, fields, validate

from agencies.catalogue import CATEGORIES, FIELDS
from agencies.codes import PR_BASES
from consent_registry.schemas import DecisionRequest, Vocabulary, load_decision
from consent_registry.standing import State
from gateway.strict_json import JsonValue

MAX_BYTES: Final = 64 * 1024
"""A decision with every list at its longest and some evidence stays below this."""

VOCABULARY: Final = Vocabulary(
    frozenset(CATEGORIES), frozenset(FIELDS), parental_bases=frozenset(PR_BASES) - {"none"}
)


class RecordedSchema(Schema):
    """What the caseworker's system is told."""

    decision_id = fields.UUID(required=True)
    in_effect_at = fields.DateTime(required=True)
    standing_version = fields.Integer(required=True)


class StandingSchema(Schema):
    """What stands of one person; the lists and what was given are absent where nothing was."""

    state = fields.String(required=True, validate=validate.OneOf([state.value for state in State]))
    version = fields.Integer(required=True)
    decision_id = fields.UUID()
    capacity = fields.String()
    valid_from = fields.DateTime()
    valid_until = fields.DateTime()
    agencies = fields.List(fields.String())
    excluded = fields.List(fields.String(), data_key="exclude")
    categories = fields.List(fields.String())
    field_names = fields.List(fields.String(), data_key="fields")
    purposes = fields.List(fields.String())
    profiles_shown = fields.Dict(keys=fields.String(), values=fields.Integer())
    closures = fields.List(fields.Dict())
    objections = fields.List(fields.Dict())


class PastDecisionSchema(Schema):
    """One decision, and what became of it."""

    decision_id = fields.UUID(required=True)
    act = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in State]))
    reason = fields.String(required=True)
    authority = fields.String(required=True)
    recorded_at = fields.DateTime(required=True)
    in_effect_at = fields.DateTime(required=True)
    capacity = fields.String()
    valid_until = fields.DateTime()
    notice = fields.Dict()


class ConsentSchema(Schema):
    """What one person decided."""

    standing = fields.Nested(StandingSchema, required=True)
    history = fields.List(fields.Nested(PastDecisionSchema), required=True)


def read_decision(document: JsonValue) -> DecisionRequest:
    """Check one consent decision document.

    Raises: consent_registry.errors.InvalidDocumentError, with every fault.
    """
    return load_decision(document, vocabulary=VOCABULARY)
