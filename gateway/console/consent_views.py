"""Recording what a family says: a yes page by page, a no on one page, and the paper they take home.

INVARIANTS
- What will change is shown before it is confirmed, by the act itself, rehearsed.
- It is in effect before the confirmation is shown.
- A yes is decided on what stood when its form was begun; where somebody recorded something since, nothing typed is
  lost, and what changed is shown.
- Stopping takes no more pages, fields or clicks than agreeing.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.catalogue import FIELDS
from agencies.model import AgencyCode, Condition, Level, Profile, Stage
from agencies.repository import effective_profile, effective_version
from consent_registry.birthdays import LONDON
from consent_registry.errors import (
    ConflictingReplayError,
    ContestedError,
    InvalidDocumentError,
    OverruledError,
    StandingMovedError,
)
from consent_registry.model import Capacity, ConsentDecision
from gateway.cases import lookup
from gateway.cases.errors import UnreadablePartError
from gateway.cases.people import FamilyRecord, PersonOfFamily
from gateway.consent.overview import Overview, overview
from gateway.consent.receipt import receipt_for
from gateway.consent.receipt_words import CATEGORY_WORDS, FIELD_WORDS, PURPOSE_WORDS, words_of_data
from gateway.consent.repository import everyone
from gateway.consent.together import AgencyChange, Answer, Rehearsal, decide_together, rehearse
from gateway.console import pages
from gateway.console.consent_form import (
    AUTHORITIES,
    BASES,
    METHODS,
    SERVED,
    Background,
    Form,
    Page,
    Spoken,
    What,
    Wrong,
    capacities,
    decision_id,
    faults,
    next_page,
    noes,
    pages_of,
    speakers,
    subjects,
    talks_first,
    yeses,
)
from gateway.console.family_views import address_of, fault, for_family, typed, works_with
from gateway.console.words import EFFECT_WORDS, STATE_COLOURS, STATE_WORDS, day, instant
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.recall.model import SENSITIVE_KINDS
from gateway.wiring import Wiring

_TITLES: Final = {
    Page.SPEAKER: "Who is speaking?",
    Page.ABOUT: "Whose information may be shared?",
    Page.WHAT: "What do they agree to?",
    Page.CHOOSE: "Choose what they agree to",
    Page.HOW: "How did they agree?",
    Page.CHECK: "Check what was said",
}
_NOT_CARRIED: Final = frozenset({"form_token", "go", "page"})
_ACT_WORDS: Final = {
    "enter_in_error": "A decision was found to be a mistake",
    "give": "A yes",
    "hold": "On hold",
    "invalidate": "An agreement was found invalid",
    "refuse": "A no",
    "withdraw": "Sharing was stopped",
}
_REFUSED: Final = {
    ConflictingReplayError: "This form was sent before with other answers. Begin again from the family's page.",
    ContestedError: "Another parent said no. A manager records how that was settled, before a yes counts.",
    UnreadablePartError: "A part of this family's record cannot be read, so no yes can be recorded. Tell the operator.",
    OverruledError: "The young person's own answer stands; a parent's yes does not change it.",
}
_FIELD_OF: Final = {
    "/alone_and_safe": "alone",
    "/evidence/parental_responsibility": "basis",
    "/given_by/capacity": "about",
    "/given_by/person": "speaker",
    "/notice/language": "language",
    "/person": "about",
    "/valid_from": "until-day",
    "/valid_until": "until-day",
}
_PAGE_OF: Final = {"about": Page.ABOUT, "speaker": Page.SPEAKER}


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("consents", __name__)

    @blueprint.get("/console/families/<family_id>/agree")
    @for_family
    def agree(family_id: UUID) -> AnyResponse:
        record = lookup.view(wiring, current_staff(), family_id).record
        return _Giving(wiring, record).begin(request.args.get("like", ""))

    @blueprint.post("/console/families/<family_id>/agree")
    @for_family
    def agreeing(family_id: UUID) -> AnyResponse:
        record = lookup.view(wiring, current_staff(), family_id).record
        return _Giving(wiring, record).go_on(typed())

    @blueprint.get("/console/families/<family_id>/stop")
    @for_family
    def stop(family_id: UUID) -> AnyResponse:
        record = lookup.view(wiring, current_staff(), family_id).record
        return _Stopping(wiring, record).begin()

    @blueprint.post("/console/families/<family_id>/stop")
    @for_family
    def stopping(family_id: UUID) -> AnyResponse:
        record = lookup.view(wiring, current_staff(), family_id).record
        return _Stopping(wiring, record).go_on(typed())

    @blueprint.get("/console/families/<family_id>/recorded/<form_id>")
    @for_family
    def recorded(family_id: UUID, form_id: str) -> AnyResponse:
        found = lookup.view(wiring, current_staff(), family_id)
        return _recorded_page(wiring, found.record, form_id)

    @blueprint.get("/console/families/<family_id>/receipts/<person_id>")
    @for_family
    def receipt(family_id: UUID, person_id: str) -> AnyResponse:
        record = lookup.view(wiring, current_staff(), family_id).record
        person = next((each for each in record.people if str(each.person_id) == person_id), None)
        if person is None:
            raise Problem(NOT_FOUND)
        found = receipt_for(wiring, record.identity, person.person_id)
        return pages.paper(found.to_html(large_print=request.args.get("print") == "large"))

    app.register_blueprint(blueprint)


class _Journey:
    """What both journeys know: the family, what stands, and who is asking."""

    def __init__(self, wiring: Wiring, record: FamilyRecord) -> None:
        self.wiring = wiring
        self.record = record
        self.identity = record.identity
        self.username = current_staff().username
        self.address = address_of(record.identity.family_id)
        with wiring.engine.connect() as connection:
            keys = wiring.keyring.family(connection, record.identity.family_id)
            self.overview: Overview = overview(connection, record.identity, keys, wiring.settings)
            self.everyone = everyone(connection, record.identity.family_id)
            self.profiles: dict[str, Profile] = {}
            shown = {}
            for agency in self.overview.agencies:
                version = effective_version(connection, AgencyCode(agency.code))
                profile = effective_profile(connection, AgencyCode(agency.code))
                if version is not None and profile is not None:
                    shown[str(agency.code)] = version
                    self.profiles[str(agency.code)] = profile
        self.today = self.overview.now.astimezone(LONDON).date()
        self.background = Background(
            record=record,
            today=self.today,
            lapse_at_sixteen=wiring.settings.lapse_at_sixteen,
            username=self.username,
            shown=shown,
            notice=wiring.settings.consent_notice,
        )
        self.knows_all = works_with(record)
        self.names = {each.person_id: each.name for each in record.people}

    def fresh(self) -> dict[str, tuple[str, ...]]:
        """What a new form carries: its own id, and the version of everybody's standing."""
        versions = {
            f"version-{person}": (str(each.version),) for person, each in self.overview.people.items()
        }
        return {"form": (str(uuid4()),), **versions}

    def answers(self, spoken: Sequence[Spoken], form: Form) -> list[Answer]:
        """The decisions of a form, as the registry takes them."""
        versions = form.versions()
        return [
            Answer(each.person_id, each.speaker_id, each.document, versions.get(each.person_id))
            for each in spoken
        ]

    def record_all(self, spoken: Sequence[Spoken], form: Form) -> AnyResponse:
        """Record what was said, and show the way to its confirmation."""
        decide_together(self.wiring, self.identity, self.answers(spoken, form), actor=self.username)
        return redirect(f"{self.address}/recorded/{form.id}", HTTPStatus.SEE_OTHER)

    def rehearsed(self, spoken: Sequence[Spoken], form: Form) -> Rehearsal:
        """What recording it would do."""
        return rehearse(self.wiring, self.identity, self.answers(spoken, form), actor=self.username)

    def page(
        self, template: str, form: Form, *, title: str, error: Wrong | None = None, **more: object
    ) -> Response:
        """A page of the journey, with everything that was typed before."""
        carried = [
            (name, value)
            for name, values in form.fields.items()
            if name not in _NOT_CARRIED
            for value in values
        ]
        return pages.render(
            self.wiring.settings,
            template,
            title=title,
            status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
            error=None if error is None else fault(error.field, error.sentence),
            record=self.record,
            address=self.address,
            form=form,
            carried=carried,
            **more,
        )

    def agencies(self) -> list[dict[str, str]]:
        """Every service that takes part, as choices."""
        return [
            {"value": str(each.code), "words": each.name}
            for each in sorted(self.overview.agencies, key=lambda each: each.name.casefold())
            if each.code in self.background.shown
        ]

    def changes(self, rehearsal: Rehearsal) -> list[dict[str, object]]:
        """What would change; services for which the same does are one row, those for which nothing does come last."""
        rows: dict[str, dict[str, object]] = {}
        for each in rehearsal.agencies:
            row = self._change(each)
            same = rows.setdefault(repr(row), {**row, "agencies": []})
            names = same["agencies"]
            if isinstance(names, list):
                names.append(each.name)
        return sorted(rows.values(), key=lambda row: not row["moves"])

    def effects(self, spoken: Sequence[Spoken], rehearsal: Rehearsal) -> list[dict[str, str]]:
        """What each decision would do."""
        return [
            {
                "name": self.names.get(each.person_id, "Somebody who is in the record no more"),
                "words": "recorded before" if told.effect is None else EFFECT_WORDS[told.effect],
            }
            for each, told in zip(spoken, rehearsal.recorded, strict=True)
        ]

    def _change(self, change: AgencyChange) -> dict[str, object]:
        def listed(data: dict[UUID, frozenset[str]]) -> list[str]:
            return [
                f"{self.names.get(person, 'somebody')}: {_data_words(codes)}"
                for person, codes in data.items()
            ]

        # That a refuge has had something is a secret of its own; that it may be told, everybody agreed to.
        told = self.knows_all or change.kind not in SENSITIVE_KINDS
        return {
            "stops": listed(dict(change.stops)),
            "continues": listed(dict(change.continues)),
            "begins": listed(dict(change.begins)),
            "asks_now": told and change.asks_now,
            "copies": change.copies if told else 0,
            "called_back": change.called_back if told else 0,
            "moves": bool(change.stops or change.begins or (told and change.called_back)),
        }


