"""One minimised extract or the constant absence, and the receipt of an extract that was received."""

from functools import partial
from typing import assert_never
from uuid import UUID

from flask import Response
from flask_smorest import Api, Blueprint

from gateway.disclosure_log.receipt import receipt_again
from gateway.oauth.access import current_caller
from gateway.problems import UNAVAILABLE, Problem, absent
from gateway.release.combining import Combiner
from gateway.release.model import Refused, Released, ReleaseRequest, Unavailable
from gateway.release.service import release
from gateway.wiring import Wiring

RETRY_AFTER_SECONDS = "1"


def register(api: Api, wiring: Wiring) -> None:
    """Add the extract route."""
    blueprint = Blueprint("release", __name__, description="Field-minimised case extracts")
    combiner = Combiner(partial(release, wiring))

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
        match outcome := combiner.ask(request):
            case Released(body=body):
                return Response(body, content_type="application/json")
            case Refused():
                return absent()
            case Unavailable():
                raise Problem(UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS})
            case _:
                assert_never(outcome)

    @blueprint.get("/v1/receipts/<string:extract_id>")
    @blueprint.doc(
        summary="Get the receipt of an extract again",
        description="Under the newest checkpoint, with its witnesses' signatures where there are some. It opens what"
        " the log says of this extract; another agency's extract is not there.",
        responses={
            "200": {
                "description": "Proof that the extract is on record (c2sp.org/tlog-proof@v1).",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    def receipt(extract_id: str) -> Response:
        agency, extract = current_caller().agency, _reference(extract_id)
        found = None
        if agency is not None and extract is not None:
            found = receipt_again(wiring, agency=agency, extract_id=extract)
        return absent() if found is None else Response(found, content_type="text/plain; charset=utf-8")

    api.register_blueprint(blueprint)


def _reference(text: str) -> UUID | None:
    """Return the reference, or nothing for a text that cannot be one: it takes the same path."""
    try:
        return UUID(text)
    except ValueError:
        return None
