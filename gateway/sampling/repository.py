"""Reads and writes of samples; each works in the caller's transaction and commits nothing.

INVARIANTS
- What a question says of an access is read from the entry of that release, and kept nowhere else.
- A population is what an agency received under ordinary entries, of families that are no secret and in which it has no
  interest: whether a family has anything else on record makes no difference to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from certs.envelope import seal, unseal
from certs.errors import EnvelopeError
from gateway.disclosure_log.model import EntryKind
from gateway.disclosure_log.reading import DISORDER, MINUTE, OpenedEntry, first_since, minute_of, open_under
from gateway.keyring import FamilyKeys, Keyring
from gateway.sampling.model import Access, Answer, Channel, Clock, Outcome, Sample, Told

_FAULTS: Final = (AttributeError, EnvelopeError, LookupError, TypeError, ValueError)

_TRACED: Final = (
    "SELECT e.leaf_index FROM gateway.log_entry e JOIN gateway.log_trace t USING (entry_id)"
    " JOIN gateway.case_record c ON c.family_id = t.family_id AND c.seals = '{}'"
    " WHERE e.leaf_index >= :first AND e.leaf_index < :end AND t.agency_code = :agency AND t.extract_id IS NOT NULL"
)
_RELEASED: Final = text(
    _TRACED + " AND " + MINUTE + " >= :since AND " + MINUTE + " < :until"
    " AND NOT EXISTS (SELECT FROM gateway.case_conflict k WHERE k.family_id = t.family_id"
    "   AND k.agency_code = t.agency_code AND k.practitioner_id = '')"
)
_AT: Final = text(
    "SELECT e.leaf_index, e.entry_id, e.body, p.sealed, t.family_id, k.wrapped FROM gateway.log_entry e"
    " JOIN gateway.log_payload p USING (entry_id) JOIN gateway.log_trace t USING (entry_id)"
    " JOIN gateway.family_key k USING (family_id) JOIN gateway.case_record c USING (family_id)"
    " WHERE e.leaf_index = :index FOR KEY SHARE OF c"
)
_ACCESSES: Final = (
    "SELECT s.*, a.access_id, a.answer, a.channel, a.answered_by, a.answered_at, a.said_on, a.sealed AS said,"
    " a.outcome, e.leaf_index, e.entry_id, e.body, p.sealed, a.family_id, k.wrapped"
    " FROM gateway.sampled_access a JOIN gateway.access_sample s USING (sample_id)"
    " JOIN gateway.log_entry e USING (entry_id) JOIN gateway.log_payload p USING (entry_id)"
    " JOIN gateway.family_key k ON k.family_id = a.family_id"
)
_ORDER: Final = " ORDER BY s.agency_code, s.drawn_at DESC, s.sample_id, e.leaf_index"
_ALL: Final = text(_ACCESSES + _ORDER)
_OF_SAMPLE: Final = text(_ACCESSES + " WHERE s.sample_id = :sample" + _ORDER)
_WITH_OFFICER: Final = text(
    _ACCESSES
    + " WHERE (a.answer = 'no' AND a.outcome IS NULL) OR (a.answer IS NULL AND s.escalate_on <= :today)"
    + _ORDER
)
_FOR_DESK: Final = text(
    _ACCESSES + " WHERE s.agency_code = :agency AND a.answer IS NULL"
    " AND NOT EXISTS (SELECT FROM gateway.case_conflict c WHERE c.family_id = a.family_id"
    "   AND c.agency_code = s.agency_code AND c.practitioner_id IN ('', :practitioner))"
    " ORDER BY s.due_on, s.sample_id, e.leaf_index"
)
_DRAWN: Final = text(
    "SELECT EXISTS (SELECT FROM gateway.access_sample WHERE agency_code = :agency AND occasion = :occasion)"
)
_ADD_SAMPLE: Final = text(
    "INSERT INTO gateway.access_sample (sample_id, agency_code, occasion, since, until, wanted, population, log_size,"
    " seed, drawn_by, drawn_at, due_on, escalate_on) VALUES (:id, :agency, :occasion, :since, :until, :wanted, :population,"
    " :log_size, :seed, :by, :at, :due_on, :escalate_on) ON CONFLICT DO NOTHING RETURNING sample_id"
)
_SAMPLE: Final = text("SELECT * FROM gateway.access_sample WHERE sample_id = :sample")
_ADD_ACCESS: Final = text(
    "INSERT INTO gateway.sampled_access (access_id, sample_id, entry_id, family_id)"
    " VALUES (:id, :sample, :entry, :family)"
)
_ANSWER: Final = text(
    "UPDATE gateway.sampled_access SET answer = :answer, channel = :channel, answered_by = :by, answered_at = :at,"
    " said_on = :said_on, sealed = :sealed WHERE access_id = :id AND answer IS NULL"
)
_SETTLE: Final = text(
    "UPDATE gateway.sampled_access SET outcome = :outcome, settled_by = :by, settled_at = :at"
    " WHERE access_id = :id AND answer = 'no' AND outcome IS NULL"
)


def places_of(
    connection: Connection, agency: str, *, since: datetime, until: datetime, log_size: int
) -> Sequence[int]:
    """Return the leaf index of every access of an agency in a time that it could be asked about; nothing is opened.

    Args:
        since, until: aware instants of whole minutes, the last not included.
        log_size: what has a smaller leaf index, and nothing else.
    """
    asked = {
        "agency": agency,
        "first": first_since(connection, since - DISORDER),
        "end": min(first_since(connection, until + DISORDER), log_size),
        "since": int(since.timestamp()),
        "until": int(until.timestamp()),
    }
    return connection.execute(_RELEASED, asked).scalars().all()


def release_at(connection: Connection, keyring: Keyring, index: int) -> Row[Any] | None:
    """Return entry_id and family_id of the release at a place; absent: what is there is none, or does not open.

    Its family's case is held: it is not erased before the commit.
    """
    row = connection.execute(_AT, {"index": index}).one_or_none()
    return None if row is None or _opened(keyring, row) is None else row


def is_drawn(connection: Connection, agency: str, occasion: str) -> bool:
    """True where an agency's sample of this occasion was drawn."""
    return bool(connection.execute(_DRAWN, {"agency": agency, "occasion": occasion}).scalar_one())


