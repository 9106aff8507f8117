"""Referrals: written in under a minute, sent, chased, completed and reviewed; and what was considered and not shared.

INVARIANTS
- What was typed is stored before anything is sent, and shown again where it cannot be.
- In an emergency nothing is asked but what cannot wait: no proof, no second page.
- For whoever may not know of a referral its page is not found, like one that never was.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.catalogue import FIELDS
from consent_registry.birthdays import LONDON
from gateway.bank_holidays import bank_holidays_around
from gateway.calendar import mondays
from gateway.cases.model import Role as CaseRole
from gateway.cases.people import FamilyRecord
from gateway.console import pages, referral_form
from gateway.console.consent_form import Form
from gateway.console.extract_page import value_words
from gateway.console.family_views import address_of, fault, for_family, typed
from gateway.console.proof import Proof
from gateway.console.referral_page import in_words
from gateway.console.referral_words import (
    COUNTED_WORDS,
    DUTY_WORDS,
    EXEMPTION_WORDS,
    FINDING_WORDS,
    KIND_WORDS,
    OUTCOME_WORDS,
    PATTERN_WORDS,
    REVIEWER_WORDS,
    STATE_COLOURS,
    STATE_WORDS,
    VISIBILITY_WORDS,
)
from gateway.console.weeks_chart import chart
from gateway.ids import read_id
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.safeguarding import following, pickup, service
from gateway.safeguarding.clocks import Duty, Whose, duties, same_day
from gateway.safeguarding.destinations import destinations
from gateway.safeguarding.drafts import Draft
from gateway.safeguarding.errors import (
    Fault,
    FaultyAnswersError,
    SafeguardingError,
    UnknownReferralError,
)
from gateway.safeguarding.model import (
    Exemption,
    Finding,
    Function,
    Kind,
    Outcome,
    Referral,
    Reviewer,
    State,
    Visibility,
)
from gateway.safeguarding.patterns import PatternKind, by_week, unusual
from gateway.safeguarding.questions import (
    BY_NAME,
    QUESTIONS,
    Question,
    check_complete,
    open_questions,
    still_to_ask,
)
from gateway.safeguarding.sealing import Written
from gateway.safeguarding.service import Opened, Review, Sheet
from gateway.staff.model import Role
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

REFERRALS: Final = "/console/referrals"
QUEUE: Final = f"{REFERRALS}/review"
WEEKS: Final = 12
"""Of the chart, this one among them."""
_LONGEST_NOTE: Final = 4000
_LONGEST_REFERENCE: Final = 64
_NOW, _PROVED, _KEEP = "now", "proved", "keep"


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("referrals", __name__)
    proof = Proof(wiring, provider)

    @blueprint.get("/console/families/<family_id>/refer")
    @for_family
    def begin(family_id: UUID) -> Response:
        sheet = service.sheet(wiring, current_staff(), family_id)
        return pages.render(
            wiring.settings,
            "refer.html",
            title="Has the family agreed?",
            family=sheet.found.record.title,
            back=address_of(family_id),
            address=f"{address_of(family_id)}/refer",
            ring=_ring(sheet),
            duty=bool(wiring.settings.duty_to_share_notice),
            notes=_notes(wiring),
        )

    @blueprint.get("/console/families/<family_id>/refer/<kind>")
    @for_family
    def form(family_id: UUID, kind: str) -> Response:
        draft = read_id(request.args.get("draft", ""))
        if draft is None:
            return _form_page(wiring, family_id, _kind(wiring, kind), _of_note(wiring))
        return _form_page(wiring, family_id, _kind(wiring, kind), _draft(wiring, draft), referral_id=draft)

    @blueprint.post("/console/families/<family_id>/refer/<kind>")
    @for_family
    def refer(family_id: UUID, kind: str) -> AnyResponse:
        return _referred(wiring, proof, family_id, _kind(wiring, kind))

    @blueprint.post("/console/referrals/<referral_id>/send")
    def send(referral_id: str) -> AnyResponse:
        return _send(wiring, proof, pages.named_id(referral_id), emergency=request.form.get("go") == _NOW)

    _add_reading(blueprint, wiring)
    _add_acts(blueprint, wiring)
    app.register_blueprint(blueprint)


def _add_reading(blueprint: Blueprint, wiring: Wiring) -> None:
    """The lists, and one referral."""

    @blueprint.get("/console/referrals")
    def own() -> Response:
        return _list_page(wiring)

    @blueprint.get("/console/referrals/review")
    def review_queue() -> Response:
        return _queue_page(wiring)

    @blueprint.get("/console/referrals/<referral_id>/documents/<number>")
    def document(referral_id: str, number: str) -> Response:
        return _document_page(wiring, pages.named_id(referral_id), number)

    @blueprint.get("/console/referrals/<referral_id>")
    def referral(referral_id: str) -> Response:
        return _referral_page(wiring, pages.named_id(referral_id))


def _add_acts(blueprint: Blueprint, wiring: Wiring) -> None:
    """What is done to a referral that went."""

    @blueprint.post("/console/referrals/<referral_id>/complete")
    def complete(referral_id: str) -> AnyResponse:
        return _completed(wiring, pages.named_id(referral_id))

    @blueprint.post("/console/referrals/<referral_id>/word")
    def word(referral_id: str) -> AnyResponse:
        return _word(wiring, pages.named_id(referral_id))

    @blueprint.post("/console/referrals/<referral_id>/pickup")
    def offer(referral_id: str) -> AnyResponse:
        return _offered(wiring, pages.named_id(referral_id))

    @blueprint.post("/console/referrals/<referral_id>/told")
    def told(referral_id: str) -> AnyResponse:
        return _told(wiring, pages.named_id(referral_id))

    @blueprint.post("/console/referrals/<referral_id>/review")
    def review(referral_id: str) -> AnyResponse:
        return _reviewed(wiring, pages.named_id(referral_id))

    @blueprint.post("/console/referrals/<referral_id>/visibility")
    def visibility(referral_id: str) -> AnyResponse:
        return _visibility(wiring, pages.named_id(referral_id))


def _kind(wiring: Wiring, text: str) -> Kind:
    """The kind that an address names; the duty to share is there where it is switched on.

    Raises: Problem: 404.
    """
    if text not in set(Kind) or (text == Kind.DUTY and not wiring.settings.duty_to_share_notice):
        raise Problem(NOT_FOUND)
    return Kind(text)


def _address(referral_id: UUID) -> str:
    return f"{REFERRALS}/{referral_id}"


def _ring(sheet: Sheet) -> list[dict[str, str]]:
    """Whom to ring, the police's emergency number first."""
    first = {Function.POLICE_999: 0, Function.SAFEGUARDING_HUB: 1, Function.OUT_OF_HOURS: 2}
    ordered = sorted(sheet.destinations, key=lambda each: (first.get(each.function, len(first)), each.name))
    return [{"name": each.name, "phone": each.phone} for each in ordered]


