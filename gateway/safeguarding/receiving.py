"""What a destination's own client does: see what was sent to it, take it, say that it arrived, and what was decided.

INVARIANTS
- To a client there is nothing but what was sent to the destination whose client it is now.
- Nothing is taken but on record: an entry and a row for each document, committed before a byte of it leaves.
- Nothing that is wrong with the log keeps a referral from whoever has to protect somebody.
- The first word about a decision stands.
"""

from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.caller import Caller
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.receipt import is_promise, receipt_of
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.safeguarding import repository
from gateway.safeguarding.entries import note
from gateway.safeguarding.errors import DecisionStandsError, UnknownReferralError
from gateway.safeguarding.following import store_decision
from gateway.safeguarding.model import Outcome, Referral
from gateway.safeguarding.repository import Stored
from gateway.safeguarding.sealing import OpenDocument, keys_of, open_documents, reference_of
from gateway.wiring import Wiring

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """One referral as its destination sees it.

    Attributes:
        documents: how many went.
    """

    referral: Referral
    documents: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """One referral with everything that went."""

    referral: Referral
    documents: tuple[OpenDocument, ...]


def received_by(wiring: Wiring, caller: Caller) -> list[Received]:
    """Return what waits at the caller's destination, and what it decided in the last 31 days; the oldest first."""
    with wiring.engine.connect() as connection:
        counts = repository.document_counts(connection, caller.client_id)
        return [
            Received(each.referral, counts[each.referral.id])
            for each in repository.of_client(connection, caller.client_id)
            if each.referral.id in counts
        ]


def fetch(wiring: Wiring, caller: Caller, referral_id: UUID) -> Fetched:
    """Return the documents of a referral, in order, as they went, each with its receipt if the log can give it by now.

    True afterwards: one entry and one row for each document say who took it.
    Raises: UnknownReferralError.
    """
    with act(wiring, closes=True) as change:
        connection = change.connection
        referral = _theirs(connection, caller, referral_id).referral
        documents = open_documents(connection, keys_of(wiring, connection, referral.family_id), referral.id)
        now = database_now(connection)
        for each in documents:
            repository.add_fetch(
                connection,
                referral_id,
                number=each.number,
                client=caller.client_id,
                practitioner=_practitioner(caller),
                now=now,
            )
            note(
                change,
                caller.client_id,
                referral,
                EntryKind.REFERRAL_FETCH,
                number=each.number,
                **_acting(caller),
            )
    proved = [_proved(wiring, referral_id, each) for each in documents]
    return Fetched(referral, tuple(proved))


def acknowledge(wiring: Wiring, caller: Caller, referral_id: UUID) -> Received:
    """Store that a referral arrived, and return it as it stands; a second time changes nothing.

    Raises: UnknownReferralError.
    """
    with act(wiring, closes=True) as change:
        referral = _theirs(change.connection, caller, referral_id, hold=True).referral
        if repository.acknowledge(change.connection, referral_id, now=database_now(change.connection)):
            note(
                change,
                caller.client_id,
                referral,
                EntryKind.REFERRAL_ACKNOWLEDGE,
                by="client",
                **_acting(caller),
            )
        else:
            change.nothing_changed()
        return _received(change.connection, caller, referral_id)


def decide(
    wiring: Wiring, caller: Caller, referral_id: UUID, *, outcome: Outcome, reference: str = ""
) -> Received:
    """Store what the destination decided, and return the referral as it stands; the same again changes nothing.

    Args:
        reference: of the destination; empty: it gave none.

    Raises: UnknownReferralError; DecisionStandsError, something else was decided before.
    """
    with wiring.engine.connect() as connection:
        family_id = _theirs(connection, caller, referral_id).referral.family_id
    with act(wiring, families=(family_id,), closes=True) as change:
        stored = _theirs(change.connection, caller, referral_id, hold=True)
        if store_decision(wiring, change, stored, outcome=outcome, reference=reference):
            note(
                change,
                caller.client_id,
                stored.referral,
                EntryKind.REFERRAL_DECIDE,
                by="client",
                outcome=outcome.value,
                **_acting(caller),
            )
        elif not _is_decision(wiring, change.connection, stored, outcome=outcome, reference=reference):
            raise DecisionStandsError("it was decided before")
        return _received(change.connection, caller, referral_id)


def _proved(wiring: Wiring, referral_id: UUID, document: OpenDocument) -> OpenDocument:
    """A document with its receipt in place of the promise, or of nothing, that there was when it went."""
    if document.proof is not None and not is_promise(document.proof):
        return document
    try:
        proof = receipt_of(wiring, document.entry_id)
        if proof is None:
            return document
        with wiring.engine.begin() as connection:
            repository.put_proof(connection, referral_id, number=document.number, proof=proof)
    except SQLAlchemyError as error:  # it can be had the next time
        _log.error("referral.proof_not_kept", fault=type(error).__name__)
        return document
    return replace(document, proof=proof)


def _theirs(connection: Connection, caller: Caller, referral_id: UUID, *, hold: bool = False) -> Stored:
    stored = repository.one_of_client(connection, caller.client_id, referral_id, hold=hold)
    if stored is None:
        raise UnknownReferralError("it was not sent to them")
    return stored


def _received(connection: Connection, caller: Caller, referral_id: UUID) -> Received:
    referral = _theirs(connection, caller, referral_id).referral
    return Received(referral, len(repository.documents(connection, referral_id)))


def _is_decision(
    wiring: Wiring, connection: Connection, stored: Stored, *, outcome: Outcome, reference: str
) -> bool:
    """True where this is what was decided; whoever names no reference says nothing about it."""
    return stored.referral.outcome is outcome and (
        not reference or reference == reference_of(wiring, connection, stored)
    )


def _practitioner(caller: Caller) -> str | None:
    return None if caller.practitioner is None else caller.practitioner.id


def _acting(caller: Caller) -> dict[str, Canonical]:
    """For whom the client acts, as an entry has it."""
    claim = caller.practitioner
    return {} if claim is None else {"practitioner": claim.id, "verified": claim.verified}
