"""The record of processing as a page to print, and as a file; made anew at every look."""

import json
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Flask, Response

from agencies.catalogue import FIELDS
from agencies.model import Level
from gateway.console import pages
from gateway.console.profile_words import LEVEL_WORDS, WHEN_WORDS
from gateway.processing.model import Given, GivenRow, Recipient, is_special, to_json
from gateway.processing.service import record_of_processing
from gateway.wiring import Wiring

RECORD: Final = "/console/record-of-processing"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("processing", __name__)

    @blueprint.get("/console/record-of-processing")
    def record() -> Response:
        found = record_of_processing(wiring)
        return pages.render(
            wiring.settings,
            "processing.html",
            title="Record of processing",
            record=found,
            file=f"{RECORD}/file",
            fields=[
                {
                    "words": FIELDS[name].description,
                    "special": is_special(name),
                    "whom": ", ".join(each.name for each in whom),
                }
                for name, whom in found.fields().items()
            ],
            recipients=[_recipient(each) for each in found.recipients],
            destinations=[(each.name, each.function.replace("_", " ")) for each in found.destinations],
            periods=[(each.what, each.how_long, each.rests_on) for each in found.periods],
        )

    @blueprint.get("/console/record-of-processing/file")
    def file() -> Response:
        document = json.dumps(to_json(record_of_processing(wiring)), ensure_ascii=False, indent=2)
        response = Response(document, content_type="application/json; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="record-of-processing.json"'
        return response

    app.register_blueprint(blueprint)


def _recipient(each: Recipient) -> dict[str, object]:
    profile, agreement = each.profile, each.agreement
    told = {
        "State": each.state.value,
        "Purposes": ", ".join(each.purposes),
        "Legal basis": " and ".join(filter(None, (profile.article6, profile.article9))),
        "Schedule 1": each.schedule1,
        "Profile": f"version {profile.version}, to be reviewed on {profile.review_on.isoformat()}",
        "Agreement": "none"
        if agreement is None
        else f"{agreement.reference}, from {agreement.valid_from} until {agreement.valid_until}",
        "Impact assessment": profile.assessment,
    }
    return {
        "code": each.code,
        "name": each.name,
        "summary": [{"key": key, "value": value} for key, value in told.items() if value],
        "given": [(FIELDS[field.field].description, _levels(field)) for field in each.given],
    }


def _levels(given: Given) -> str:
    return "; ".join(_level(row) for row in _ordered(given.rows))


def _ordered(rows: Sequence[GivenRow]) -> list[GivenRow]:
    """What always holds first."""
    return sorted(rows, key=lambda row: bool(WHEN_WORDS[row.when]))


def _level(row: GivenRow) -> str:
    if row.panel == row.service:
        said = LEVEL_WORDS[row.panel]
    elif row.panel is Level.W:
        said = f"{LEVEL_WORDS[row.service]} while it helps"
    elif row.service is Level.W:
        said = f"{LEVEL_WORDS[row.panel]} at the panel"
    else:
        said = f"{LEVEL_WORDS[row.panel]} at the panel, {LEVEL_WORDS[row.service]} while it helps"
    return " ".join(filter(None, (said, WHEN_WORDS[row.when])))
