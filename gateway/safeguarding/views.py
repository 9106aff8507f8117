"""``/v1/referrals``: what was sent to a destination, for its own client, and what it answers.

INVARIANT: another destination's referral, one that never was and one of an erased family are the constant absence.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

from flask import Response, request
from flask_smorest import Api, Blueprint

from gateway.oauth.access import current_caller
from gateway.problems import (
    DECISION_STANDS,
    INVALID_DOCUMENT,
    INVALID_REQUEST,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
    absent,
)
from gateway.safeguarding import receiving
from gateway.safeguarding.errors import DecisionStandsError, UnknownReferralError
from gateway.safeguarding.schemas import (
    MAX_BYTES,
    FaultyAnswerError,
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
from gateway.strict_json import JsonValue, StrictJsonError, TooLargeError, parse_json
from gateway.wiring import Wiring

T = TypeVar("T")


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
        description="All of them, the oldest first; nothing of what they say.",
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
        _said(read_acknowledgement)
        return _json(rendered(receiving.acknowledge(wiring, current_caller(), _uuid(referral_id))))

    @blueprint.post("/v1/referrals/<string:referral_id>/decision")
    @blueprint.doc(
        summary="Say what was decided",
        description="The first word stands: the same again changes nothing, another one is refused.",
        requestBody=_asks(ReferralDecisionSchema),
        responses={"200": _answers("The referral as it stands.", ReferralSchema)},
    )
    def decide(referral_id: str) -> Response:
        outcome, reference = _said(read_decision)
        try:
            decided = receiving.decide(
                wiring, current_caller(), _uuid(referral_id), outcome=outcome, reference=reference
            )
        except DecisionStandsError as error:
            raise Problem(DECISION_STANDS) from error
        return _json(rendered(decided))

    api.register_blueprint(blueprint)


def _said(read: Callable[[JsonValue], T]) -> T:
    """What was sent, read.

    Raises: Problem.
    """
    if request.mimetype != "application/json":
        raise Problem(UNSUPPORTED_MEDIA_TYPE)
    try:
        return read(parse_json(request.get_data(cache=False), max_bytes=MAX_BYTES))
    except TooLargeError as error:
        raise Problem(TOO_LARGE) from error
    except StrictJsonError as error:
        raise Problem(INVALID_REQUEST, detail=str(error)) from error
    except FaultyAnswerError as error:
        raise Problem(INVALID_DOCUMENT, faults=error.faults) from error


def _uuid(text: str) -> UUID:
    """What an address names.

    Raises: UnknownReferralError, it is no id at all.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise UnknownReferralError("it is no id") from error


def _json(body: object) -> Response:
    return _answer(json.dumps(body).encode())


def _answer(body: bytes) -> Response:
    return Response(body, status=int(HTTPStatus.OK), content_type="application/json")


def _asks(schema: type) -> dict[str, object]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answers(description: str, schema: type) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
