"""The cookies that every way of signing in gives: the session's, and the emergency ticket of the shift."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import redirect
from werkzeug.wrappers import Response

from gateway.console import pages
from gateway.oauth.access import SESSION_COOKIE
from gateway.safeguarding import ticket
from gateway.staff import service
from gateway.staff.model import ABSOLUTE, SignedIn
from gateway.wiring import Wiring


def signed_in(wiring: Wiring, secret: str, *, wanted: str | None) -> Response:
    """Return the way to the page that somebody wanted, with the cookies of their new session and their shift."""
    response = redirect(pages.safe_next(wanted), HTTPStatus.SEE_OTHER)
    set_session(response, secret)
    who = service.admit(wiring, secret)
    if who is not None and not ticket.HOLDERS.isdisjoint(who.roles):
        _give_ticket(response, wiring, who)
    else:
        forget_ticket(response)  # whoever used this browser before
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


def forget_ticket(response: Response) -> None:
    """Let an answer take the emergency ticket from the browser."""
    response.delete_cookie(ticket.COOKIE, secure=True, httponly=True, samesite="Strict")


def _give_ticket(response: Response, wiring: Wiring, who: SignedIn) -> None:
    shift = timedelta(hours=wiring.settings.emergency.shift_hours)
    issued = ticket.issue(
        wiring.keyring.node_keys(ticket.LABEL),
        staff_id=who.staff_id,
        username=who.username,
        not_after=datetime.now(UTC) + shift,  # the node's clock: by it the ticket is checked
    )
    response.set_cookie(
        ticket.COOKIE,
        issued,
        max_age=int(shift.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )
