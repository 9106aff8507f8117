"""What one request would come to now, in as few words as tell whether an earlier answer still holds."""

from uuid import UUID

from gateway.caller import Caller
from gateway.disclosure_log.canonical import canonical
from gateway.release.extract import record_sha256
from gateway.release.model import Decision, ReleaseRequest
from gateway.release.preview import preview
from gateway.wiring import Wiring


def would_release(wiring: Wiring, *, caller: Caller, case_ref: UUID | None) -> tuple[Decision, str | None]:
    """Return what would be decided now, and the hash of the record that would leave; absent: nothing would.

    Raises: what ``preview`` raises: nothing would leave either.
    """
    with wiring.autocommit.connect() as connection:
        found = preview(wiring, connection, ReleaseRequest(caller, case_ref))
    return found.decision, record_sha256(canonical(found.told.record)) if found.told.record else None
