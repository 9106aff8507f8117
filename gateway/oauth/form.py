"""The body of a client's request, read before anything in it is believed.

INVARIANTS
- At most 64 kB, form encoded, no parameter twice, none in the query (RFC 6749 sections 3.2 and 2.3.1).
- A parameter without a value is an absent one (RFC 6749 section 3.2).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from gateway.oauth.errors import RequestRefusedError

MAX_BYTES: Final = 64 * 1024
_DISCARDED_BYTES: Final = 1024 * 1024  # what the proxy we ship lets through
_MAX_PARAMETERS: Final = 50
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


def read_form(request: Request) -> Mapping[str, str]:
    """Return the parameters of a client's request.

    Raises: RequestRefusedError; with status 413 for a body that is too large.
    """
    if request.mimetype != _MEDIA_TYPE:
        raise RequestRefusedError(f"Send the parameters as {_MEDIA_TYPE}.")
    if request.query_string:
        raise RequestRefusedError("Send the parameters in the body, none in the query.")
    try:
        pairs = parse_qsl(
            _body(request).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as error:
        raise RequestRefusedError("The body is not form encoded.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise RequestRefusedError("A parameter is given twice.")
    return {name: value for name, value in pairs if value}


def _body(request: Request) -> bytes:
    request.max_content_length = MAX_BYTES
    try:
        return request.get_data(cache=False, parse_form_data=False)
    except RequestEntityTooLarge as error:
        # Unread, it would end the connection: before the client has read why, and under whoever shares it through a proxy.
        request.environ["wsgi.input"].read(_DISCARDED_BYTES)
        raise RequestRefusedError(
            "The body is larger than 64 kB.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        ) from error
    except ClientDisconnected as error:
        raise RequestRefusedError("The body ended early.") from error
