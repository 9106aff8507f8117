"""``/v1/recalls`` and the status of an extract: what an agency has to stop using, and whether a copy may still be used.

INVARIANT: another agency's recall or extract, one that never was and one of an erased family are the constant absence.
"""

import json
from http import HTTPStatus

from flask import Response
from flask_smorest import Api, Blueprint

from gateway import json_body
from gateway.disclosure_log.errors import NotAppendedError
from gateway.ids import read_id
from gateway.oauth.access import current_caller
from gateway.problems import (
    ANSWER_STANDS,
    UNAVAILABLE,
    Problem,
    absent,
)
from gateway.recall import repository, status
from gateway.recall.errors import AnswerStandsError, UnknownRecallError
from gateway.recall.model import ASKED, CODE, Recall
from gateway.recall.schemas import (
    MAX_BYTES,
    AnswerSchema,
    RecallSchema,
    RecallsSchema,
    StatusSchema,
    read_answer,
    rendered,
)
from gateway.recall.service import answer_recall
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

RETRY_AFTER_SECONDS = "1"


def register(api: Api, wiring: Wiring) -> None:
    """Add the routes of recalls and of an extract's status to an API."""
    blueprint = Blueprint("recall", __name__, description="What an agency has to stop using.")

    @blueprint.get("/v1/recalls")
    @blueprint.doc(
        summary="List this agency's recalls",
        description="What waits for an answer first, the oldest first; at most 200.",
        responses={"200": _answers("The recalls.", RecallsSchema)},
    )
    def recalls() -> Response:
        with wiring.engine.connect() as connection:
            found = repository.recalls_of(connection, current_caller().agency or "")
        return _json({"recalls": [_told(each) for each in found]})

    @blueprint.post("/v1/recalls/<string:recall_id>/answer")
    @blueprint.doc(
        summary="Answer a recall",
        description="Only deleted and returned end it. The same answer again changes nothing.",
        requestBody={"required": True, "content": {"application/json": {"schema": AnswerSchema}}},
        responses={"200": _answers("The recall with its answer.", RecallSchema)},
    )
    def answer(recall_id: str) -> Response:
        said, ground = json_body.read_answer(read_answer, max_bytes=MAX_BYTES)
        known = read_id(recall_id)
        if known is None:
            return absent()
        try:
            answered = answer_recall(wiring, known, answer=said, ground=ground, caller=current_caller())
        except UnknownRecallError:
            return absent()
        except AnswerStandsError as error:
            raise Problem(ANSWER_STANDS) from error
        except NotAppendedError as error:
            raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS}) from error
        return _json(_told(answered))

    @blueprint.get("/v1/extracts/<string:extract_id>/status")
    @blueprint.doc(
        summary="Ask whether a copy may still be used",
        description="current: the same would be released now. permitted: something else would. neither: stop using it.",
        responses={"200": _answers("The answer, signed, good for five minutes.", StatusSchema)},
    )
    def extract_status(extract_id: str) -> Response:
        known = read_id(extract_id)
        found = None if known is None else status.status_of(wiring, caller=current_caller(), extract_id=known)
        return absent() if found is None or known is None else _json(status.rendered(known, found))

    api.register_blueprint(blueprint)


def _told(recall: Recall) -> dict[str, JsonValue]:
    return rendered(recall, code=CODE, ask=ASKED)


def _json(body: object) -> Response:
    return Response(json.dumps(body), status=int(HTTPStatus.OK), content_type="application/json")


def _answers(description: str, schema: type) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
