"""One system of an agency: its keys, what was seen of it, replacing a key, stopping it, letting it in again.

INVARIANTS
- A new key gives nothing before a second person approved it; the old one ends on its day whatever became of the new one.
- A key is replaced on a fresh proof of who asks, for exactly this key and this day.
- Stopping asks for nothing more; a system that was stopped is let in again as a new one is, by two people.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from agencies.model import AgencyCode
from agencies.register import AgencyState
from agencies.repository import today as today_of
from gateway.agency import approval
from gateway.agency.approval import Matter
from gateway.agency.model import Standing, System, SystemState, how_to_test, tokens_alive
from gateway.calendar import said_day
from gateway.console import agency_words, pages
from gateway.console.agency_views import address_of, decided_at, known
from gateway.console.consent_form import Wrong
from gateway.console.family_views import fault, typed
from gateway.console.key_form import KEY, LAST, NewKey, key_text, pasted_key, read_new_key
from gateway.console.proof import Proof
from gateway.oauth import service
from gateway.oauth.access import OFFICERS, current_staff
from gateway.oauth.errors import RegistrationError
from gateway.problems import NOT_FOUND, Problem
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

_USUAL: Final = timedelta(days=14)
"""How long an old key goes on beside a new one unless somebody says otherwise."""
_STOPPABLE: Final = frozenset({SystemState.PROPOSED, SystemState.ACTIVE})
_WAITS: Final = (
    "Something of this agency waits for a second person: it has to be decided, or taken back, first."
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A system, its agency, and where their pages are."""

    standing: Standing
    system: System

    @property
    def code(self) -> AgencyCode:
        return self.standing.agency.code

    @property
    def address(self) -> str:
        return f"{address_of(self.code)}/systems/{self.system.client_id}"

    @property
    def name(self) -> str:
        return f"{self.standing.agency.name}: {agency_words.system_name(self.system)}"


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("systems", __name__)
    proof = Proof(wiring, provider)
    at = "/console/agencies/<code>/systems/<client_id>"

    @blueprint.get(at)
    def system(code: str, client_id: str) -> Response:
        return _system_page(wiring, _place(wiring, code, client_id))

    @blueprint.get(f"{at}/suspend")
    def suspending(code: str, client_id: str) -> Response:
        return _suspending_page(wiring, _place(wiring, code, client_id))

    @blueprint.post(f"{at}/suspend")
    def suspend(code: str, client_id: str) -> AnyResponse:
        place = _place(wiring, code, client_id)
        service.suspend_client(wiring, client_id=place.system.client_id, actor=current_staff().username)
        return redirect(place.address, HTTPStatus.SEE_OTHER)

    @blueprint.get(f"{at}/let-in")
    def letting_in(code: str, client_id: str) -> Response:
        return _letting_in_page(wiring, _place(wiring, code, client_id))

    @blueprint.post(f"{at}/let-in")
    def let_in(code: str, client_id: str) -> AnyResponse:
        place = _place(wiring, code, client_id)
        if _waits(wiring, place):
            return _letting_in_page(wiring, place, error=fault("act", _WAITS))
        service.propose_client(wiring, client_id=place.system.client_id, actor=current_staff().username)
        return _to_second_person(wiring, place)

    @blueprint.get(f"{at}/key")
    def replacing(code: str, client_id: str) -> Response:
        return _key_page(wiring, _place(wiring, code, client_id))

    @blueprint.post(f"{at}/key")
    def replace_key(code: str, client_id: str) -> AnyResponse:
        return _replace_key(wiring, proof, _place(wiring, code, client_id))

    app.register_blueprint(blueprint)


def _place(wiring: Wiring, code: str, client_id: str) -> _Place:
    """The system that an address names.

    Raises: Problem: 404.
    """
    standing = known(wiring, code)
    for each in standing.systems:
        if each.client_id == client_id:
            return _Place(standing, each)
    raise Problem(NOT_FOUND)


def _today(wiring: Wiring) -> date:
    with wiring.engine.connect() as connection:
        return today_of(connection)


def _system_page(wiring: Wiring, place: _Place) -> Response:
    today, system, contact = _today(wiring), place.system, place.system.contact
    officer = not current_staff().roles.isdisjoint(OFFICERS.roles)
    return pages.render(
        wiring.settings,
        "system.html",
        title=agency_words.system_name(system),
        back=address_of(place.code),
        name=place.standing.agency.name,
        state=agency_words.tag(agency_words.SYSTEM_STATES[system.state]),
        rows=[
            {"key": "Comes by", "value": agency_words.comes_by(system)},
            {"key": "May ask for", "value": ", ".join(system.scopes)},
            {"key": "Tokens good now", "value": str(tokens_alive(place.standing.agency, system))},
        ],
        seen=None
        if system.is_desk
        else [
            {"key": "Last token", "value": agency_words.last_token(contact)},
            {"key": "Last refused", "value": agency_words.last_refusal(contact)},
            {"key": "Last test before approval", "value": agency_words.last_test(contact)},
        ],
        command=how_to_test(wiring.settings, system),
        keys=[agency_words.key_row(each, today=today) for each in system.keys],
        certificates=[
            [each.thumbprint, agency_words.instant_or(each.not_after, "")] for each in system.certificates
        ],
        replacing=f"{place.address}/key" if officer and not system.is_desk else "",
        stopping=f"{place.address}/suspend" if system.state in _STOPPABLE else "",
        letting_in=f"{place.address}/let-in" if officer and system.state is SystemState.SUSPENDED else "",
    )