def _subjects(record: FamilyRecord) -> list[dict[str, str]]:
    """About whom it can be: the children, or everybody where no child is on record."""
    children = [each for each in record.people if each.role is CaseRole.CHILD]
    return [{"value": str(each.person_id), "words": each.name} for each in children or record.people]


def _form_page(
    wiring: Wiring,
    family_id: UUID,
    kind: Kind,
    form: Form,
    *,
    referral_id: UUID | None = None,
    faults: Iterable[Fault] = (),
) -> Response:
    sheet = service.sheet(wiring, current_staff(), family_id, kind=kind)
    record = sheet.found.record
    names = {str(each.person_id): each.given for each in record.people}
    said = _answer_choices(sheet)
    wrong = [fault(_element(each.question), each.sentence) for each in faults]
    chosen = form.many("items") if form.one("chosen") else ()
    return pages.render(
        wiring.settings,
        "refer_form.html",
        title=KIND_WORDS[kind],
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        error=wrong[0] if wrong else None,
        wrong=wrong,
        family=record.title,
        back=f"{address_of(family_id)}/refer",
        address=f"{address_of(family_id)}/refer/{kind.value}",
        agreed=f"{address_of(family_id)}/refer/{Kind.AGREED.value}",
        kind=kind.value,
        referral_id=str(referral_id or uuid4()),
        first=[_asked(each, said) for each in referral_form.first(kind)],
        rest=[_asked(each, said) for each in referral_form.rest(kind)],
        form=form,
        people=_subjects(record),
        ring=_ring(sheet),
        offered=[]
        if kind is Kind.CONSIDERED
        else [
            {
                "value": each.key,
                "words": f"{FIELDS[each.item.field].description}: "
                + ", ".join(names.get(person, "") for person in each.item.about),
                "hint": value_words(_named(each.item.value, names)),
                "selected": each.key in chosen if chosen else each.selected,
            }
            for each in sheet.offered
        ],
        overseers=[{"value": each, "words": each} for each in sheet.overseers],
    )


