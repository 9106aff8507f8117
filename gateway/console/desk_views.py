"""The desk: an agency without developers lists what it may see, reads an extract, keeps its receipt, answers recalls.

INVARIANTS
- An extract is shown by ``release()``, asked for by a form: looking at a list releases nothing.
- What a desk shows is what the API would give this agency and practitioner at that instant.
- Whoever has no desk, or may not act for the agency now, finds nothing.
"""

import json
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.model import Purpose
from gateway.agency.desk import Desk, desk_of, offered_refs
from gateway.calendar import said_day
from gateway.consent.receipt_words import PURPOSE_WORDS
from gateway.console import pages
from gateway.console.extract_page import sections
from gateway.console.words import ANSWER_WORDS, GROUND_WORDS, RECALL_WORDS, instant
from gateway.disclosure_log.receipt import receipt_again
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import current_staff
from gateway.panel.views import agency_meeting, agency_meetings
from gateway.problems import NOT_FOUND, UNAVAILABLE, Problem
from gateway.recall import repository as recalls
from gateway.recall.errors import AnswerStandsError, UnknownRecallError
from gateway.recall.model import Answer, Ground, Recall, RecallState
from gateway.recall.service import answer_recall
from gateway.release.model import Refused, Released, ReleaseRequest
from gateway.release.service import permitted, release
from gateway.sampling import service
from gateway.wiring import Wiring

DESK: Final = "/desk"
_REF_CHARS: Final = 8


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("desk", __name__)
    settings = wiring.settings

    @blueprint.get("/desk")
    def home() -> Response:
        return _home(wiring, own_desk(wiring))

    @blueprint.get("/desk/cases/<case_ref>")
    def case(case_ref: str) -> Response:
        desk, ref = own_desk(wiring), pages.named_id(case_ref)
        return _case_page(wiring, desk, ref)

    @blueprint.post("/desk/cases/<case_ref>")
    def extract(case_ref: str) -> Response:
        desk, ref = own_desk(wiring), pages.named_id(case_ref)
        chosen = request.form.get("purpose", "")
        if chosen not in desk.purposes:
            fault = {"field": "purpose", "sentence": "Choose what you need it for."}
            return _case_page(wiring, desk, ref, error=fault)
        return _extract_page(wiring, desk, ref, Purpose(chosen))

    @blueprint.get("/desk/receipts/<extract_id>")
    def receipt(extract_id: str) -> Response:
        desk = own_desk(wiring)
        found = receipt_again(wiring, agency=desk.agency.code, extract_id=pages.named_id(extract_id))
        if found is None:
            raise Problem(NOT_FOUND)
        return pages.render(settings, "desk_receipt.html", title="Receipt", receipt=found, number=extract_id)

    @blueprint.get("/desk/recalls")
    def recall_list() -> Response:
        desk = own_desk(wiring)
        with wiring.engine.connect() as connection:
            found = recalls.recalls_of(connection, desk.agency.code)
        return pages.render(
            settings, "desk_recalls.html", title="Copies to stop using", recalls=list(map(_told, found))
        )

    @blueprint.get("/desk/recalls/<recall_id>")
    def recall(recall_id: str) -> Response:
        return _recall_page(wiring, own_desk(wiring), pages.named_id(recall_id))

    @blueprint.post("/desk/recalls/<recall_id>")
    def answer(recall_id: str) -> AnyResponse:
        return _answered(wiring, own_desk(wiring), pages.named_id(recall_id))

    app.register_blueprint(blueprint)


def own_desk(wiring: Wiring) -> Desk:
    """Return the desk of whoever is signed in.

    Raises: Problem: 404.
    """
    with wiring.engine.connect() as connection:
        desk = desk_of(wiring, connection, current_staff(), now=database_now(connection))
    if desk is None:
        raise Problem(NOT_FOUND)
    return desk


def _home(wiring: Wiring, desk: Desk) -> Response:
    meetings = []
    if Purpose.P1 in desk.purposes:
        caller = desk.caller(Purpose.P1)
        for each in agency_meetings(wiring, caller) or ():
            found = agency_meeting(wiring, caller, meeting_id=each.meeting_id)
            meetings.append({"meeting": each, "cases": [_listed(ref) for ref in (found[1] if found else [])]})
    helped: list[UUID] = []
    if Purpose.P2 in desk.purposes:
        with wiring.engine.connect() as connection:
            offered = offered_refs(connection, desk.agency.code)
        helped = permitted(wiring, caller=desk.caller(Purpose.P2), case_refs=offered, purpose=Purpose.P2)
    with wiring.engine.connect() as connection:
        waiting = [
            each
            for each in recalls.recalls_of(connection, desk.agency.code)
            if each.state is RecallState.OPEN
        ]
    return pages.render(
        wiring.settings,
        "desk.html",
        title=desk.agency.name,
        meetings=meetings,
        helped=sorted(map(_listed, helped), key=lambda each: each["words"]),
        waiting=list(map(_told, waiting)),
        to_confirm=len(service.for_desk(wiring, desk.agency.code, practitioner=desk.practitioner)),
    )