def _suspending_page(wiring: Wiring, place: _Place) -> Response:
    if place.system.state not in _STOPPABLE:
        raise Problem(NOT_FOUND)
    return pages.render(
        wiring.settings,
        "will_happen.html",
        title=f"Suspend {place.name}",
        back=place.address,
        back_words="Back to the system",
        sentences=agency_words.suspending_system(place.standing, place.system),
        address=f"{place.address}/suspend",
        carried={},
        button="Suspend it now",
        kind="warning",
    )


def _letting_in_page(wiring: Wiring, place: _Place, *, error: dict[str, str] | None = None) -> Response:
    if place.system.state is not SystemState.SUSPENDED:
        raise Problem(NOT_FOUND)
    keys = [each.thumbprint for each in place.system.keys if each.effective]
    return pages.render(
        wiring.settings,
        "will_happen.html",
        title=f"Let in again: {place.name}",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=error,
        back=place.address,
        back_words="Back to the system",
        sentences=[
            "The system waits for a second person, who sees exactly what it would be let in to.",
            "It gets nothing before that.",
            *(
                f"Then it can come by its key {each} again, unless that was removed or is over."
                for each in keys
            ),
        ],
        address=f"{place.address}/let-in",
        carried={},
        button="Propose it",
        kind="",
    )


def _key_page(wiring: Wiring, place: _Place, *, wrong: Wrong | None = None) -> Response:
    """The form; what was pasted stays in it only if it is one public key."""
    if place.system.is_desk:
        raise Problem(NOT_FOUND)
    usual, form = _today(wiring) + _USUAL, typed()
    pasted = pasted_key(form)
    last = dict(zip(("day", "month", "year"), (usual.day, usual.month, usual.year), strict=True))
    return pages.render(
        wiring.settings,
        "replace_key.html",
        title="Replace a key",
        status=HTTPStatus.OK if wrong is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=None if wrong is None else fault(wrong.field, wrong.sentence),
        back=place.address,
        name=place.standing.agency.name,
        system=place.system.client_id,
        address=f"{place.address}/key",
        pasted="" if isinstance(pasted, Wrong) else key_text(pasted[1]),
        last=last if wrong is None else {part: form.one(f"{LAST}-{part}") for part in last},
    )


def _replace_key(wiring: Wiring, proof: Proof, place: _Place) -> AnyResponse:
    form = typed()
    if place.system.is_desk:
        raise Problem(NOT_FOUND)
    new = read_new_key(form, today=_today(wiring))
    if isinstance(new, Wrong):
        return _key_page(wiring, place, wrong=new)
    if _waits(wiring, place):
        return _key_page(wiring, place, wrong=Wrong(KEY, _WAITS))
    if not form.one("checked"):
        return _check_page(wiring, place, new)
    return proof.then(
        action="key.replace",
        record=f"{place.system.client_id}:{new.thumbprint}:{new.ends_on.isoformat()}",
        back=f"{place.address}/key",
        carried={**new.carried, "checked": "yes"},
        go_on=lambda: _replaced(wiring, place, new),
    )


def _check_page(wiring: Wiring, place: _Place, new: NewKey) -> Response:
    today, system = _today(wiring), place.system
    old = [
        each.thumbprint
        for each in system.keys
        if each.effective and (each.ends_on is None or each.ends_on > new.ends_on) and not each.is_over(today)
    ]
    asked = (
        "A second person is asked to approve it; before that it gives nothing."
        if place.standing.agency.state is AgencyState.ACTIVE
        else "It is decided on when the agency is: before that it gives nothing."
    )
    return pages.render(
        wiring.settings,
        "will_happen.html",
        title="Check before you replace the key",
        back=f"{place.address}/key",
        back_words="Back to the form",
        sentences=[
            f"The key {new.thumbprint} is added to {place.name}. Compare it with what the agency reads to you.",
            asked,
            *(
                f"The key {each} opens nothing after {said_day(new.last_day)}, approved or not."
                for each in old
            ),
            *([] if old else ["No other key of it is effective."]),
        ],
        address=f"{place.address}/key",
        carried={**new.carried, "checked": "yes"},
        button="Replace the key",
        kind="",
    )


def _replaced(wiring: Wiring, place: _Place, new: NewKey) -> AnyResponse:
    try:
        service.replace_key(
            wiring,
            client_id=place.system.client_id,
            key=new.members,
            old_end_on=new.ends_on,
            actor=current_staff().username,
        )
    except RegistrationError as error:
        return _key_page(wiring, place, wrong=Wrong(KEY, str(error)))
    return _to_second_person(wiring, place)


def _waits(wiring: Wiring, place: _Place) -> bool:
    """Whether something is asked about the agency that would have to be asked again."""
    with wiring.engine.connect() as connection:
        found = approval.waiting(connection)
    return any(
        each.subject.agency == place.code and each.subject.matter is not Matter.PROFILE for each in found
    )


def _to_second_person(wiring: Wiring, place: _Place) -> AnyResponse:
    """Ask a second person where one can be asked now, and go where that stands."""
    asked = approval.propose_clients(wiring, current_staff(), place.code)
    there = decided_at(Matter.CLIENTS, place.code) if asked else place.address
    return redirect(there, HTTPStatus.SEE_OTHER)