class _Giving(_Journey):
    """The pages of a yes."""

    def begin(self, like: str) -> AnyResponse:
        """The first page; ``like`` names a person whose agreement is to be changed."""
        fields = self.fresh()
        person = next((each for each in self.overview.people if str(each) == like), None)
        given = None if person is None else self.overview.people[person].standing.given
        if given is not None:
            fields |= {
                "about": (like,),
                "what": (What.CHOSEN.value,),
                "agencies": tuple(sorted(given.scope.agencies)),
                "data": tuple(sorted(given.scope.categories)),
                "named": tuple(sorted(given.scope.fields)),
                "purposes": tuple(sorted(given.scope.purposes)),
            }
        return self._show(Page.SPEAKER, Form(fields))

    def go_on(self, form: Form) -> AnyResponse:
        """The next page, an earlier one, or what recording it comes to."""
        page, go = form.one("page"), form.one("go")
        if page not in set(Page) or form.id is None:
            raise Problem(NOT_FOUND)
        if go in set(Page):
            return self._show(Page(go), form)
        wrong = next(faults(Page(page), form, self.background), None)
        if wrong is not None:
            return self._show(_page_of(wrong, Page(page)), form, error=wrong)
        if page == Page.WHAT and form.one("what") == What.TALK_FIRST:
            return _Stopping(self.wiring, self.record).check(talks_first(form))
        if page != Page.CHECK:
            return self._show(next_page(Page(page), form), form)
        return self._record(form)

    def _record(self, form: Form) -> AnyResponse:
        try:
            return self.record_all(yeses(form, self.background), form)
        except StandingMovedError:
            return self._moved(form)
        except InvalidDocumentError as error:
            return self._refused(form, error)
        except tuple(_REFUSED) as error:
            return self._show(Page.CHECK, form, error=Wrong("confirm", _REFUSED[type(error)]))

    def _refused(self, form: Form, error: InvalidDocumentError) -> AnyResponse:
        """Say on the page where it can be mended why a yes cannot be recorded."""
        wrong = _wrong(error)
        return self._show(_page_of(wrong, Page.HOW), form, error=wrong)

    def _moved(self, form: Form) -> AnyResponse:
        """Show what was recorded since the form was begun; the same answers can be confirmed on it."""
        versions = form.versions()
        since = [
            {
                "name": self.names.get(person, ""),
                "words": _ACT_WORDS[decision.act.value],
                "at": decision.recorded_at,
            }
            for person in form.about
            if person in self.overview.people
            for decision in self.overview.people[person].history[versions.get(person, 0) :]
        ]
        now = {name: values for name, values in self.fresh().items() if name.startswith("version-")}
        wrong = Wrong("moved", "Somebody recorded something since you began. Read it, then confirm again.")
        return self._show(Page.CHECK, Form({**form.fields, **now}), error=wrong, since=since)

    def _show(
        self, page: Page, form: Form, *, error: Wrong | None = None, since: Sequence[object] = ()
    ) -> Response:
        title = _TITLES[page]
        more: dict[str, object] = {"page": page, "back": _before(page, form)}
        if page is Page.CHECK:
            checked = self._checked(form)
            if isinstance(checked, Response):
                return checked
            return self.page(
                "agree_check.html", form, title=title, error=error, since=since, **more, **checked
            )
        own = {
            Page.SPEAKER: {"speaker"},
            Page.ABOUT: {"about"},
            Page.WHAT: {"what"},
            Page.CHOOSE: {"agencies", "data", "named", "purposes"},
            Page.HOW: _HOW_FIELDS,
        }[page]
        speaker = form.speaker
        known = None if speaker is None else self.record.person(speaker)
        language = form.one("language") or (known.language if known and known.language else "en")
        kinds = capacities(self.background, form)
        stated = [self.record.members.parental.get((speaker, each)) for each in form.about] if speaker else []
        return self.page(
            "agree.html",
            form,
            title=title,
            error=error,
            own=own,
            speakers=_people(speakers(self.record)),
            subjects=_people(subjects(self.background, speaker)) if speaker else [],
            agencies=self.agencies(),
            shown=self._shown(),
            data=_choices(CATEGORY_WORDS),
            named=_choices(FIELD_WORDS),
            purposes=[{"value": code, "words": PURPOSE_WORDS[code]} for code in SERVED],
            methods=_choices(METHODS),
            bases=[{"value": "", "words": "Choose"}, *_choices(BASES)],
            basis=form.one("basis") or next((each for each in stated if each in BASES), ""),
            authorities=[{"value": "", "words": "Choose"}, *_choices(AUTHORITIES)],
            asks={
                "parental": Capacity.PARENTAL_RESPONSIBILITY in kinds,
                "competence": Capacity.COMPETENT_CHILD in kinds,
                "authority": Capacity.REPRESENTATIVE in kinds,
                "care": self.record.members.needs_care,
                "interpreter": bool(known and known.needs_interpreter) or form.one("method") in METHODS,
            },
            language=language,
            until={part: form.one(f"until-{part}") for part in ("day", "month", "year")},
            months=self.wiring.settings.consent_months,
            **more,
        )

    def _checked(self, form: Form) -> dict[str, object] | Response:
        """The answers as rows, and what they will do; or the page where something is wrong with them."""
        wrong = next(faults(Page.CHECK, form, self.background), None)
        if wrong is not None:
            return self._show(_page_of(wrong, Page.HOW), form, error=wrong)
        spoken = yeses(form, self.background)
        refusal: Wrong | None = None
        rehearsal: Rehearsal | None = None
        try:
            # On what stands now: what somebody recorded meanwhile is said when it is confirmed.
            now = {name: values for name, values in self.fresh().items() if name.startswith("version-")}
            rehearsal = self.rehearsed(spoken, Form({**form.fields, **now}))
        except InvalidDocumentError as error:
            refusal = _wrong(error)
        except tuple(_REFUSED) as error:
            refusal = Wrong("confirm", _REFUSED[type(error)])
        if refusal is not None and refusal.field != "confirm":
            return self._show(_page_of(refusal, Page.HOW), form, error=refusal)
        return {
            "rows": self._rows(form, spoken),
            "refusal": refusal,
            "changes": [] if rehearsal is None else self.changes(rehearsal),
            "effects": [] if rehearsal is None else self.effects(spoken, rehearsal),
        }

    def _rows(self, form: Form, spoken: Sequence[Spoken]) -> list[dict[str, object]]:
        speaker = form.speaker
        document = spoken[0].document if spoken else {}
        agencies = document.get("agencies")
        purposes = found if isinstance(found := document.get("purposes"), list) else []
        data = [document.get("categories"), document.get("fields")]
        codes = frozenset(str(code) for each in data if isinstance(each, list) for code in each)
        names = {each["value"]: each["words"] for each in self.agencies()}
        ends = document.get("valid_until")
        return [
            {
                "key": "Who is speaking",
                "value": self.names.get(speaker or UUID(int=0), ""),
                "go": Page.SPEAKER,
            },
            {
                "key": "About",
                "value": ", ".join(self.names[each.person_id] for each in spoken),
                "go": Page.ABOUT,
            },
            {
                "key": "Services",
                "value": ", ".join(names[str(code)] for code in agencies)
                if isinstance(agencies, list)
                else "",
                "go": Page.WHAT,
            },
            {"key": "Information", "value": _data_words(codes), "go": Page.WHAT},
            {
                "key": "What for",
                "value": "; ".join(PURPOSE_WORDS[str(code)] for code in purposes),
                "go": Page.WHAT,
            },
            {"key": "How", "value": METHODS.get(form.one("method"), ""), "go": Page.HOW},
            {
                "key": "Ends",
                "value": str(ends) if ends else f"after {self.wiring.settings.consent_months} months",
                "go": Page.HOW,
            },
        ]

    def _shown(self) -> list[dict[str, str]]:
        """What each service would be given, in the words of its effective profile: what the family is shown."""
        names = {str(each.code): each.name for each in self.overview.agencies}
        return [
            {"agency": names[code], "words": _profile_words(profile)}
            for code, profile in sorted(self.profiles.items(), key=lambda each: names[each[0]].casefold())
        ]


