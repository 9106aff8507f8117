"""Record what a family decided, as one act: gate, decision, standing, log entry.

INVARIANTS
- When a closing decision is answered, no later request by anyone is answered with the data: the family's
  gate moved in the same transaction as the standing.
- An act that closes is never refused for who records it, and does not wait for the log; for a person whom nobody
  knows it holds the whole case.
- An act that opens names an active caseworker, agencies that exist, and the standing it was decided on.
- An unknown case is one error, whoever asks, and the log names nobody.
"""

from dataclasses import replace
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Connection

from agencies.repository import agency as registered
from consent_registry.birthdays import LONDON
from consent_registry.errors import Fault
from consent_registry.model import Act, DecisionId
from consent_registry.repository import find_subject, read_standing
from consent_registry.schemas import DecisionRequest
from consent_registry.service import Effect, Recorded
from gateway.caller import Caller
from gateway.cases.errors import UnknownCaseError
from gateway.cases.model import CaseIdentity
from gateway.cases.repository import case_by_source_ref, person_in_case
from gateway.consent import repository
from gateway.consent.errors import NotForPartnersError
from gateway.consent.recording import Told, as_hold, record_told
from gateway.consent.schemas import read_decision
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act
from gateway.recall.model import SENSITIVE_KINDS
from gateway.strict_json import JsonValue
from gateway.wiring import Wiring

PARTNERS_ACTS = frozenset({Act.HOLD, Act.WITHDRAW})
"""What a partner's lead practitioner may report; everything else is the council's."""

_EVERYONE = "everyone"


def decide(wiring: Wiring, document: JsonValue, *, actor: str, expected: int | None = None) -> Recorded:
    """Record one decision of one person, as the council's own system sends it.

    Args:
        document: the body of ``POST /v1/consent-decisions``.
        actor: the client id or command that asks.
        expected: for an act that opens, the version of the standing it was decided on; 0 before the first decision.
    True afterwards: it is recorded; an act that closes for a person whom the case does not know is a hold of
        everyone in it.
    Raises: consent_registry.errors.InvalidDocumentError; UnknownCaseError; for acts that open only, what
        ``consent_registry.service.record`` raises, and NotAppendedError. Nothing was recorded.
    """
    request = read_decision(document)
    with wiring.engine.connect() as connection:
        identity = _case(wiring, connection, request)
        if identity is None:
            raise UnknownCaseError("there is no such case")
        person_id, speaker_id = (
            None if ref is None else _person(wiring, connection, identity, ref) for ref in _named(request)
        )
    if person_id is None and request.act.opens:
        raise UnknownCaseError("there is no such person in the case")
    return _recorded(
        wiring,
        request,
        identity=identity,
        person_id=person_id,
        speaker_id=speaker_id,
        actor=actor,
        expected=expected,
    )


def report(wiring: Wiring, document: JsonValue, *, caller: Caller) -> Recorded:
    """Record that a partner's practitioner, who leads the case, was told to stop.

    Args:
        document: as in ``decide``, with the partner's own references of case and person.
        caller: an agency's, with its practitioner.
    True afterwards: the entry names the practitioner, whatever the document says of who recorded it; of a service that
        is itself a secret, under the family's restricted tag.
    Raises: InvalidDocumentError; NotForPartnersError; UnknownCaseError, also of a case that the practitioner does not
        lead. Nothing was recorded.
    """
    request = read_decision(document)
    if Act(str(request.received["act"])) not in PARTNERS_ACTS:
        raise NotForPartnersError
    agency, practitioner = caller.agency, caller.practitioner
    if agency is None or practitioner is None or not practitioner.verified or request.case_ref is None:
        raise UnknownCaseError("nobody leads this case")
    with wiring.engine.connect() as connection:
        identity = repository.case_by_case_ref(connection, request.case_ref, agency=agency)
        today = database_now(connection).astimezone(LONDON).date()
        if identity is None or not repository.works_on(
            connection, identity.case_id, worker=practitioner.id, today=today
        ):
            raise UnknownCaseError("nobody leads this case")
        person_id, speaker_id = (
            repository.person_by_ref(connection, _uuid(ref), agency=agency, family_id=identity.family_id)
            for ref in _named(request)
        )
        sender = registered(connection, agency)
    return _recorded(
        wiring,
        replace(request, recorded_by=practitioner.id),
        identity=identity,
        person_id=person_id,
        speaker_id=speaker_id,
        actor=caller.client_id,
        practitioner=practitioner.id,
        restricted=sender is None or sender.kind in SENSITIVE_KINDS,
    )


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
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
    if identity is None:
        raise UnknownCaseError("there is no such case")
    answers = []
    with act(wiring, families=(identity.family_id,), closes=True) as change:
        for person_id in repository.everyone(change.connection, identity.family_id):
            document = everybody | {"decision_id": str(uuid4()), "person": str(person_id)}
            told = Told(read_decision(document), identity, person_id, None, actor)
            answers.append(record_told(wiring, change, told))
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


