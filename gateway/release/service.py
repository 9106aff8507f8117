"""The one path by which personal data leaves.

INVARIANTS
- Not a byte of an extract leaves before its entry is committed.
- Nothing read here is kept for a later request; every request reads and decides again.
- One bad item never fails its batch.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from agencies.errors import AgenciesError
from agencies.model import JsonObject, Level, Purpose
from certs.envelope import seal
from certs.errors import CertsError
from consent_registry.errors import ConsentRegistryError
from gateway.caller import Caller
from gateway.cases.errors import CasesError
from gateway.cases.sealing import open_parts
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.entry import SALT_BYTES, ComposedEntry, compose, log_id
from gateway.disclosure_log.errors import NotAppendedError
from gateway.disclosure_log.model import PendingEntry
from gateway.release import repository
from gateway.release.decision import decide, item_level
from gateway.release.extract import answer_of
from gateway.release.minimisation import item_of, minimise, recipient_context
from gateway.release.model import (
    Outcome,
    Permit,
    PermittedItem,
    Refused,
    Released,
    ReleaseRequest,
    Unavailable,
)
from gateway.release.repository import Snapshot
from gateway.wiring import Wiring

ATTEMPTS = 3
"""How often an item whose gate moved is decided again before it is given up for now."""

LONDON = ZoneInfo("Europe/London")

_ITEM_FAULTS = (AgenciesError, CasesError, CertsError, ConsentRegistryError, KeyError, TypeError, ValueError)
"""What a damaged or unreadable stored value raises; it makes its own item unavailable."""

_log = structlog.get_logger(__name__)


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
    with (
        _logged("release.not_recorded", NotAppendedError, SQLAlchemyError),
        wiring.autocommit.connect() as connection,
    ):
        for _attempt in range(ATTEMPTS):
            # 2. Read.
            rows = repository.read(connection, [batch[position] for position in waiting])
            prepared: list[tuple[int, Outcome, PendingEntry]] = []
            for position, row in zip(waiting, rows, strict=True):
                with _logged("release.item_fault", *_ITEM_FAULTS):
                    request, snapshot = batch[position], repository.snapshot_of(row)
                    keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
                    now = snapshot.facts.now

                    # 3. Decide.
                    decision = decide(
                        snapshot.facts, caller=request.caller, extract_days=wiring.settings.extract_days
                    )

                    # 4. Minimise and redact.
                    record: JsonObject = {}
                    if isinstance(decision, Permit):
                        items = map(item_of, open_parts(keys, snapshot.person_keys, snapshot.parts))
                        levels = ((item, item_level(decision, item)) for item in items)
                        permitted_items = [PermittedItem(i, level) for i, level in levels if level > Level.W]
                        context = recipient_context(
                            permitted_items,
                            permit=decision,
                            people=snapshot.people,
                            today=now.astimezone(LONDON).date(),
                        )
                        record = minimise(permitted_items, context=context, people=snapshot.people)

                    extract_id = uuid4()
                    answer = answer_of(request, decision, record, extract_id=extract_id, now=now)
                    entry = compose(
                        uuid4(),
                        at=now,
                        log=log_id(wiring.settings.log_origin),
                        tag_key=keys.tag_key,
                        recipient=answer.recipient,
                        internal=answer.internal,
                        recipient_salt=secrets.token_bytes(SALT_BYTES),
                        internal_salt=secrets.token_bytes(SALT_BYTES),
                    )
                    sealed = seal(keys.data_key, entry.opening, aad=entry.aad)
                    outcome: Outcome = Refused() if answer.body is None else Released(extract_id, answer.body)
                    prepared.append((position, outcome, _pending(entry, sealed, outcome, request, snapshot)))

            # 5. Append: the gates are re-checked inside; a refusal has none to re-check.
            if not prepared:
                break
            landed = log.append(connection, [pending for _, _, pending in prepared])
            waiting = [prepared[moved][0] for moved in landed.moved]
            for position, outcome, _ in prepared:
                if position not in waiting:
                    outcomes[position] = outcome
            if not waiting:
                break
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
        if isinstance(decide(repository.snapshot_of(row).facts, caller=asking, extract_days=days), Permit)
    ]


def _pending(
    entry: ComposedEntry, sealed: bytes, outcome: Outcome, request: ReleaseRequest, snapshot: Snapshot
) -> PendingEntry:
    """The entry on its way: a release is bound to the gates it was decided on, a refusal to none."""
    released = isinstance(outcome, Released)
    return PendingEntry(
        entry.entry_id,
        entry.body,
        sealed,
        family_id=snapshot.family_id,
        family_version=snapshot.family_version if released else None,
        agency=request.caller.agency,
        agency_version=snapshot.agency_version if released else None,
        extract_id=outcome.extract_id if isinstance(outcome, Released) else None,
    )


@contextmanager
def _logged(event: str, *faults: type[Exception]) -> Iterator[None]:
    """Log one of these faults by its type alone and go on after the block; any other passes through."""
    try:
        yield
    except faults as error:
        _log.error(event, fault=type(error).__name__)
