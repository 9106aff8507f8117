"""The one path by which personal data leaves.

INVARIANTS
- Not a byte of an extract leaves before its entry is committed.
- Nothing read here is kept for a later request; every request reads and decides again.
- One bad item never fails its batch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from agencies.errors import AgenciesError
from agencies.model import JsonObject, Purpose
from certs.errors import CertsError
from consent_registry.errors import ConsentRegistryError
from gateway.caller import Caller
from gateway.cases.errors import CasesError
from gateway.cases.sealing import open_parts
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.canonical import canonical
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.model import EntryKind, PendingEntry
from gateway.disclosure_log.service import compose_entry
from gateway.keyring import FamilyKeys
from gateway.release import repository
from gateway.release.decision import decide
from gateway.release.minimisation import item_of, minimise
from gateway.release.model import (
    Outcome,
    Permit,
    RefusalReason,
    Refuse,
    Refused,
    Released,
    ReleaseRequest,
    Unavailable,
)
from gateway.release.repository import Snapshot, SnapshotRow, snapshot_of
from gateway.wiring import Wiring

ATTEMPTS = 3
"""How often an item whose gate moved is decided again before it is given up for now."""

HANDLING = (
    "Use only for the purpose and the practitioner named in the request.",
    "Do not share onward; ask the Early Help Team instead.",
    "Delete this extract and every copy at the time in use_until.",
)
"""What every recipient agreed to, in words a person can act on."""

LONDON = ZoneInfo("Europe/London")

_ITEM_FAULTS = (AgenciesError, CasesError, CertsError, ConsentRegistryError, KeyError, TypeError, ValueError)
"""What a damaged or unreadable stored value raises; it makes its own item unavailable."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One item decided and composed, not yet appended: what will leave, and the entry that must land first."""

    outcome: Released | Refused
    entry: PendingEntry


def release(wiring: Wiring, batch: Sequence[ReleaseRequest]) -> list[Outcome]:
    """Answer a batch of requests; the only function that orders the steps of a release.

    1. Caller: authenticated before, frozen in each request.
    2. Read: one statement, one snapshot, for the whole batch.
    3. Decide, item by item: ``Permit`` or ``Refuse``.
    4. Minimise the decrypted record.
    5. Append every entry, releases and refusals, in one call that re-checks the gates; items whose
       gate moved are read and decided again, at most three times.
    6. Sign and publish: not built yet; nothing here waits for it.
    7. Answer.

    Returns: one outcome per request, in order. ``Unavailable`` where nothing could be recorded.
    """
    outcomes: list[Outcome] = [Unavailable() for _ in batch]
    waiting = list(range(len(batch)))
    try:
        with wiring.autocommit.connect() as connection:
            for _attempt in range(ATTEMPTS):
                rows = repository.read(connection, [batch[position] for position in waiting])
                prepared = []
                for position, row in zip(waiting, rows, strict=True):
                    try:
                        prepared.append((position, _prepare(wiring, batch[position], row)))
                    except _ITEM_FAULTS as error:  # this item stays unavailable, the others go on
                        _log.error("release.item_fault", fault=type(error).__name__)
                if not prepared:
                    break
                landed = log.append(connection, [item.entry for _, item in prepared])
                waiting = [prepared[moved][0] for moved in landed.moved]
                for position, item in prepared:
                    if position not in waiting:
                        outcomes[position] = item.outcome
                if not waiting:
                    break
    except (NotAppendedError, SQLAlchemyError) as error:
        _log.error("release.not_recorded", fault=type(error).__name__)
    return outcomes


def permitted(wiring: Wiring, *, caller: Caller, case_refs: Sequence[UUID]) -> list[UUID]:
    """Return those of this agency's case references that it would now be permitted at panel stage."""
    asking = replace(caller, purpose=Purpose.P1)
    batch = [ReleaseRequest(asking, ref) for ref in case_refs]
    if not batch:
        return []
    with wiring.autocommit.connect() as connection:
        rows = repository.read(connection, batch)
    days = wiring.settings.extract_days
    return [
        ref
        for ref, row in zip(case_refs, rows, strict=True)
        if isinstance(decide(snapshot_of(row).facts, caller=asking, extract_days=days), Permit)
    ]


