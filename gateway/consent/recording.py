"""One decision recorded inside its act: who may, what it says, what it does, and who is told.

INVARIANTS
- A replay is answered before anything is checked.
- An act that opens is checked whole, and nothing is stored when anything is at fault.
- An act that closes is recorded whoever sends it: what cannot be made out of it only makes it a hold of everything.
- What follows from a decision is written in the decision's own transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from agencies.repository import all_agencies
from consent_registry.birthdays import LONDON
from consent_registry.errors import Fault, InvalidDocumentError
from consent_registry.model import (
    ALL,
    Act,
    Authority,
    Capacity,
    Scope,
    SubjectId,
)
from consent_registry.repository import ensure_subject, find_subject, read_history
from consent_registry.schemas import DecisionRequest
from consent_registry.service import Recorded, Sealing, Spoken, record, recorded_before
from gateway.cases.errors import CasesError, UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.consent import repository
from gateway.consent.authority import Speech, authority_to_close, faults_of_a_yes
from gateway.consent.checks import Asked, faults_of_the_asking
from gateway.consent.family import Family, read_family
from gateway.consent.following import Followed, follow_up
from gateway.consent.recipients import resolve_scope
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.staff.repository import StaffMember, active_member
from gateway.wiring import Wiring

RECORDERS = frozenset({"caseworker", "manager"})
"""The roles of whoever may record a yes."""


@dataclass(frozen=True, slots=True)
class Told:
    """One decision as it arrived, resolved to our ids.

    Attributes:
        person_id: the data subject.
        speaker_id: who spoke; absent: nobody said, or it is nobody of the case.
        actor: the client or command that sent it.
        expected: for an act that opens, the version of the standing it was decided on.
        practitioner: a partner's, who reports it and whose own agency vouches for them; absent: the council sent it.
        restricted: the service that reports it is itself a secret.
    """

    request: DecisionRequest
    identity: CaseIdentity
    person_id: UUID
    speaker_id: UUID | None
    actor: str
    expected: int | None = None
    practitioner: str | None = None
    restricted: bool = False


def as_hold(request: DecisionRequest) -> DecisionRequest:
    """The same words as a hold of everything: what an act that closes is, when it cannot be made out."""
    nothing = frozenset[str]()
    return replace(
        request,
        act=Act.HOLD,
        given_by=None,
        agencies=(),
        exclude=(),
        categories=nothing,
        fields=nothing,
        purposes=nothing,
    )


def record_told(wiring: Wiring, change: Change, told: Told) -> Recorded:
    """Record one decision inside an act that has moved the family's gate.

    Raises: InvalidDocumentError and what ``consent_registry.service.record`` raises, for acts that open only;
        UnknownCaseError, the family was erased. Nothing was recorded.
    """
    connection, request = change.connection, told.request
    family_id = told.identity.family_id
    try:
        keys = wiring.keyring.family(connection, family_id)
    except KeyErasedError as error:
        raise UnknownCaseError("the family was erased") from error
    sealing = Sealing.under(keys.data_key)
    before = recorded_before(connection, decision=request, sealing=sealing)
    if before is not None:
        return before
    now = database_now(connection)
    # The names of a partner's practitioners are that agency's: one may be spelt like a member of staff.
    member = None if told.practitioner else active_member(connection, request.recorded_by)
    request, scope = _scoped(connection, request)
    if request.act.opens:
        spoken = _agreed(wiring, connection, replace(told, request=request), keys, member=member, now=now)
    else:
        spoken = _stopped(connection, replace(told, request=request), keys, now=now)
    recorded = record(
        connection,
        family_id=family_id,
        person_id=told.person_id,
        decision=request,
        scope=scope,
        sealing=sealing,
        verified=member is not None,
        now=now,
        via=told.actor,
        spoken=spoken,
        expected=told.expected,
        months=wiring.settings.consent_months,
    )
    followed = Followed(
        request=request,
        recorded=recorded,
        scope=scope,
        family_id=family_id,
        person_id=told.person_id,
        authority=spoken.authority,
        recorder_known=member is not None or told.practitioner is not None,
        actor=told.actor,
        partner=told.practitioner is not None,
        now=now,
    )
    recalls = follow_up(wiring, change, followed)
    change.record(
        kind=f"consent.{request.act.value}",
        family_id=family_id,
        actor=told.actor,
        restricted=told.restricted,
        internal=_entry(told, recorded, recalls, member=member),
    )
    return recorded


def _entry(
    told: Told, recorded: Recorded, recalls: Sequence[UUID], *, member: StaffMember | None
) -> dict[str, Canonical]:
    """What the log says of a decision; a name that nobody vouches for stays in the sealed document."""
    recorder: dict[str, Canonical] = {"recorded_by": member.username} if member else {}
    if told.practitioner is not None:
        recorder = {"practitioner": told.practitioner}
    return {
        "decision_id": str(recorded.decision_id),
        "person_id": str(told.person_id),
        "standing_version": recorded.standing_version,
        "effect": str(recorded.effect),
        "recorded_by_verified": member is not None,
        **({"recalls": [str(recall) for recall in recalls]} if recalls else {}),
        **recorder,
    }


def _scoped(connection: Connection, request: DecisionRequest) -> tuple[DecisionRequest, Scope]:
    """The scope of a decision; of an act that closes and names what there is not: a hold of everything.

    Raises: InvalidDocumentError, of an act that opens.
    """
    try:
        return request, resolve_scope(request, all_agencies(connection))
    except InvalidDocumentError as error:
        if request.act.opens:
            raise
        return replace(as_hold(request), faults=(*request.faults, *error.faults)), Scope(agencies=ALL)


def _agreed(
    wiring: Wiring,
    connection: Connection,
    told: Told,
    keys: FamilyKeys,
    *,
    member: StaffMember | None,
    now: datetime,
) -> Spoken:
    """Who agreed, when they may and were asked as they should be.

    Raises: InvalidDocumentError, with every fault; CasesError, the record is damaged.
    """
    request, today = told.request, now.astimezone(LONDON).date()
    if request.given_by is None:  # its schema asks for it; what follows must not depend on that
        raise InvalidDocumentError([Fault("/given_by", "Missing data for required field.")])
    family = read_family(connection, told.identity, keys)
    speech = _speech(connection, told)
    asked = Asked(
        now=now,
        family=family,
        speaker=told.speaker_id,
        months=wiring.settings.consent_months,
        versions=repository.profile_versions(connection),
        roles=member.roles if member else (),
    )
    faults = [
        *_recorder_faults(member),
        *faults_of_a_yes(speech, family, today=today, lapse_at_sixteen=wiring.settings.lapse_at_sixteen),
        *faults_of_the_asking(request, asked),
    ]
    if faults:
        raise InvalidDocumentError(faults)
    return Spoken(_speaker(connection, told), speech.capacity, resolves="resolution" in request.evidence)


def _stopped(connection: Connection, told: Told, keys: FamilyKeys, *, now: datetime) -> Spoken:
    """Who said stop, and what is known of their right to; a record that cannot be read leaves that unknown."""
    if told.request.faults:
        return Spoken(authority=Authority.UNKNOWN)
    if told.request.given_by is None:
        return Spoken()
    try:
        family = read_family(connection, told.identity, keys)
    except CasesError:
        family = Family()
    speech = _speech(connection, told)
    authority = authority_to_close(speech, family, today=now.astimezone(LONDON).date())
    return Spoken(_speaker(connection, told), speech.capacity, authority)


def _recorder_faults(member: StaffMember | None) -> Sequence[Fault]:
    if member is None:
        return [Fault("/recorded_by", "Not an active member of staff.")]
    if member.roles.isdisjoint(RECORDERS):
        return [Fault("/recorded_by", "Only a caseworker records a yes.")]
    return []


def _speech(connection: Connection, told: Told) -> Speech:
    capacity = Capacity(told.request.given_by.capacity) if told.request.given_by else Capacity.SELF
    parental = told.request.evidence.get("parental_responsibility")
    basis = parental.get("basis") if isinstance(parental, dict) else None
    return Speech(
        told.person_id,
        told.speaker_id,
        capacity,
        basis=basis if isinstance(basis, str) else None,
        known_before=_is_known_before(connection, told, capacity),
    )


def _is_known_before(connection: Connection, told: Told, capacity: Capacity) -> bool:
    """True when a yes of this speaker for this person, in this capacity, was evidenced before."""
    family_id = told.identity.family_id
    subject = find_subject(connection, family_id=family_id, person_id=told.person_id)
    speaker = told.speaker_id and find_subject(connection, family_id=family_id, person_id=told.speaker_id)
    if subject is None or speaker is None:
        return False
    return any(
        before.act.opens and (before.speaker, before.capacity) == (speaker, capacity)
        for before in read_history(connection, subject)
    )


def _speaker(connection: Connection, told: Told) -> SubjectId | None:
    if told.speaker_id is None:
        return None
    return ensure_subject(connection, family_id=told.identity.family_id, person_id=told.speaker_id)