def _draft(wiring: Wiring, referral_id: UUID) -> Form:
    """A draft as its form was filled in."""
    opened = _opened(wiring, referral_id)
    if opened.referral.state is not State.DRAFT:
        raise Problem(NOT_FOUND)
    return referral_form.filled(opened.written)


def _notes(wiring: Wiring) -> list[Draft]:
    """What whoever asks typed on the emergency page and made no referral of yet."""
    return service.notes_of(wiring, current_staff())


def _of_note(wiring: Wiring) -> Form:
    """The form as far as the note that an address names fills it in; empty where it names none."""
    named = request.args.get("note", "")
    found = [each for each in _notes(wiring) if str(each.note_id) == named]
    return referral_form.of_note(found[0]) if found else Form({})


def _named(value: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """A value of the record with names in place of ids."""
    return {name: names.get(held, held) if isinstance(held, str) else held for name, held in value.items()}


def _answer_choices(sheet: Sheet) -> Mapping[str, list[dict[str, str]]]:
    return {
        "people": _subjects(sheet.found.record),
        "destination": [
            {"value": each.code, "words": f"{each.name}: {each.phone}"} for each in sheet.destinations
        ],
    }


def _asked(question: Question, choices: Mapping[str, list[dict[str, str]]]) -> dict[str, object]:
    """A question as its element: what it is called, asks and offers."""
    offered = choices.get(question.name) or [
        {"value": value, "words": words} for value, words in question.choices.items()
    ]
    shape = "text" if question.form is not None else "area"
    if question.name in referral_form.INSTANTS:
        shape = "instant"
    elif offered:
        shape = "several" if question.several else "one"
    hint = "You may leave this out." if question.optional else question.hint
    if question.when is not None:
        other, answer = BY_NAME[question.when[0]], question.when[1]
        hint = f"Only if you answer {other.choices[answer].lower()} to: {other.words}"
    return {
        "name": question.name,
        "words": question.words,
        "hint": hint,
        "choices": offered,
        "shape": shape,
    }


def _element(question: str) -> str:
    """The id of the element at which a fault of a question is shown."""
    return f"{question}-day" if question in referral_form.INSTANTS else question


def _referred(wiring: Wiring, proof: Proof, family_id: UUID, kind: Kind) -> AnyResponse:
    """Store what a form says, and send it where that is what was wanted."""
    form, go = typed(), request.form.get("go", "")
    referral_id = read_id(form.one("referral")) or uuid4()
    if go == _PROVED:
        return _send(wiring, proof, referral_id, emergency=False)
    try:
        said = referral_form.written(form, kind, in_a_hurry=go == _NOW)
        _store(wiring, family_id, referral_id, said, go=go)
    except FaultyAnswersError as error:
        faults = error.faults
    except UnknownReferralError:  # it went: the same form was sent twice
        return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)
    except SafeguardingError as error:
        faults = (Fault("destination", str(error)),)
    else:
        if go == _KEEP or kind is Kind.CONSIDERED or (go == _NOW and kind is not Kind.DUTY):
            return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)
        return _send(wiring, proof, referral_id, emergency=False)
    return _form_page(wiring, family_id, kind, form, referral_id=referral_id, faults=faults)


