"""What a profile version would have changed in past pulls: the two people who decide about it see that first.

INVARIANT: a page replays a bounded number of the newest pulls, and says so where there are more.
INVARIANT: families stand on it by our own ids, never by a name.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, request

from agencies import repository as agencies
from agencies.catalogue import FIELDS
from agencies.errors import ProfileError
from agencies.model import AgencyCode, Profile
from agencies.profile_text import parse_profile
from gateway.console import pages
from gateway.console.impact_chart import chart
from gateway.console.profile_matrix import SHORT
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.release.impact import FieldImpact, Impact, Obstacle, document, pulls, sentences
from gateway.release.simulation import simulate
from gateway.wiring import Wiring

MOST_ON_A_PAGE: Final = 2_000
"""Past pulls that one request replays: some seconds of work."""

_DAYS: Final = ("30", "90")
_WHY: Final = {
    Obstacle.DAMAGED: "a part of the record, or of the log, cannot be read; tell the operator",
    Obstacle.ERASED: "the family is being erased",
    Obstacle.GONE: "there is no case any more",
    Obstacle.OTHERWISE: "something was changed while it was decided",
}


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("impacts", __name__)

    @blueprint.get("/console/profiles/<code>/versions/<version>/impact")
    def impact(code: str, version: str) -> Response:
        candidate, days = _candidate(wiring, code, version), request.args.get("days", _DAYS[0])
        if days not in _DAYS:
            return _page(wiring, candidate, days="", found=None)
        return _page(wiring, candidate, days=days, found=_replayed(wiring, candidate, days=days))

    @blueprint.get("/console/profiles/<code>/versions/<version>/impact.json")
    def file(code: str, version: str) -> Response:
        candidate, days = _candidate(wiring, code, version), request.args.get("days", _DAYS[0])
        if days not in _DAYS:
            raise Problem(NOT_FOUND)
        told = json.dumps(document(_replayed(wiring, candidate, days=days)), indent=2)
        name = f"impact-{candidate.agency}-{candidate.version}.json"
        response = Response(told, content_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    app.register_blueprint(blueprint)


def _candidate(wiring: Wiring, code: str, version: str) -> Profile:
    """The stored version that an address names.

    Raises: Problem: 404, there is none, or none that can be read.
    """
    numbered = version.isascii() and version.isdigit() and len(version) < len("1000000")
    if not numbered or not (code.isascii() and code.isprintable()):
        raise Problem(NOT_FOUND)
    with wiring.engine.connect() as connection:
        stored = agencies.profile_document(connection, AgencyCode(code), version=int(version))
    try:
        return parse_profile(stored or "")
    except ProfileError as error:
        raise Problem(NOT_FOUND) from error


def _replayed(wiring: Wiring, candidate: Profile, *, days: str) -> Impact:
    return simulate(wiring, candidate, days=int(days), actor=current_staff().username, newest=MOST_ON_A_PAGE)


def _page(wiring: Wiring, candidate: Profile, *, days: str, found: Impact | None) -> Response:
    """The page of what was found; without it, of the form with its fault."""
    error = None if found is not None else {"field": "days", "sentence": "Choose 30 or 90 days."}
    with wiring.engine.connect() as connection:
        agency = agencies.agency(connection, candidate.agency)
    return pages.render(
        wiring.settings,
        "impact.html",
        title="What it would have changed",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        name=agency.name if agency else candidate.agency,
        address=f"/console/profiles/{candidate.agency}/versions/{candidate.version}/impact",
        candidate=candidate,
        days=days,
        choices=[{"value": each, "words": f"{each} days"} for each in _DAYS],
        **({"found": None} if found is None else _told(found)),
    )


def _told(found: Impact) -> dict[str, object]:
    """What the page says of an impact."""
    looked_at = found.replayed.releases + sum(found.not_replayed.values())
    return {
        "found": found,
        "replayed": pulls(found.replayed),
        "refused": pulls(found.refused) if found.refused.releases else "",
        "sentences": sentences(found),
        "waits": any(each.gained.releases > each.gained_at_once.releases for each in found.changed),
        "left": list(_left(found)),
        "cut": {"looked_at": looked_at, "all": looked_at + found.scope.left_out}
        if found.scope.left_out
        else None,
        "chart": chart(found),
        "rows": [_row(each) for each in found.changed],
    }


def _left(found: Impact) -> Iterator[str]:
    """What was not replayed, and why."""
    for why, count in found.not_replayed.items():
        if count:
            yield f"Not replayed: {count}, because {_WHY[why]}."
    if found.scope.untraced:
        yield f"Not known: {found.scope.untraced} entries of families that were erased, whoever got them."


def _row(each: FieldImpact) -> dict[str, object]:
    gained = pulls(each.gained) if each.gained.releases else "none"
    return {
        "field": FIELDS[each.field].description,
        "lost": pulls(each.lost) if each.lost.releases else "none",
        "gained": f"{gained}, {each.gained_at_once.releases} at once" if each.gained.releases else gained,
        "levels": [
            f"{SHORT[before]} then, {SHORT[after]} under it: {count}"
            for (before, after), count in each.levels.items()
        ],
        "sample": [str(family) for family in each.sample],
    }
