"""The coordinator's pages: meetings, members, agenda, and help that families accepted."""

import re
from datetime import date
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.model import KINDS_WITHOUT_CASES, AgencyCode
from agencies.register import Agency
from agencies.repository import active_agencies
from gateway.calendar import said_day
from gateway.cases import lookup
from gateway.cases.model import CaseIdentity
from gateway.console import pages
from gateway.console.consent_form import Form, typed_date
from gateway.console.family_views import fault, typed
from gateway.console.words import REFUSAL_WORDS
from gateway.oauth.access import current_staff
from gateway.panel import coordinating
from gateway.panel.coordinating import AgendaLine
from gateway.panel.errors import RefusedError
from gateway.panel.model import Readiness
from gateway.panel.repository import OpenMeeting
from gateway.problems import NOT_FOUND, Problem
from gateway.wiring import Wiring

MEETINGS: Final = "/console/meetings"
_LINE: Final = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,120}")
_YEARS: Final = (2000, 2200)


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("meetings", __name__)
    settings = wiring.settings

    @blueprint.get("/console/meetings")
    def meetings() -> Response:
        return pages.render(
            settings,
            "meetings.html",
            title="Panel meetings",
            meetings=[
                {
                    "address": f"{MEETINGS}/{each.meeting_id}",
                    "title": each.title,
                    "held_on": said_day(each.held_on),
                    "cases": len(each.cases),
                    "members": len(each.members),
                }
                for each in coordinating.open_meetings(wiring)
            ],
        )

    @blueprint.get("/console/meetings/new")
    def new() -> Response:
        return _new_page(wiring, Form({}))

    @blueprint.post("/console/meetings/new")
    def hold() -> AnyResponse:
        return _held(wiring, typed())

    @blueprint.get("/console/meetings/<meeting_id>")
    def agenda(meeting_id: str) -> Response:
        return _agenda_page(wiring, pages.named_id(meeting_id))

    @blueprint.post("/console/meetings/<meeting_id>/cases")
    def add_case(meeting_id: str) -> AnyResponse:
        return _case_added(wiring, pages.named_id(meeting_id), typed())

    @blueprint.post("/console/meetings/<meeting_id>/cases/<case_id>/remove")
    def remove_case(meeting_id: str, case_id: str) -> AnyResponse:
        meeting, case = pages.named_id(meeting_id), pages.named_id(case_id)
        coordinating.unlist_case(wiring, meeting, case, actor=current_staff().username)
        return redirect(f"{MEETINGS}/{meeting}", HTTPStatus.SEE_OTHER)

    _add_members(blueprint, wiring)
    _add_offers(blueprint, wiring)
    app.register_blueprint(blueprint)


def _add_members(blueprint: Blueprint, wiring: Wiring) -> None:
    @blueprint.get("/console/meetings/<meeting_id>/members")
    def members(meeting_id: str) -> Response:
        return _members_page(wiring, pages.named_id(meeting_id))

    @blueprint.post("/console/meetings/<meeting_id>/members")
    def invite(meeting_id: str) -> AnyResponse:
        meeting, wanted = (
            pages.named_id(meeting_id),
            [AgencyCode(code) for code in request.form.getlist("members")],
        )
        try:
            coordinating.invite_members(wiring, meeting, wanted, actor=current_staff().username)
        except RefusedError as error:
            return _members_page(wiring, meeting, error=fault("members", REFUSAL_WORDS[error.refusal]))
        return redirect(f"{MEETINGS}/{meeting}", HTTPStatus.SEE_OTHER)


def _add_offers(blueprint: Blueprint, wiring: Wiring) -> None:
    @blueprint.get("/console/meetings/<meeting_id>/cases/<case_id>/offer")
    def offer(meeting_id: str, case_id: str) -> Response:
        return _offer_page(wiring, pages.named_id(meeting_id), pages.named_id(case_id), Form({}))

    @blueprint.post("/console/meetings/<meeting_id>/cases/<case_id>/offer")
    def accept(meeting_id: str, case_id: str) -> AnyResponse:
        return _accepted(wiring, pages.named_id(meeting_id), pages.named_id(case_id), typed())


def _new_page(wiring: Wiring, form: Form, *, error: dict[str, str] | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "meeting_new.html",
        title="Hold a meeting",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        form=form,
        held_on={part: form.one(f"held-{part}") for part in ("day", "month", "year")},
        agencies=_choices(wiring),
    )


def _held(wiring: Wiring, form: Form) -> AnyResponse:
    title, held_on = form.one("title"), typed_date(form, "held")
    if not _LINE.fullmatch(title):
        return _new_page(wiring, form, error=fault("title", "Enter what the meeting is called."))
    if not isinstance(held_on, date) or not _YEARS[0] <= held_on.year < _YEARS[1]:
        part = held_on if isinstance(held_on, str) else "day"
        return _new_page(wiring, form, error=fault(f"held-{part}", "Enter the day of the meeting."))
    try:
        meeting = coordinating.hold_meeting(
            wiring,
            title=title,
            held_on=held_on,
            members=[AgencyCode(code) for code in form.many("members")],
            actor=current_staff().username,
        )
    except RefusedError as error:
        return _new_page(wiring, form, error=fault("members", REFUSAL_WORDS[error.refusal]))
    return redirect(f"{MEETINGS}/{meeting}", HTTPStatus.SEE_OTHER)