def _store(wiring: Wiring, family_id: UUID, referral_id: UUID, said: Written, *, go: str) -> None:
    """Keep what was written, and send it where it cannot wait; what goes otherwise has to be whole.

    Raises: SafeguardingError.
    """
    who = current_staff()
    service.write(wiring, who, family_id, referral_id, said)
    if (go == _NOW and said.kind is not Kind.DUTY) or (said.kind is Kind.CONSIDERED and go != _KEEP):
        service.send(wiring, who, referral_id, emergency=True)
    elif go != _KEEP:
        check_complete(said.kind, said.answers)


def _send(wiring: Wiring, proof: Proof, referral_id: UUID, *, emergency: bool) -> AnyResponse:
    """Send a draft: at once in an emergency, else once whoever sends it proved that it is them."""

    def go_on() -> AnyResponse:
        try:
            service.send(wiring, current_staff(), referral_id, emergency=emergency)
        except UnknownReferralError as error:
            raise Problem(NOT_FOUND) from error
        except SafeguardingError:
            return _referral_page(
                wiring, referral_id, error="Something is missing. Answer what is open, or send it now."
            )
        return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)

    if emergency and not service.takes_proof(wiring, current_staff(), referral_id):
        return go_on()
    return proof.then(
        action="referral.send",
        record=str(referral_id),
        back=_address(referral_id),
        carried={"referral": str(referral_id), "go": _PROVED},
        go_on=go_on,
    )


def _roles() -> frozenset[Whose]:
    """Whose duties somebody sees to, beside their own."""
    roles = current_staff().roles
    found = {
        Role.SAFEGUARDING_LEAD: Whose.LEAD,
        Role.DATA_PROTECTION_OFFICER: Whose.OFFICER,
    }
    return frozenset(whose for role, whose in found.items() if role in roles)


def _due(wiring: Wiring, referral: Referral, *, now: datetime) -> list[Duty]:
    """What a referral waits for."""
    days = {at.astimezone(LONDON).date() for at in (now, referral.recorded_at)}
    holidays = frozenset().union(*map(bank_holidays_around, days))
    return duties(referral, now=now, holidays=holidays, limits=service.limits(wiring.settings))


def waiting_for(wiring: Wiring) -> list[tuple[Referral, Duty]]:
    """What whoever asks has to see to, of every referral that exists for them, the most pressing first."""
    who, roles = current_staff(), _roles()
    found, now = service.seen_by(wiring, who)
    mine = [
        (referral, duty)
        for referral in found
        for duty in _due(wiring, referral, now=now)
        if duty.whose & roles or (Whose.AUTHOR in duty.whose and referral.author_id == who.staff_id)
    ]
    return sorted(mine, key=lambda each: (each[1].due, each[1].kind))


def notes_due(wiring: Wiring) -> list[datetime]:
    """By when each note of the emergency page has to be a referral: on the day on which it was typed."""
    return [same_day(each.typed_at) for each in _notes(wiring)]


def _line(
    wiring: Wiring, referral: Referral, *, names: Mapping[str, str], now: datetime
) -> dict[str, object]:
    """A referral as a row: nothing of the family.

    Args:
        names: of destinations, by code; one that is gone is named by its code.
    """
    to = referral.destination or ""
    return {
        "address": _address(referral.id),
        "number": str(referral.id)[:8],
        "kind": KIND_WORDS[referral.kind],
        "to": names.get(to, to) or "nobody",
        "at": referral.sent_at or referral.recorded_at,
        "author": referral.author,
        "state": STATE_WORDS[referral.state],
        "colour": STATE_COLOURS[referral.state],
        "duties": [
            _clock(each, now_overdue=each.is_overdue(now)) for each in _due(wiring, referral, now=now)
        ],
    }