def _case_page(
    wiring: Wiring, desk: Desk, case_ref: UUID, *, error: dict[str, str] | None = None
) -> Response:
    """The question for what an extract is needed: the same for every reference, whether there is a case or not."""
    return pages.render(
        wiring.settings,
        "desk_case.html",
        title=f"Case {str(case_ref)[:_REF_CHARS]}",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        address=f"{DESK}/cases/{case_ref}",
        practitioner=desk.practitioner,
        purposes=[
            {"value": each.value, "words": PURPOSE_WORDS[each.value].removeprefix("to ").capitalize()}
            for each in desk.purposes
        ],
    )


def _extract_page(wiring: Wiring, desk: Desk, case_ref: UUID, purpose: Purpose) -> Response:
    (outcome,) = release(wiring, [ReleaseRequest(desk.caller(purpose), case_ref)])
    if isinstance(outcome, Refused):
        raise Problem(NOT_FOUND)
    if not isinstance(outcome, Released):
        raise Problem(UNAVAILABLE, headers={"Retry-After": "1"})
    extract = json.loads(outcome.body)
    return pages.render(
        wiring.settings,
        "desk_extract.html",
        title=f"Case {str(case_ref)[:_REF_CHARS]}",
        extract=extract,
        purpose=PURPOSE_WORDS[purpose.value],
        until=instant(datetime.fromisoformat(extract["use_until"])),
        practitioner=desk.practitioner,
        sections=sections(extract["record"]),
        receipt_address=f"{DESK}/receipts/{outcome.extract_id}",
    )


def _recall_page(
    wiring: Wiring, desk: Desk, recall_id: UUID, *, error: dict[str, str] | None = None
) -> Response:
    with wiring.engine.connect() as connection:
        found = [
            each for each in recalls.recalls_of(connection, desk.agency.code) if each.recall_id == recall_id
        ]
    if not found:
        raise Problem(NOT_FOUND)
    return pages.render(
        wiring.settings,
        "desk_recall.html",
        title="What did you do with your copies?",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        recall=_told(found[0]),
        answers=[{"value": each.value, "words": words} for each, words in ANSWER_WORDS.items()],
        grounds=[{"value": each.value, "words": words} for each, words in GROUND_WORDS.items()],
    )


def _answered(wiring: Wiring, desk: Desk, recall_id: UUID) -> AnyResponse:
    said, why = request.form.get("answer", ""), request.form.get("ground", "")
    if said not in set(Answer):
        return _recall_page(wiring, desk, recall_id, error=_wrong("answer", "Choose what you did."))
    answer = Answer(said)
    ground = Ground(why) if why in set(Ground) and answer is Answer.RETAINED else None
    if answer is Answer.RETAINED and ground is None:
        return _recall_page(wiring, desk, recall_id, error=_wrong("ground", "Choose why you keep them."))
    try:
        caller = desk.caller(Purpose.P1)
        answer_recall(wiring, recall_id, answer=answer, ground=ground, caller=caller)
    except UnknownRecallError as error:
        raise Problem(NOT_FOUND) from error
    except AnswerStandsError:
        return _recall_page(
            wiring, desk, recall_id, error=_wrong("answer", "You said before that the copies are gone.")
        )
    return redirect(f"{DESK}/recalls", HTTPStatus.SEE_OTHER)


def _wrong(field: str, sentence: str) -> dict[str, str]:
    return {"field": field, "sentence": sentence}


def _listed(ref: UUID) -> dict[str, str]:
    return {"address": f"{DESK}/cases/{ref}", "words": f"Case {str(ref)[:_REF_CHARS]}"}


def _told(recall: Recall) -> dict[str, object]:
    case = "" if recall.case_ref is None else f"Case {str(recall.case_ref)[:_REF_CHARS]}"
    return {
        "address": f"{DESK}/recalls/{recall.recall_id}",
        "words": case or "A case that is gone",
        "extracts": [str(each) for each in recall.extracts],
        "due": said_day(recall.due_on),
        "raised_at": recall.raised_at,
        "state": RECALL_WORDS[recall.state],
        "is_open": recall.state is RecallState.OPEN,
        "answer": "" if recall.answer is None else ANSWER_WORDS[recall.answer],
    }
