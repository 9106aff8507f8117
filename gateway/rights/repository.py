"""Reading what happened to one person's information, from the log and from what it points at.

INVARIANTS
- What is read is about one person, or was decided about that person; a recall counts where an act about that person
  called for it.
- Of what is under the family's restricted tag only decisions and answers are opened here; of referrals only those with
  agreement whose row says that they may be shown are read at all. One that does not open is not told of, either: that
  something is wrong would tell of a referral.
- Nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from agencies.catalogue import FIELDS
from agencies.errors import ProfileError
from agencies.model import AgencyCode, FieldName
from agencies.profile_text import parse_profile
from agencies.repository import profile_document
from certs.errors import EnvelopeError
from consent_registry.model import ConsentDecision
from consent_registry.repository import find_subject, read_history
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import OpenedEntry, StoredEntry, minute_of, open_under, sealed_of_family
from gateway.keyring import FamilyKeys
from gateway.recall.model import Answer, Ground
from gateway.rights.model import Answered, Decided, Event, Referred, Released, What
from gateway.strict_json import JsonValue

_BY_ID: Final[Mapping[str, FieldName]] = {str(field.id): name for name, field in FIELDS.items()}
_DECISIONS: Final = frozenset(
    {
        EntryKind.CONSENT_ENTER_IN_ERROR,
        EntryKind.CONSENT_GIVE,
        EntryKind.CONSENT_HOLD,
        EntryKind.CONSENT_INVALIDATE,
        EntryKind.CONSENT_REFUSE,
        EntryKind.CONSENT_WITHDRAW,
    }
)
_UNDER_RESTRICTED: Final = _DECISIONS | {EntryKind.RECALL_ANSWER}
_FAULTS: Final = (AttributeError, EnvelopeError, LookupError, TypeError, ValueError)
"""What an entry raises that is not as it was written."""
_NOTED: Final = "noted"
_CALLED: Final = text(
    "SELECT recall_id, agency_code FROM gateway.recall"
    " WHERE family_id = :family AND recall_id = ANY (CAST(:recalls AS uuid[])) ORDER BY agency_code"
)
_SHOWN: Final = text(
    "SELECT r.referral_id, coalesce(d.name, r.destination) AS destination FROM gateway.referral r"
    " LEFT JOIN gateway.referral_destination d ON d.code = r.destination WHERE r.family_id = :family"
    " AND r.kind = 'agreed' AND r.visibility = 'show' AND r.state IN ('sent', 'acknowledged', 'decided')"
    " AND (CAST(:username AS text) IS NULL OR NOT (CAST(:username AS text) = ANY (r.hidden_from)))"
    " ORDER BY r.sent_at, r.referral_id"
)


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that happened to one person's information.

    Attributes:
        events: the oldest first.
        damaged: an entry of the family does not open, and whose it is nobody can tell.
    """

    events: tuple[Event, ...]
    damaged: bool


@dataclass(frozen=True, slots=True)
class ShownReferral:
    """A referral with agreement that may be shown, without what it says."""

    referral_id: UUID
    destination: str


def events_of(connection: Connection, keys: FamilyKeys, person_id: UUID) -> Told:
    """Return what the log has of one person, oldest first; referrals are not among it."""
    reader = _Reader(connection, keys, person_id)
    events = []
    damaged = False
    for row in sealed_of_family(connection, keys.family_id):
        ordinary = True
        try:
            entry = open_under(keys, row)
            ordinary = entry is not None
            event = reader.event(row, entry)
        except _FAULTS:
            damaged = damaged or ordinary
            continue
        if event is not None:
            events.append(event)
    return Told(tuple(events), damaged)


def made_at(connection: Connection, keys: FamilyKeys, *, sha256: str) -> int | None:
    """Return the leaf index of the newest entry that says that a statement of this text was made; absent: none does."""
    found = None
    for row in sealed_of_family(connection, keys.family_id):
        with suppress(*_FAULTS):
            entry = open_under(keys, row)
            if entry is not None and entry.internal["kind"] == EntryKind.STATEMENT_MAKE:
                found = row.leaf_index if entry.internal["statement_sha256"] == sha256 else found
    return found


def shown_referrals(connection: Connection, family_id: UUID, *, username: str | None) -> list[ShownReferral]:
    """Return the referrals with agreement of a family that may be shown; of any other there is nothing here.

    Args:
        username: of the member of staff who asks, from whom one may be hidden; absent: an auditor.
    """
    rows = connection.execute(_SHOWN, {"family": family_id, "username": username})
    return [ShownReferral(row.referral_id, row.destination) for row in rows]