def _destination_names(wiring: Wiring) -> dict[str, str]:
    return {each.code: each.name for each in destinations(wiring)}


def _clock(duty: Duty, *, now_overdue: bool) -> dict[str, object]:
    return {
        "words": DUTY_WORDS[duty.kind],
        "due": duty.due,
        "overdue": now_overdue,
        "counted": "" if duty.counted is None else COUNTED_WORDS[duty.counted],
    }


def _list_page(wiring: Wiring) -> Response:
    who = current_staff()
    found, now = service.seen_by(wiring, who)
    own = [each for each in found if each.author_id == who.staff_id]
    names = _destination_names(wiring)
    return pages.render(
        wiring.settings,
        "referrals.html",
        title="Your referrals",
        notes=_notes(wiring),
        rows=[_line(wiring, each, names=names, now=now) for each in own if each.kind is not Kind.CONSIDERED],
        considered=[
            _line(wiring, each, names=names, now=now) for each in own if each.kind is Kind.CONSIDERED
        ],
    )


def _queue_page(wiring: Wiring) -> Response:
    found, now = service.seen_by(wiring, current_staff())
    names = _destination_names(wiring)
    waiting = [
        {
            "line": _line(wiring, referral, names=names, now=now),
            "duty": _clock(duty, now_overdue=duty.is_overdue(now)),
        }
        for referral, duty in waiting_for(wiring)
    ]
    settled = [each for each in found if each.state is not State.DRAFT]
    weeks = mondays(now.astimezone(LONDON).date(), WEEKS)
    return pages.render(
        wiring.settings,
        "referral_queue.html",
        title="Referrals to look at",
        waiting=waiting,
        unusual=[
            PATTERN_WORDS[each.kind].format(
                about=names.get(each.about, each.about)
                if each.kind is PatternKind.DESTINATION
                else each.about,
                count=each.count,
            )
            for each in unusual(settled, now=now)
        ],
        chart=chart(
            "without-agreement",
            title=f"Sent without agreement in the last {WEEKS} weeks",
            of="Destination",
            mondays=weeks,
            rows=[(names.get(code, code), counts) for code, counts in by_week(settled, weeks).items()],
        ),
        rows=[
            _line(wiring, each, names=names, now=now) for each in settled if each.kind is not Kind.CONSIDERED
        ],
        considered=[
            _line(wiring, each, names=names, now=now) for each in settled if each.kind is Kind.CONSIDERED
        ],
    )


def _opened(wiring: Wiring, referral_id: UUID) -> Opened:
    try:
        return service.look(wiring, current_staff(), referral_id)
    except UnknownReferralError as error:
        raise Problem(NOT_FOUND) from error


def _referral_page(
    wiring: Wiring, referral_id: UUID, *, error: str | None = None, at: str = "acts", form: Form | None = None
) -> Response:
    opened = _opened(wiring, referral_id)
    referral, who = opened.referral, current_staff()
    is_own = referral.author_id == who.staff_id
    people, names = service.people_of(wiring, referral)
    return pages.render(
        wiring.settings,
        "referral.html",
        title=f"{KIND_WORDS[referral.kind]}: {names}",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=None if error is None else fault(at, error),
        address=_address(referral_id),
        back=REFERRALS if is_own else QUEUE,
        line=_line(wiring, referral, names=_destination_names(wiring), now=opened.now),
        referral=referral,
        is_draft=referral.state is State.DRAFT,
        is_own=is_own,
        edit=f"{address_of(referral.family_id)}/refer/{referral.kind.value}",
        form=form or Form({}),
        **_answered(opened, people, is_own=is_own),
        documents=opened.documents,
        fetches=opened.fetches,
        reviews=[_review(each) for each in opened.reviews],
        outcome=None if referral.outcome is None else OUTCOME_WORDS[referral.outcome],
        outcomes=[{"value": each.value, "words": words} for each, words in OUTCOME_WORDS.items()],
        findings=[{"value": each.value, "words": words} for each, words in FINDING_WORDS.items()],
        visibility=VISIBILITY_WORDS[referral.visibility],
        withheld=_withheld(opened),
        exemptions=[{"value": "", "words": "Choose"}]
        + [{"value": each.value, "words": words} for each, words in EXEMPTION_WORDS.items()],
        reviews_as=sorted(whose.value for whose in _roles()) if not is_own else [],
        may_decide_visibility=Whose.OFFICER in _roles() and referral.kind in {Kind.PROTECTION, Kind.DUTY},
    )


