"""What one request would come to now, without releasing or recording anything.

INVARIANT: it reads, decides and tells as ``service.release`` does, on one snapshot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from agencies.model import AgencyCode, Level, Profile
from gateway.caller import Caller, PractitionerClaim
from gateway.cases.model import StoredPart
from gateway.cases.sealing import open_parts
from gateway.release import repository
from gateway.release.decision import decide, item_level
from gateway.release.free_text import tell_with_narrative
from gateway.release.minimisation import items_of, minimise, recipient_context
from gateway.release.model import (
    NOTHING,
    Decision,
    Facts,
    Item,
    Permit,
    PermittedItem,
    ReleaseRequest,
    Told,
)
from gateway.wiring import Wiring

NAMED_WORKER: Final = "preview.named-worker"
"""Who asks in place of a named worker, so that nobody real is taken for one."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be decided and told.

    Attributes:
        facts: what it was decided on.
        caller: who would ask.
        items: the whole record, for whoever explains what is missing from ``told``; empty after a refusal.
        parts: as it is stored.
    """

    caller: Caller
    facts: Facts
    decision: Decision
    items: tuple[Item, ...]
    told: Told
    parts: tuple[StoredPart, ...] = ()


def preview(
    wiring: Wiring,
    connection: Connection,
    request: ReleaseRequest,
    *,
    supposing: Callable[[Facts], Facts] | None = None,
) -> Preview:
    """Return what a request would come to.

    Args:
        connection: in the transaction of whoever asks, whose changes count.
        supposing: what to decide on in place of the facts, for example ``under`` a profile version.

    Raises: AgenciesError, CasesError, CertsError, ConsentRegistryError, KeyError, TypeError or ValueError where a
        stored value is damaged: nothing would leave either.
    """
    (row,) = repository.read(connection, [request])
    snapshot = repository.snapshot_of(row)
    keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
    facts = snapshot.facts_under(keys, lapse_at_sixteen=wiring.settings.lapse_at_sixteen)
    if supposing is not None:
        facts = supposing(facts)
    decision = decide(facts, caller=request.caller, extract_days=wiring.settings.extract_days)
    if not isinstance(decision, Permit):
        return Preview(request.caller, facts, decision, (), NOTHING)
    items = tuple(items_of(open_parts(keys, snapshot.person_keys, snapshot.parts)))
    told = tell(decision, items, facts=facts)
    return Preview(request.caller, facts, decision, items, told, snapshot.parts)


def tell(permit: Permit, items: Sequence[Item], *, facts: Facts) -> Told:
    """Return what the recipient of a permit is told of a record: the steps of ``service.release``, a frame deeper.

    Args:
        items: the whole record.
        facts: what the permit was decided on.
    """
    if facts.case is None:
        return NOTHING
    people = facts.case.people
    levels = ((item, item_level(permit, item)) for item in items)
    permitted = [PermittedItem(item, level) for item, level in levels if level > Level.W]
    context = recipient_context(permitted, permit=permit, people=people, now=facts.now)
    if permit.narrative:
        return tell_with_narrative(permit, items, permitted, context=context, people=people)
    return Told(permitted, minimise(permitted, context=context, people=people))


def under(facts: Facts, candidate: Profile) -> Facts:
    """The facts, as if this profile version were effective and had been shown to everybody who agreed."""
    if facts.agency is None:
        return facts
    shown = {candidate.version: candidate, **dict.fromkeys(facts.agency.shown, candidate)}
    if facts.agency.profile is not None:
        shown[facts.agency.profile.version] = candidate
    return replace(facts, agency=replace(facts.agency, profile=candidate, shown=shown))


def in_good_standing(facts: Facts) -> Facts:
    """The facts, as if the client were active and the practitioner on the register."""
    if facts.agency is None:
        return facts
    return replace(facts, agency=replace(facts.agency, client_state="active", practitioner_active=True))


def entitled(facts: Facts) -> Facts:
    """The facts, as if a meeting on which the agency sits were near, and the family had accepted its help."""
    if facts.case is None:
        return facts
    near = facts.now + timedelta(days=1)
    case = replace(facts.case, panel_until=facts.case.panel_until or near, has_offer=True)
    return replace(facts, case=case)


def as_named_worker(facts: Facts) -> Facts:
    """The facts, as if ``NAMED_WORKER`` worked on the case."""
    if facts.case is None:
        return facts
    case = replace(facts.case, named_workers=facts.case.named_workers | {NAMED_WORKER})
    return replace(facts, case=case)


def somebody_of(agency: AgencyCode) -> Caller:
    """A practitioner of an agency who is no named worker of anything."""
    return Caller(
        client_id="",
        agency=agency,
        scopes=frozenset(),
        purpose=None,
        practitioner=PractitionerClaim("", verified=True),
    )
