"""The JSON body of a request: read strictly, held to a schema, and each fault a problem with its place.

INVARIANT: nothing of what was sent stands in an answer.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import request
from marshmallow import Schema, ValidationError

from gateway.problems import (
    INVALID_DOCUMENT,
    INVALID_REQUEST,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    PointedFault,
    Problem,
)
from gateway.strict_json import JsonValue, StrictJsonError, TooLargeError, parse_json

T = TypeVar("T")


class FaultyAnswerError(Exception):
    """An answer does not fit its schema; ``faults`` says where."""

    def __init__(self, faults: list[PointedFault]) -> None:
        super().__init__("an answer has faults")
        self.faults = faults


def read_json(*, max_bytes: int) -> JsonValue:
    """Return the body of this request.

    Raises: Problem: 400, 413 or 415.
    """
    if request.mimetype != "application/json":
        raise Problem(UNSUPPORTED_MEDIA_TYPE)
    try:
        return parse_json(request.get_data(cache=False), max_bytes=max_bytes)
    except TooLargeError as error:
        raise Problem(TOO_LARGE) from error
    except StrictJsonError as error:
        raise Problem(INVALID_REQUEST, detail=str(error)) from error


def read_answer(read: Callable[[JsonValue], T], *, max_bytes: int) -> T:
    """Return what a reader of answers makes of the body of this request.

    Raises: Problem: 400, 413, 415 or 422.
    """
    try:
        return read(read_json(max_bytes=max_bytes))
    except FaultyAnswerError as error:
        raise Problem(INVALID_DOCUMENT, faults=error.faults) from error


def loaded(document: JsonValue, schema: Schema) -> dict[str, Any]:
    """Return an answer that fits its schema.

    Raises: FaultyAnswerError, with every fault; none of them repeats what was sent.
    """
    if not isinstance(document, dict):
        raise FaultyAnswerError([PointedFault("", "The document is not a JSON object.")])
    try:
        return cast("dict[str, Any]", schema.load(document))
    except ValidationError as error:
        members = cast("dict[str, object]", error.messages)
        pointers = {f"/{name}" if name in schema.fields else "" for name in members}
        sentence = "Not what an answer holds here."
        raise FaultyAnswerError([PointedFault(each, sentence) for each in sorted(pointers)]) from None
