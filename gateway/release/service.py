"""The one path by which personal data leaves.

INVARIANTS
- Not a byte of an extract leaves before its entry is durable and included in a signed checkpoint.
- Nothing read here is kept for a later request; every request reads and decides again.
- One bad item never fails its batch.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from agencies.errors import AgenciesError
from agencies.model import Level, Purpose
from certs.envelope import seal
from certs.errors import CertsError
from consent_registry.birthdays import birthdays_of
from consent_registry.errors import ConsentRegistryError
from gateway.caller import Caller
from gateway.cases.errors import CasesError
from gateway.cases.sealing import open_births, open_parts
from gateway.disclosure_log import repository as log
from gateway.disclosure_log.entry import SALT_BYTES, ComposedEntry, compose, log_id
from gateway.disclosure_log.errors import LogNotServedError, NotAppendedError
from gateway.disclosure_log.lag import lag_of
from gateway.disclosure_log.model import PendingEntry
from gateway.disclosure_log.publishing import start
from gateway.log_signer import LogBehindError, LogContradictionError
from gateway.release import repository
from gateway.release.decision import decide, item_level
from gateway.release.extract import answer_of, with_receipt
from gateway.release.free_text import tell_with_narrative
from gateway.release.minimisation import items_of, minimise, recipient_context
from gateway.release.model import (
    NOTHING,
    Outcome,
    Permit,
    PermittedItem,
    Refused,
    Released,
    ReleaseRequest,
    Told,
    Unavailable,
)
from gateway.release.repository import Snapshot
from gateway.release.signed_cuts import places_in
from gateway.wiring import Wiring

ATTEMPTS = 3
"""How often an item whose gate moved is decided again before it is given up for now."""

_LOG_FAULTS = (
    LogBehindError,
    LogContradictionError,
    LogNotServedError,
    NotAppendedError,
    SQLAlchemyError,
)
"""What keeps the log from recording, signing or publishing; it makes the whole batch unavailable."""

ITEM_FAULTS = (AgenciesError, CasesError, CertsError, ConsentRegistryError, KeyError, TypeError, ValueError)
"""What a damaged or unreadable stored value raises; it makes its own item unavailable."""

_Prepared: TypeAlias = tuple[int, Outcome, ComposedEntry, PendingEntry]
"""Position in the batch, what it comes to, its entry, and that entry sealed on its way into the log."""

_log = structlog.get_logger(__name__)


def release(wiring: Wiring, batch: Sequence[ReleaseRequest]) -> list[Outcome]:
    """Answer a batch of requests; the only function that orders the steps of a release.

    1. Caller: authenticated before, frozen in each request.
    2. Read: one statement, one snapshot, for the whole batch.
    3. Decide, item by item: ``Permit`` or ``Refuse``.
    4. Minimise the decrypted record.
    5. Append every entry, releases and refusals, in one call that re-checks the gates; items whose
       gate moved are read and decided again, at most three times.
    6. Sign and publish: the tree is folded again here, signed, and flushed with everything appended. A batch
       of refusals alone waits for no checkpoint; the next one includes it.
    7. Answer, each extract with its receipt.

    Returns: one outcome per request, in order. ``Unavailable`` where nothing could be recorded, signed or published;
        an entry that was recorded all the same stays, as prepared and not delivered.
    """
    settings, at_16 = wiring.settings, wiring.settings.lapse_at_sixteen
    outcomes: list[Outcome] = [Unavailable() for _ in batch]
    waiting = list(range(len(batch)))
    releases: list[tuple[int, Released, ComposedEntry, int]] = []
    with (
        _logged("release.not_recorded", *_LOG_FAULTS),
        wiring.autocommit.connect() as connection,
    ):
        known = wiring.log.known or start(wiring)
        for _attempt in range(ATTEMPTS):
            # 2. Read.
            rows = repository.read(connection, [batch[position] for position in waiting])
            prepared: list[_Prepared] = []
            for position, row in zip(waiting, rows, strict=True):
                with _logged("release.item_fault", *ITEM_FAULTS):
                    request, snapshot = batch[position], repository.snapshot_of(row)
                    keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
                    born = open_births(keys, snapshot.person_keys, snapshot.births)
                    facts = snapshot.facts_with(
                        {person: birthdays_of(day, lapse_at_sixteen=at_16) for person, day in born.items()}
                    )
                    now = facts.now

                    # 3. Decide.
                    decision = decide(facts, caller=request.caller, extract_days=settings.extract_days)

                    # 4. Minimise and redact.
                    told = NOTHING
                    if isinstance(decision, Permit) and (case := facts.case) is not None:
                        opened = items_of(open_parts(keys, snapshot.person_keys, snapshot.parts))
                        levels = [item_level(decision, item) for item in opened]
                        leaving = zip(opened, levels, strict=True)
                        items = [PermittedItem(item, level) for item, level in leaving if level > Level.W]
                        context = recipient_context(items, permit=decision, people=case.people, now=now)
                        if decision.narrative:
                            told = tell_with_narrative(
                                decision,
                                opened,
                                items,
                                context=context,
                                people=case.people,
                                places=places_in(snapshot.cuts, keys, decision, levels, parts=snapshot.parts),
                            )
                        else:
                            told = Told(items, minimise(items, context=context, people=case.people))

                    extract_id = uuid4()
                    answer = answer_of(request, decision, told, extract_id=extract_id, now=now)
                    if answer.body is not None and _is_unwitnessed(wiring, snapshot):
                        continue
                    entry = compose(
                        uuid4(),
                        at=now,
                        log=log_id(settings.log_origin),
                        tag_key=keys.tag_key,
                        recipient=answer.recipient,
                        internal=answer.internal,
                        recipient_salt=secrets.token_bytes(SALT_BYTES),
                        internal_salt=secrets.token_bytes(SALT_BYTES),
                    )
                    sealed = seal(keys.data_key, entry.opening, aad=entry.aad)
                    outcome: Outcome = Refused() if answer.body is None else Released(extract_id, answer.body)
                    pending = _pending(entry, sealed, outcome, request, snapshot)
                    prepared.append((position, outcome, entry, pending))

            # 5. Append: the gates are re-checked inside; a refusal has none to re-check.
            if not prepared:
                break
            landed = log.append(
                connection,
                [pending for _, _, _, pending in prepared],
                known=known.size,
                flush=not any(isinstance(outcome, Released) for _, outcome, _, _ in prepared),
            )
            written = [each for place, each in enumerate(prepared) if place not in landed.moved]
            releases += _settle(outcomes, written, first=landed.first)
            waiting = [prepared[place][0] for place in landed.moved]
            if not waiting:
                break

        # 6. Sign and publish: one checkpoint over everything appended.
        if releases:
            leaves = [entry.leaf for _, _, entry, _ in written]
            tree = wiring.log.sign(
                known, size=landed.size, root=landed.root, between=landed.between, leaves=leaves
            )
            log.publish(connection, frontier=tree.frontier, note=tree.note)
            wiring.log.published(tree.frontier)

            # 7. Answer.
            for position, released, entry, index in releases:
                outcomes[position] = with_receipt(released, tree.proof(index, extra=entry.disclosure))
    return outcomes


def _settle(
    outcomes: list[Outcome], written: Sequence[_Prepared], *, first: int
) -> list[tuple[int, Released, ComposedEntry, int]]:
    """Set the outcomes that wait for nothing more, and return the others with their leaf indexes."""
    releases = []
    for index, (position, outcome, entry, _) in enumerate(written, start=first):
        if isinstance(outcome, Released):
            releases.append((position, outcome, entry, index))
        else:
            outcomes[position] = outcome
    return releases


def permitted(
    wiring: Wiring, *, caller: Caller, case_refs: Sequence[UUID], purpose: Purpose = Purpose.P1
) -> list[UUID]:
    """Return those of this agency's case references that it would now be permitted for a purpose.

    One whose stored values are damaged is not among them.
    """
    asking = replace(caller, purpose=purpose)
    batch = [ReleaseRequest(asking, ref) for ref in case_refs]
    if not batch:
        return []
    with wiring.autocommit.connect() as connection:
        rows = repository.read(connection, batch)
    settings = wiring.settings
    found = []
    for ref, row in zip(case_refs, rows, strict=True):
        with _logged("release.item_fault", *ITEM_FAULTS):
            snapshot = repository.snapshot_of(row)
            keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
            facts = snapshot.facts_under(keys, lapse_at_sixteen=settings.lapse_at_sixteen)
            if isinstance(decide(facts, caller=asking, extract_days=settings.extract_days), Permit):
                found.append(ref)
    return found


def _is_unwitnessed(wiring: Wiring, snapshot: Snapshot) -> bool:
    """True when witnesses are configured and have gone without the log for too long: nothing may be released."""
    policy, settings = wiring.log.policy, wiring.settings
    if policy is None:
        return False
    lag = lag_of(
        policy,
        witnessed_at=snapshot.witnessed_at,
        now=snapshot.facts.now,
        warn_seconds=settings.witness_warn_seconds,
        stop_seconds=settings.witness_stop_seconds,
    )
    return lag.stops


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
