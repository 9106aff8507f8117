"""Samples of past accesses for the officer: what each agency was asked, what it said, and what is late.

INVARIANTS
- A number is the length of what it stands for, counted of the same rows that are listed.
- An access stands here by what its agency may know of it, and by nothing of the family.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from types import MappingProxyType
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.repository import active_agencies
from consent_registry.birthdays import LONDON, midnight
from gateway.calendar import said_day
from gateway.console import pages
from gateway.console.consent_form import Form
from gateway.console.dossier_words import ADDRESS
from gateway.console.family_views import fault, typed
from gateway.console.referral_form import typed_day
from gateway.console.sample_words import (
    ACCESS_ANSWER_WORDS,
    ANSWER_CHOICES,
    CHANNEL_WORDS,
    OUTCOME_WORDS,
    STATE_COLOURS,
    STATE_WORDS,
    question,
)
from gateway.disclosure_log.repository import database_now
from gateway.dossiers.model import Sort
from gateway.ids import read_id
from gateway.oauth.access import OFFICERS, current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.sampling import service
from gateway.sampling.errors import NotAskedError, NothingReleasedError
from gateway.sampling.model import LARGEST, LONGEST, Access, Answer, Channel, Outcome, Sample, State, Told
from gateway.wiring import Wiring

SAMPLES: Final = "/console/samples"
DENIED, SILENT = "denied", "silent"
WAITING: Final[Mapping[str, tuple[str, Callable[[Access], bool]]]] = MappingProxyType(
    {
        DENIED: ("Accesses that their agency did not confirm", lambda each: each.is_open),
        SILENT: ("Accesses that their agency was asked about in vain", lambda each: each.answer is None),
    }
)
"""What is the officer's now, as its heading, and what belongs to it."""
GONE: Final = "One of these questions is not there any more. Look at the list again."
_LONGEST_NAME: Final = 200
_DAYS: Final = 31


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("samples", __name__)

    @blueprint.get("/console/samples")
    def samples() -> Response:
        return _list_page(wiring, Form({}))

    @blueprint.post("/console/samples")
    def draw() -> AnyResponse:
        return _drawn(wiring, typed())

    @blueprint.get("/console/samples/waiting/<what>")
    def waiting(what: str) -> Response:
        if what not in WAITING:
            raise Problem(NOT_FOUND)
        return _waiting_page(wiring, what)

    @blueprint.get("/console/samples/<sample_id>")
    def sample(sample_id: str) -> Response:
        return _sample_page(wiring, pages.named_id(sample_id), Form({}))

    @blueprint.post("/console/samples/<sample_id>")
    def enter(sample_id: str) -> AnyResponse:
        return _entered(wiring, pages.named_id(sample_id), typed())

    @blueprint.post("/console/samples/<sample_id>/accesses/<access_id>")
    def settle(sample_id: str, access_id: str) -> AnyResponse:
        known, access, outcome = (
            pages.named_id(sample_id),
            pages.named_id(access_id),
            request.form.get(f"outcome-{access_id}", ""),
        )
        if outcome not in set(Outcome):
            wrong = fault(f"outcome-{access}", "Choose what came of it.")
            return _sample_page(wiring, known, Form({}), error=wrong)
        try:
            service.settle(wiring, current_staff(), access, Outcome(outcome))
        except NotAskedError as error:
            raise Problem(NOT_FOUND) from error
        return redirect(f"{SAMPLES}/{known}", HTTPStatus.SEE_OTHER)

    app.register_blueprint(blueprint)


def worklists(wiring: Wiring) -> list[dict[str, object]]:
    """Return the lists of what is the officer's now that are not empty; none for anybody else."""
    if current_staff().roles.isdisjoint(OFFICERS.roles):
        return []
    found = service.with_officer(wiring, current_staff())
    lists = []
    for what, (said, belongs) in WAITING.items():
        if rows := [each for each in found if belongs(each)]:
            due = min(map(_since, rows))
            lists.append(
                {
                    "address": f"{SAMPLES}/waiting/{what}",
                    "words": said,
                    "count": len(rows),
                    "due": due,
                    "since": due,
                }
            )
    return lists


def answers_in(form: Form) -> dict[UUID, Answer]:
    """What a form answers, by question; one that is left open is not there.

    Raises: NotAskedError, it names what is no question, or no answer.
    """
    found: dict[UUID, Answer] = {}
    for name in form.fields:
        if name.startswith("answer-"):
            said = form.one(name)
            known = read_id(name.removeprefix("answer-"))
            if known is None or said not in set(Answer):
                raise NotAskedError
            found[known] = Answer(said)
    return found


