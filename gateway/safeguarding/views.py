"""``/v1/referrals``: what was sent to a destination, for its own client, and what it answers.

INVARIANT: another destination's referral, one that never was and one of an erased family are the constant absence.
"""

import json
from http import HTTPStatus
from uuid import UUID

from flask import Response
from flask_smorest import Api, Blueprint

from gateway import json_body
from gateway.ids import read_id
from gateway.oauth.access import current_caller
from gateway.problems import (
    DECISION_STANDS,
    Problem,
    absent,
)
from gateway.safeguarding import receiving
from gateway.safeguarding.errors import DecisionStandsError, UnknownReferralError
from gateway.safeguarding.schemas import (
    MAX_BYTES,
    FetchedReferralSchema,
    ReferralAcknowledgementSchema,
    ReferralDecisionSchema,
    ReferralSchema,
    ReferralsSchema,
    fetched_body,
    read_acknowledgement,
    read_decision,
    rendered,
)
from gateway.wiring import Wiring


def register(api: Api, wiring: Wiring) -> None:
    """Add the routes of a destination's own client to an API."""
    blueprint = Blueprint(
        "safeguarding", __name__, description="What was sent to a destination of safeguarding referrals."
    )

    @blueprint.errorhandler(UnknownReferralError)
    def unknown(_error: UnknownReferralError) -> Response:
        return absent()

    @blueprint.get("/v1/referrals")
    @blueprint.doc(
        summary="List the referrals sent to this destination",
        description="All that wait for a decision and those decided in the last 31 days, the oldest first; nothing of what they say.",
        responses={"200": _answers("The referrals.", ReferralsSchema)},
    )
    def referrals() -> Response:
        found = receiving.received_by(wiring, current_caller())
        return _json({"referrals": [rendered(each) for each in found]})

    @blueprint.get("/v1/referrals/<string:referral_id>")
    @blueprint.doc(
        summary="Fetch a referral",
        description="Every document of it as it went. Each fetch is on record before it is answered.",
        responses={"200": _answers("The referral with its documents.", FetchedReferralSchema)},
    )
    def referral(referral_id: str) -> Response:
        return _answer(fetched_body(receiving.fetch(wiring, current_caller(), _uuid(referral_id))))

    @blueprint.post("/v1/referrals/<string:referral_id>/acknowledgement")
    @blueprint.doc(
        summary="Say that a referral arrived",
        description="Send an empty object. The same again changes nothing.",
        requestBody=_asks(ReferralAcknowledgementSchema),
        responses={"200": _answers("The referral as it stands.", ReferralSchema)},
    )
    def acknowledge(referral_id: str) -> Response:
        json_body.read_answer(read_acknowledgement, max_bytes=MAX_BYTES)
        return _json(rendered(receiving.acknowledge(wiring, current_caller(), _uuid(referral_id))))

    @blueprint.post("/v1/referrals/<string:referral_id>/decision")
    @blueprint.doc(
        summary="Say what was decided",
        description="The first word stands: the same again changes nothing, another one is refused.",
        requestBody=_asks(ReferralDecisionSchema),
        responses={"200": _answers("The referral as it stands.", ReferralSchema)},
    )
    def decide(referral_id: str) -> Response:
        outcome, reference = json_body.read_answer(read_decision, max_bytes=MAX_BYTES)
        try:
            decided = receiving.decide(
                wiring, current_caller(), _uuid(referral_id), outcome=outcome, reference=reference
            )
        except DecisionStandsError as error:
            raise Problem(DECISION_STANDS) from error
        return _json(rendered(decided))

    api.register_blueprint(blueprint)


def _uuid(text: str) -> UUID:
    """What an address names.

    Raises: UnknownReferralError, it is no id at all.
    """
    known = read_id(text)
    if known is None:
        raise UnknownReferralError("it is no id")
    return known


def _json(body: object) -> Response:
    return _answer(json.dumps(body).encode())


def _answer(body: bytes) -> Response:
    return Response(body, status=int(HTTPStatus.OK), content_type="application/json")


def _asks(schema: type) -> dict[str, object]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answers(description: str, schema: type) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
