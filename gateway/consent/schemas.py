"""The consent decision document against this gateway's field catalogue, and what is answered to it."""

from typing import Final

from marshmallow import Schema, fields

from agencies.catalogue import CATEGORIES, FIELDS
from consent_registry.schemas import DecisionRequest, Vocabulary, load_decision
from gateway.strict_json import JsonValue

MAX_BYTES: Final = 64 * 1024
"""A decision with every list at its longest and some evidence stays below this."""

VOCABULARY: Final = Vocabulary(frozenset(CATEGORIES), frozenset(FIELDS))


class RecordedSchema(Schema):
    """What the caseworker's system is told."""

    decision_id = fields.UUID(required=True)
    in_effect_at = fields.DateTime(required=True)
    standing_version = fields.Integer(required=True)


def read_decision(document: JsonValue) -> DecisionRequest:
    """Check one consent decision document.

    Raises: consent_registry.errors.InvalidDocumentError, with every fault.
    """
    return load_decision(document, vocabulary=VOCABULARY)