class _Stopping(_Journey):
    """The page of a no, and its check."""

    def begin(self) -> AnyResponse:
        """The one page of questions, none of which has to be answered."""
        return self._ask(Form(self.fresh()))

    def go_on(self, form: Form) -> AnyResponse:
        """Show what it will do, or do it."""
        if form.id is None:
            raise Problem(NOT_FOUND)
        if form.one("go") == "ask":
            return self._ask(form)
        if form.one("page") != Page.CHECK:
            return self.check(form)
        return self.record_all(self._spoken(form), form)

    def check(self, form: Form) -> AnyResponse:
        """What will stop, what goes on and why, and who has had something already."""
        spoken = self._spoken(form)
        if not spoken:
            raise Problem(NOT_FOUND)
        rehearsal = self.rehearsed(spoken, form)
        changes = self.changes(rehearsal)
        return self.page(
            "stop_check.html",
            form,
            title="Check what will stop",
            changes=changes,
            effects=self.effects(spoken, rehearsal),
            nothing=not any(row["moves"] for row in changes),
        )

    def _spoken(self, form: Form) -> list[Spoken]:
        return noes(form, self.background, everyone=self.everyone)

    def _ask(self, form: Form) -> Response:
        return self.page(
            "stop.html",
            form,
            title="What did they say?",
            own={"said", "speaker", "about", "agencies"},
            people=_people(self.record.people),
            speakers=_people(speakers(self.record)),
            agencies=self.agencies(),
        )


