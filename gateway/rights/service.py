"""Making one person's statement: read, written in one form, signed, on record, and only then told.

INVARIANTS
- Nothing of a statement is told before the entry that says it was made, with its hash, is committed.
- Somebody listed as a risk, somebody who is not of the family, and an erased family are one error.
- What is signed is what the paper says, word for word.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from agencies.repository import all_agencies
from consent_registry.birthdays import LONDON, SIXTEEN
from gateway.cases.model import Role, Shield
from gateway.cases.people import FamilyRecord, PersonOfFamily
from gateway.disclosure_log.canonical import Canonical
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.disclosure_log.statement import (
    check_code,
    openssl_commands,
    sign_statement,
    statement_key,
    statement_text,
)
from gateway.keyring import FamilyKeys, KeyErasedError
from gateway.rights import repository
from gateway.rights.errors import UnknownPersonError
from gateway.rights.lines import left_out_of, names_of, secrets_of, statement_body
from gateway.rights.model import Event, Paper, View, subject_of
from gateway.safeguarding.sealing import open_documents
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, ready to be printed or handed out.

    Attributes:
        body: what it says; ``text`` is the one form of it.
        note: the signed note; absent: the council has no key for it.
        vkey: with which it is checked; absent likewise.
        commands: the same with nothing but OpenSSL.
    """

    body: Mapping[str, Canonical]
    text: str
    note: str | None
    vkey: str | None
    commands: tuple[str, ...]

    @property
    def code(self) -> str:
        """The check code on the paper."""
        return check_code(self.text)

    @property
    def file(self) -> bytes:
        """The file that belongs to the paper: the note, or the bare text where there is no key."""
        return (self.note or self.text).encode()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Everything that a statement could tell, and the paper that it is told on."""

    events: tuple[Event, ...]
    paper: Paper
    damaged: bool

    @property
    def body(self) -> Mapping[str, Canonical]:
        """What the statement says."""
        return statement_body(self.events, self.paper, damaged=self.damaged)


def make_statement(
    wiring: Wiring, who: SignedIn, record: FamilyRecord, person_id: UUID, *, view: View
) -> Statement:
    """Return the statement of one person as it is now, once it is on record that it was made.

    Raises: UnknownPersonError; NotAppendedError, nothing is told.
    """
    with act(wiring) as change:
        today = database_now(change.connection).astimezone(LONDON).date()
        rebuilt = rebuild(
            wiring, change.connection, record, person_id, view=view, made_on=today, username=who.username
        )
        body = rebuilt.body
        text = statement_text(body)
        note, key = sign_statement(wiring.settings, text), statement_key(wiring.settings)
        change.record(
            kind=EntryKind.STATEMENT_MAKE,
            actor=who.username,
            family_id=record.identity.family_id,
            internal={
                "person_id": str(person_id),
                "statement_sha256": hashlib.sha256(text.encode()).hexdigest(),
                "view": view.value,
            },
        )
    commands = () if key is None else openssl_commands(key)
    return Statement(body, text, note, None if key is None else str(key), commands)


def rebuild(
    wiring: Wiring,
    connection: Connection,
    record: FamilyRecord,
    person_id: UUID,
    *,
    view: View,
    made_on: date,
    username: str | None = None,
) -> Rebuilt:
    """Return everything that a statement could tell of one person, read from the log.

    Args:
        username: of the member of staff who makes it; absent: an auditor.

    Raises: UnknownPersonError.
    """
    person = record.person(person_id)
    if person is None or person.risk_person:
        raise UnknownPersonError("there is nobody of the family to be told")
    family_id = record.identity.family_id
    try:
        keys = wiring.keyring.family(connection, family_id)
    except KeyErasedError as error:
        raise UnknownPersonError("the family was erased") from error
    told = repository.events_of(connection, keys, person_id)
    shown = _referrals(connection, keys, person_id, username=username)
    agencies = all_agencies(connection)
    shielded = any(each.shield is not Shield.NONE for each in record.people)
    paper = Paper(
        subject=subject_of(person_id),
        council=wiring.settings.council_name,
        view=view,
        made_on=made_on,
        of_child=_is_spoken_for(person, made_on),
        names=names_of(agencies, shielded=shielded),
        secret=secrets_of(agencies, view),
        left_out=left_out_of(view, shielded=shielded),
        shielded=shielded,
        extract_days=wiring.settings.extract_days,
    )
    # By minute: an entry that had to wait for the log keeps its own, and lies behind younger ones.
    events: Sequence[Event] = sorted([*told.events, *shown], key=lambda each: each.minute)
    return Rebuilt(tuple(events), paper, told.damaged)


def _referrals(
    connection: Connection, keys: FamilyKeys, person_id: UUID, *, username: str | None
) -> Iterator[Event]:
    for shown in repository.shown_referrals(connection, keys.family_id, username=username):
        for document in open_documents(connection, keys, shown.referral_id):
            event = repository.referred(
                shown,
                json.loads(document.body),
                person_id=person_id,
                entry_id=document.entry_id,
                minute=document.sent_at.replace(second=0, microsecond=0),
            )
            if event is not None:
                yield event


def _is_spoken_for(person: PersonOfFamily, today: date) -> bool:
    age = person.age(today)
    return person.role is Role.CHILD and (age is None or age < SIXTEEN)
