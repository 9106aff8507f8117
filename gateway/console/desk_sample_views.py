"""The desk's page of accesses that the agency is asked to confirm.

INVARIANTS
- Nobody is asked about an access of their own, nor about a family in which they have an interest.
- A question says what the agency knew when it asked for the extract, and nothing else.
"""

from datetime import date
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from consent_registry.birthdays import LONDON
from gateway.agency.desk import Desk
from gateway.calendar import said_day
from gateway.console import pages
from gateway.console.desk_views import DESK, own_desk
from gateway.console.family_views import fault, typed
from gateway.console.sample_views import GONE, answers_in
from gateway.console.sample_words import ANSWER_CHOICES, question
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import current_staff
from gateway.sampling import service
from gateway.sampling.errors import NotAskedError
from gateway.sampling.model import Access, State
from gateway.wiring import Wiring

DESK_SAMPLES: Final = f"{DESK}/samples"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("desk_samples", __name__)

    @blueprint.get("/desk/samples")
    def questions() -> Response:
        return _page(wiring, own_desk(wiring))

    @blueprint.post("/desk/samples")
    def confirm() -> AnyResponse:
        return _answered(wiring, own_desk(wiring))

    app.register_blueprint(blueprint)


def _answered(wiring: Wiring, desk: Desk) -> AnyResponse:
    try:
        answers = answers_in(typed())
        if not answers:
            return _page(wiring, desk, wrong="Choose at least one answer.")
        service.answer_at_desk(
            wiring, current_staff(), desk.agency.code, answers, practitioner=desk.practitioner
        )
    except NotAskedError:
        return _page(wiring, desk, wrong=GONE)
    return redirect(DESK_SAMPLES, HTTPStatus.SEE_OTHER)


def _page(wiring: Wiring, desk: Desk, *, wrong: str = "") -> Response:
    with wiring.engine.connect() as connection:
        today = database_now(connection).astimezone(LONDON).date()
    found = service.for_desk(wiring, desk.agency.code, practitioner=desk.practitioner)
    theirs = [each for each in found if service.may_answer(each, practitioner=desk.practitioner)]
    return pages.render(
        wiring.settings,
        "desk_samples.html",
        title="Confirm what you received",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        error=fault(f"answer-{theirs[0].id}" if theirs else "questions", wrong) if wrong else None,
        questions=[_asked(each, today=today) for each in theirs],
        own=[_asked(each, today=today) for each in found if each not in theirs],
        choices=ANSWER_CHOICES,
    )


def _asked(access: Access, *, today: date) -> dict[str, object]:
    return {
        **question(access),
        "due": said_day(access.sample.clock.due_on),
        "reminder": access.state(today=today) is not State.ASKED,
    }