_HOW_FIELDS: Final = frozenset(
    {
        "alone",
        "authority",
        "authority-seen",
        "basis",
        "competence",
        "interpreter",
        "language",
        "method",
        "seen",
        "until-day",
        "until-month",
        "until-year",
    }
)


def _before(page: Page, form: Form) -> Page | None:
    """The page before this one; absent: it is the first."""
    order = [*pages_of(form), Page.CHECK]
    place = order.index(page) if page in order else 0
    return order[place - 1] if place else None


def _wrong(error: InvalidDocumentError) -> Wrong:
    """The first fault of a document, beside the field of the form that it comes from."""
    found = error.faults[0]
    field = next((name for place, name in _FIELD_OF.items() if found.pointer.startswith(place)), "method")
    return Wrong(field, found.reason)


def _page_of(wrong: Wrong, otherwise: Page) -> Page:
    """The page on which something can be mended."""
    return _PAGE_OF.get(wrong.field, otherwise)


def _people(people: Sequence[PersonOfFamily]) -> list[dict[str, str]]:
    return [{"value": str(each.person_id), "words": each.name} for each in people]


def _choices(words: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"value": code, "words": each} for code, each in words.items()]


def _data_words(codes: frozenset[str]) -> str:
    """Kinds of information in words; all of them in three."""
    categories = [words for code, words in CATEGORY_WORDS.items() if code in codes]
    named = [words_of_data(code) for code in sorted(codes - CATEGORY_WORDS.keys())]
    whole = len(categories) == len(CATEGORY_WORDS)
    return "; ".join([*(["everything but what has to be named"] if whole else categories), *named])


