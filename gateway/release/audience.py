"""Which agencies could be told something of a case at this moment: for a page of the council's staff, before an act.

INVARIANT: it is no second writing of the rules: ``decide`` decides, over what the release path itself reads.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from agencies.model import AgencyCode, Purpose
from gateway.release import repository
from gateway.release.decision import decide
from gateway.release.model import Permit, ReleaseRequest
from gateway.release.preview import in_good_standing, somebody_of
from gateway.release.service import ITEM_FAULTS
from gateway.wiring import Wiring

_PURPOSES: Final = (Purpose.P1, Purpose.P2, Purpose.P3)
_REFS: Final = text(
    "SELECT agency_code, ref FROM gateway.pairwise WHERE thing_id = :case ORDER BY agency_code"
)


def agencies_told(wiring: Wiring, connection: Connection, case_id: UUID) -> frozenset[str]:
    """Return every agency a practitioner of which, in good standing, would now be given an extract of the case.

    Args:
        connection: in the transaction of whoever asks, whose changes count.
    Of what cannot be read a release tells nothing, so nobody is told of it.
    """
    refs = connection.execute(_REFS, {"case": case_id}).all()
    batch = [ReleaseRequest(somebody_of(AgencyCode(row.agency_code)), row.ref) for row in refs]
    return frozenset(_told(wiring, connection, batch)) if batch else frozenset()


def _told(wiring: Wiring, connection: Connection, batch: list[ReleaseRequest]) -> Iterator[str]:
    settings = wiring.settings
    for request, row in zip(batch, repository.read(connection, batch), strict=True):
        with suppress(*ITEM_FAULTS):
            snapshot = repository.snapshot_of(row)
            keys = wiring.keyring.open_family(snapshot.family_id, snapshot.family_wrapped)
            facts = in_good_standing(snapshot.facts_under(keys, lapse_at_sixteen=settings.lapse_at_sixteen))
            callers = [replace(request.caller, purpose=purpose) for purpose in _PURPOSES]
            decisions = (decide(facts, caller=each, extract_days=settings.extract_days) for each in callers)
            if request.caller.agency is not None and any(isinstance(each, Permit) for each in decisions):
                yield request.caller.agency
