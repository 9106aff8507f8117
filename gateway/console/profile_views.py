"""What every agency may be told, now or on a day that has passed: the officer's table, sentences, and a file."""

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, request

from agencies import repository as agencies
from agencies.model import AgencyCode
from consent_registry.birthdays import midnight
from gateway.calendar import said_day
from gateway.cases.repository import today
from gateway.console import pages
from gateway.console.consent_form import Form, typed_date
from gateway.console.profile_matrix import AgencyProfile, cells, sentences, to_csv
from gateway.console.profile_words import read_profile
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.release.past_rows import kept_rows
from gateway.staff.model import Role
from gateway.wiring import Wiring

PROFILES: Final = "/console/profiles"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("profiles", __name__)
    settings = wiring.settings

    @blueprint.get("/console/profiles")
    def matrix() -> Response:
        on, error = _day(wiring, _asked())
        return _matrix_page(wiring, on=on, error=error)

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
            address=f"{PROFILES}/{found.code}",
            may_change=Role.DATA_PROTECTION_OFFICER in current_staff().roles,
        )

    @blueprint.get("/console/profile-matrix")
    def file() -> Response:
        on, error = _day(wiring, _asked())
        if error is not None:
            return _matrix_page(wiring, on=None, error=error)
        response = Response(to_csv(_effective(wiring, on=on)), content_type="text/csv; charset=utf-8")
        name = "profiles.csv" if on is None else f"profiles-{on.isoformat()}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    app.register_blueprint(blueprint)


def _asked() -> Form:
    return Form({name: tuple(request.args.getlist(name)) for name in request.args})


def _day(wiring: Wiring, form: Form) -> tuple[date | None, dict[str, str] | None]:
    """The day that was asked for, absent for now; or what is wrong with it."""
    on = typed_date(form, "on")
    if isinstance(on, str):
        return None, {"field": f"on-{on}", "sentence": "Enter a day that exists, or leave it empty."}
    with wiring.engine.connect() as connection:
        if on is not None and on > today(connection):
            return None, {"field": "on-day", "sentence": "Nobody knows yet: enter a day that has passed."}
    return on, None


def _matrix_page(wiring: Wiring, *, on: date | None, error: dict[str, str] | None) -> Response:
    """The table as it was on a day; of a day that cannot be told there is none."""
    form = _asked()
    parts = {part: form.one(f"on-{part}") for part in ("day", "month", "year")}
    found = [] if error is not None else _effective(wiring, on=on)
    query = "" if on is None else "?" + urlencode({f"on-{part}": typed for part, typed in parts.items()})
    return pages.render(
        wiring.settings,
        "profiles.html",
        title="Who may be told what",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        agencies=[{"words": each.name, "address": f"{PROFILES}/{each.code}"} for each in found],
        rows=cells(found),
        on=parts,
        said="now" if on is None else f"on {said_day(on)}",
        file=f"/console/profile-matrix{query}",
    )


def _effective(wiring: Wiring, *, on: date | None) -> list[AgencyProfile]:
    """Every agency with the profile that was effective at the end of a day; absent: that is effective now."""
    found = []
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        at = now if on is None or on >= today(connection) else _end(on)
        rows = kept_rows(connection, "agencies.effective_profile").at(at)
        versions = {row["agency_code"]: row["version"] for row in rows}
        for agency in agencies.all_agencies(connection):
            version = versions.get(agency.code)
            document = (
                None
                if version is None
                else agencies.profile_document(connection, AgencyCode(agency.code), version=version)
            )
            found.append(AgencyProfile(str(agency.code), agency.name, read_profile(document)))
    return sorted(found, key=lambda each: each.name.casefold())


def _end(day: date) -> datetime:
    return midnight(day + timedelta(days=1)) if day < date.max else midnight(day)
