"""Who takes part: each agency with what is next for it, how far it has come, what ends, and stopping it at once.

INVARIANTS
- A step, a number or a day is read from what is stored at that moment; nothing is ticked by hand.
- Stopping asks for no second person, no reason and no further proof; letting in again takes two people.
- The operator sees no practitioner.
- What was released of a family that is absent for whoever asks is not counted.
"""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from agencies import repository as register_of
from agencies.model import AgencyCode
from agencies.register import AgencyState
from agencies.service import current_practitioners
from consent_registry.birthdays import LONDON
from gateway.agency import service
from gateway.agency.approval import Matter
from gateway.agency.model import Next, Standing, Step, StepState, next_of, steps, tokens_alive
from gateway.agency.standing import standing_of, standings
from gateway.calendar import said_day
from gateway.cases.lookup import absent_for
from gateway.console import agency_words, pages
from gateway.console.approval_views import APPROVALS, NO_VERSION
from gateway.console.profile_views import PROFILES
from gateway.disclosure_log.lag import Lag, lag_of
from gateway.disclosure_log.reading import releases_since
from gateway.disclosure_log.repository import database_now, witnessed_at
from gateway.oauth.access import TWO_PEOPLE, current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.wiring import Wiring

AGENCIES: Final = "/console/agencies"
_STOPPABLE: Final = frozenset({AgencyState.PROPOSED, AgencyState.ACTIVE})


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("agencies", __name__)

    @blueprint.get("/console/agencies")
    def agencies() -> Response:
        return _list_page(wiring)

    @blueprint.get("/console/agencies/<code>")
    def agency(code: str) -> Response:
        return _agency_page(wiring, known(wiring, code))

    @blueprint.get("/console/agencies/<code>/practitioners")
    def practitioners(code: str) -> Response:
        return _practitioners_page(wiring, known(wiring, code))

    @blueprint.get("/console/agencies/<code>/suspend")
    def suspending(code: str) -> Response:
        return _suspending_page(wiring, known(wiring, code))

    @blueprint.post("/console/agencies/<code>/suspend")
    def suspend(code: str) -> AnyResponse:
        found = known(wiring, code).agency.code
        service.suspend(wiring, code=found, actor=current_staff().username)
        return redirect(address_of(found), HTTPStatus.SEE_OTHER)

    app.register_blueprint(blueprint)


def known(wiring: Wiring, code: str) -> Standing:
    """How the agency of an address stands now.

    Raises: Problem: 404.
    """
    if not (code.isascii() and code.isprintable()):
        raise Problem(NOT_FOUND)
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        found = standing_of(connection, wiring.settings, AgencyCode(code), now=now)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def address_of(code: AgencyCode) -> str:
    """Where an agency's page is."""
    return f"{AGENCIES}/{code}"


def decided_at(matter: Matter, code: AgencyCode) -> str:
    """Where two people decide about an agency."""
    return f"{APPROVALS}/{matter}/{code}/{NO_VERSION}"


def _list_page(wiring: Wiring) -> Response:
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        found = standings(connection, wiring.settings, now=now)
    rows = [(next_of(each, now=now), each) for each in found]
    rows.sort(key=lambda row: (row[0], row[1].agency.name.casefold()))
    return pages.render(
        wiring.settings, "agencies.html", title="Agencies", rows=[_list_row(*row) for row in rows]
    )


def _list_row(following: Next, standing: Standing) -> dict[str, object]:
    return {
        "address": address_of(standing.agency.code),
        "name": standing.agency.name,
        "kind": agency_words.KINDS[standing.agency.kind],
        "state": agency_words.tag(agency_words.AGENCY_STATES[standing.agency.state]),
        "urgency": agency_words.tag(agency_words.URGENCY_WORDS[following.urgency]),
        "following": following.words,
    }


def _agency_page(wiring: Wiring, standing: Standing) -> Response:
    with wiring.engine.connect() as connection:
        now = database_now(connection)
        witnessed = witnessed_at(connection)
    today = now.astimezone(LONDON).date()
    lag = lag_of(
        wiring.log.policy,
        witnessed_at=witnessed,
        now=now,
        warn_seconds=wiring.settings.witness_warn_seconds,
        stop_seconds=wiring.settings.witness_stop_seconds,
    )
    agency, code = standing.agency, standing.agency.code
    two = not current_staff().roles.isdisjoint(TWO_PEOPLE.roles)
    return pages.render(
        wiring.settings,
        "agency.html",
        title=agency.name,
        address=address_of(code),
        kind=agency_words.KINDS[agency.kind],
        state=agency_words.tag(agency_words.AGENCY_STATES[agency.state]),
        following=next_of(standing, now=now).words,
        steps=[_step(standing, each, two=two) for each in steps(standing, today=today)],
        agreements=[agency_words.agreement_row(each, today=today) for each in standing.agreements],
        coming=[agency_words.coming_row(each, today=today) for each in standing.coming],
        systems=[
            {
                "address": f"{address_of(code)}/systems/{each.client_id}",
                "name": agency_words.system_name(each),
                "state": agency_words.tag(agency_words.SYSTEM_STATES[each.state]),
                "comes_by": agency_words.comes_by(each),
                "last": "" if each.is_desk else agency_words.last_token(each.contact),
                "alive": tokens_alive(agency, each),
            }
            for each in standing.systems
        ],
        people=_people(standing, two=two),
        witnesses=_witnesses(lag, agency_words.instant_or(witnessed, "Never")),
        may_stop=agency.state in _STOPPABLE,
        reinstating=decided_at(Matter.REINSTATEMENT, code)
        if two and agency.state is AgencyState.SUSPENDED
        else "",
    )


def _step(standing: Standing, step: Step, *, two: bool) -> dict[str, object]:
    """One step as an item of the task list; whoever may not go there is led nowhere."""
    address = address_of(standing.agency.code)
    ways = {
        "Agreement in force": f"{address}#agreements",
        "Sharing profile effective": _profile_address(standing) if two else None,
        "System or desk registered": f"{address}#systems",
        "Key known and effective": f"{address}#systems",
        "Practitioners known": f"{address}/practitioners" if two else None,
        "Connection tested": f"{address}#systems",
    }
    return {
        "words": step.what,
        "address": None if step.state is StepState.NOT_NEEDED else ways.get(step.what),
        "hint": step.more,
        "status": step.state.value,
        "colour": agency_words.STEP_COLOURS[step.state] or None,
    }


def _profile_address(standing: Standing) -> str:
    code = standing.agency.code
    if standing.effective is not None:
        return f"{PROFILES}/{code}"
    return decided_at(Matter.AGENCY, code)


def _people(standing: Standing, *, two: bool) -> list[dict[str, str]]:
    there = f"{address_of(standing.agency.code)}/practitioners" if two else ""
    change = {"change": there, "change_words": "See them"} if there else {}
    listed = (
        "The agency vouches for its people; the list stops nobody"
        if standing.attestation is None
        else agency_words.LIST_WORDS[standing.attestation]
    )
    believed = (
        [{"key": "Believed before", "value": said_day(standing.lapses_on)}] if standing.lapses_on else []
    )
    return [
        {"key": "On the list", "value": str(standing.practitioners), **change},
        {"key": "The list", "value": listed},
        *(believed if standing.attestation is not None else []),
    ]


def _witnesses(lag: Lag, last: str) -> list[dict[str, str]]:
    return [
        {"key": "Witnesses", "value": lag.sentence},
        {"key": "Last confirmed", "value": last},
        {"key": "Releases", "value": "They wait." if lag.stops else "They go on."},
    ]


def _practitioners_page(wiring: Wiring, standing: Standing) -> Response:
    with wiring.engine.connect() as connection:
        today = register_of.today(connection)
        found = current_practitioners(connection, standing.agency.code, today=today)
    return pages.render(
        wiring.settings,
        "agency_people.html",
        title="Practitioners",
        address=address_of(standing.agency.code),
        name=standing.agency.name,
        rows=[
            [each.name, each.id, each.role, said_day(each.active_from), _until(each.active_until)]
            for each in found
        ],
    )


def _until(day: date | None) -> str:
    return "no end" if day is None else f"before {said_day(day)}"


def _suspending_page(wiring: Wiring, standing: Standing) -> Response:
    if standing.agency.state not in _STOPPABLE:
        raise Problem(NOT_FOUND)
    address = address_of(standing.agency.code)
    return pages.render(
        wiring.settings,
        "will_happen.html",
        title=f"Suspend {standing.agency.name}",
        back=address,
        back_words=f"Back to {standing.agency.name}",
        sentences=agency_words.suspending_agency(
            standing,
            extracts=_extracts(wiring, standing.agency.code),
            days=wiring.settings.extract_days,
        ),
        address=f"{address}/suspend",
        carried={},
        button="Suspend it now",
        kind="warning",
    )


def _extracts(wiring: Wiring, code: AgencyCode) -> int:
    """How many extracts of an agency may still be in use, of families that are there for whoever asks."""
    with wiring.engine.connect() as connection:
        since = database_now(connection) - timedelta(days=wiring.settings.extract_days)
        families = [family for _, family in releases_since(connection, agency=code, since=since).places]
        hidden = absent_for(connection, current_staff(), set(families))
    return sum(family not in hidden for family in families)
