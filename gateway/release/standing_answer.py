"""What one request would come to now, without releasing or recording anything.

INVARIANT: it reads, decides and minimises as ``service.release`` does, on one snapshot of its own.
"""

from uuid import UUID
from zoneinfo import ZoneInfo

from agencies.model import JsonObject, Level
from consent_registry.birthdays import birthdays_of
from gateway.caller import Caller
from gateway.cases.sealing import open_births, open_parts
from gateway.release import repository
from gateway.release.decision import decide, item_level
from gateway.release.extract import record_sha256
from gateway.release.minimisation import item_of, minimise, recipient_context
from gateway.release.model import Decision, Permit, PermittedItem, ReleaseRequest
from gateway.wiring import Wiring

LONDON = ZoneInfo("Europe/London")


def would_release(wiring: Wiring, *, caller: Caller, case_ref: UUID | None) -> tuple[Decision, str | None]:
    """Return what would be decided now, and the hash of the record that would leave; absent: nothing would.

    Raises: AgenciesError, CasesError, CertsError, ConsentRegistryError, KeyError, TypeError or ValueError where a
        stored value is damaged: nothing would leave either.
    """
    request = ReleaseRequest(caller, case_ref)
    with wiring.autocommit.connect() as connection:
        (row,) = repository.read(connection, [request])
    snapshot = repository.snapshot_of(row)
    keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
    born = open_births(keys, snapshot.person_keys, snapshot.births)
    at_16 = wiring.settings.lapse_at_sixteen
    facts = snapshot.facts_with(
        {person: birthdays_of(day, lapse_at_sixteen=at_16) for person, day in born.items()}
    )
    decision = decide(facts, caller=caller, extract_days=wiring.settings.extract_days)
    record: JsonObject = {}
    if isinstance(decision, Permit):
        items = map(item_of, open_parts(keys, snapshot.person_keys, snapshot.parts))
        levels = ((item, item_level(decision, item)) for item in items)
        permitted = [PermittedItem(item, level) for item, level in levels if level > Level.W]
        today = facts.now.astimezone(LONDON).date()
        context = recipient_context(permitted, permit=decision, people=snapshot.people, today=today)
        record = minimise(permitted, context=context, people=snapshot.people)
    return decision, record_sha256(record) if record else None
