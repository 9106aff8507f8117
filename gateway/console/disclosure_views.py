"""The disclosure explorer: who got what, when and why, each entry with its decision and its proof, and how often by week.

INVARIANTS
- For whoever an entry does not exist its page is not found, like one that never was.
- A page leads on without a number of pages and tells no total: either would count what is not there.
- Nothing of a family's record stands here but codes and our own ids.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies.catalogue import FIELDS
from agencies.model import FieldName, Level
from gateway.consent import disclosures
from gateway.consent.disclosures import CHARTED, Detail, Weeks
from gateway.consent.explaining import Explanation
from gateway.consent.receipt_words import PURPOSE_WORDS
from gateway.console import pages
from gateway.console.consent_form import Form
from gateway.console.disclosure_form import (
    CURSOR,
    DISCLOSURES,
    PURPOSES,
    FaultyQueryError,
    Query,
    cursor_of,
    read_query,
    sound_fields,
)
from gateway.console.disclosure_words import SORT_WORDS, STANDING_COLOURS, STANDING_WORDS, title_of, to_csv
from gateway.console.dossier_views import linkable
from gateway.console.family_views import typed
from gateway.console.profile_words import LEVEL_WORDS
from gateway.console.weeks_chart import Chart, chart
from gateway.console.words import RULE_WORDS
from gateway.disclosure_log import saved_views
from gateway.disclosure_log.exploring import Disclosure, Sort
from gateway.disclosure_log.repository import database_now
from gateway.keyring import NULL_FAMILY
from gateway.oauth.access import OVERSEERS, current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.release.explanation import Rule
from gateway.staff.model import Role
from gateway.wiring import Wiring

_LONGEST_INDEX: Final = 18
NOBODY: Final = "No agency had anything"
REFERRALS_BY_WEEK: Final = "/console/referrals/review#without-agreement"
_EVERY: Final = {"value": "", "words": "all"}


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("disclosures", __name__)

    @blueprint.get("/console/disclosures")
    def explorer() -> Response:
        form, names = _asked(), pages.agency_names(wiring)
        try:
            query = read_query(form, agencies=names)
        except FaultyQueryError as fault:
            return _list_page(wiring, form, names, fault=fault)
        return _list_page(wiring, form, names, query=query)

    @blueprint.get("/console/disclosures/file")
    def file() -> Response:
        form, names = _asked(), pages.agency_names(wiring)
        try:
            query = read_query(form, agencies=names)
        except FaultyQueryError as fault:
            return _list_page(wiring, form, names, fault=fault)
        found = disclosures.everything(wiring, current_staff(), query.wanted)
        response = Response(to_csv(found.lines, more=found.more), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="disclosures.csv"'
        return response

    @blueprint.get("/console/disclosures/weeks")
    def weeks() -> Response:
        return _weeks_page(wiring)

    @blueprint.get("/console/disclosures/<leaf_index>")
    def entry(leaf_index: str) -> Response:
        found = disclosures.one(wiring, current_staff(), _index(leaf_index))
        if found is None:
            raise Problem(NOT_FOUND)
        return _entry_page(wiring, found)

    _add_views(blueprint, wiring)
    app.register_blueprint(blueprint)


def _add_views(blueprint: Blueprint, wiring: Wiring) -> None:
    """What an officer looks for, kept by name."""

    @blueprint.post("/console/disclosure-views")
    def save() -> AnyResponse:
        form, names = typed(), pages.agency_names(wiring)
        try:
            query = read_query(form, agencies=names)
            _save(wiring, form.one("name"), query)
        except FaultyQueryError as fault:
            return _list_page(wiring, form, names, fault=fault)
        return redirect(_address(query.typed), HTTPStatus.SEE_OTHER)

    @blueprint.post("/console/disclosure-views/<view_id>/remove")
    def remove(view_id: str) -> AnyResponse:
        known = pages.named_id(view_id)
        with wiring.engine.begin() as connection:
            if not saved_views.forget(connection, current_staff().staff_id, known):
                raise Problem(NOT_FOUND)
        return redirect(DISCLOSURES, HTTPStatus.SEE_OTHER)


def _asked() -> Form:
    return Form({name: tuple(request.args.getlist(name)) for name in request.args})


def _index(text: str) -> int:
    """The leaf index that an address names.

    Raises: Problem: 404, it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_INDEX or str(int(text)) != text:
        raise Problem(NOT_FOUND)
    return int(text)


def _save(wiring: Wiring, name: str, query: Query) -> None:
    """Keep what is looked for.

    Raises: FaultyQueryError.
    """
    if not name or not name.isprintable() or len(name) > saved_views.LONGEST:
        raise FaultyQueryError("name", f"Give it a name of at most {saved_views.LONGEST} characters.")
    with wiring.engine.begin() as connection:
        kept = saved_views.save(
            connection,
            current_staff().staff_id,
            name=name,
            wanted=query.typed,
            now=database_now(connection),
        )
    if not kept:
        raise FaultyQueryError("name", f"There are {saved_views.MOST} already: remove one first.")


def _address(fields: Mapping[str, str], *, path: str = DISCLOSURES) -> str:
    return f"{path}?{urlencode(fields)}" if fields else path


