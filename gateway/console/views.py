"""The home page of each role, its worklists, and what every page loads."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from operator import itemgetter
from typing import Final

from flask import Blueprint, Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from gateway.console import pages
from gateway.console.desk_views import DESK
from gateway.console.referral_views import QUEUE, REFERRALS, notes_due, waiting_for
from gateway.console.today_views import worklists
from gateway.console.words import TASK_WORDS
from gateway.disclosure_log.repository import database_now
from gateway.oauth.access import OVERSEERS, WHO_KNOW, current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.staff.model import Role
from gateway.tasks.model import Audience, Task, TaskKind
from gateway.tasks.repository import finish, open_tasks
from gateway.wiring import Wiring

_A_YEAR: Final = 365 * 24 * 3600


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("console", __name__)
    settings = wiring.settings

    @blueprint.get("/console")
    def home() -> AnyResponse:
        if current_staff().roles == {Role.DESK_USER}:
            return redirect(DESK, HTTPStatus.SEE_OTHER)
        lists: list[dict[str, object]] = [
            {
                "address": f"/console/tasks/{kind}",
                "words": TASK_WORDS[kind],
                "count": len(found),
                "due": found[0].due,
            }
            for kind, found in _waiting(wiring).items()
        ]
        lists += [*_referrals(wiring), *worklists(wiring)]
        lists.sort(key=itemgetter("due"))
        return pages.render(
            settings,
            "home.html",
            title="Your work",
            lists=[{"since": None, "nearer": (), **each} for each in lists],
        )

    @blueprint.get("/console/tasks/<kind>")
    def tasks(kind: str) -> Response:
        waiting = _waiting(wiring)
        wanted = next((each for each in waiting if each.value == kind), None)
        if wanted is None:
            raise Problem(NOT_FOUND)
        return pages.render(settings, "tasks.html", title=TASK_WORDS[wanted], tasks=waiting[wanted])

    @blueprint.post("/console/tasks/<task_id>/done")
    def task_done(task_id: str) -> AnyResponse:
        who = current_staff()
        own = [task for each in _waiting(wiring).values() for task in each if str(task.id) == task_id]
        if not own:
            raise Problem(NOT_FOUND)
        with wiring.engine.begin() as connection:
            finish(connection, own[0].id, actor=who.username, now=database_now(connection))
        return redirect(pages.HOME, HTTPStatus.SEE_OTHER)

    @blueprint.get("/console/accessibility")
    def accessibility() -> Response:
        return pages.render(settings, "accessibility.html", title="Accessibility")

    @blueprint.get("/console/assets/<digest>/<name>")
    def asset(digest: str, name: str) -> Response:
        found = pages.asset(f"/console/assets/{digest}/{name}", colour=settings.brand_colour)
        if found is None:
            raise Problem(NOT_FOUND)
        content, kind = found
        response = Response(content, mimetype=kind)
        response.headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
        return response

    app.register_blueprint(blueprint)


def _referrals(wiring: Wiring) -> list[dict[str, object]]:
    """What whoever asks has to see to about referrals; nothing for those for whom there are none."""
    who = current_staff()
    if who.roles.isdisjoint(WHO_KNOW.roles):
        return []
    waits, notes = [duty.due for _, duty in waiting_for(wiring)], notes_due(wiring)
    if who.roles.isdisjoint(OVERSEERS.roles):
        return _counted(REFERRALS, "Your referrals", [*waits, *notes])
    return [
        *_counted(QUEUE, "Referrals to look at", waits),
        *_counted(REFERRALS, "Notes of emergencies to make referrals of", notes),
    ]


def _counted(address: str, said: str, waits: Sequence[datetime]) -> list[dict[str, object]]:
    return [{"address": address, "words": said, "count": len(waits), "due": min(waits)}] if waits else []


def _waiting(wiring: Wiring) -> dict[TaskKind, list[Task]]:
    """What waits for whoever asks, by kind, first what is due first."""
    audiences = [Audience(role) for role in current_staff().roles if role is not Role.DESK_USER]
    found: dict[TaskKind, list[Task]] = {}
    with wiring.engine.connect() as connection:
        for audience in audiences:
            for task in open_tasks(connection, audience=audience):
                found.setdefault(task.kind, []).append(task)
    return found