def _answered(opened: Opened, people: list[dict[str, str]], *, is_own: bool) -> dict[str, object]:
    """What was answered, what is open, and what its author is asked next."""
    kind, written = opened.referral.kind, opened.written
    asked = still_to_ask(kind, written.answers) if is_own else ()
    return {
        "answers": [
            {"key": each.words, "value": _said(written, each, people)}
            for each in QUESTIONS
            if written.answers.get(each.name)
        ],
        "follows": [_asked(BY_NAME[name], {"people": people}) for name in asked],
        "open": [BY_NAME[name].words for name in open_questions(kind, written.answers)],
    }


def _review(review: Review) -> dict[str, object]:
    """What somebody found, for the timeline."""
    found = "; ".join(FINDING_WORDS[each] for each in review.findings)
    return {
        "title": REVIEWER_WORDS[review.reviewer],
        "byline": review.by,
        "at": review.at,
        "body": f"{found}. {review.note}" if review.note else found,
    }


def _withheld(opened: Opened) -> dict[str, str] | None:
    """Who keeps it out of a family's statement, on which ground and why; absent: nobody does."""
    if opened.withheld is None:
        return None
    return {
        "by": opened.withheld.by,
        "ground": EXEMPTION_WORDS[opened.withheld.exemption],
        "reason": opened.withheld.reason,
    }


def _said(written: Written, question: Question, people: Iterable[Mapping[str, str]]) -> str:
    """One answer in words."""
    said = written.answers[question.name]
    choices = (
        {each["value"]: each["words"] for each in people}
        if question.name == "people"
        else dict(question.choices)
    )
    values = (said,) if isinstance(said, str) else said
    return ", ".join(choices.get(value, value) for value in values)


def _document_page(wiring: Wiring, referral_id: UUID, number: str) -> Response:
    """One document as it went, for printing."""
    found = [each for each in _opened(wiring, referral_id).documents if str(each.number) == number]
    if not found:
        raise Problem(NOT_FOUND)
    return pages.render(
        wiring.settings,
        "referral_document.html",
        title="Safeguarding referral",
        person="",
        back=_address(referral_id),
        **in_words(found[0]),
    )


