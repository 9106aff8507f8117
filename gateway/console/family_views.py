"""Finding a family, and its page: who is in it, what stands, who got what."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, Final, ParamSpec
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.repository import all_agencies
from consent_registry.birthdays import LONDON
from gateway.cases import lookup
from gateway.cases.errors import UnknownCaseError
from gateway.cases.lookup import Listed, Match, OpeningReason, ReasonNeededError
from gateway.cases.people import FamilyRecord
from gateway.cases.search import IndexKind, name_and_birth
from gateway.consent.overview import Overview, overview
from gateway.console import history, pages
from gateway.console.consent_form import Form, typed_date
from gateway.console.drawing import draw, words_of
from gateway.console.words import (
    OPENING_WORDS,
    REACH_WORDS,
    RELATIONSHIP_WORDS,
    STATE_COLOURS,
    STATE_WORDS,
    cell_words,
)
from gateway.disclosure_log.reading import of_family
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.recall.model import SENSITIVE_KINDS
from gateway.staff.model import Role
from gateway.wiring import Wiring

FAMILIES: Final = "/console/families"
_LINES: Final = 60
_LONGEST: Final = 128
"""The longest reference that is looked for."""

P = ParamSpec("P")


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("families", __name__)
    settings = wiring.settings

    @blueprint.get("/console/families")
    def own() -> Response:
        found = lookup.families_of(wiring, current_staff(), team=False)
        return pages.render(
            settings, "families.html", title="Your families", families=_listed(found), team=False
        )

    @blueprint.get("/console/families/team")
    def team() -> Response:
        found = lookup.families_of(wiring, current_staff(), team=True)
        return pages.render(
            settings, "families.html", title="Your team's families", families=_listed(found), team=True
        )

    @blueprint.get("/console/families/find")
    def search() -> Response:
        return _search_page(wiring, Form({}))

    @blueprint.post("/console/families/find")
    def find() -> AnyResponse:
        return _found(wiring, typed())

    @blueprint.get("/console/families/<family_id>")
    @for_family
    def family(family_id: UUID) -> Response:
        return _family_page(wiring, lookup.view(wiring, current_staff(), family_id))

    @blueprint.get("/console/families/<family_id>/open")
    @for_family
    def reason(family_id: UUID) -> Response:
        return _reason_page(wiring, family_id)

    @blueprint.post("/console/families/<family_id>/open")
    @for_family
    def open_family(family_id: UUID) -> AnyResponse:
        chosen = request.form.get("reason", "")
        if chosen not in set(OpeningReason):
            return _reason_page(wiring, family_id, error=fault("reason", "Choose why you need to look."))
        lookup.open_family(wiring, current_staff(), family_id, OpeningReason(chosen))
        return redirect(address_of(family_id), HTTPStatus.SEE_OTHER)

    app.register_blueprint(blueprint)


def for_family(
    view: Callable[Concatenate[UUID, P], AnyResponse],
) -> Callable[..., AnyResponse]:
    """A page of one family: what is no family for whoever asks is not found, and another's asks for a reason."""

    @wraps(view)
    def shown(family_id: str, *args: P.args, **kwargs: P.kwargs) -> AnyResponse:
        known = pages.named_id(family_id)
        try:
            return view(known, *args, **kwargs)
        except UnknownCaseError as error:
            raise Problem(NOT_FOUND) from error
        except ReasonNeededError:
            return redirect(f"{address_of(known)}/open", HTTPStatus.SEE_OTHER)

    return shown


def address_of(family_id: UUID) -> str:
    """Where the page of a family is."""
    return f"{FAMILIES}/{family_id}"


def typed() -> Form:
    """What the form of this request says."""
    return Form({name: tuple(values) for name, values in request.form.lists() if name != "form_token"})


def fault(field: str, sentence: str) -> dict[str, str]:
    """What a page says is wrong, and beside which element."""
    return {"field": field, "sentence": sentence}


def people_table(record: FamilyRecord, *, today: date) -> list[dict[str, object]]:
    """Everybody of a family as a row of words."""
    names = {each.person_id: each.name for each in record.people}
    return [
        {
            "person": person,
            "words": words_of(person, today=today),
            "relations": [
                f"{RELATIONSHIP_WORDS.get(each.relationship, each.relationship.lower())} of {names[each.to]}"
                for each in record.members.relations
                if each.member == person.person_id and each.to in names
            ],
        }
        for person in record.people
    ]


