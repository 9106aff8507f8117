"""What takes two people: the officer proposes, the second approver sees exactly what, proves who it is, and decides.

INVARIANTS
- What is approved is what the page showed: its digest travels with the form and is part of what is proved.
- Of a profile, what becomes wider is shown first, and said in words.
- Of a profile that says what none may, each counterexample stands where the button would: there is nothing to press.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from agencies import repository as agencies
from agencies.model import AgencyCode
from agencies.service import FIRST_VERSION
from gateway.agency import approval, repository, soundness
from gateway.agency.approval import Approval, Matter, Subject
from gateway.agency.errors import ApprovalError
from gateway.console import pages
from gateway.console.profile_views import PROFILES
from gateway.console.profile_words import basis, changes, read_profile
from gateway.console.proof import Proof
from gateway.oauth.access import current_staff
from gateway.problems import NOT_FOUND, Problem
from gateway.staff.model import Role
from gateway.staff.provider import Provider
from gateway.wiring import Wiring

APPROVALS: Final = "/console/approvals"
NO_VERSION: Final = "0"
_MATTER_WORDS: Final[Mapping[Matter, str]] = {
    Matter.AGENCY: "Let this agency take part",
    Matter.CLIENTS: "Let these systems and keys in",
    Matter.PROFILE: "Let this profile version release",
    Matter.REINSTATEMENT: "Let this suspended agency take part again",
}


def register(app: Flask, wiring: Wiring, provider: Provider | None) -> None:
    """Add the pages to the application."""
    blueprint = Blueprint("approvals", __name__)
    proof = Proof(wiring, provider)

    @blueprint.get("/console/approvals")
    def approvals() -> Response:
        return _list_page(wiring)

    @blueprint.get("/console/approvals/<matter>/<code>/<version>")
    def subject(matter: str, code: str, version: str) -> Response:
        return _subject_page(wiring, _subject(matter, code, version))

    @blueprint.post("/console/approvals/<matter>/<code>/<version>")
    def propose(matter: str, code: str, version: str) -> AnyResponse:
        wanted = _subject(matter, code, version)
        try:
            approval.propose(wiring, current_staff(), wanted)
        except ApprovalError as error:
            return _subject_page(wiring, wanted, error=str(error))
        return redirect(APPROVALS, HTTPStatus.SEE_OTHER)

    @blueprint.post("/console/approvals/<approval_id>/approve")
    def approve(approval_id: str) -> AnyResponse:
        known, digest = pages.named_id(approval_id), request.form.get("digest", "")
        asked = _waiting(wiring, known)
        return proof.then(
            action="approval.approve",
            record=f"{known}:{digest}",
            back=_address(asked.subject),
            carried={"digest": digest},
            go_on=lambda: _approved(wiring, asked, digest=digest),
        )

    @blueprint.post("/console/approvals/<approval_id>/reject")
    def reject(approval_id: str) -> AnyResponse:
        asked = _waiting(wiring, pages.named_id(approval_id))
        try:
            approval.reject(wiring, current_staff(), asked.id)
        except ApprovalError as error:
            return _subject_page(wiring, asked.subject, error=str(error))
        return redirect(APPROVALS, HTTPStatus.SEE_OTHER)

    app.register_blueprint(blueprint)


def _subject(matter: str, code: str, version: str) -> Subject:
    """What an address names.

    Raises: Problem: 404.
    """
    numbered = version.isascii() and version.isdigit() and len(version) < len("1000000")
    if matter not in set(Matter) or not numbered or not (code.isascii() and code.isprintable()):
        raise Problem(NOT_FOUND)
    number = int(version) if matter == Matter.PROFILE else None
    return Subject(Matter(matter), AgencyCode(code), number)


def _waiting(wiring: Wiring, approval_id: UUID) -> Approval:
    """An approval that waits.

    Raises: Problem: 404.
    """
    with wiring.engine.connect() as connection:
        found = [each for each in approval.waiting(connection) if each.id == approval_id]
    if not found:
        raise Problem(NOT_FOUND)
    return found[0]


def _approved(wiring: Wiring, asked: Approval, *, digest: str) -> AnyResponse:
    try:
        approval.approve(wiring, current_staff(), asked.id, digest=digest)
    except ApprovalError as error:
        return _subject_page(wiring, asked.subject, error=str(error))
    return redirect(APPROVALS, HTTPStatus.SEE_OTHER)


def _address(subject: Subject) -> str:
    return f"{APPROVALS}/{subject.matter}/{subject.agency}/{subject.version or NO_VERSION}"


def _list_page(wiring: Wiring) -> Response:
    with wiring.engine.connect() as connection:
        waiting = approval.waiting(connection)
        candidates = approval.candidates(connection)
    names = pages.agency_names(wiring)
    return pages.render(
        wiring.settings,
        "approvals.html",
        title="What takes two people",
        waiting=[
            {**_listed(each.subject, names), "proposer": each.proposer, "at": each.proposed_at}
            for each in waiting
        ],
        candidates=[_listed(each, names) for each in candidates],
        proposes=Role.DATA_PROTECTION_OFFICER in current_staff().roles,
    )


def _listed(subject: Subject, names: Mapping[str, str]) -> dict[str, object]:
    version = f", version {subject.version}" if subject.version else ""
    return {
        "address": _address(subject),
        "words": f"{_MATTER_WORDS[subject.matter]}: {names.get(subject.agency, subject.agency)}{version}",
    }


def _subject_page(wiring: Wiring, subject: Subject, *, error: str | None = None) -> Response:
    who = current_staff()
    with wiring.engine.connect() as connection:
        agency = agencies.agency(connection, subject.agency)
        asked = next((each for each in approval.waiting(connection) if each.subject == subject), None)
        if agency is None or (asked is None and subject not in approval.candidates(connection)):
            if error is None:
                raise Problem(NOT_FOUND)
            return pages.render(
                wiring.settings,
                "fault.html",
                title="This did not work",
                status=422,
                sentence=error,
                number="",
                emergency=None,
            )
        rows = [
            {"key": "Agency", "value": f"{agency.name} ({agency.kind})"},
            *(
                {
                    "key": "Agreement",
                    "value": f"{each.reference}, {each.assessment}, from {each.valid_from} until {each.valid_until}",
                }
                for each in agencies.agreements(connection, subject.agency)
            ),
        ]
        changed, rests_on = _changes(wiring, subject)
        version = subject.profile_version
        faults = (
            () if version is None else soundness.stored_faults(connection, subject.agency, version=version)
        )
        clients = (
            []
            if subject.matter is Matter.PROFILE
            else repository.proposed_clients(connection, subject.agency)
        )
        wrote = approval.is_author(connection, who, subject)
    own = asked is not None and asked.proposed_by == who.staff_id
    return pages.render(
        wiring.settings,
        "approval.html",
        title=_MATTER_WORDS[subject.matter],
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        error=None if error is None else {"field": "decide", "sentence": error},
        rows=rows + rests_on,
        changes=changed,
        impact=f"{PROFILES}/{subject.agency}/versions/{subject.version}/impact"
        if subject.matter is Matter.PROFILE
        else "",
        faults=faults,
        clients=clients,
        address=_address(subject),
        asked=asked,
        own=own,
        wrote=wrote,
        may_propose=asked is None and not faults and Role.DATA_PROTECTION_OFFICER in who.roles,
        may_decide=asked is not None and not (own or wrote) and Role.SECOND_APPROVER in who.roles,
        may_withdraw=own,
    )


def _changes(wiring: Wiring, subject: Subject) -> tuple[list[dict[str, object]], list[dict[str, str]]]:
    """What the profile in question changes, what becomes wider first; and what it rests on."""
    if subject.matter in {Matter.CLIENTS, Matter.REINSTATEMENT}:
        return [], []
    with wiring.engine.connect() as connection:
        effective = agencies.effective_version(connection, subject.agency)
        texts = [
            None
            if version is None
            else agencies.profile_document(connection, subject.agency, version=version)
            for version in (effective, subject.version or FIRST_VERSION)
        ]
    old, new = map(read_profile, texts)
    return ([], []) if new is None else (changes(old, new), basis(new))
