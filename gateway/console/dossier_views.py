"""Incidents and complaints at the pages: what is open with its clock, one with its steps and releases, and the forms.

INVARIANTS
- For whoever a dossier does not exist its page is not found, like one that never was.
- What was typed is shown again where it could not be kept, and nowhere else.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from http import HTTPStatus
from uuid import uuid4

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.catalogue import FIELDS
from gateway.calendar import said_day
from gateway.console import pages
from gateway.console.consent_form import Form
from gateway.console.disclosure_form import DISCLOSURES
from gateway.console.dossier_form import asked, filled, read_form, reference_of
from gateway.console.dossier_words import (
    ADDRESS,
    CLOCK_WORDS,
    FORM_WORDS,
    LIST_WORDS,
    NEED_WORDS,
    NEW_WORDS,
    SORT_WORDS,
    STEP_WORDS,
    name_of,
)
from gateway.console.family_views import fault, typed
from gateway.console.words import instant
from gateway.disclosure_log.repository import database_now
from gateway.dossiers import service
from gateway.dossiers.errors import DossierError, FaultyAnswerError, UnknownDossierError
from gateway.dossiers.model import ASKED, STEP_FOR, Dossier, Ref, Sort, Step, StepKind, needs
from gateway.dossiers.questions import FORMS, Shape, answered
from gateway.dossiers.service import Linked, Looked
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.staff.model import Role
from gateway.wiring import Wiring


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application: the same for each sort."""
    for sort in Sort:
        app.register_blueprint(_blueprint(wiring, sort))


def _blueprint(wiring: Wiring, sort: Sort) -> Blueprint:
    blueprint = Blueprint(f"{sort.value}s", __name__, url_prefix=ADDRESS[sort])

    @blueprint.get("")
    def listed() -> Response:
        return _list_page(wiring, sort)

    @blueprint.get("/new")
    def new() -> Response:
        form = {"id": (str(uuid4()),), "release": (request.args.get("release", ""),)}
        return _form_page(wiring, sort, StepKind.DESCRIBE, Form(form))

    @blueprint.post("/new")
    def begin() -> AnyResponse:
        return _begun(wiring, sort)

    @blueprint.get("/<dossier_id>")
    def dossier(dossier_id: str) -> Response:
        return _dossier_page(wiring, _looked(wiring, _ref(sort, dossier_id)))

    @blueprint.get("/<dossier_id>/<step>")
    def form(dossier_id: str, step: str) -> Response:
        kind, looked = _kind(sort, step), _looked(wiring, _ref(sort, dossier_id))
        return _form_page(wiring, sort, kind, filled(looked.dossier, kind), looked=looked)

    @blueprint.post("/<dossier_id>/<step>")
    def take(dossier_id: str, step: str) -> AnyResponse:
        return _taken(wiring, _ref(sort, dossier_id), _kind(sort, step))

    @blueprint.post("/<dossier_id>/releases")
    def link(dossier_id: str) -> AnyResponse:
        ref, name = _ref(sort, dossier_id), request.form.get("release", "")
        return _done(wiring, ref, lambda: service.link(wiring, current_staff(), ref, name))

    @blueprint.post("/<dossier_id>/releases/remove")
    def unlink(dossier_id: str) -> AnyResponse:
        ref, entry = _ref(sort, dossier_id), request.form.get("entry", "")
        return _done(wiring, ref, lambda: service.unlink(wiring, current_staff(), ref, entry))

    return blueprint


def open_lists(wiring: Wiring) -> list[dict[str, object]]:
    """Return per sort of which something is open: where its list is, how many, and what is due first."""
    found = []
    for sort in Sort:
        waiting = [each for each in service.listed(wiring, current_staff(), sort) if each.is_open]
        if waiting:
            first = service.due_of(waiting[0])
            oldest = min(each.since for each in waiting)
            more = {"due": oldest, "since": oldest} if first is None else {"due": first}
            words = f"{LIST_WORDS[sort]} that are open"
            found.append({"address": ADDRESS[sort], "words": words, "count": len(waiting), **more})
    return found


def linkable(wiring: Wiring, leaf_index: int) -> list[dict[str, str]]:
    """Return what an officer can link a release to, and has not yet: where the form goes, and its words."""
    return [
        {"address": f"{_address(each)}/releases", "words": f"{name_of(each)}, {_since(each)}"}
        for sort in Sort
        for each in service.listed(wiring, current_staff(), sort)
        if each.is_open and str(leaf_index) not in {step.facts["leaf"] for step in each.linked()}
    ]


def _page_of(ref: Ref) -> str:
    return f"{ADDRESS[ref.sort]}/{ref.id}"


def _address(dossier: Dossier) -> str:
    return _page_of(dossier.ref)


def _since(dossier: Dossier) -> str:
    if dossier.sort is Sort.INCIDENT:
        return f"known since {instant(dossier.aware_at)}"
    return f"received {said_day(dossier.received_on)}"


