"""The cookie of a session, as every way of signing in gives it."""

from http import HTTPStatus

from flask import redirect
from werkzeug.wrappers import Response

from gateway.console import pages
from gateway.oauth.access import SESSION_COOKIE
from gateway.staff.model import ABSOLUTE


def signed_in(secret: str, *, wanted: str | None) -> Response:
    """Return the way to the page that somebody wanted, with the cookie of their new session."""
    response = redirect(pages.safe_next(wanted), HTTPStatus.SEE_OTHER)
    set_session(response, secret)
    return response


def set_session(response: Response, secret: str) -> None:
    """Let an answer bring the cookie of a session."""
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )
