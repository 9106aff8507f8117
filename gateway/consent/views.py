"""``POST /v1/consent-decisions``: the council's case system records what a family decided.

INVARIANT: an unknown case, an unknown person and an erased family have one answer.
"""

import json
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Response, request
from flask_smorest import Api, Blueprint

from consent_registry.errors import ConflictingReplayError, InvalidDocumentError
from consent_registry.schemas import DecisionSchema
from consent_registry.service import Recorded
from gateway.cases.errors import UnknownCaseError
from gateway.consent.schemas import MAX_BYTES, RecordedSchema
from gateway.consent.service import decide
from gateway.disclosure_log.errors import NotAppendedError
from gateway.oauth.access import current_caller
from gateway.problems import (
    CONFLICT,
    INVALID_DOCUMENT,
    INVALID_REQUEST,
    TOO_LARGE,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    PointedFault,
    Problem,
    absent,
)
from gateway.strict_json import JsonValue, StrictJsonError, TooLargeError, parse_json
from gateway.wiring import Wiring

RETRY_AFTER_SECONDS = "1"


def register(api: Api, wiring: Wiring) -> None:
    """Add the route ``/v1/consent-decisions`` to an API."""
    blueprint = Blueprint("consent", __name__, description="What families decided.")

    @blueprint.post("/v1/consent-decisions")
    @blueprint.doc(
        summary="Record one consent decision",
        description="Acts that close need decision_id, the case, person, act and recorded_by, nothing else.",
        requestBody={"required": True, "content": {"application/json": {"schema": DecisionSchema}}},
        responses={
            "201": _answers("Recorded, and in effect from in_effect_at."),
            "200": _answers("Recorded before; the same answer as then."),
        },
    )
    def decisions() -> Response:
        document = _body()
        try:
            return _answer(decide(wiring, document, actor=current_caller().client_id))
        except InvalidDocumentError as error:
            faults = [PointedFault(fault.pointer, fault.reason) for fault in error.faults]
            raise Problem(INVALID_DOCUMENT, faults=faults) from error
        except ConflictingReplayError as error:
            raise Problem(CONFLICT) from error
        except UnknownCaseError:
            return absent()
        except NotAppendedError as error:
            raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS}) from error

    api.register_blueprint(blueprint)


def _body() -> JsonValue:
    if request.mimetype != "application/json":
        raise Problem(UNSUPPORTED_MEDIA_TYPE)
    try:
        return parse_json(request.get_data(cache=False), max_bytes=MAX_BYTES)
    except TooLargeError as error:
        raise Problem(TOO_LARGE) from error
    except StrictJsonError as error:
        raise Problem(INVALID_REQUEST, detail=str(error)) from error


def _answer(recorded: Recorded) -> Response:
    body = {
        "decision_id": str(recorded.decision_id),
        "in_effect_at": _instant(recorded.in_effect_at),
        "standing_version": recorded.standing_version,
    }
    status = HTTPStatus.OK if recorded.replay else HTTPStatus.CREATED
    return Response(json.dumps(body), status=int(status), content_type="application/json")


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC with its microseconds: a rounded instant could lie before the decision."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _answers(description: str) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": RecordedSchema}}}