def add_sample(connection: Connection, sample: Sample, *, occasion: str | None) -> bool:
    """Store a sample; return whether it was the first of its occasion."""
    asked = {
        "id": sample.id,
        "agency": sample.agency,
        "occasion": occasion,
        "since": sample.since,
        "until": sample.until,
        "wanted": sample.wanted,
        "population": sample.population,
        "log_size": sample.log_size,
        "seed": sample.seed,
        "by": sample.drawn_by,
        "at": sample.drawn_at,
        "due_on": sample.clock.due_on,
        "escalate_on": sample.clock.escalate_on,
    }
    return connection.execute(_ADD_SAMPLE, asked).one_or_none() is not None


def add_accesses(connection: Connection, sample_id: UUID, found: Mapping[UUID, Row[Any]]) -> None:
    """Store what was drawn, by the id that each question gets."""
    for access_id, row in found.items():
        connection.execute(
            _ADD_ACCESS,
            {"id": access_id, "sample": sample_id, "entry": row.entry_id, "family": row.family_id},
        )


def sample_by_id(connection: Connection, sample_id: UUID) -> Sample | None:
    """Return a sample; absent: there is none."""
    row = connection.execute(_SAMPLE, {"sample": sample_id}).one_or_none()
    return None if row is None else _sample(row)


def accesses(connection: Connection, keyring: Keyring, *, sample_id: UUID | None = None) -> list[Access]:
    """Return what was sampled, of one sample or of all: by agency, the newest sample first, in the order of the log."""
    if sample_id is None:
        return _read(keyring, connection.execute(_ALL))
    return _read(keyring, connection.execute(_OF_SAMPLE, {"sample": sample_id}))