def standing_version(wiring: Wiring, *, source_ref: str, person: str) -> int:
    """The version of one person's standing, 0 before the first decision: what an act that opens is decided on.

    Raises: UnknownCaseError.
    """
    with wiring.engine.connect() as connection:
        identity = case_by_source_ref(connection, keyring=wiring.keyring, source_ref=source_ref)
        if identity is None:
            raise UnknownCaseError("there is no such case")
        person_id = person_in_case(
            connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=person
        )
        if person_id is None:
            raise UnknownCaseError("there is no such person in the case")
        subject = find_subject(connection, family_id=identity.family_id, person_id=person_id)
        standing = None if subject is None else read_standing(connection, subject)
    return 0 if standing is None else standing[0]


def _recorded(
    wiring: Wiring,
    request: DecisionRequest,
    *,
    identity: CaseIdentity,
    person_id: UUID | None,
    speaker_id: UUID | None,
    actor: str,
    expected: int | None = None,
    practitioner: str | None = None,
    restricted: bool = False,
) -> Recorded:
    """Record one decision as an act of its own; of a person whom nobody knows, a hold of everyone in the case."""
    with act(wiring, families=(identity.family_id,), closes=not request.act.opens) as change:
        told = Told(
            request,
            identity,
            person_id or identity.family_id,
            speaker_id,
            actor,
            expected=expected,
            practitioner=practitioner,
            restricted=restricted,
        )
        recorded = record_told(wiring, change, told) if person_id else _hold_everyone(wiring, change, told)
        if recorded.replay:
            change.nothing_changed()
    return recorded


def _hold_everyone(wiring: Wiring, change: Change, told: Told) -> Recorded:
    """Hold for everyone of the case; return what is answered under the id that was sent.

    Raises: UnknownCaseError, there is nobody in the case.
    """
    unknown = Fault("/person", "Not a person of this case.")
    held = replace(as_hold(told.request), faults=(*told.request.faults, unknown))
    answers = [
        record_told(
            wiring,
            change,
            replace(
                told,
                request=replace(held, decision_id=DecisionId(uuid5(held.decision_id, str(person)))),
                person_id=person,
            ),
        )
        for person in repository.everyone(change.connection, told.identity.family_id)
    ]
    if not answers:
        raise UnknownCaseError("there is nobody in the case")
    newest = max(answers, key=lambda answer: answer.standing_version)
    effects = {answer.effect for answer in answers}
    return replace(newest, decision_id=held.decision_id, effect=None if effects == {None} else Effect.HELD)


def _case(wiring: Wiring, connection: Connection, request: DecisionRequest) -> CaseIdentity | None:
    if request.source_ref is not None:
        return case_by_source_ref(connection, keyring=wiring.keyring, source_ref=request.source_ref)
    return None if request.case_ref is None else repository.case_by_case_ref(connection, request.case_ref)


def _person(wiring: Wiring, connection: Connection, identity: CaseIdentity, ref: str) -> UUID | None:
    return person_in_case(connection, keyring=wiring.keyring, family_id=identity.family_id, person_ref=ref)


def _named(request: DecisionRequest) -> tuple[str, str | None]:
    """Whose decision it is and who spoke, as the sender calls them."""
    return request.person, None if request.given_by is None else request.given_by.person


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
