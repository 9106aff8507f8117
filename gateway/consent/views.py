"""``/v1/consent-decisions`` and what stands: the council's case system records, and a partner's lead reports a stop.

INVARIANTS
- An unknown case, an unknown person, an erased family and a case that a practitioner does not lead have one answer.
- An act that closes is never asked for a precondition.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from flask import Response, request
from flask_smorest import Api, Blueprint

from agencies.model import JsonObject
from consent_registry.errors import (
    ConflictingReplayError,
    ConsentRegistryError,
    ContestedError,
    InvalidDocumentError,
    OverruledError,
    StandingMovedError,
    StandingRequiredError,
)
from consent_registry.model import Act
from consent_registry.schemas import DecisionSchema
from consent_registry.service import Recorded
from gateway import json_body
from gateway.cases.errors import UnknownCaseError
from gateway.consent.errors import NotForPartnersError
from gateway.consent.history import consent_of
from gateway.consent.receipt_views import add_receipt
from gateway.consent.schemas import MAX_BYTES, ConsentSchema, RecordedSchema
from gateway.consent.service import decide, report
from gateway.disclosure_log.errors import NotAppendedError
from gateway.instants import precise
from gateway.oauth.access import current_caller
from gateway.problems import (
    CONFLICT,
    CONTESTED,
    FORBIDDEN,
    INVALID_DOCUMENT,
    INVALID_REQUEST,
    NOT_FOUND,
    OVERRULED,
    STANDING_MOVED,
    STANDING_REQUIRED,
    UNAVAILABLE,
    Kind,
    PointedFault,
    Problem,
)
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

_TAG: Final = re.compile(r'"[0-9]{1,9}"', re.ASCII)
_PROBLEM_OF: Final[Mapping[type[ConsentRegistryError], Kind]] = {
    ConflictingReplayError: CONFLICT,
    ContestedError: CONTESTED,
    OverruledError: OVERRULED,
    StandingMovedError: STANDING_MOVED,
    StandingRequiredError: STANDING_REQUIRED,
}

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
        document, caller = json_body.read_json(max_bytes=MAX_BYTES), current_caller()
        with _answered_faults():
            if caller.agency is not None:
                return _answer(report(wiring, document, caller=caller))
            expected = _expected() if _opens(document) else None
            return _answer(decide(wiring, document, actor=caller.client_id, expected=expected))

    @blueprint.get("/v1/cases/<string:source_ref>/people/<string:person>/consent")
    @blueprint.doc(
        summary="Get what one person decided, and what stands",
        description="The ETag is the version of the standing: If-Match of the next act that opens.",
        responses={
            "200": {
                "description": "What stands, and every decision, oldest first.",
                "content": {"application/json": {"schema": ConsentSchema}},
            }
        },
    )
    def standing(source_ref: str, person: str) -> Response:
        with _answered_faults():
            found = consent_of(wiring, source_ref=source_ref, person=person)
            return _versioned(found.to_json(), version=found.version)

    add_receipt(blueprint, wiring)
    api.register_blueprint(blueprint)


@contextmanager
def _answered_faults() -> Iterator[None]:
    """Turn what was wrong into its problem.

    Raises: Problem.
    """
    try:
        yield
    except InvalidDocumentError as error:
        faults = [PointedFault(fault.pointer, fault.reason) for fault in error.faults]
        raise Problem(INVALID_DOCUMENT, faults=faults) from error
    except UnknownCaseError as error:
        raise Problem(NOT_FOUND) from error
    except NotForPartnersError as error:
        raise Problem(FORBIDDEN, detail="A partner reports a withdrawal or a hold, nothing else.") from error
    except NotAppendedError as error:
        raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS}) from error
    except tuple(_PROBLEM_OF) as error:
        raise Problem(_PROBLEM_OF[type(error)]) from error


def _opens(document: JsonValue) -> bool:
    return isinstance(document, dict) and document.get("act") == Act.GIVE


def _expected() -> int | None:
    """The version that If-Match names; absent: none, or one that never matches (RFC 9110 section 13.1.1).

    Raises: Problem: 400, 412.
    """
    named = request.headers.get("If-Match")
    if named is None:
        return None
    if named.startswith("W/"):  # a weak tag never matches strongly
        raise Problem(STANDING_MOVED)
    if not _TAG.fullmatch(named):
        raise Problem(INVALID_REQUEST, detail="If-Match names one version of the standing, in quotes.")
    return int(named[1:-1])


def _answer(recorded: Recorded) -> Response:
    body: JsonObject = {
        "decision_id": str(recorded.decision_id),
        "in_effect_at": precise(recorded.in_effect_at),
        "standing_version": recorded.standing_version,
    }
    status = HTTPStatus.OK if recorded.replay else HTTPStatus.CREATED
    return _versioned(body, version=recorded.standing_version, status=status)


def _versioned(body: JsonObject, *, version: int, status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = Response(json.dumps(body), status=int(status), content_type="application/json")
    response.set_etag(str(version))
    return response


def _answers(description: str) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": RecordedSchema}}}
