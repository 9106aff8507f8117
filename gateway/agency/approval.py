"""What takes two people: making an agency, its clients and keys, or a profile version effective, or an agency so again.

INVARIANTS
- Whoever proposed something, or wrote the profile version in question, never approves it, whatever roles they have; the
  database refuses it, too.
- What is approved is exactly what was proposed: anything that changed since has to be proposed again.
- Approving takes a fresh proof of who it is, bound to this approval and its digest; rejecting takes nothing.
- Nothing is effective before the second person's decision is in the log.
- What says something that no profile may is neither proposed nor approved, and the entry that makes a profile effective
  carries the SHA-256 of exactly its text.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection

from agencies import repository as register
from agencies import service as agencies
from agencies.errors import OnboardingError, UnknownAgencyError, UnsoundProfileError
from agencies.model import AgencyCode
from agencies.register import AgencyState
from gateway.agency import repository
from gateway.agency.errors import ApprovalError
from gateway.agency.soundness import sound_sha256
from gateway.consent.reconsent import ask_again
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.oauth import registration
from gateway.staff.model import SignedIn
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import finish, open_tasks, raise_task
from gateway.wiring import Wiring


class Matter(StrEnum):
    """What is decided about."""

    AGENCY = "agency"
    """A proposed agency, with its agreement, version 1, clients and keys."""
    CLIENTS = "clients"
    """Clients and keys that an agency got later."""
    PROFILE = "profile"
    REINSTATEMENT = "reinstatement"
    """A suspended agency that is to take part again, with the clients and keys that wait."""


class Decision(StrEnum):
    """What became of a proposal."""

    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be proposed: a matter of one agency; ``version`` for a profile alone."""

    matter: Matter
    agency: AgencyCode
    version: int | None = None

    @property
    def profile_version(self) -> int | None:
        """The profile version that would begin to release; absent: clients and keys begin nothing."""
        return agencies.FIRST_VERSION if self.matter is Matter.AGENCY else self.version


@dataclass(frozen=True, slots=True)
class Approval:
    """A proposal that waits for a second person.

    Attributes:
        digest: of exactly what was proposed, in hexadecimal.
    """

    id: UUID
    subject: Subject
    digest: str
    proposed_by: UUID
    proposer: str
    proposed_at: datetime


def waiting(connection: Connection) -> list[Approval]:
    """Return what waits for a second person, the oldest first."""
    return [
        Approval(
            row.approval_id,
            Subject(Matter(row.kind), AgencyCode(row.agency_code), row.version),
            row.digest.hex(),
            row.proposed_by,
            row.proposer,
            row.proposed_at,
        )
        for row in repository.open_approvals(connection)
    ]


def candidates(connection: Connection) -> list[Subject]:
    """Return what could be proposed now and does not wait already, agency by agency."""
    asked = {each.subject for each in waiting(connection)}
    found = []
    for agency in register.all_agencies(connection):
        if agency.state is AgencyState.PROPOSED:
            found.append(Subject(Matter.AGENCY, agency.code))
            continue
        if agency.state is AgencyState.SUSPENDED:
            found.append(Subject(Matter.REINSTATEMENT, agency.code))
        if agency.state is AgencyState.ACTIVE and repository.proposed_clients(connection, agency.code):
            found.append(Subject(Matter.CLIENTS, agency.code))
        newest, effective = (
            register.latest_version(connection, agency.code) or 0,
            register.effective_version(connection, agency.code) or 0,
        )
        found += [
            Subject(Matter.PROFILE, agency.code, version) for version in range(effective + 1, newest + 1)
        ]
    return [each for each in found if each not in asked]


def propose(wiring: Wiring, who: SignedIn, subject: Subject) -> UUID:
    """Ask a second person to make something effective; return the approval's id.

    Raises: ApprovalError, there is nothing to propose, the same waits already, or its profile says what none may.
        Nothing was stored.
    """
    with act(wiring, agencies=(subject.agency,)) as change:
        connection = change.connection
        if subject not in candidates(connection):
            raise ApprovalError("There is nothing of it to propose, or it waits already.")
        digest = _profile_sha256(connection, subject)
        now = database_now(connection)
        made = repository.add_approval(
            connection,
            kind=subject.matter.value,
            agency=subject.agency,
            version=subject.version,
            digest=_digest(connection, subject),
            staff_id=who.staff_id,
            now=now,
        )
        if made is None:
            raise ApprovalError("It waits already.")
        raise_task(
            connection,
            kind=TaskKind.APPROVAL_WAITING,
            due=now,
            about=subject.agency,
            facts={
                "matter": subject.matter.value,
                **({"version": subject.version} if subject.version else {}),
            },
            occasion=str(made),
        )
        _note(change, who, "approval.propose", subject, made, profile_sha256=digest)
    return made


def propose_clients(wiring: Wiring, who: SignedIn, agency: AgencyCode) -> bool:
    """Ask a second person about the clients and keys of an agency that wait; return whether somebody is asked.

    Nobody is while the agency does not take part: they are decided on with the agency then.
    """
    try:
        propose(wiring, who, Subject(Matter.CLIENTS, agency))
    except ApprovalError:
        return False
    return True