def with_officer(connection: Connection, keyring: Keyring, *, today: date) -> list[Access]:
    """Return what is the officer's: each no that nobody settled, and each silence that was escalated."""
    return _read(keyring, connection.execute(_WITH_OFFICER, {"today": today}))


def for_desk(connection: Connection, keyring: Keyring, agency: str, *, practitioner: str) -> list[Access]:
    """Return what one member of an agency may see of what it was asked and has not answered, first what is due first."""
    asked = {"agency": agency, "practitioner": practitioner}
    return _read(keyring, connection.execute(_FOR_DESK, asked))


def put_answer(
    connection: Connection, keyring: Keyring, access: Access, *, answer: Answer, by: str, now: datetime
) -> bool:
    """Store an answer, with ``access.told`` where it did not come from the desk; return whether it was the first."""
    told = access.told
    sealed = None
    if told is not None:
        keys = keyring.family(connection, access.family_id)
        sealed = seal(keys.data_key, told.by.encode(), aad=_part_of(access.id))
    asked = {
        "id": access.id,
        "answer": answer.value,
        "channel": Channel.DESK if told is None else told.channel.value,
        "by": by,
        "at": now,
        "said_on": None if told is None else told.on,
        "sealed": sealed,
    }
    return connection.execute(_ANSWER, asked).rowcount == 1


def settle(connection: Connection, access_id: UUID, *, outcome: Outcome, by: str, now: datetime) -> bool:
    """Say what came of a no; return whether one waited."""
    asked = {"id": access_id, "outcome": outcome.value, "by": by, "at": now}
    return connection.execute(_SETTLE, asked).rowcount == 1


def _read(keyring: Keyring, rows: Iterable[Row[Any]]) -> list[Access]:
    return [_access(keyring, row) for row in rows]


def _access(keyring: Keyring, row: Row[Any]) -> Access:
    keys = _keys(keyring, row)
    entry = None if keys is None else _opened(keyring, row)
    asked = Access(
        row.access_id,
        _sample(row),
        row.family_id,
        row.leaf_index,
        minute_of(row),
        case_ref=None if entry is None else UUID(str(entry.recipient["case_ref"])),
        practitioner="" if entry is None else str(entry.internal.get("practitioner", "")),
        purpose="" if entry is None else str(entry.recipient["purpose"]),
    )
    if row.answer is None:
        return asked
    return replace(
        asked,
        answer=Answer(row.answer),
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        told=_told(keys, row),
        outcome=None if row.outcome is None else Outcome(row.outcome),
    )


def _told(keys: FamilyKeys | None, row: Row[Any]) -> Told | None:
    if row.said is None:
        return None
    try:
        by = "" if keys is None else unseal(keys.data_key, row.said, aad=_part_of(row.access_id)).decode()
    except EnvelopeError:  # that it was said, and when, stands in the row
        by = ""
    return Told(by, Channel(row.channel), row.said_on)


def _sample(row: Row[Any]) -> Sample:
    return Sample(
        row.sample_id,
        row.agency_code,
        row.since,
        row.until,
        row.wanted,
        row.population,
        row.log_size,
        bytes(row.seed),
        row.drawn_by,
        row.drawn_at,
        Clock(row.due_on, row.escalate_on),
    )


def _keys(keyring: Keyring, row: Row[Any]) -> FamilyKeys | None:
    try:
        return keyring.open_family(row.family_id, row.wrapped)
    except EnvelopeError:
        return None


def _opened(keyring: Keyring, row: Row[Any]) -> OpenedEntry | None:
    """The entry of a release under the ordinary tag; absent: it is none, or does not open."""
    try:
        entry = open_under(keyring.open_family(row.family_id, row.wrapped), row)
    except _FAULTS:
        return None
    return entry if entry is not None and entry.internal.get("kind") == EntryKind.EXTRACT_RELEASE else None


def _part_of(access_id: UUID) -> bytes:
    """What binds a sealed word to its question."""
    return b"sampled access:" + access_id.bytes
