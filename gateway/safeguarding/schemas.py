"""What a destination is told of a referral, and how it answers."""

import json
from typing import Final

from marshmallow import RAISE, Schema, fields, validate

from gateway.instants import precise
from gateway.json_body import loaded
from gateway.safeguarding.model import Kind, Outcome, State
from gateway.safeguarding.receiving import Fetched, Received
from gateway.safeguarding.sealing import OpenDocument
from gateway.strict_json import JsonValue

MAX_BYTES: Final = 4 * 1024
LONGEST_REFERENCE: Final = 64
RECEIPT: Final = "receipt"
"""Member of a document that holds its proof; the log commits to the document without it."""


class ReferralSchema(Schema):
    """One referral, without what it says."""

    referral_id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([each.value for each in Kind]))
    emergency = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf([each.value for each in State]))
    sent_at = fields.DateTime(required=True)
    documents = fields.Integer(required=True, metadata={"description": "how many went"})


class ReferralsSchema(Schema):
    """What was sent to a destination."""

    referrals = fields.List(fields.Nested(ReferralSchema), required=True)


class FetchedReferralSchema(Schema):
    """One referral with everything that went."""

    referral_id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf([each.value for each in State]))
    documents = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "as they went, each with its receipt, or a promise of one, as last member"},
    )


class _Closed(Schema):
    class Meta:
        unknown = RAISE


class ReferralAcknowledgementSchema(_Closed):
    """That a referral arrived: there is nothing to say about it."""


class ReferralDecisionSchema(_Closed):
    """What the destination decided."""

    outcome = fields.String(required=True, validate=validate.OneOf([each.value for each in Outcome]))
    reference = fields.String(
        validate=[
            validate.Length(min=1, max=LONGEST_REFERENCE),
            validate.Predicate("isprintable", error="Not a line of text."),
        ],
        metadata={"description": "the destination's own, for when somebody rings"},
    )


def read_acknowledgement(document: JsonValue) -> None:
    """Check an acknowledgement.

    Raises: FaultyAnswerError.
    """
    loaded(document, ReferralAcknowledgementSchema())


def read_decision(document: JsonValue) -> tuple[Outcome, str]:
    """Return what was decided, and the destination's reference; empty: it gave none.

    Raises: FaultyAnswerError, with every fault; none of them repeats what was sent.
    """
    said = loaded(document, ReferralDecisionSchema())
    return Outcome(said["outcome"]), str(said.get("reference", "")).strip()


def rendered(received: Received) -> dict[str, JsonValue]:
    """Return a referral as its destination is told it, without what it says."""
    referral = received.referral
    return {
        "referral_id": str(referral.id),
        "kind": referral.kind.value,
        "emergency": referral.emergency,
        "state": referral.state.value,
        "sent_at": precise(referral.sent_at or referral.recorded_at),
        "documents": received.documents,
    }


def fetched_body(fetched: Fetched) -> bytes:
    """Return a referral with its documents, byte by byte as they went."""
    head = {"referral_id": str(fetched.referral.id), "state": fetched.referral.state.value}
    documents = b",".join(map(with_proof, fetched.documents))
    return _compact(head)[:-1] + b',"documents":[' + documents + b"]}"


def with_proof(document: OpenDocument) -> bytes:
    """Return a document as it went, its proof as last member where it has one."""
    if document.proof is None:
        return document.body
    # A document is an object that is never empty: a member can follow its last one.
    return document.body[:-1] + b"," + _compact({RECEIPT: document.proof})[1:]


def _compact(members: dict[str, str]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