def _since(access: Access) -> datetime:
    """Since when an access is the officer's: the answer, or the day of its escalation."""
    return access.answered_at or midnight(access.sample.clock.escalate_on)


def _today(wiring: Wiring) -> date:
    with wiring.engine.connect() as connection:
        return database_now(connection).astimezone(LONDON).date()


def _list_page(wiring: Wiring, form: Form, *, error: dict[str, str] | None = None) -> Response:
    today, names = _today(wiring), pages.agency_names(wiring)
    found = service.for_officer(wiring, current_staff())
    with wiring.engine.connect() as connection:
        active = sorted(active_agencies(connection), key=lambda each: each.name.casefold())
    rows = [
        _counted(sample, list(accesses), names, today=today)
        for sample, accesses in groupby(found, key=lambda each: each.sample)
    ]
    return pages.render(
        wiring.settings,
        "samples.html",
        title="What agencies were asked to confirm",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        rows=sorted(rows, key=lambda each: str(each["agency"]).casefold()),
        waiting=worklists(wiring),
        agencies=[{"value": str(each.code), "words": each.name} for each in active],
        chosen=form.one("agency"),
        days=form.one("days") or str(_DAYS),
        count=form.one("count") or str(wiring.settings.sampling.size or 1),
        sampling=wiring.settings.sampling,
    )


def _counted(
    sample: Sample, accesses: Sequence[Access], names: Mapping[str, str], *, today: date
) -> dict[str, object]:
    """A sample as a row: how many of its questions have which answer, and how late the others are."""
    silent = sum(each.answer is None for each in accesses)
    state = sample.clock.state(today=today) if silent else State.ANSWERED
    return {
        "address": f"{SAMPLES}/{sample.id}",
        "agency": names.get(sample.agency, sample.agency),
        "drawn": sample.drawn_at,
        "asked": len(accesses),
        "answers": [sum(each.answer is answer for each in accesses) for answer in Answer],
        "silent": silent,
        "state": STATE_WORDS[state],
        "colour": STATE_COLOURS[state],
        "clock": _clock(sample, state),
    }


def _clock(sample: Sample, state: State) -> str:
    if state is State.ANSWERED:
        return ""
    if state is State.ASKED:
        return f"answer by {said_day(sample.clock.due_on)}"
    word = "since" if state is State.ESCALATED else "yours from"
    return f"{word} {said_day(sample.clock.escalate_on)}"


def _drawn(wiring: Wiring, form: Form) -> AnyResponse:
    agency, days, count = form.one("agency"), _number(form, "days"), _number(form, "count")
    with wiring.engine.connect() as connection:
        active = {str(each.code) for each in active_agencies(connection)}
    wrong = None
    if agency not in active:
        wrong = fault("agency", "Choose an agency that takes part.")
    elif not 1 <= days <= LONGEST:
        wrong = fault("days", f"Enter a number of days from 1 to {LONGEST}.")
    elif not 1 <= count <= LARGEST:
        wrong = fault("count", f"Enter a number of accesses from 1 to {LARGEST}.")
    if wrong is not None:
        return _list_page(wiring, form, error=wrong)
    try:
        made = service.draw_by_hand(wiring, agency, days=days, wanted=count, by=current_staff().username)
    except NothingReleasedError:
        sentence = "It received nothing in that time that it could be asked about."
        return _list_page(wiring, form, error=fault("agency", sentence))
    shown = service.for_officer(wiring, current_staff(), sample_id=made)
    return redirect(f"{SAMPLES}/{made}" if shown else SAMPLES, HTTPStatus.SEE_OTHER)


def _number(form: Form, name: str) -> int:
    """What was typed; 0: no number, or one that is too long to be one."""
    said = form.one(name)
    return int(said) if said.isascii() and said.isdigit() and len(said) <= len(str(LONGEST)) else 0


def _waiting_page(wiring: Wiring, what: str) -> Response:
    said, belongs = WAITING[what]
    names = pages.agency_names(wiring)
    rows = [each for each in service.with_officer(wiring, current_staff()) if belongs(each)]
    return pages.render(
        wiring.settings,
        "samples_waiting.html",
        title=said,
        rows=[
            {
                **question(each),
                "address": f"{SAMPLES}/{each.sample.id}",
                "agency": names.get(each.sample.agency, each.sample.agency),
                "since": _since(each),
            }
            for each in sorted(rows, key=_since)
        ],
    )


