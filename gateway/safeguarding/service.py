"""Referrals: written down, sent, completed, answered and reviewed; and what was considered and not shared.

INVARIANTS
- What is sent is frozen, sealed and recorded in one transaction; nothing that is wrong with the log keeps it back.
- What is typed is stored before anything is sent, so that a failure loses nothing; a referral sent twice is one.
- Every entry is under the family's restricted tag.
- For whoever may not know of a referral it does not exist, whatever they do.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from agencies.model import AgencyKind, Profile
from agencies.profile_text import template
from certs.envelope import seal, unseal
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
from gateway.disclosure_log.service import act, compose_entry
from gateway.keyring import FamilyKeys
from gateway.release.minimisation import item_of
from gateway.release.model import Item
from gateway.safeguarding import document, drafts, repository
from gateway.safeguarding.clocks import Counted, Limit, Limits
from gateway.safeguarding.document import Choice, Frozen, Heading, Member
from gateway.safeguarding.drafts import Draft
from gateway.safeguarding.entries import note
from gateway.safeguarding.errors import NotSentError, SafeguardingError, UnknownReferralError
from gateway.safeguarding.lookup import mine
from gateway.safeguarding.model import (
    Answers,
    Destination,
    DutyToShare,
    Finding,
    Kind,
    Referral,
    Reviewer,
    State,
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
from gateway.safeguarding.repository import Fetch
from gateway.safeguarding.sealing import (
    OpenDocument,
    Withheld,
    Written,
    keys_of,
    open_documents,
    open_withheld,
    open_written,
    part_of,
    seal_written,
)
from gateway.settings import Settings
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring

SAMPLED: Final = 5
"""One referral of so many is looked at by the officer, whatever it says; chance decides."""

_log = structlog.get_logger(__name__)


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
    withheld: Withheld | None
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
        keys = keys_of(wiring, connection, family_id)
        typed_at = _taken(wiring, connection, who, written.note_id)
        stored = repository.put_draft(
            connection,
            referral_id=referral_id,
            case_id=found.record.identity.case_id,
            family_id=family_id,
            who=who,
            kind=written.kind,
            sealed=seal_written(keys, referral_id, written),
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
        stored = mine(connection, who, referral_id)
        referral = stored.referral
        if referral.state is not State.DRAFT:
            return referral
        opened = _record_of(wiring, connection, referral)
        written = open_written(opened.keys, stored)
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
        return mine(connection, who, referral_id).referral


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
        stored = mine(connection, who, referral_id)
        referral = stored.referral
        if referral.state is State.DRAFT:
            raise UnknownReferralError("it is a draft")
        opened = _record_of(wiring, connection, referral)
        before = open_written(opened.keys, stored)
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
            sealed=seal_written(opened.keys, referral_id, written),
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
                note(change, who.username, referral, EntryKind.REFERRAL_COMPLETE, answered=sorted(added))
    except _AlreadySentError as error:
        raise SafeguardingError("It was changed meanwhile. Look at it again.") from error
    with wiring.engine.connect() as connection:
        return mine(connection, who, referral_id).referral


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
        keys = keys_of(wiring, connection, stored.referral.family_id)
        opened = Opened(
            stored.referral,
            open_written(keys, stored),
            tuple(open_documents(connection, keys, referral_id)),
            tuple(repository.fetches(connection, referral_id)),
            tuple(
                Review(
                    each.reviewer,
                    each.by,
                    each.at,
                    each.findings,
                    unseal(keys.data_key, each.sealed, aad=part_of(referral_id, "review")).decode(),
                )
                for each in repository.reviews(connection, referral_id)
            ),
            open_withheld(keys, stored),
            database_now(connection),
        )
        note(change, who.username, stored.referral, EntryKind.REFERRAL_VIEW)
    return opened


def seen_by(wiring: Wiring, who: SignedIn) -> tuple[list[Referral], datetime]:
    """Return every referral that exists for somebody, the newest first, and the database's time."""
    with wiring.engine.connect() as connection:
        found = [each.referral for each in repository.seen_by(connection, who)]
        return found, database_now(connection)


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
            note(change, who.username, referral, EntryKind.REFERRAL_CONSIDER, route=referral.kind.value)
        else:
            change.nothing_changed()
    with wiring.engine.connect() as connection:
        return mine(connection, who, referral.id).referral


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
            sealed=seal(keys.data_key, frozen.body, aad=part_of(referral.id, str(number))),
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
    keys = keys_of(wiring, connection, identity.family_id)
    stored, _ = parts_that_open(
        keys,
        cases.family_person_keys(connection, identity.family_id),
        cases.stored_parts(connection, identity.case_id),
    )
    return _Record(record, keys, tuple(_items_that_read(stored)))


def _items_that_read(stored: Iterable[Mapping[str, object]]) -> Iterator[Item]:
    """Every item that reads as one of ours; an item that does not is logged without what it says, and left out."""
    for each in stored:
        try:
            yield item_of(each)
        except (KeyError, TypeError, ValueError) as error:
            _log.error("referral.item_unreadable", fault=type(error).__name__)


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
