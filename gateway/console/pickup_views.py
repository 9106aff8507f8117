"""``/pickup/<id>``: for a destination without a system of its own, one document against a code told by phone.

INVARIANTS
- Before the code is right the page is the same whatever the address names.
- Nothing typed stands in a page or in the log.
"""

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, request

from gateway.console import pages
from gateway.console.referral_page import in_words
from gateway.ids import read_id
from gateway.safeguarding.pickup import Taken, take
from gateway.wiring import Wiring

_TITLE: Final = "Take a referral"
_FAULT: Final = (
    "This did not open anything. Check the address and the code. A code works once, for one day and for three tries:"
    " if it does not work, ring whoever gave it to you for another."
)


def register(app: Flask, wiring: Wiring) -> None:
    """Add the page to the application."""
    blueprint = Blueprint("pickup", __name__)
    settings = wiring.settings

    @blueprint.get("/pickup/<pickup_id>")
    def form(pickup_id: str) -> Response:
        del pickup_id
        return pages.render(settings, "pickup.html", title=_TITLE)

    @blueprint.post("/pickup/<pickup_id>")
    def code(pickup_id: str) -> Response:
        taken = _taken(wiring, pickup_id, request.form.get("code", ""))
        if taken is None:
            return pages.render(
                settings,
                "pickup.html",
                title=_TITLE,
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                error={"field": "code", "sentence": _FAULT},
            )
        document = taken.document
        return pages.render(
            settings,
            "referral_document.html",
            title="Safeguarding referral",
            person=taken.person,
            back="",
            **in_words(document),
        )

    app.register_blueprint(blueprint)


def _taken(wiring: Wiring, pickup_id: str, code: str) -> Taken | None:
    known = read_id(pickup_id)
    return None if known is None else take(wiring, known, code)
