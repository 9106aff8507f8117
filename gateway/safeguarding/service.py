"""Referrals: written down, sent, completed, answered and reviewed; and what was considered and not shared.

INVARIANTS
- What is sent is frozen, sealed and recorded in one transaction; nothing that is wrong with the log keeps it back.
- What is typed is stored before anything is sent, so that a failure loses nothing; a referral sent twice is one.
- Every entry is under the family's restricted tag.
- For whoever may not know of a referral it does not exist, whatever they do.
"""

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from agencies.model import AgencyKind, Profile
from agencies.profile_text import template
from certs.envelope import seal, unseal
from certs.errors import EnvelopeError
from gateway.cases import lookup
from gateway.cases import repository as cases
from gateway.cases.lookup import Listed
from gateway.cases.model import CaseIdentity
from gateway.cases.people import FamilyRecord
from gateway.cases.sealing import parts_that_open
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.disclosure_log.promise import include_or_promise
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import Change, act, compose_entry
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.recall.repository import lapse_listings
from gateway.release.minimisation import item_of
from gateway.release.model import Item
from gateway.safeguarding import document, drafts, repository
from gateway.safeguarding.clocks import Counted, Limit, Limits
from gateway.safeguarding.document import Choice, Frozen, Heading, Member
from gateway.safeguarding.drafts import Draft
from gateway.safeguarding.errors import NotSentError, SafeguardingError, UnknownReferralError
from gateway.safeguarding.model import (
    Answers,
    Destination,
    DutyToShare,
    Exemption,
    Finding,
    Kind,
    Outcome,
    Referral,
    Reviewer,
    State,
    Visibility,
    reachable,
)
from gateway.safeguarding.questions import (
    NO,
    YES,
    check_complete,
    check_enough,
    instant_of,
    open_questions,
)
from gateway.safeguarding.repository import Fetch, Stored
from gateway.settings import Settings
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