def _sample_page(
    wiring: Wiring, sample_id: UUID, form: Form, *, error: dict[str, str] | None = None
) -> Response:
    found = service.for_officer(wiring, current_staff(), sample_id=sample_id)
    if not found:
        raise Problem(NOT_FOUND)
    today, sample = _today(wiring), found[0].sample
    agency = pages.agency_names(wiring).get(sample.agency, sample.agency)
    last = (sample.until - timedelta(microseconds=1)).astimezone(LONDON).date()
    return pages.render(
        wiring.settings,
        "sample.html",
        title=f"What {agency} was asked to confirm",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        address=f"{SAMPLES}/{sample.id}",
        summary=[
            {
                "key": "Accesses",
                "value": f"from {said_day(sample.since.astimezone(LONDON).date())} to {said_day(last)}",
            },
            {"key": "Drawn by", "value": sample.drawn_by},
            {"key": "Number of the sample", "value": str(sample.id)},
            {"key": "Answer by", "value": said_day(sample.clock.due_on)},
            {"key": "Yours from", "value": said_day(sample.clock.escalate_on)},
        ],
        rows=[_row(each, today=today) for each in found],
        denied=[_denied(each) for each in found if each.is_open],
        open=[question(each) for each in found if each.answer is None],
        choices=ANSWER_CHOICES,
        outcomes=[{"value": each.value, "words": said} for each, said in OUTCOME_WORDS.items()],
        channels=[
            {"value": each.value, "words": said}
            for each, said in CHANNEL_WORDS.items()
            if each is not Channel.DESK
        ],
        form=form,
        said={part: form.one(f"said-{part}") for part in ("day", "month", "year")},
    )


def _row(access: Access, *, today: date) -> dict[str, object]:
    state = access.state(today=today)
    told = ""
    if access.answered_at is not None:
        told = CHANNEL_WORDS[Channel.DESK if access.told is None else access.told.channel]
        if access.told is None:
            told = f"{told}, by {access.answered_by}"
        else:
            told = f"{told} of {said_day(access.told.on)}, {access.told.by}; entered by {access.answered_by}"
    return {
        **question(access),
        "entry": f"/console/disclosures/{access.leaf_index}",
        "said": STATE_WORDS[state] if access.answer is None else ACCESS_ANSWER_WORDS[access.answer],
        "colour": STATE_COLOURS[state]
        if access.answer is None
        else {Answer.YES: "green", Answer.NO: "red", Answer.CANNOT_TELL: "yellow"}[access.answer],
        "told": told,
        "outcome": "" if access.outcome is None else OUTCOME_WORDS[access.outcome],
    }


def _denied(access: Access) -> dict[str, object]:
    address = f"{SAMPLES}/{access.sample.id}/accesses/{access.id}"
    return {
        **question(access),
        "address": address,
        "outcome": f"outcome-{access.id}",
        "incident": f"{ADDRESS[Sort.INCIDENT]}/new?release={access.leaf_index}",
    }


def _entered(wiring: Wiring, sample_id: UUID, form: Form) -> AnyResponse:
    found = service.for_officer(wiring, current_staff(), sample_id=sample_id)
    if not found:
        raise Problem(NOT_FOUND)
    told = _told(form, found[0].sample, today=_today(wiring))
    try:
        answers = answers_in(form)
        wrong = told if isinstance(told, dict) else None
        if not answers:
            still = [each for each in found if each.answer is None]
            wrong = fault(f"answer-{still[0].id}" if still else "by", "Choose at least one answer.")
        if wrong is not None or not isinstance(told, Told):
            return _sample_page(wiring, sample_id, form, error=wrong)
        service.enter(wiring, current_staff(), sample_id, answers, told)
    except NotAskedError:
        return _sample_page(wiring, sample_id, form, error=fault("rows", GONE))
    return redirect(f"{SAMPLES}/{sample_id}", HTTPStatus.SEE_OTHER)


def _told(form: Form, sample: Sample, *, today: date) -> Told | dict[str, str]:
    """Who said it, how and when; or what is wrong with that."""
    by, channel, on = form.one("by"), form.one("channel"), typed_day(form, "said")
    if not by or not by.isprintable() or len(by) > _LONGEST_NAME:
        return fault("by", f"Enter who said it, in at most {_LONGEST_NAME} characters.")
    if channel not in set(Channel) or channel == Channel.DESK:
        return fault("channel", "Choose how it was said.")
    if not isinstance(on, date):
        return fault(f"said-{on or 'day'}", "Enter the day on which it was said.")
    if not sample.drawn_at.astimezone(LONDON).date() <= on <= today:
        return fault("said-day", "Enter a day since the sample was drawn, and not after today.")
    return Told(by, Channel(channel), on)
