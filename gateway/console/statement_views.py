"""A family's statement at the pages: the paper that a caseworker hands over or reads aloud, and the file for it.

INVARIANTS
- Every showing and every download makes a statement of its own, which is on record before it is shown.
- Whoever does not work with the family is not told of services that are themselves a secret, on paper either.
"""

from uuid import UUID

from flask import Blueprint, Flask, Response, request
from werkzeug.wrappers import Response as AnyResponse

from gateway.cases import lookup
from gateway.console import pages
from gateway.console.family_views import address_of, for_family, works_with
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.rights.errors import UnknownPersonError
from gateway.rights.model import View
from gateway.rights.paper import render
from gateway.rights.service import make_statement
from gateway.wiring import Wiring


def register(app: Flask, wiring: Wiring) -> None:
    """Add the page to the application."""
    blueprint = Blueprint("statements", __name__)

    @blueprint.get("/console/families/<family_id>/statement/<person_id>")
    @for_family
    def statement(family_id: UUID, person_id: str) -> AnyResponse:
        who = current_staff()
        record = lookup.view(wiring, who, family_id).record
        person = next((each for each in record.people if str(each.person_id) == person_id), None)
        if person is None:
            raise Problem(NOT_FOUND)
        view = View.WHOLE if works_with(record) else View.PLAIN
        view = View.ALOUD if "aloud" in request.args else view
        try:
            made = make_statement(wiring, who, record, person.person_id, view=view)
        except UnknownPersonError as error:
            raise Problem(NOT_FOUND) from error
        if "download" in request.args:
            response = Response(made.file, content_type="text/plain; charset=utf-8")
            response.headers["Content-Disposition"] = 'attachment; filename="statement.txt"'
            return response
        address = f"{address_of(family_id)}/statement/{person.person_id}"
        return pages.paper(render(made, address=address, large_print=request.args.get("print") == "large"))

    app.register_blueprint(blueprint)
