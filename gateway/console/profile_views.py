"""What every agency may be told, now or on a day that has passed: the officer's table, sentences, and a file."""

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, request

from agencies import repository as agencies
from agencies.errors import ProfileError
from agencies.model import AgencyCode, Profile
from agencies.profile_text import parse_profile
from consent_registry.birthdays import midnight
from gateway.cases.repository import today
from gateway.console import pages
from gateway.console.consent_form import Form, typed_date
from gateway.console.profile_matrix import AgencyProfile, cells, sentences, to_csv
from gateway.disclosure_log.repository import database_now
from gateway.problems import NOT_FOUND, Problem
from gateway.release.past_rows import rows_at
from gateway.wiring import Wiring

PROFILES: Final = "/console/profiles"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("profiles", __name__)
    settings = wiring.settings

    @blueprint.get("/console/profiles")
    def matrix() -> Response:
        form = Form({name: tuple(request.args.getlist(name)) for name in request.args})
        on = typed_date(form, "on")
        error = None
        if isinstance(on, str):
            error = {"field": f"on-{on}", "sentence": "Enter a day that exists, or leave it empty."}
        found = _effective(wiring, on=on if isinstance(on, date) else None)
        return pages.render(
            settings,
            "profiles.html",
            title="Who may be told what",
            status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
            error=error,
            agencies=[{"words": each.name, "address": f"{PROFILES}/{each.code}"} for each in found],
            rows=cells(found),
            on={part: form.one(f"on-{part}") for part in ("day", "month", "year")},
            said=f"on {on.day} {on:%B %Y}" if isinstance(on, date) else "now",
        )

    @blueprint.get("/console/profiles/<code>")
    def profile(code: str) -> Response:
        found = next((each for each in _effective(wiring, on=None) if each.code == code), None)
        if found is None:
            raise Problem(NOT_FOUND)
        return pages.render(
            settings,
            "profile.html",
            title=f"What {found.name} may be told",
            profile=found.profile,
            sentences=sentences(found),
        )

    @blueprint.get("/console/profile-matrix")
    def file() -> Response:
        response = Response(to_csv(_effective(wiring, on=None)), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="profiles.csv"'
        return response

    app.register_blueprint(blueprint)


def _effective(wiring: Wiring, *, on: date | None) -> list[AgencyProfile]:
    """Every agency with the profile that was effective at the end of a day; absent: that is effective now."""
    found = []
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        at = now if on is None or on >= today(connection) else _end(on)
        for agency in agencies.all_agencies(connection):
            rows = rows_at(
                connection, "agencies.effective_profile", at=at, column="agency_code", value=agency.code
            )
            document = (
                agencies.profile_document(connection, AgencyCode(agency.code), version=rows[0]["version"])
                if rows
                else None
            )
            found.append(AgencyProfile(str(agency.code), agency.name, _read(document)))
    return sorted(found, key=lambda each: each.name.casefold())


def _end(day: date) -> datetime:
    return midnight(day + timedelta(days=1)) if day < date.max else midnight(day)


def _read(document: str | None) -> Profile | None:
    """The profile of a text; one that cannot be read gives nothing, as in a release."""
    try:
        return None if document is None else parse_profile(document)
    except ProfileError:
        return None
