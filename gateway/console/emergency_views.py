"""The emergency page: whom to ring, and what to write down, when no record can be read.

INVARIANTS
- It asks the database for nothing, and sends nothing to anybody; it says both.
- Only under a ticket of this shift is there something to type into; whoever has none sees the numbers.
- What was typed is answered with, in the form, until it is on disk; nothing of it is logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

from flask import Blueprint, Flask, Response, request

from gateway.console import pages
from gateway.console.words import instant
from gateway.ids import read_id
from gateway.safeguarding.notes import (
    DANGER,
    LONGEST,
    Note,
    NotKeptError,
    Recipient,
    WrongAnswerError,
    note_id_of,
    read_answers,
    seal,
    showable,
)
from gateway.safeguarding.spool import KeptNote, Spool
from gateway.safeguarding.ticket import COOKIE, LABEL, Ticket, TicketError, check, check_form
from gateway.settings import Settings
from gateway.wiring import Wiring

TITLE: Final = "Ring now. Nothing has been sent."
_FIELDS: Final = (*LONGEST, "immediate_danger")
_NOT_KEPT: Final = "It was not kept: this machine cannot write it down. Ring now, and write it on paper."
_FIRST: Final = "children"


def register(app: Flask, wiring: Wiring) -> None:
    """Add the page to the application.

    Raises: SettingsError, the file of the public key does not hold one.
    """
    blueprint = Blueprint("emergency", __name__)
    page = _Page.of(wiring)

    @blueprint.get(pages.EMERGENCY)
    def form() -> Response:
        return page.shown(_ticket(wiring, now=datetime.now(UTC)))

    @blueprint.post(pages.EMERGENCY)
    def note() -> Response:
        now = datetime.now(UTC)
        ticket = _ticket(wiring, now=now, form_token=request.form.get("form_token", ""))
        if ticket is None:
            return page.shown(None, typed=_typed(), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return page.written(ticket, now=now)

    app.register_blueprint(blueprint)


@dataclass(frozen=True, slots=True)
class _Page:
    """The page of one process: whom it seals to, and where it keeps."""

    settings: Settings
    recipient: Recipient | None
    spool: Spool | None

    @classmethod
    def of(cls, wiring: Wiring) -> "_Page":
        emergency = wiring.settings.emergency
        spool = None if emergency.spool is None else Spool(emergency.spool)
        return cls(wiring.settings, Recipient.load(emergency), spool)

    def shown(
        self,
        ticket: Ticket | None,
        *,
        form_id: UUID | None = None,
        typed: Mapping[str, str] | None = None,
        status: int = HTTPStatus.OK,
        error: Mapping[str, str] | None = None,
    ) -> Response:
        """The numbers, and the form where there is a ticket and what is typed can be kept."""
        return pages.render(
            self.settings,
            "emergency.html",
            title=TITLE,
            status=status,
            error=error,
            numbers=self.settings.emergency.numbers,
            ticket=ticket,
            keeps=self.recipient is not None and self.spool is not None,
            form_id=form_id or uuid4(),
            typed=dict.fromkeys(_FIELDS, "") | dict(typed or {}),
            kept_at=None,
        )

    def written(self, ticket: Ticket, *, now: datetime) -> Response:
        """Keep what was sent; the form again, as it was typed, where that cannot be."""
        form_id = _form_id()
        if self.recipient is None or self.spool is None:
            return self.shown(ticket, typed=_typed(), status=HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            answers = read_answers(request.form)
            note = Note(note_id_of(form_id, answers), ticket.staff_id, now, answers)
            sealed = seal(note, self.recipient)
            self.spool.keep(KeptNote(note.note_id, note.staff_id, note.typed_at, sealed))
        except WrongAnswerError as wrong:
            fault = {"field": wrong.field, "sentence": wrong.sentence}
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self.shown(ticket, form_id=form_id, typed=_typed(), status=status, error=fault)
        except NotKeptError:
            fault = {"field": _FIRST, "sentence": _NOT_KEPT}
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return self.shown(ticket, form_id=form_id, typed=_typed(), status=status, error=fault)
        return pages.render(
            self.settings,
            "emergency.html",
            title=TITLE,
            numbers=self.settings.emergency.numbers,
            kept_at=instant(now),
        )


def _ticket(wiring: Wiring, *, now: datetime, form_token: str | None = None) -> Ticket | None:
    """The ticket that the browser holds; absent: none that is good now, or none that this form was shown under."""
    try:
        ticket = check(wiring.keyring.node_keys(LABEL), request.cookies.get(COOKIE, ""), now=now)
        if form_token is not None:
            check_form(ticket, form_token)
    except TicketError:
        return None
    return ticket


def _form_id() -> UUID:
    """The id that the form came with; a new one where it came with none."""
    return read_id(request.form.get("note", "")) or uuid4()


def _typed() -> dict[str, str]:
    """What was typed, so that it can be shown again; of what was chosen, only a choice that there is."""
    typed = {name: showable(request.form.get(name, "")) for name in LONGEST}
    danger = request.form.get("immediate_danger", "")
    return typed | {"immediate_danger": danger if danger in DANGER else ""}
