"""What needs the data protection officer, with its clocks: each number leads to a list of as many rows.

INVARIANTS
- A number is the length of the list that it leads to, counted of the same rows.
- What belongs to a family that is absent for whoever asks is neither counted nor listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from flask import Blueprint, Flask, Response

from consent_registry.birthdays import LONDON, midnight
from gateway.agency import approval
from gateway.agency.upcoming import NOTICES, Ending, Upcoming, upcoming
from gateway.calendar import said_day
from gateway.cases.lookup import absent_for
from gateway.console import pages, sample_views
from gateway.console.approval_views import APPROVALS
from gateway.console.dossier_views import open_lists
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import OFFICERS, current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.recall.repository import unanswered
from gateway.wiring import Wiring

TODAY: Final = "/console/today"
RECALLS: Final = f"{TODAY}/recalls"
ENDING_WORDS: Final[Mapping[Ending, str]] = MappingProxyType(
    {
        Ending.AGREEMENT: "Agreements with agencies that end",
        Ending.CERTIFICATE: "Certificates of agencies that end",
        Ending.KEY: "Systems of agencies whose last key ends",
        Ending.REVIEW: "Profiles to review",
    }
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A recall that was not answered by its last day."""

    number: str
    agency: str
    due_on: date


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("today", __name__)

    @blueprint.get("/console/today/recalls")
    def recalls() -> Response:
        names = pages.agency_names(wiring)
        rows = [
            (each.number, names.get(each.agency, each.agency), said_day(each.due_on))
            for each in _overdue(wiring)
        ]
        return pages.render(
            wiring.settings,
            "today_list.html",
            title="Recalls that were not answered in time",
            heads=["Recall", "Agency", "Last day"],
            rows=rows,
        )

    @blueprint.get("/console/today/<ending>/<days>")
    def worklist(ending: str, days: str) -> Response:
        if ending not in set(Ending) or days not in map(str, NOTICES):
            raise Problem(NOT_FOUND)
        names = pages.agency_names(wiring)
        rows = [_row(each, names) for each in _within(_upcoming(wiring), Ending(ending), int(days))]
        return pages.render(
            wiring.settings,
            "today_list.html",
            title=f"{ENDING_WORDS[Ending(ending)]} within {days} days",
            heads=["Agency", "Which", "Day", "How soon"],
            rows=rows,
        )

    app.register_blueprint(blueprint)


def worklists(wiring: Wiring) -> list[dict[str, object]]:
    """Return the lists of the officer that are not empty; none for anybody else."""
    if current_staff().roles.isdisjoint(OFFICERS.roles):
        return []
    coming = _upcoming(wiring)
    found = [_ending(ending, each) for ending in Ending if (each := _of(coming, ending))]
    if overdue := _overdue(wiring):
        due = midnight(overdue[0].due_on + timedelta(days=1))
        found.append({**_list(RECALLS, "Recalls that were not answered in time", len(overdue)), "due": due})
    with wiring.engine.connect() as connection:
        waiting = approval.waiting(connection)
    if waiting:
        listed = _list(APPROVALS, "Proposals that wait for a second person", len(waiting))
        found.append({**listed, "due": waiting[0].proposed_at, "since": waiting[0].proposed_at})
    return [*found, *sample_views.worklists(wiring), *open_lists(wiring)]


def _list(address: str, words: str, count: int) -> dict[str, object]:
    return {"address": address, "words": words, "count": count}


def _ending(ending: Ending, found: Sequence[Upcoming]) -> dict[str, object]:
    """The list of the longest notice, and beneath it the shorter ones that are not empty."""
    longest, *shorter = (
        _list(f"{TODAY}/{ending}/{days}", f"within {days} days", len(_within(found, ending, days)))
        for days in NOTICES
    )
    return {
        **longest,
        "words": f"{ENDING_WORDS[ending]} {longest['words']}",
        "due": found[0].at,
        "nearer": [each for each in shorter if each["count"]],
    }


def _row(each: Upcoming, names: Mapping[str, str]) -> tuple[str, str, str, str]:
    day = each.at.astimezone(LONDON)
    said = f"within {each.notice} days" if each.notice else "over"
    agency = names.get(each.agency, each.agency) or "the council"
    return agency, each.about, said_day(day), said


def _upcoming(wiring: Wiring) -> list[Upcoming]:
    with wiring.engine.connect() as connection:
        now: datetime = database_now(connection)
        return upcoming(connection, now=now)


def _of(found: Sequence[Upcoming], ending: Ending) -> list[Upcoming]:
    return [each for each in found if each.ending is ending]


def _within(found: Sequence[Upcoming], ending: Ending, days: int) -> list[Upcoming]:
    return [each for each in _of(found, ending) if each.notice <= days]


def _overdue(wiring: Wiring) -> list[Overdue]:
    """The recalls that are late, the oldest first, of families that are there for whoever asks."""
    with wiring.engine.connect() as connection:
        today = database_now(connection).astimezone(LONDON).date()
        rows = unanswered(connection, today=today)
        hidden = absent_for(connection, current_staff(), {row.family_id for row in rows})
    return [
        Overdue(str(row.recall_id)[:8], row.agency_code, row.due_on)
        for row in rows
        if row.family_id not in hidden
    ]
