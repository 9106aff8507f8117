"""``GET .../consent-receipt``: the council's case system fetches what it prints for a family.

INVARIANT: an unknown case, person or decision, and one of which nothing is for paper, have one answer.
"""

from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint

from gateway.cases.errors import UnknownCaseError
from gateway.consent.receipt import receipt_of
from gateway.problems import INVALID_REQUEST, Problem, absent
from gateway.wiring import Wiring

_FORMATS = ("html", "json")
_PRINTS = ("normal", "large")


def add_receipt(blueprint: Blueprint, wiring: Wiring) -> None:
    """Add the route of the receipt to the room's routes."""

    @blueprint.get("/v1/cases/<string:source_ref>/people/<string:person>/consent-receipt")
    @blueprint.doc(
        summary="Get one person's consent receipt",
        description="A page to print, or JSON with the fields of ISO/IEC TS 27560: of what stands now, or of one decision.",
        parameters=[
            _choice("format", _FORMATS),
            _choice("print", _PRINTS),
            {"name": "decision", "in": "query", "schema": {"type": "string", "format": "uuid"}},
        ],
        responses={
            "200": {
                "description": "The receipt; the same one twice is the same bytes.",
                "content": {
                    "text/html": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "object"}},
                },
            }
        },
    )
    def receipt(source_ref: str, person: str) -> Response:
        form, size = _chosen("format", _FORMATS), _chosen("print", _PRINTS)
        try:
            found = receipt_of(wiring, source_ref=source_ref, person=person, decision_id=_decision())
        except UnknownCaseError:
            return absent()
        if form == "json":
            return Response(found.to_json(), content_type="application/json")
        return Response(found.to_html(large_print=size == "large"), content_type="text/html; charset=utf-8")


def _choice(name: str, choices: tuple[str, ...]) -> dict[str, object]:
    return {"name": name, "in": "query", "schema": {"enum": list(choices), "default": choices[0]}}


def _chosen(name: str, choices: tuple[str, ...]) -> str:
    """What was asked for, or the first choice.

    Raises: Problem: 400.
    """
    chosen = request.args.get(name, choices[0])
    if chosen not in choices:
        raise Problem(INVALID_REQUEST, detail=f"The parameter {name} is {' or '.join(choices)}.")
    return chosen


def _decision() -> UUID | None:
    """The decision that was asked for; absent: what stands.

    Raises: UnknownCaseError, no decision can have this id.
    """
    asked = request.args.get("decision")
    try:
        return None if asked is None else UUID(asked)
    except ValueError as error:
        raise UnknownCaseError("no decision has this id") from error