def _agenda(wiring: Wiring, meeting_id: UUID) -> tuple[OpenMeeting, tuple[AgendaLine, ...]]:
    """A meeting with its agenda.

    Raises: Problem: 404.
    """
    found = coordinating.agenda_of(wiring, meeting_id)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def _agenda_page(
    wiring: Wiring, meeting_id: UUID, *, error: dict[str, str] | None = None, reference: str = ""
) -> Response:
    meeting, lines = _agenda(wiring, meeting_id)
    titles = lookup.titles_for_agenda(wiring, current_staff(), [each.listed.family_id for each in lines])
    address = f"{MEETINGS}/{meeting_id}"
    return pages.render(
        wiring.settings,
        "agenda.html",
        title=meeting.title,
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        held_on=said_day(meeting.held_on),
        address=address,
        reference=reference,
        members=sorted(each.name for each in _agencies(wiring) if each.code in meeting.members),
        lines=[
            {
                "number": number,
                "title": titles.get(each.listed.family_id, "A sealed family"),
                "readiness": each.readiness.value,
                "colour": "green" if each.readiness is Readiness.READY else "red",
                "remove": f"{address}/cases/{each.listed.case_id}/remove",
                "offer": f"{address}/cases/{each.listed.case_id}/offer",
            }
            for number, each in enumerate(lines, start=1)
        ],
    )


def _case_added(wiring: Wiring, meeting_id: UUID, form: Form) -> AnyResponse:
    reference = form.one("reference")
    found: CaseIdentity | None = None
    if reference.isprintable() and reference:
        found = lookup.case_for_agenda(wiring, current_staff(), reference)
    if found is None:
        sentence = "No case that may be listed is known by this reference."
        return _agenda_page(wiring, meeting_id, error=fault("reference", sentence), reference=reference)
    try:
        coordinating.list_case(wiring, meeting_id, found, actor=current_staff().username)
    except RefusedError as error:
        sentence = REFUSAL_WORDS[error.refusal]
        return _agenda_page(wiring, meeting_id, error=fault("reference", sentence), reference=reference)
    return redirect(f"{MEETINGS}/{meeting_id}", HTTPStatus.SEE_OTHER)


def _members_page(wiring: Wiring, meeting_id: UUID, *, error: dict[str, str] | None = None) -> Response:
    meeting, _ = _agenda(wiring, meeting_id)
    return pages.render(
        wiring.settings,
        "members.html",
        title="Who is at this meeting?",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        address=f"{MEETINGS}/{meeting_id}",
        agencies=_choices(wiring),
        members=sorted(meeting.members),
    )


def _offer_page(
    wiring: Wiring, meeting_id: UUID, case_id: UUID, form: Form, *, error: dict[str, str] | None = None
) -> Response:
    _, lines = _agenda(wiring, meeting_id)
    listed = [each.listed for each in lines if each.listed.case_id == case_id]
    if not listed:
        raise Problem(NOT_FOUND)
    return pages.render(
        wiring.settings,
        "offer.html",
        title="Which help did the family accept?",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        form=form,
        address=f"{MEETINGS}/{meeting_id}",
        case=case_id,
        agencies=_choices(wiring),
        accepted={part: form.one(f"accepted-{part}") for part in ("day", "month", "year")},
    )


def _accepted(wiring: Wiring, meeting_id: UUID, case_id: UUID, form: Form) -> AnyResponse:
    service, accepted_on = form.one("service"), typed_date(form, "accepted")
    wrong = None
    if not form.one("agency"):
        wrong = fault("agency", "Choose who gives the help.")
    elif not _LINE.fullmatch(service):
        wrong = fault("service", "Enter which help it is.")
    elif not isinstance(accepted_on, date) or not _YEARS[0] <= accepted_on.year < _YEARS[1]:
        part = accepted_on if isinstance(accepted_on, str) else "day"
        wrong = fault(f"accepted-{part}", "Enter the day on which the family accepted.")
    if wrong is not None or not isinstance(accepted_on, date):
        return _offer_page(wiring, meeting_id, case_id, form, error=wrong)
    try:
        coordinating.accept_offer(
            wiring,
            meeting_id,
            case_id,
            agency=AgencyCode(form.one("agency")),
            service=service,
            accepted_on=accepted_on,
            actor=current_staff().username,
        )
    except RefusedError as error:
        sentence = REFUSAL_WORDS[error.refusal]
        return _offer_page(wiring, meeting_id, case_id, form, error=fault("agency", sentence))
    return redirect(f"{MEETINGS}/{meeting_id}", HTTPStatus.SEE_OTHER)


def _agencies(wiring: Wiring) -> list[Agency]:
    """Who can be at a meeting, by name."""
    with wiring.engine.connect() as connection:
        found = [each for each in active_agencies(connection) if each.kind not in KINDS_WITHOUT_CASES]
    return sorted(found, key=lambda each: each.name.casefold())


def _choices(wiring: Wiring) -> list[dict[str, str]]:
    return [{"value": str(each.code), "words": each.name} for each in _agencies(wiring)]