def _list_page(
    wiring: Wiring,
    form: Form,
    names: Mapping[str, str],
    *,
    query: Query | None = None,
    fault: FaultyQueryError | None = None,
) -> Response:
    """The lines of what was asked for; at fault, the form alone."""
    who = current_staff()
    fields = sound_fields(form, agencies=names) if query is None else query.typed
    found = None if query is None else disclosures.find(wiring, who, query.wanted, before=query.before)
    older = (
        _address({**fields, CURSOR: cursor_of(found.lines[-1].leaf_index)})
        if found is not None and found.more
        else None
    )
    with wiring.engine.connect() as connection:
        kept = saved_views.views_of(connection, who.staff_id)
    return pages.render(
        wiring.settings,
        "disclosures.html",
        title="Who got what",
        status=HTTPStatus.OK if fault is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=None if fault is None else {"field": fault.field, "sentence": fault.sentence},
        fields=fields,
        days={
            name: {part: fields.get(f"{name}-{part}", "") for part in ("day", "month", "year")}
            for name in ("from", "to")
        },
        agencies=[_EVERY, *({"value": code, "words": name} for code, name in names.items())],
        sorts=[_EVERY, *({"value": sort, "words": words} for sort, words in SORT_WORDS.items())],
        purposes=[_EVERY, *({"value": code, "words": f"{code}: {PURPOSE_WORDS[code]}"} for code in PURPOSES)],
        lines=None if found is None else [_row(line, names) for line in found.lines],
        older=older,
        newest=_address(fields) if query is not None and query.before is not None else None,
        file=_address(fields, path=f"{DISCLOSURES}/file"),
        saved=[{"id": each.id, "name": each.name, "address": _address(each.wanted)} for each in kept],
        may_save=_may_keep(),
    )


def _may_keep() -> bool:
    return Role.DATA_PROTECTION_OFFICER in current_staff().roles


def _row(line: Disclosure, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "address": f"{DISCLOSURES}/{line.leaf_index}",
        "minute": line.minute,
        "title": title_of(line),
        "agency": names.get(line.agency, line.agency),
        "practitioner": line.practitioner,
        "purpose": line.purpose,
        "reasons": _said(line),
    }


def _said(line: Disclosure) -> str:
    return ", ".join(code.replace("_", " ") for code in line.reasons)


def _entry_page(wiring: Wiring, found: Detail) -> Response:
    line, row = found.line, _row(found.line, pages.agency_names(wiring))
    told = {
        "What": row["title"],
        "Agency": row["agency"],
        "Who": line.practitioner,
        "Purpose": PURPOSE_WORDS.get(line.purpose, ""),
        "Reasons": row["reasons"],
        "Family, by our own id": "" if line.family_id == NULL_FAMILY else str(line.family_id),
        "Place in the log": str(line.leaf_index),
    }
    trace = found.trace
    return pages.render(
        wiring.settings,
        "disclosure.html",
        title="One entry of the disclosure log",
        back=DISCLOSURES,
        minute=line.minute,
        summary=[{"key": key, "value": value} for key, value in told.items() if value],
        checked={
            "words": found.checked.standing.value,
            "colour": STANDING_COLOURS[found.checked.standing],
            "sentence": STANDING_WORDS[found.checked.standing],
            "size": found.checked.size,
        },
        at=None if trace is None else trace.at,
        told=[] if trace is None else _traced(trace, told=True),
        untold=[] if trace is None else _traced(trace, told=False),
        release=line.leaf_index if line.sort is Sort.RELEASE and _may_keep() else None,
        dossiers=linkable(wiring, line.leaf_index) if line.sort is Sort.RELEASE and _may_keep() else [],
    )


def _traced(trace: Explanation, *, told: bool) -> list[dict[str, str]]:
    """What could be told of whom at most, or what could not, and the rule that decides it: one row for all alike."""
    people: dict[tuple[FieldName, Level, Rule, str], list[str]] = {}
    for line in trace.lines:
        if (line.level > Level.W) is told:
            people.setdefault((line.field, line.level, line.rule, line.because), []).append(
                line.person_id[:8]
            )
    order = {name: place for place, name in enumerate(FIELDS)}
    return [
        {
            "field": FIELDS[field].description,
            "people": " ".join(people[field, level, rule, because]),
            "level": LEVEL_WORDS[level],
            "rule": RULE_WORDS[rule],
            "because": because.replace(",", ", ").replace("_", " "),
        }
        for field, level, rule, because in sorted(people, key=lambda each: order[each[0]])
    ]


def _weeks_page(wiring: Wiring) -> Response:
    found, names = disclosures.weeks(wiring, current_staff()), pages.agency_names(wiring)
    return pages.render(
        wiring.settings,
        "disclosure_weeks.html",
        title="How often, week by week",
        back=DISCLOSURES,
        weeks=disclosures.WEEKS,
        bypasses=None if current_staff().roles.isdisjoint(OVERSEERS.roles) else REFERRALS_BY_WEEK,
        charts=[_chart(found, sort, names) for sort in CHARTED],
    )


def _chart(found: Weeks, sort: Sort, names: Mapping[str, str]) -> Chart:
    rows = [(names.get(code, code) or NOBODY, found.row(sort, code)) for code in found.agencies(sort)]
    return chart(sort.value, title=SORT_WORDS[sort], of="Agency", mondays=found.mondays, rows=rows)