def approve(wiring: Wiring, who: SignedIn, approval_id: UUID, *, digest: str) -> Subject:
    """Make effective what somebody else proposed; the caller has a fresh proof of who it is for this digest.

    Args:
        digest: of what the second person was shown.

    Raises: ApprovalError, it is not theirs to approve, was decided, is no more what was proposed, or its profile says
        what none may.
    """
    with wiring.engine.connect() as connection:
        found = next((each for each in waiting(connection) if each.id == approval_id), None)
    if found is None:
        raise ApprovalError("It was decided meanwhile.")
    subject = found.subject
    with act(wiring, agencies=(subject.agency,)) as change:
        row = _held(change.connection, approval_id)
        if row.proposed_by == who.staff_id:
            raise ApprovalError("Whoever proposed it cannot be the one who approves it.")
        if is_author(change.connection, who, subject):
            raise ApprovalError("Whoever wrote it cannot be the one who approves it.")
        if row.digest.hex() != digest or row.digest != _digest(change.connection, subject):
            raise ApprovalError("It is no more what was proposed: it has to be proposed again.")
        now = database_now(change.connection)
        repository.decide_approval(
            change.connection,
            approval_id,
            decision=Decision.APPROVED.value,
            staff_id=who.staff_id,
            now=now,
        )
        try:
            _make_effective(change, who, subject, approval_id, now=now)
        except OnboardingError as error:  # it was suspended or let in meanwhile
            raise ApprovalError(str(error)) from error
        _finish_task(change.connection, who, approval_id, now=now)
    return subject


def is_author(connection: Connection, who: SignedIn, subject: Subject) -> bool:
    """Whether somebody wrote the profile version in question, or a part of it."""
    return subject.version is not None and repository.is_author(
        connection, subject.agency, version=subject.version, staff_id=who.staff_id
    )


def reject(wiring: Wiring, who: SignedIn, approval_id: UUID) -> None:
    """Decide against a proposal; of whoever proposed it, it is taken back.

    Raises: ApprovalError, it was decided meanwhile.
    """
    with wiring.engine.connect() as connection:
        found = next((each for each in waiting(connection) if each.id == approval_id), None)
    if found is None:
        raise ApprovalError("It was decided meanwhile.")
    with act(wiring, agencies=(found.subject.agency,), closes=True) as change:
        row = _held(change.connection, approval_id)
        own = row.proposed_by == who.staff_id
        now = database_now(change.connection)
        decision = Decision.WITHDRAWN if own else Decision.REJECTED
        repository.decide_approval(
            change.connection, approval_id, decision=decision.value, staff_id=who.staff_id, now=now
        )
        _note(change, who, "approval.reject", found.subject, approval_id)
        _finish_task(change.connection, who, approval_id, now=now)


def _held(connection: Connection, approval_id: UUID) -> repository.Waiting:
    row = repository.hold_approval(connection, approval_id)
    if row is None:
        raise ApprovalError("It was decided meanwhile.")
    return row


def _make_effective(
    change: Change, who: SignedIn, subject: Subject, approval_id: UUID, *, now: datetime
) -> None:
    """Make effective what was approved; the entry names who approved it, and the approval."""
    connection, code = change.connection, subject.agency
    digest = _profile_sha256(connection, subject)
    match subject.matter:
        case Matter.AGENCY:
            agencies.activate(connection, code=code)
            registration.approve(connection, code)
            _note(change, who, "agency.activate", subject, approval_id, profile_sha256=digest)
        case Matter.CLIENTS:
            registration.approve(connection, code)
            _note(change, who, "client.approve", subject, approval_id)
        case Matter.PROFILE:
            version = subject.version or 0
            register.make_effective(connection, code, version=version, now=now)
            ask_again(connection, code, version=version, now=now)
            _note(change, who, "profile.adopt", subject, approval_id, profile_sha256=digest)
        case Matter.REINSTATEMENT:
            if agencies.reinstate(connection, code=code) is AgencyState.ACTIVE:
                registration.approve(connection, code)
            _note(change, who, "agency.reinstate", subject, approval_id)


def _profile_sha256(connection: Connection, subject: Subject) -> str | None:
    """The hash of the text that would release; absent: none would begin to.

    Raises: ApprovalError, that text says what none may.
    """
    if subject.profile_version is None:
        return None
    try:
        return sound_sha256(connection, subject.agency, version=subject.profile_version)
    except UnsoundProfileError as error:
        raise ApprovalError(str(error)) from error


def _digest(connection: Connection, subject: Subject) -> bytes:
    """What tells whether something is still exactly what was proposed."""
    match subject.matter:
        case Matter.AGENCY:
            return repository.digest_of_agency(connection, subject.agency)
        case Matter.CLIENTS:
            return repository.digest_of_clients(connection, subject.agency)
        case Matter.PROFILE:
            document = register.profile_document(connection, subject.agency, version=subject.version or 0)
            if document is None:
                raise UnknownAgencyError("There is no such profile version.")
            return hashlib.sha256(document.encode()).digest()
        case Matter.REINSTATEMENT:
            effective = register.effective_version(connection, subject.agency)
            return repository.digest_of_agency(connection, subject.agency, effective=effective)


def _finish_task(connection: Connection, who: SignedIn, approval_id: UUID, *, now: datetime) -> None:
    """Say that the second person looked at it."""
    for task in open_tasks(connection):
        if task.kind is TaskKind.APPROVAL_WAITING and task.occasion == str(approval_id):
            finish(connection, task.id, actor=who.username, now=now)


def _note(
    change: Change,
    who: SignedIn,
    kind: str,
    subject: Subject,
    approval_id: UUID,
    *,
    profile_sha256: str | None = None,
) -> None:
    version = {} if subject.version is None else {"profile_version": subject.version}
    digest = {} if profile_sha256 is None else {"profile_sha256": profile_sha256}
    change.record(
        kind=kind,
        actor=who.username,
        agency=subject.agency,
        internal={
            "agency": subject.agency,
            "approval": str(approval_id),
            "matter": subject.matter.value,
            **version,
            **digest,
        },
    )