def _offered(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    """Let a named person take the newest document, and show the code that is told them by phone, once."""
    try:
        offered = pickup.offer(wiring, current_staff(), referral_id, request.form.get("person", ""))
    except UnknownReferralError as error:
        raise Problem(NOT_FOUND) from error
    except SafeguardingError as error:
        return _referral_page(wiring, referral_id, error=str(error), at="person")
    return pages.render(
        wiring.settings,
        "referral_code.html",
        title="Tell them this code",
        back=_address(referral_id),
        where=f"{wiring.settings.public_url}/pickup/{offered.pickup_id}",
        code=offered.code,
    )


def _completed(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    form = typed()
    try:
        opened = _opened(wiring, referral_id)
        said = referral_form.written(form, opened.referral.kind)
        service.complete(wiring, current_staff(), referral_id, said.answers)
    except UnknownReferralError as error:
        raise Problem(NOT_FOUND) from error
    except FaultyAnswersError as error:
        first = error.faults[0]
        return _referral_page(
            wiring, referral_id, error=first.sentence, at=_element(first.question), form=form
        )
    except SafeguardingError as error:
        return _referral_page(wiring, referral_id, error=str(error), form=form)
    return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)


def _word(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    """What they said on the phone: that it arrived, or what they decided."""
    said, reference = request.form.get("outcome", ""), request.form.get("reference", "").strip()
    if not (reference.isprintable() and len(reference) <= _LONGEST_REFERENCE):
        return _referral_page(wiring, referral_id, error="Enter a shorter reference.", at="reference")
    try:
        if said == "arrived":
            following.acknowledge(wiring, current_staff(), referral_id)
        elif said in set(Outcome):
            following.decide(wiring, current_staff(), referral_id, outcome=Outcome(said), reference=reference)
        else:
            return _referral_page(wiring, referral_id, error="Choose what they said.", at="outcome")
    except UnknownReferralError as error:
        raise Problem(NOT_FOUND) from error
    return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)


def _told(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    form = typed()
    by, on = form.one("told_by"), referral_form.typed_day(form, "tell-on")
    if isinstance(on, str):
        return _referral_page(
            wiring, referral_id, error="Enter a day, for example 27 3 2026.", at=f"tell-on-{on}"
        )
    if len(by) > _LONGEST_NOTE:
        return _referral_page(wiring, referral_id, error="Make this shorter.", at="told_by")
    return _done(
        wiring,
        referral_id,
        lambda: following.tell(wiring, current_staff(), referral_id, told_by=by, tell_on=on),
        at="told_by",
    )


def _reviewed(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    form = typed()
    as_, found, note = form.one("as"), form.many("findings"), form.one("note")
    if as_ not in {whose.value for whose in _roles()}:
        raise Problem(NOT_FOUND)
    if not set(found) <= set(Finding) or len(note) > _LONGEST_NOTE:
        return _referral_page(wiring, referral_id, error="Choose what you found.", at="findings")
    return _done(
        wiring,
        referral_id,
        lambda: following.review(
            wiring,
            current_staff(),
            referral_id,
            reviewer=Reviewer(as_),
            findings=[Finding(each) for each in found],
            remark=note,
        ),
        at="findings",
    )


def _visibility(wiring: Wiring, referral_id: UUID) -> AnyResponse:
    if Whose.OFFICER not in _roles():
        raise Problem(NOT_FOUND)
    form = typed()
    wanted, ground, until = form.one("visibility"), form.one("ground"), referral_form.typed_day(form, "until")
    reason = form.one("why")
    if wanted not in {Visibility.SHOW, Visibility.WITHHOLD} or isinstance(until, str):
        return _referral_page(
            wiring, referral_id, error="Choose one, and enter a day, for example 27 3 2026.", at="visibility"
        )
    if len(reason) > _LONGEST_NOTE:
        return _referral_page(wiring, referral_id, error="Say it in fewer words.", at="why")
    known = Exemption(ground) if ground in set(Exemption) else None
    return _done(
        wiring,
        referral_id,
        lambda: following.set_visibility(
            wiring,
            current_staff(),
            referral_id,
            visibility=Visibility(wanted),
            exemption=known,
            until=until if isinstance(until, date) else None,
            reason=reason,
        ),
        at="visibility",
    )


def _done(wiring: Wiring, referral_id: UUID, act: Callable[[], None], *, at: str) -> AnyResponse:
    """Do something to a referral and go back to its page; what is wrong with it is said there."""
    try:
        act()
    except UnknownReferralError as error:
        raise Problem(NOT_FOUND) from error
    except SafeguardingError as error:
        return _referral_page(wiring, referral_id, error=str(error), at=at, form=typed())
    return redirect(_address(referral_id), HTTPStatus.SEE_OTHER)