def _may_act() -> bool:
    return Role.DATA_PROTECTION_OFFICER in current_staff().roles


def _now(wiring: Wiring) -> datetime:
    with wiring.engine.connect() as connection:
        now: datetime = database_now(connection)
    return now


def _ref(sort: Sort, dossier_id: str) -> Ref:
    """The dossier that an address names.

    Raises: Problem: 404, it is no id.
    """
    return Ref(sort, pages.named_id(dossier_id))


def _kind(sort: Sort, step: str) -> StepKind:
    """The step that an address names.

    Raises: Problem: 404.
    """
    if step not in set(StepKind) or (sort, StepKind(step)) not in FORMS:
        raise Problem(NOT_FOUND)
    return StepKind(step)


def _looked(wiring: Wiring, ref: Ref) -> Looked:
    """A dossier for one of its pages.

    Raises: Problem: 404.
    """
    try:
        return service.look(wiring, current_staff(), ref)
    except UnknownDossierError as error:
        raise Problem(NOT_FOUND) from error


def _list_page(wiring: Wiring, sort: Sort) -> Response:
    found, now = service.listed(wiring, current_staff(), sort), _now(wiring)
    return pages.render(
        wiring.settings,
        "dossiers.html",
        title=LIST_WORDS[sort],
        one=SORT_WORDS[sort],
        clock_words=CLOCK_WORDS[sort],
        new=NEW_WORDS[sort],
        address=ADDRESS[sort],
        may_act=_may_act(),
        waiting=[_row(each, now) for each in found if each.is_open],
        closed=[_row(each, now) for each in found if not each.is_open],
    )


def _row(dossier: Dossier, now: datetime) -> dict[str, object]:
    return {
        "address": _address(dossier),
        "name": name_of(dossier),
        "since": _since(dossier),
        "clock": _clock(dossier, now),
        "open": ", ".join(NEED_WORDS[need] for need in needs(dossier)),
    }


def _clock(dossier: Dossier, now: datetime) -> dict[str, object] | None:
    """When its clock ends, and whether it has; absent: none runs."""
    ends = service.due_of(dossier)
    return None if ends is None else {"due": ends, "overdue": now >= ends}


def _form_page(
    wiring: Wiring,
    sort: Sort,
    kind: StepKind,
    form: Form,
    *,
    looked: Looked | None = None,
    error: dict[str, str] | None = None,
) -> Response:
    """The form of one step; without a dossier it opens one."""
    dossier = None if looked is None else looked.dossier
    picks = sort is Sort.COMPLAINT and kind is StepKind.DESCRIBE
    incidents = service.listed(wiring, current_staff(), Sort.INCIDENT) if picks else []
    return pages.render(
        wiring.settings,
        "dossier_form.html",
        title=NEW_WORDS[sort] if dossier is None else f"{FORM_WORDS[kind]}: {name_of(dossier)}",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        back=ADDRESS[sort] if dossier is None else _address(dossier),
        address=f"{ADDRESS[sort]}/new" if dossier is None else f"{_address(dossier)}/{kind.value}",
        questions=[asked(question) for question in FORMS[sort, kind]],
        form=form,
        form_id=form.one("id"),
        release=form.one("release") if dossier is None else "",
        seen="" if dossier is None else str(dossier.steps[-1].id),
        missing=[NEED_WORDS[need] for need in needs(dossier)] if dossier and kind is StepKind.CLOSE else [],
        finds_family=picks and dossier is None,
        incidents=[{"value": "", "words": "None"}]
        + [{"value": str(each.id), "words": f"{name_of(each)}, {_since(each)}"} for each in incidents]
        if picks
        else [],
        button=FORM_WORDS[kind] if dossier is not None and not FORMS[sort, kind] else "Record it",
        keeps=dossier is not None and bool(form.fields),
    )


def _begun(wiring: Wiring, sort: Sort) -> AnyResponse:
    form = typed()
    ref = _ref(sort, form.one("id"))
    complains = sort is Sort.COMPLAINT
    try:
        service.open_dossier(
            wiring,
            current_staff(),
            ref,
            read_form(form, sort, StepKind.DESCRIBE),
            source_ref=reference_of(form) if complains else "",
            incident=form.one("incident") if complains else "",
            release=form.one("release"),
        )
    except FaultyAnswerError as error:
        return _form_page(wiring, sort, StepKind.DESCRIBE, form, error=fault(error.field, str(error)))
    return redirect(_page_of(ref), HTTPStatus.SEE_OTHER)


