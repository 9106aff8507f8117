"""GET /v1/cases/{case_ref}/extract: one minimised extract, or the constant absence."""

from typing import assert_never
from uuid import UUID

from flask import Response
from flask_smorest import Api, Blueprint

from gateway.oauth.access import current_caller
from gateway.problems import UNAVAILABLE, Problem, absent
from gateway.release.model import Refused, Released, ReleaseRequest, Unavailable
from gateway.release.service import release
from gateway.wiring import Wiring

RETRY_AFTER_SECONDS = "1"


def register(api: Api, wiring: Wiring) -> None:
    """Add the extract route."""
    blueprint = Blueprint("release", __name__, description="Field-minimised case extracts")

    @blueprint.get("/v1/cases/<string:case_ref>/extract")
    @blueprint.doc(
        summary="Pull the extract of one case",
        description="The purpose and the practitioner come from the access token; the stage follows from them.",
        responses={
            "200": {
                "description": "What this agency may receive of this case, for this purpose, now.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Extract"}}},
            }
        },
    )
    def extract(case_ref: str) -> Response:
        request = ReleaseRequest(current_caller(), _reference(case_ref))
        (outcome,) = release(wiring, [request])
        match outcome:
            case Released(body=body):
                return Response(body, content_type="application/json")
            case Refused():
                return absent()
            case Unavailable():
                raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS})
            case _:
                assert_never(outcome)

    api.register_blueprint(blueprint)


def _reference(text: str) -> UUID | None:
    """Return the reference, or nothing for a text that cannot be one: it takes the same path."""
    try:
        return UUID(text)
    except ValueError:
        return None