def _prepare(wiring: Wiring, request: ReleaseRequest, row: SnapshotRow) -> _Prepared:
    """Steps 3 and 4 for one item, and the entry that must stand before its answer leaves.

    Raises: one of ``_ITEM_FAULTS``, something stored is damaged.
    """
    snapshot = snapshot_of(row)
    keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
    decision = decide(snapshot.facts, caller=request.caller, extract_days=wiring.settings.extract_days)
    if isinstance(decision, Refuse):
        return _refused(wiring, request, snapshot, keys, decision)
    items = [item_of(stored) for stored in open_parts(keys, snapshot.person_keys, snapshot.parts)]
    today = snapshot.facts.now.astimezone(LONDON).date()
    people = snapshot.facts.case.people if snapshot.facts.case else ()
    record = minimise(items, permit=decision, people=people, today=today)
    if not record:
        return _refused(wiring, request, snapshot, keys, Refuse((RefusalReason.NOTHING_TO_RELEASE,)))
    return _released(wiring, request, snapshot, keys=keys, permit=decision, record=record)


def _released(
    wiring: Wiring,
    request: ReleaseRequest,
    snapshot: Snapshot,
    *,
    keys: FamilyKeys,
    permit: Permit,
    record: JsonObject,
) -> _Prepared:
    """The extract's bytes, and its entry bound to the gates it was decided on."""
    now = snapshot.facts.now
    extract_id = uuid4()
    extract = _extract(request, permit, record, extract_id=extract_id, now=now)
    body = canonical(extract)
    entry, sealed = compose_entry(
        wiring,
        keys,
        at=now,
        recipient={
            "agency": permit.profile.agency,
            "case_ref": str(request.case_ref),
            "extract_id": str(extract_id),
            "extract_sha256": hashlib.sha256(body).hexdigest(),
            "profile_version": permit.profile.version,
            "purpose": _purpose(request.caller),
            "time": _instant(now),
        },
        internal={
            **_actor(request.caller),
            "decisions": sorted(map(str, permit.decisions)),
            "kind": str(EntryKind.EXTRACT_RELEASE),
            "stage": permit.stage.value,
            "time": now.isoformat(timespec="milliseconds"),
        },
    )
    pending = PendingEntry(
        entry.entry_id,
        entry.body,
        sealed,
        family_id=snapshot.family_id,
        family_version=snapshot.family_version,
        agency=permit.profile.agency,
        agency_version=snapshot.agency_version,
        extract_id=extract_id,
    )
    return _Prepared(Released(extract_id, body), pending)


def _refused(
    wiring: Wiring, request: ReleaseRequest, snapshot: Snapshot, keys: FamilyKeys, refusal: Refuse
) -> _Prepared:
    """The entry of a refusal: no recipient part, its reasons inside, no gate to re-check."""
    now = snapshot.facts.now
    entry, sealed = compose_entry(
        wiring,
        keys,
        at=now,
        recipient={},
        internal={
            **_actor(request.caller),
            "kind": str(EntryKind.EXTRACT_REFUSE),
            "purpose": _purpose(request.caller),
            "reasons": [reason.value for reason in refusal.reasons],
            "time": now.isoformat(timespec="milliseconds"),
        },
    )
    pending = PendingEntry(
        entry.entry_id, entry.body, sealed, family_id=snapshot.family_id, agency=request.caller.agency
    )
    return _Prepared(Refused(), pending)


def _extract(
    request: ReleaseRequest, permit: Permit, record: JsonObject, *, extract_id: UUID, now: datetime
) -> JsonObject:
    """The extract as the contract shapes it; ``receipt`` is absent until the log can give one."""
    return {
        "extract_id": str(extract_id),
        "case_ref": str(request.case_ref),
        "agency": permit.profile.agency,
        "purpose": _purpose(request.caller),
        "stage": permit.stage.value,
        "issued_at": _instant(now),
        "use_until": _instant(permit.use_until),
        "profile": {"version": permit.profile.version},
        "basis": _basis(permit),
        "handling": list(HANDLING),
        "record": record,
    }


def _basis(permit: Permit) -> JsonObject:
    """The legal bases (UK GDPR articles 6 and 9); the second only where the profile names one."""
    article9: JsonObject = {"article9": permit.profile.article9} if permit.profile.article9 else {}
    return {"article6": permit.profile.article6, **article9}


def _actor(caller: Caller) -> dict[str, str]:
    practitioner = {"practitioner": caller.practitioner.id} if caller.practitioner else {}
    return {"actor": caller.client_id, "agency": caller.agency or "", **practitioner}


def _purpose(caller: Caller) -> str:
    return caller.purpose.value if caller.purpose else ""


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