def referred(
    shown: ShownReferral,
    body: Mapping[str, JsonValue],
    *,
    person_id: UUID,
    entry_id: UUID,
    minute: datetime,
) -> Event | None:
    """Return the event of one document of a shown referral; absent: it says nothing of the person.

    Args:
        body: of the document, as it went.
    """
    ref = str(uuid5(shown.referral_id, str(person_id)))
    fields = frozenset(map(FieldName, _fields_of(body, ref)))
    about = body.get("about")
    if not fields and not (isinstance(about, list) and ref in about):
        return None
    basis = body.get("basis")
    basis = basis if isinstance(basis, dict) else {}
    what = Referred(shown.destination, fields, str(basis.get("article6", "")), str(basis.get("article9", "")))
    return Event(entry_id, minute, what, restricted=True)


def _fields_of(body: Mapping[str, JsonValue], ref: str) -> Iterator[str]:
    record = body.get("record")
    people = record.get("people", []) if isinstance(record, dict) else []
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict) and person.get("person") == ref:
            fields = person.get("fields")
            yield from fields if isinstance(fields, dict) else ()


class _Reader:
    """Opens a family's entries one by one and keeps what is about one person."""

    def __init__(self, connection: Connection, keys: FamilyKeys, person_id: UUID) -> None:
        self.connection = connection
        self.keys = keys
        self.restricted = replace(keys, tag_key=keys.restricted_tag_key)
        self.person = str(person_id)
        subject = find_subject(connection, family_id=keys.family_id, person_id=person_id)
        history: Sequence[ConsentDecision] = [] if subject is None else read_history(connection, subject)
        self.decisions = {str(each.decision_id): each for each in history}
        self.called: dict[str, str] = {}
        self.bases: dict[tuple[str, int], tuple[str, str]] = {}

    def event(self, row: StoredEntry, entry: OpenedEntry | None) -> Event | None:
        """Return the event of an entry; absent: it has none.

        Args:
            entry: opened under the ordinary tag; absent: it is under the restricted one.

        Raises: one of the faults of an entry that is not as it was written.
        """
        restricted = entry is None
        if entry is None:
            entry = open_under(self.restricted, row)
            if entry is None or entry.internal.get("kind") not in _UNDER_RESTRICTED:
                return None
        what = self._what(entry)
        return None if what is None else Event(row.entry_id, minute_of(row), what, restricted=restricted)

    def _what(self, entry: OpenedEntry) -> What | None:
        internal, kind = entry.internal, entry.internal["kind"]
        if kind == EntryKind.EXTRACT_RELEASE and self.person in internal.get("people", ()):
            return self._released(entry)
        if kind in _DECISIONS and internal.get("person_id") == self.person:
            return self._decided(internal)
        if kind == EntryKind.RECALL_ANSWER and internal["recall"] in self.called:
            ground = internal.get("ground")
            return Answered(
                self.called[internal["recall"]],
                Answer(internal["answer"]),
                None if ground is None else Ground(ground),
            )
        return None

    def _released(self, entry: OpenedEntry) -> Released:
        internal, recipient = entry.internal, entry.recipient
        told = internal.get("fields")
        fields = (
            None if told is None else frozenset(map(_BY_ID.__getitem__, told.get(self.person, "").split()))
        )
        agency = str(recipient["agency"])
        article6, article9 = self._basis(agency, int(recipient["profile_version"]))
        return Released(agency, fields, str(recipient["purpose"]), article6, article9)

    def _decided(self, internal: Mapping[str, Any]) -> Decided:
        decision = self.decisions[internal["decision_id"]]
        recalls = internal.get("recalls", ())
        return Decided(
            act=decision.act,
            scope=decision.scope,
            noted=internal.get("effect") == _NOTED,
            called_back=tuple(self._call_back(recalls)),
        )

    def _call_back(self, recalls: Iterable[str]) -> list[str]:
        """The agencies of recalls, which are from now on this person's."""
        rows = self.connection.execute(
            _CALLED, {"family": self.keys.family_id, "recalls": list(recalls)}
        ).all()
        self.called |= {str(row.recall_id): row.agency_code for row in rows}
        return [row.agency_code for row in rows]

    def _basis(self, agency: str, version: int) -> tuple[str, str]:
        """The articles that a profile version states; empty where it cannot be read any more."""
        if (agency, version) not in self.bases:
            document = profile_document(self.connection, AgencyCode(agency), version=version)
            try:
                profile = None if document is None else parse_profile(document)
            except ProfileError:
                profile = None
            self.bases[agency, version] = (
                ("", "") if profile is None else (profile.article6, profile.article9)
            )
        return self.bases[agency, version]