SAMPLED: Final = 5
"""One referral of so many is looked at by the officer, whatever it says; chance decides."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote: their answers, and what they chose of the record.

    Attributes:
        items: keys of choices; absent: whatever is selected beforehand.
        hidden_from: usernames of colleagues who must not learn of it.
        tell_on: when telling the family is looked at again.
        note_id: of the emergency page, which this referral is made of; absent: it is made of none.
    """

    kind: Kind
    answers: Answers
    items: frozenset[str] | None = None
    hidden_from: frozenset[str] = frozenset()
    tell_on: date | None = None
    note_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Before what a referral is written.

    Attributes:
        offered: what can be chosen of the record, given which children it is about.
    """

    found: Listed
    destinations: tuple[Destination, ...]
    overseers: tuple[str, ...]
    offered: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """One document as it went."""

    number: int
    body: bytes
    sha256: str
    sent_at: datetime
    proof: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody found."""

    reviewer: Reviewer
    by: str
    at: datetime
    findings: tuple[Finding, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A referral, as it is shown to somebody for whom it exists."""

    referral: Referral
    written: Written
    documents: tuple[OpenDocument, ...]
    fetches: tuple[Fetch, ...]
    reviews: tuple[Review, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class _Record:
    record: FamilyRecord
    keys: FamilyKeys
    items: tuple[Item, ...]


def sheet(
    wiring: Wiring,
    who: SignedIn,
    family_id: UUID,
    *,
    kind: Kind = Kind.PROTECTION,
    children: Collection[str] | None = None,
) -> Sheet:
    """Return before what a referral about a family is written; that somebody looked is on record.

    Args:
        kind: it is of; the destinations are those that it can go to.
        children: about whom it is; absent: every child.

    Raises: UnknownCaseError; ReasonNeededError.
    """
    found = lookup.view(wiring, who, family_id)
    with wiring.engine.connect() as connection:
        opened = _open_record(wiring, connection, found.record)
        return Sheet(
            found,
            tuple(reachable(repository.destinations(connection), kind, duty=duty_of(wiring.settings))),
            tuple(each for each in repository.overseers(connection) if each != who.username),
            tuple(_offered(opened, children)),
        )


def write(wiring: Wiring, who: SignedIn, family_id: UUID, referral_id: UUID, written: Written) -> None:
    """Store what somebody wrote as their draft: nothing is sent. A draft of this id is changed.

    Args:
        referral_id: chosen by the page, so that a form sent twice is one referral.

    Raises: UnknownCaseError; ReasonNeededError; UnknownReferralError, it is a draft no more or somebody else's.
    """
    found = lookup.view(wiring, who, family_id)
    with wiring.engine.begin() as connection:
        keys = _keys(wiring, connection, family_id)
        typed_at = _taken(wiring, connection, who, written.note_id)
        stored = repository.put_draft(
            connection,
            referral_id=referral_id,
            case_id=found.record.identity.case_id,
            family_id=family_id,
            who=who,
            kind=written.kind,
            sealed=_seal_written(keys, referral_id, written),
            now=database_now(connection),
            columns={
                "destination": _destination(connection, written.answers),
                "typed_at": typed_at,
                "concern_at": instant_of(written.answers, "concern_at"),
                "called_at": instant_of(written.answers, "called_at"),
                "told": _told(written),
                "tell_on": written.tell_on,
                "hidden_from": sorted(written.hidden_from - {who.username}),
            },
        )
        if not stored:
            raise UnknownReferralError("it was sent, or it is not theirs")


def send(wiring: Wiring, who: SignedIn, referral_id: UUID, *, emergency: bool) -> Referral:
    """Send a draft, and return the referral as it stands; one that was sent before stays as it is.

    Args:
        emergency: the answers that cannot wait are enough; everything else follows within its limit.

    True afterwards: document, entry and state are committed; the destination's client finds it from now on.
    Raises: UnknownReferralError; FaultyAnswersError; NotSentError, there is nobody to send it to.
    """
    with wiring.engine.connect() as connection:
        stored = _mine(connection, who, referral_id)
        referral = stored.referral
        if referral.state is not State.DRAFT:
            return referral
        opened = _record_of(wiring, connection, referral)
        written = _open_written(opened.keys, stored)
        _check(written, emergency=emergency)
        goes_to = None if referral.kind is Kind.CONSIDERED else _found(wiring, connection, referral)
        if goes_to is None or _is_refused(written):
            return _consider(wiring, who, referral, written)
        now = database_now(connection)
    complete = not open_questions(written.kind, written.answers)
    frozen = _freeze(wiring, referral, written, opened, to=goes_to, number=1, now=now)

    def keep(connection: Connection) -> None:
        sampled = secrets.randbelow(SAMPLED) == 0
        if not repository.mark_sent(
            connection, referral_id, emergency=not complete, complete=complete, sampled=sampled, now=now
        ):
            raise _AlreadySentError

    with suppress(_AlreadySentError):
        _record_document(wiring, referral, opened.keys, frozen, to=goes_to, number=1, now=now, keep=keep)
    with wiring.engine.connect() as connection:
        return _mine(connection, who, referral_id).referral


def takes_proof(wiring: Wiring, who: SignedIn, referral_id: UUID) -> bool:
    """True for a draft that is sent by nobody who does not prove that it is them: the duty to share is no emergency."""
    with wiring.engine.connect() as connection:
        stored = repository.one(connection, who, referral_id)
    return stored is not None and stored.referral.kind is Kind.DUTY


def complete(wiring: Wiring, who: SignedIn, referral_id: UUID, answers: Answers) -> Referral:
    """Add to a referral what could not be answered before it went; what was answered stays.

    What the destination should read goes to it as a further document.

    Raises: UnknownReferralError; NotSentError.
    """
    with wiring.engine.connect() as connection:
        stored = _mine(connection, who, referral_id)
        referral = stored.referral
        if referral.state is State.DRAFT:
            raise UnknownReferralError("it is a draft")
        opened = _record_of(wiring, connection, referral)
        before = _open_written(opened.keys, stored)
        added = {name: said for name, said in answers.items() if not before.answers.get(name)}
        written = replace(before, answers={**before.answers, **added})
        number = len(repository.documents(connection, referral_id)) + 1
        goes_to = None if referral.state is State.RECORDED else _found(wiring, connection, referral)
        now = database_now(connection)
    if not added:
        return referral
    is_done = not open_questions(written.kind, written.answers)

    def keep(connection: Connection) -> None:
        held = repository.one(connection, who, referral_id, hold=True)
        if held is None or held.sealed != stored.sealed:
            raise _AlreadySentError
        repository.put_answers(
            connection,
            referral_id,
            sealed=_seal_written(opened.keys, referral_id, written),
            concern_at=instant_of(written.answers, "concern_at"),
            called_at=instant_of(written.answers, "called_at"),
            told=_told(written) if referral.told is None else referral.told,
            completed_at=now if is_done else None,
        )

    try:
        if goes_to is not None and set(added) & set(document.TOLD):
            frozen = _freeze(wiring, referral, written, opened, to=goes_to, number=number, now=now)
            _record_document(
                wiring, referral, opened.keys, frozen, to=goes_to, number=number, now=now, keep=keep
            )
        else:
            with act(wiring, closes=True) as change:
                keep(change.connection)
                _note(change, who.username, referral, EntryKind.REFERRAL_COMPLETE, answered=sorted(added))
    except _AlreadySentError as error:
        raise SafeguardingError("It was changed meanwhile. Look at it again.") from error
    with wiring.engine.connect() as connection:
        return _mine(connection, who, referral_id).referral


def duty_of(settings: Settings) -> DutyToShare:
    """Return for which agencies a council switched the duty to share on, and by which notice families know."""
    return DutyToShare(settings.duty_to_share_notice, settings.duty_to_share_classes)


def look(wiring: Wiring, who: SignedIn, referral_id: UUID) -> Opened:
    """Return a referral to somebody for whom it exists; that they looked is on record.

    Raises: UnknownReferralError.
    """
    with act(wiring, closes=True) as change:
        connection = change.connection
        stored = repository.one(connection, who, referral_id)
        if stored is None:
            raise UnknownReferralError("there is none for them")
        keys = _keys(wiring, connection, stored.referral.family_id)
        opened = Opened(
            stored.referral,
            _open_written(keys, stored),
            tuple(_open_documents(connection, keys, referral_id)),
            tuple(repository.fetches(connection, referral_id)),
            tuple(
                Review(
                    each.reviewer,
                    each.by,
                    each.at,
                    each.findings,
                    unseal(keys.data_key, each.sealed, aad=_aad(referral_id, "review")).decode(),
                )
                for each in repository.reviews(connection, referral_id)
            ),
            database_now(connection),
        )
        _note(change, who.username, stored.referral, EntryKind.REFERRAL_VIEW)
    return opened


def seen_by(wiring: Wiring, who: SignedIn) -> tuple[list[Referral], datetime]:
    """Return every referral that exists for somebody, the newest first, and the database's time."""
    with wiring.engine.connect() as connection:
        found = [each.referral for each in repository.seen_by(connection, who)]
        return found, database_now(connection)


def acknowledge(wiring: Wiring, who: SignedIn, referral_id: UUID) -> None:
    """Write down that the destination said, on the phone, that it arrived; a second time changes nothing.

    Raises: UnknownReferralError.
    """
    with act(wiring, closes=True) as change:
        referral = _sent(change.connection, who, referral_id).referral
        if not repository.acknowledge(change.connection, referral_id, now=database_now(change.connection)):
            change.nothing_changed()
            return
        _note(change, who.username, referral, EntryKind.REFERRAL_ACKNOWLEDGE, by="phone")


def decide(wiring: Wiring, who: SignedIn, referral_id: UUID, *, outcome: Outcome, reference: str) -> None:
    """Write down what the destination said, on the phone, that it decided; the first word stands.

    Raises: UnknownReferralError.
    """
    with wiring.engine.connect() as connection:
        family_id = _sent(connection, who, referral_id).referral.family_id
    with act(wiring, families=(family_id,), closes=True) as change:
        stored = _sent(change.connection, who, referral_id, hold=True)
        if not store_decision(wiring, change, stored, outcome=outcome, reference=reference):
            return
        _note(
            change,
            who.username,
            stored.referral,
            EntryKind.REFERRAL_DECIDE,
            by="phone",
            outcome=outcome.value,
        )


def store_decision(
    wiring: Wiring, change: Change, stored: Stored, *, outcome: Outcome, reference: str
) -> bool:
    """Store what was decided and what follows for the case, in an act that moves the family's gate; return whether it is new."""
    connection, referral = change.connection, stored.referral
    keys = _keys(wiring, connection, referral.family_id)
    written = _open_written(keys, stored)
    said = {**written.answers, **({"reference": reference} if reference else {})}
    now = database_now(connection)
    if not repository.decide(
        connection,
        referral.id,
        outcome=outcome,
        sealed=_seal_written(keys, referral.id, replace(written, answers=said)),
        now=now,
    ):
        change.nothing_changed()
        return False
    if outcome.stops_panel:
        # Nobody learns why: a case can be not ready for many reasons.
        lapse_listings(connection, referral.family_id, now=now)
    return True


def review(
    wiring: Wiring,
    who: SignedIn,
    referral_id: UUID,
    *,
    reviewer: Reviewer,
    findings: Collection[Finding],
    note: str,
) -> None:
    """Store what a reviewer found; nobody reviews their own.

    Raises: UnknownReferralError; SafeguardingError.
    """
    with act(wiring, closes=True) as change:
        referral = _settled(change.connection, who, referral_id).referral
        if referral.author_id == who.staff_id:
            raise SafeguardingError("Somebody else reviews what you sent.")
        if not findings:
            raise SafeguardingError("Choose what you found.")
        keys = _keys(wiring, change.connection, referral.family_id)
        repository.add_review(
            change.connection,
            referral_id,
            reviewer=reviewer,
            by=who.username,
            findings=findings,
            sealed=seal(keys.data_key, note.encode(), aad=_aad(referral_id, "review")),
            now=database_now(change.connection),
        )
        _note(
            change,
            who.username,
            referral,
            EntryKind.REFERRAL_REVIEW,
            as_=reviewer.value,
            findings=sorted(each.value for each in findings),
        )


def set_visibility(
    wiring: Wiring,
    who: SignedIn,
    referral_id: UUID,
    *,
    visibility: Visibility,
    exemption: Exemption | None = None,
    until: date | None = None,
) -> None:
    """Decide whether a referral may be seen in a person's statement, until when.

    Raises: UnknownReferralError; SafeguardingError, withholding takes a ground and a day on which it is looked at again.
    """
    if visibility is Visibility.WITHHOLD and (exemption is None or until is None):
        raise SafeguardingError("Choose on what ground, and a day on which it is looked at again.")
    with act(wiring, closes=True) as change:
        referral = _settled(change.connection, who, referral_id).referral
        until = until if visibility is Visibility.WITHHOLD else None
        repository.put_visibility(change.connection, referral_id, visibility=visibility, until=until)
        _note(
            change,
            who.username,
            referral,
            EntryKind.REFERRAL_VISIBILITY,
            visibility=visibility.value,
            **({"ground": exemption.value} if exemption is not None else {}),
        )


def tell(wiring: Wiring, who: SignedIn, referral_id: UUID, *, told_by: str, tell_on: date | None) -> None:
    """Write down that the family was told, and by whom; or when that is looked at again.

    Args:
        told_by: in words; empty: they were not told yet.

    Raises: UnknownReferralError; SafeguardingError.
    """
    if not told_by and tell_on is None:
        raise SafeguardingError("Enter who told them, or a day on which that is looked at again.")
    with act(wiring, closes=True) as change:
        stored = _settled(change.connection, who, referral_id, hold=True)
        referral = stored.referral
        keys = _keys(wiring, change.connection, referral.family_id)
        written = _open_written(keys, stored)
        said = {**written.answers, **({"told": YES, "told_by": told_by} if told_by else {})}
        repository.put_telling(
            change.connection,
            referral_id,
            sealed=_seal_written(keys, referral_id, replace(written, answers=said)),
            told=bool(told_by),
            tell_on=None if told_by else tell_on,
        )
        _note(change, who.username, referral, EntryKind.REFERRAL_TELL, told=bool(told_by))


def people_of(wiring: Wiring, referral: Referral) -> tuple[list[dict[str, str]], str]:
    """Return everybody of a referral's family as choices, and what the family is called."""
    with wiring.engine.connect() as connection:
        record = lookup.record_of(wiring, connection, referral.family_id, now=database_now(connection))
    return [{"value": str(each.person_id), "words": each.name} for each in record.people], record.title


def limits(settings: Settings) -> Limits:
    """Return the limits that a council has set."""
    return Limits(
        written=Limit(Counted.HOURS, settings.referral_hours),
        complete=Limit(Counted.HOURS, settings.referral_hours),
        acknowledgement=Limit(Counted.WORKING_DAYS, settings.referral_answer_days),
        decision=Limit(Counted.WORKING_DAYS, settings.referral_answer_days),
        escalate=Limit(Counted.WORKING_DAYS, settings.referral_escalate_days),
        lead_review=Limit(Counted.WORKING_DAYS, settings.referral_review_days),
        visibility=Limit(Counted.DAYS, settings.referral_visible_days),
    )


def open_documents(wiring: Wiring, connection: Connection, referral: Referral) -> list[OpenDocument]:
    """Return what went of a referral, in order, for the destination that it went to."""
    return list(_open_documents(connection, _keys(wiring, connection, referral.family_id), referral.id))


def reference_of(wiring: Wiring, connection: Connection, stored: Stored) -> str | None:
    """Return the reference that the destination gave; absent: none that is known."""
    written = _open_written(_keys(wiring, connection, stored.referral.family_id), stored)
    said = written.answers.get("reference")
    return said if isinstance(said, str) else None


def note_for(change: Change, actor: str, referral: Referral, kind: EntryKind, **internal: Canonical) -> None:
    """Record something about a referral under the family's restricted tag."""
    _note(change, actor, referral, kind, **internal)


class _AlreadySentError(Exception):
    """Somebody was faster; what they did stands."""


def _is_refused(written: Written) -> bool:
    """True where whoever decided found that telling would do the child more harm than good: nothing is told then."""
    return written.kind is Kind.DUTY and written.answers.get("detriment") == YES


def _check(written: Written, *, emergency: bool) -> None:
    """Nothing but protection and agreement may go in a hurry: the duty to share is no emergency."""
    check_enough(written.kind, written.answers)
    if not emergency or written.kind is Kind.DUTY:
        check_complete(written.kind, written.answers)


def _consider(wiring: Wiring, who: SignedIn, referral: Referral, written: Written) -> Referral:
    """A decision not to share stands from now on."""
    complete = not open_questions(written.kind, written.answers)
    with act(wiring, closes=True) as change:
        if repository.mark_recorded(
            change.connection,
            referral.id,
            complete=complete,
            sampled=secrets.randbelow(SAMPLED) == 0,
            now=database_now(change.connection),
        ):
            _note(change, who.username, referral, EntryKind.REFERRAL_CONSIDER, route=referral.kind.value)
        else:
            change.nothing_changed()
    with wiring.engine.connect() as connection:
        return _mine(connection, who, referral.id).referral


def _freeze(
    wiring: Wiring,
    referral: Referral,
    written: Written,
    opened: _Record,
    *,
    to: Destination,
    number: int,
    now: datetime,
) -> Frozen:
    children = written.answers.get("people", ())
    offered = _offered(opened, (children,) if isinstance(children, str) else children)
    return document.freeze(
        Heading(
            referral_id=referral.id,
            number=number,
            kind=referral.kind,
            destination=to,
            council=wiring.settings.council_name,
            author=referral.author,
            recorded_at=referral.recorded_at,
            typed_at=referral.typed_at,
            sent_at=now,
        ),
        written.answers,
        record=opened.items,
        items=document.chosen(offered, written.items),
        people=_members(opened.record),
        template=_template(),
    )


def _record_document(
    wiring: Wiring,
    referral: Referral,
    keys: FamilyKeys,
    frozen: Frozen,
    *,
    to: Destination,
    number: int,
    now: datetime,
    keep: Callable[[Connection], None],
) -> None:
    """Store a document with its entry, in one transaction, and then its proof."""
    entry, sealed_entry = compose_entry(
        wiring,
        keys,
        at=now,
        recipient={
            "destination": to.code,
            "document_sha256": frozen.sha256,
            "number": number,
            "referral_id": str(referral.id),
            "time": now.isoformat(timespec="seconds"),
        },
        internal={
            "actor": referral.author,
            "destination": to.code,
            "kind": EntryKind.REFERRAL_SEND.value,
            "number": number,
            "people": list(frozen.about),
            "referral": str(referral.id),
            "route": referral.kind.value,
            **_rests_on(wiring.settings, referral.kind),
            "time": now.isoformat(timespec="milliseconds"),
        },
        restricted=True,
    )
    pending = PendingEntry(entry.entry_id, entry.body, sealed_entry, keys.family_id)

    def keep_all(connection: Connection) -> None:
        keep(connection)
        repository.add_document(
            connection,
            referral.id,
            number=number,
            sealed=seal(keys.data_key, frozen.body, aad=_aad(referral.id, str(number))),
            sha256=frozen.sha256,
            entry_id=entry.entry_id,
            now=now,
        )

    proof = include_or_promise(wiring, entry=entry, pending=pending, now=now, keep=keep_all)
    if proof is not None:
        try:
            with wiring.engine.begin() as connection:
                repository.put_proof(connection, referral.id, number=number, proof=proof)
        except SQLAlchemyError as error:  # it went; its proof can be had again
            _log.error("referral.proof_not_kept", fault=type(error).__name__)


def _open_documents(connection: Connection, keys: FamilyKeys, referral_id: UUID) -> Sequence[OpenDocument]:
    """What went of a referral; a document that does not open keeps no other back."""
    found = []
    for each in repository.documents(connection, referral_id):
        try:
            body = unseal(keys.data_key, each.sealed, aad=_aad(referral_id, str(each.number)))
        except EnvelopeError:
            _log.error("referral.damaged", referral=str(referral_id), number=each.number)
            continue
        found.append(OpenDocument(each.number, body, each.sha256, each.sent_at, each.proof))
    return found


def _offered(opened: _Record, children: Collection[str] | None) -> list[Choice]:
    members = _members(opened.record)
    wanted = {each.person_id for each in members} if children is None else children
    return document.choices(opened.items, template=_template(), scope=document.in_scope(members, wanted))


def _members(record: FamilyRecord) -> list[Member]:
    return [Member(str(each.person_id), each.role, each.shield) for each in record.people]


def _template() -> Profile:
    """What can be in a referral at all: the fields that the template of the police marks so."""
    return template(AgencyKind.POLICE)


def _record_of(wiring: Wiring, connection: Connection, referral: Referral) -> _Record:
    record = lookup.record_of(wiring, connection, referral.family_id, now=database_now(connection))
    return _open_record(wiring, connection, record)


def _open_record(wiring: Wiring, connection: Connection, record: FamilyRecord) -> _Record:
    """The record as far as it opens: a damaged part keeps nothing else back when a child is at risk."""
    identity: CaseIdentity = record.identity
    keys = _keys(wiring, connection, identity.family_id)
    stored, _ = parts_that_open(
        keys,
        cases.family_person_keys(connection, identity.family_id),
        cases.stored_parts(connection, identity.case_id),
    )
    return _Record(record, keys, tuple(map(item_of, stored)))


def _keys(wiring: Wiring, connection: Connection, family_id: UUID) -> FamilyKeys:
    try:
        return wiring.keyring.family(connection, family_id)
    except KeyErasedError as error:
        raise UnknownReferralError("the family was erased") from error


def _rests_on(settings: Settings, kind: Kind) -> dict[str, Canonical]:
    """What of the council's own papers a referral rests on: the policy of paragraph 18, or the notice of the duty."""
    named = {
        Kind.DUTY: ("notice", settings.duty_to_share_notice),
        Kind.PROTECTION: ("policy", settings.policy_document),
    }
    name, value = named.get(kind, ("", ""))
    return {name: value} if value else {}


def _taken(wiring: Wiring, connection: Connection, who: SignedIn, note_id: UUID | None) -> datetime | None:
    """When the note was typed that a referral is made of, which is then offered no more; absent: there is none."""
    if note_id is None:
        return None
    found = [
        each
        for each in drafts.drafts_of(connection, wiring, who.staff_id)
        if each.note_id == note_id and drafts.take_draft(connection, each.note_id, who.staff_id)
    ]
    return found[0].typed_at if found else None


def notes_of(wiring: Wiring, who: SignedIn) -> list[Draft]:
    """Return what somebody typed on the emergency page and made no referral of yet, the oldest first."""
    with wiring.engine.connect() as connection:
        return drafts.drafts_of(connection, wiring, who.staff_id)


def _mine(connection: Connection, who: SignedIn, referral_id: UUID) -> Stored:
    """A referral of somebody's own."""
    stored = repository.one(connection, who, referral_id)
    if stored is None or stored.referral.author_id != who.staff_id:
        raise UnknownReferralError("it is not theirs")
    return stored


def _settled(connection: Connection, who: SignedIn, referral_id: UUID, *, hold: bool = False) -> Stored:
    """A referral that exists for somebody and is no draft."""
    stored = repository.one(connection, who, referral_id, hold=hold)
    if stored is None or stored.referral.state is State.DRAFT:
        raise UnknownReferralError("there is none for them")
    return stored


def _sent(connection: Connection, who: SignedIn, referral_id: UUID, *, hold: bool = False) -> Stored:
    """A referral that exists for somebody and went to a destination."""
    stored = _settled(connection, who, referral_id, hold=hold)
    if stored.referral.state is State.RECORDED:
        raise UnknownReferralError("it went nowhere")
    return stored


def _found(wiring: Wiring, connection: Connection, referral: Referral) -> Destination:
    known = reachable(repository.destinations(connection), referral.kind, duty=duty_of(wiring.settings))
    found = [each for each in known if each.code == referral.destination]
    if not found:
        raise NotSentError("There is no such destination now. Ring them, and choose another.")
    return found[0]


def _destination(connection: Connection, answers: Answers) -> str | None:
    """The destination that was answered, where there is one such."""
    said = answers.get("destination")
    return said if said in {each.code for each in repository.destinations(connection)} else None


def _told(written: Written) -> bool | None:
    if written.kind is Kind.AGREED:
        return True
    return {YES: True, NO: False}.get(str(written.answers.get("told", "")))


def _seal_written(keys: FamilyKeys, referral_id: UUID, written: Written) -> bytes:
    said = {
        "answers": {name: list(a) if isinstance(a, tuple) else a for name, a in written.answers.items()},
        "items": None if written.items is None else sorted(written.items),
    }
    return seal(keys.data_key, json.dumps(said).encode(), aad=_aad(referral_id, "answers"))


def _open_written(keys: FamilyKeys, stored: Stored) -> Written:
    referral = stored.referral
    said = json.loads(unseal(keys.data_key, stored.sealed, aad=_aad(referral.id, "answers")))
    answers: Mapping[str, str | list[str]] = said["answers"]
    return Written(
        referral.kind,
        {name: tuple(a) if isinstance(a, list) else a for name, a in answers.items()},
        None if said["items"] is None else frozenset(said["items"]),
        referral.hidden_from,
        referral.tell_on,
    )


def _aad(referral_id: UUID, part: str) -> bytes:
    return b"referral:" + referral_id.bytes + part.encode()


def _note(change: Change, actor: str, referral: Referral, kind: EntryKind, **internal: Canonical) -> None:
    change.record(
        kind=kind,
        actor=actor,
        family_id=referral.family_id,
        restricted=True,
        internal={
            "referral": str(referral.id),
            **{name.rstrip("_"): value for name, value in internal.items()},
        },
    )