def _listed(found: list[Listed]) -> list[dict[str, object]]:
    return [
        {
            "address": address_of(each.record.identity.family_id),
            "title": each.record.title,
            "children": ", ".join(
                person.given for person in each.record.people if person.role.value == "child"
            ),
            "workers": ", ".join(each.record.workers),
        }
        for each in found
    ]


def _search_page(
    wiring: Wiring,
    form: Form,
    *,
    error: dict[str, str] | None = None,
    matches: list[Match] | None = None,
) -> Response:
    return pages.render(
        wiring.settings,
        "find.html",
        title="Find a family",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        form=form,
        born={part: form.one(f"born-{part}") for part in ("day", "month", "year")},
        matches=None
        if matches is None
        else [
            {
                "address": address_of(each.family_id),
                "words": REACH_WORDS[each.reach],
                "opens": each.reach.opens,
                "people": each.people,
                "workers": ", ".join(each.workers),
            }
            for each in matches
        ],
    )


def _found(wiring: Wiring, form: Form) -> Response:
    """Search by what was typed: a number, or a whole name with a date of birth."""
    who = current_staff()
    number = form.one("number")
    if number:
        if not number.isprintable() or len(number) > _LONGEST:
            return _search_page(wiring, form, error=fault("number", "Enter a number or a reference."))
        kinds = (IndexKind.NHS_NUMBER, IndexKind.PUPIL_NUMBER)
        matches = lookup.find_by_reference(wiring, who, number)
        for kind in kinds if not matches else ():
            matches = matches or lookup.find(wiring, who, kind=kind, value=number)
        return _search_page(wiring, form, matches=matches)
    given, family, born = form.one("given"), form.one("family"), typed_date(form, "born")
    if not given or not family:
        missing = "given" if not given else "family"
        return _search_page(wiring, form, error=fault(missing, "Enter the whole name, or a number."))
    if not isinstance(born, date):
        return _search_page(
            wiring,
            form,
            error=fault(f"born-{born or 'day'}", "Enter the date of birth, for example 27 3 2014."),
        )
    value = name_and_birth(given, family, born.isoformat())
    return _search_page(wiring, form, matches=lookup.find(wiring, who, kind=IndexKind.NAME_DOB, value=value))


def _reason_page(wiring: Wiring, family_id: UUID, *, error: dict[str, str] | None = None) -> Response:
    return pages.render(
        wiring.settings,
        "reason.html",
        title="Why do you need to look at this family?",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        address=f"{address_of(family_id)}/open",
        reasons=[{"value": each.value, "words": OPENING_WORDS[each]} for each in OpeningReason],
    )


def works_with(record: FamilyRecord) -> bool:
    """True for who is told of services that are themselves a secret: who works on the case, and the lead."""
    who = current_staff()
    return who.username in record.workers or Role.SAFEGUARDING_LEAD in who.roles


def _family_page(wiring: Wiring, found: Listed) -> Response:
    record, works_here = found.record, works_with(found.record)
    family_id = record.identity.family_id
    with wiring.engine.connect() as connection:
        keys = wiring.keyring.family(connection, family_id)
        standing = overview(connection, record.identity, keys, wiring.settings)
        agencies = all_agencies(connection)
        entries = list(of_family(connection, keys, count=_LINES))
    today = standing.now.astimezone(LONDON).date()
    hidden = frozenset(str(each.code) for each in agencies if each.kind in SENSITIVE_KINDS)
    return pages.render(
        wiring.settings,
        "family.html",
        title=record.title,
        record=record,
        address=address_of(family_id),
        drawing=draw(record, today=today),
        people=people_table(record, today=today),
        matrix=_matrix(standing, record, hidden=frozenset() if works_here else hidden),
        states={
            person: {"words": STATE_WORDS[each.state], "colour": STATE_COLOURS[each.state]}
            for person, each in standing.people.items()
        },
        history=history.lines(
            entries,
            people={str(each.person_id): each.given for each in record.people},
            agencies={str(each.code): each.name for each in agencies},
            hidden=frozenset() if works_here else hidden,
        ),
        reach=REACH_WORDS[found.reach],
    )


def _matrix(standing: Overview, record: FamilyRecord, *, hidden: frozenset[str]) -> list[dict[str, object]]:
    """Agency by agency, what each person's agreement lets it have."""
    asked = [each for each in record.people if not each.risk_person]
    return [
        {
            "agency": agency.name,
            "cells": [cell_words(standing.cell(agency.code, each.person_id)) for each in asked],
        }
        for agency in sorted(standing.agencies, key=lambda each: each.name.casefold())
        if agency.code not in hidden
    ]