def _profile_words(profile: Profile) -> str:
    """The kinds of information that a profile gives at any stage."""
    given = {
        str(field.category or name)
        for name, field in FIELDS.items()
        for stage in Stage
        if profile.level(name, stage=stage, conditions=frozenset({Condition.ALWAYS})) > Level.W
    }
    words = [CATEGORY_WORDS[code] for code in CATEGORY_WORDS if code in given]
    words += [f"{FIELD_WORDS[code]} (only when it is named)" for code in FIELD_WORDS if code in given]
    return "; ".join(words) or "nothing"


def _recorded_page(wiring: Wiring, record: FamilyRecord, form_id: str) -> Response:
    """What one form recorded, read again from the registry."""
    try:
        form = UUID(form_id)
    except ValueError as error:
        raise Problem(NOT_FOUND) from error
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, record.identity.family_id)
        standing = overview(connection, record.identity, keys, wiring.settings)
    names = {each.person_id: each.name for each in record.people}
    made: list[tuple[UUID, ConsentDecision]] = [
        (person, decision)
        for person, each in standing.people.items()
        for decision in each.history
        if decision.decision_id == decision_id(form, person)
    ]
    if not made:
        raise Problem(NOT_FOUND)
    opens = made[0][1].act.opens
    return pages.render(
        wiring.settings,
        "recorded.html",
        title="Sharing is agreed" if opens else "It is recorded, and in effect",
        record=record,
        address=address_of(record.identity.family_id),
        opens=opens,
        since=instant(made[0][1].recorded_at),
        rows=[
            {
                "name": names.get(person, ""),
                "person": person,
                "state": STATE_WORDS[standing.people[person].state],
                "colour": STATE_COLOURS[standing.people[person].state],
                "until": ""
                if decision.valid_until is None or not decision.act.opens
                else day(decision.valid_until),
            }
            for person, decision in made
        ],
    )