def _taken(wiring: Wiring, ref: Ref, kind: StepKind) -> AnyResponse:
    form = typed()
    try:
        service.add_step(
            wiring,
            current_staff(),
            ref,
            kind,
            read_form(form, ref.sort, kind),
            seen=form.one("seen"),
            incident=form.one("incident") if ref.sort is Sort.COMPLAINT else "",
        )
    except UnknownDossierError as error:
        raise Problem(NOT_FOUND) from error
    except DossierError as error:
        at = error.field if isinstance(error, FaultyAnswerError) else "main-content"
        looked = _looked(wiring, ref)
        return _form_page(wiring, ref.sort, kind, form, looked=looked, error=fault(at, str(error)))
    return redirect(_page_of(ref), HTTPStatus.SEE_OTHER)


def _done(wiring: Wiring, ref: Ref, act: Callable[[], None]) -> AnyResponse:
    """Do something about a release and go back to the dossier; what is wrong is said there."""
    try:
        act()
    except UnknownDossierError as error:
        raise Problem(NOT_FOUND) from error
    except DossierError as error:
        return _dossier_page(wiring, _looked(wiring, ref), error=str(error))
    return redirect(_page_of(ref), HTTPStatus.SEE_OTHER)


def _dossier_page(wiring: Wiring, looked: Looked, *, error: str | None = None) -> Response:
    dossier, names = looked.dossier, pages.agency_names(wiring)
    waits = needs(dossier)
    return pages.render(
        wiring.settings,
        "dossier.html",
        title=name_of(dossier),
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=None if error is None else fault("release" if dossier.is_open else "main-content", error),
        back=ADDRESS[dossier.sort],
        back_words=f"Back to {LIST_WORDS[dossier.sort].lower()}",
        address=_address(dossier),
        since=_since(dossier),
        is_open=dossier.is_open,
        clock=_clock(dossier, _now(wiring)),
        clock_words=CLOCK_WORDS[dossier.sort],
        waits=[NEED_WORDS[need] for need in waits],
        may_act=_may_act(),
        forms=[
            {
                "words": FORM_WORDS[kind],
                "address": f"{_address(dossier)}/{kind.value}",
                "status": "To do"
                if kind in {STEP_FOR[need] for need in waits}
                else _taken_words(dossier, kind),
            }
            for kind in ASKED[dossier.sort]
        ],
        family=None if dossier.family_id is None else str(dossier.family_id),
        beside=[
            {"address": _address(each), "words": f"{name_of(each)}, {_since(each)}"} for each in looked.beside
        ],
        linked=[_linked(each, names) for each in looked.linked],
        steps=[_step(dossier, step, names) for step in reversed(dossier.steps)],
    )


def _taken_words(dossier: Dossier, kind: StepKind) -> str:
    return (
        "Can be changed"
        if dossier.newest(kind) and kind not in {StepKind.ACT, StepKind.NOTE}
        else "Can be added"
    )


def _linked(linked: Linked, names: dict[str, str]) -> dict[str, object]:
    """A linked release as a row: what the log says of it, or, once its family was erased, what was written down."""
    facts, line = linked.step.facts, linked.line
    row: dict[str, object] = {
        "entry": facts["entry"],
        "at": datetime.fromisoformat(facts["released"]),
        "agency": names.get(facts["agency"], facts["agency"]),
        "address": f"{DISCLOSURES}/{facts['leaf']}",
        "erased": line is None,
    }
    if line is None:
        return row | {"family": "", "fields": "", "practitioner": ""}
    return row | {"family": str(line.family_id), "fields": _fields(linked), "practitioner": line.practitioner}


def _fields(linked: Linked) -> str:
    """The fields that a release told of anybody, in words."""
    entry = None if linked.line is None else linked.line.entry
    told = {} if entry is None else entry.internal.get("fields") or {}
    codes = {code for each in told.values() for code in each.split()}
    return "; ".join(field.words for field in FIELDS.values() if str(field.id) in codes)


def _step(dossier: Dossier, step: Step, names: dict[str, str]) -> dict[str, object]:
    """One step for the timeline."""
    said: Sequence[tuple[str, str]] = list(_answers(dossier, step, names))
    return {
        "title": STEP_WORDS[step.kind],
        "byline": step.by,
        "at": step.at,
        "said": [{"key": key, "value": value} for key, value in said],
        "erased": bool(step.given) and step.texts is None,
    }


def _answers(dossier: Dossier, step: Step, names: dict[str, str]) -> list[tuple[str, str]]:
    if step.kind in {StepKind.LINK, StepKind.UNLINK}:
        agency = names.get(step.facts["agency"], step.facts["agency"])
        return [("Which", f"to {agency}, {instant(datetime.fromisoformat(step.facts['released']))}")]
    facts = dict(step.facts)
    for question in FORMS[dossier.sort, step.kind]:
        said = facts.get(question.name, "")
        if said and question.shape is Shape.INSTANT:
            facts[question.name] = instant(datetime.fromisoformat(said))
        elif said and question.shape is Shape.DAY:
            facts[question.name] = said_day(date.fromisoformat(said))
    return list(answered(dossier.sort, step.kind, facts, step.texts))
