"""Record what a family decided, as one act: gate, decision, standing, log entry.

INVARIANTS
- When a closing decision is answered, no later request by anyone is answered with the data: the family's
  gate moved in the same transaction as the standing.
- An act that closes is never refused for who records it, and does not wait for the log.
- An act that opens names an active member of staff, and agencies that exist.
- An unknown case and an unknown person are one error, and the log names nobody.
"""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection

from agencies.repository import all_agencies
from consent_registry.errors import Fault, InvalidDocumentError
from consent_registry.model import Act
from consent_registry.schemas import DecisionRequest
from consent_registry.service import Recorded, Sealing, record, recorded_before
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import case_by_source_ref, person_in_case
from gateway.consent.recipients import resolve_scope
from gateway.consent.repository import case_by_case_ref, everyone
from gateway.consent.schemas import read_decision
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.keyring import KeyErasedError
from gateway.staff.repository import active_member
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

_EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class _Subject:
    family_id: UUID
    person_id: UUID


def decide(wiring: Wiring, document: JsonValue, *, actor: str) -> Recorded:
    """Record one decision of one person.

    Args:
        document: the body of ``POST /v1/consent-decisions``.
        actor: the client id or command that asks.
    Raises: consent_registry.errors.InvalidDocumentError, ConflictingReplayError; UnknownCaseError;
        NotAppendedError (acts that open only). Nothing was recorded.
    """
    request = read_decision(document)
    with wiring.engine.connect() as connection:
        subject = _subject(wiring, connection, request)
    with act(wiring, families=(subject.family_id,), closes=not request.act.opens) as change:
        recorded = _record(wiring, change, request, subject=subject, actor=actor)
        if recorded.replay:
            change.nothing_changed()
    return recorded


def withdraw_everyone(
    wiring: Wiring, *, source_ref: str, recorded_by: str, actor: str, agencies: tuple[str, ...] = ()
) -> list[Recorded]:
    """Withdraw for everyone of a case at once, in one transaction.

    Args:
        agencies: from these only; empty: from all.
    True afterwards: everyone in the case, and everyone who ever decided in it, has withdrawn. The sealed
        documents name them by our ids, because only blind indexes of the council's are kept.
    Raises: consent_registry.errors.InvalidDocumentError; UnknownCaseError. Nothing was recorded.
    """
    everybody = withdrawal(source_ref, _EVERYONE, recorded_by=recorded_by, agencies=agencies)
    read_decision(everybody)  # its faults are the same for each person
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
    if identity is None:
        raise UnknownCaseError("there is no such case")
    answers = []
    with act(wiring, families=(identity.family_id,), closes=True) as change:
        for person_id in everyone(change.connection, identity.family_id):
            document = everybody | {"decision_id": str(uuid4()), "person": str(person_id)}
            subject = _Subject(identity.family_id, person_id)
            request = read_decision(document)
            answers.append(_record(wiring, change, request, subject=subject, actor=actor))
        if not answers:
            change.nothing_changed()
    return answers


def withdrawal(
    source_ref: str, person: str, *, recorded_by: str, agencies: tuple[str, ...] = ()
) -> dict[str, JsonValue]:
    """A fresh withdrawal document: five members, and agencies where it is not from all."""
    narrowed: dict[str, JsonValue] = {"agencies": [*agencies]} if agencies else {}
    return {
        "decision_id": str(uuid4()),
        "source_ref": source_ref,
        "person": person,
        "act": Act.WITHDRAW.value,
        "recorded_by": recorded_by,
        **narrowed,
    }


def _record(
    wiring: Wiring, change: Change, request: DecisionRequest, *, subject: _Subject, actor: str
) -> Recorded:
    """Record inside an act that has moved the family's gate; a replay is answered before anything is checked."""
    connection = change.connection
    try:
        sealing = Sealing.under(wiring.keyring.family(connection, subject.family_id).data_key)
    except KeyErasedError as error:
        raise UnknownCaseError("the family was erased") from error
    before = recorded_before(connection, decision=request, sealing=sealing)
    if before is not None:
        return before
    member = active_member(connection, request.recorded_by)
    if member is None and request.act.opens:
        raise InvalidDocumentError([Fault("/recorded_by", "Not an active member of staff.")])
    recorded = record(
        connection,
        family_id=subject.family_id,
        person_id=subject.person_id,
        decision=request,
        scope=resolve_scope(request, all_agencies(connection)),
        sealing=sealing,
        verified=member is not None,
        now=database_now(connection),
        months=wiring.settings.consent_months,
    )
    # A name that nobody vouches for stays in the sealed document.
    recorder: dict[str, Canonical] = {"recorded_by": member.username} if member else {}
    change.record(
        kind=f"consent.{request.act.value}",
        family_id=subject.family_id,
        actor=actor,
        internal={
            "decision_id": str(recorded.decision_id),
            "person_id": str(subject.person_id),
            "standing_version": recorded.standing_version,
            "recorded_by_verified": member is not None,
            **recorder,
        },
    )
    return recorded


def _subject(wiring: Wiring, connection: Connection, request: DecisionRequest) -> _Subject:
    """Whose decision it is, by our ids.

    Raises: UnknownCaseError.
    """
    identity = _case(wiring, connection, request)
    if identity is not None:
        person_id = person_in_case(
            connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=request.person
        )
        if person_id is not None:
            return _Subject(identity.family_id, person_id)
    raise UnknownCaseError("there is no such person in such a case")


def _case(wiring: Wiring, connection: Connection, request: DecisionRequest) -> CaseIdentity | None:
    if request.source_ref is not None:
        return case_by_source_ref(connection, keyring=wiring.keyring, source_ref=request.source_ref)
    return None if request.case_ref is None else case_by_case_ref(connection, request.case_ref)
