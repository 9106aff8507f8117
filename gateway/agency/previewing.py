"""What an agency would be told of a real family under a profile version: that somebody looked is on record first.

INVARIANTS
- Nothing is read of the family before its entry is committed and included.
- It is told by the functions of a release, and the agency is told nothing.
- A family that its officer may not look at is none, and that somebody tried is on record, too.
"""

import hashlib
from datetime import datetime
from uuid import UUID

from agencies.model import AgencyCode, Profile, Stage
from agencies.profile_text import format_profile
from gateway.cases.errors import UnknownCaseError
from gateway.cases.lookup import case_for_preview
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.keyring import NULL_FAMILY
from gateway.release.example import asking
from gateway.release.model import Facts, ReleaseRequest
from gateway.release.preview import (
    Preview,
    as_named_worker,
    entitled,
    in_good_standing,
    preview,
    under,
)
from gateway.release.repository import reference_of
from gateway.staff.model import SignedIn
from gateway.wiring import Wiring


def preview_family(
    wiring: Wiring,
    who: SignedIn,
    candidate: Profile,
    *,
    source_ref: str,
    stage: Stage,
    named_worker: bool,
) -> Preview:
    """Return what an agency would be told of a family, as if a profile version were effective and had been shown.

    It is taken for entitled and its practitioner for registered; everything else is as it is now.

    Args:
        source_ref: the council's reference of the case.
        named_worker: whether who asks is taken for a named worker of it.

    True afterwards: the entry names agency, version, the text's hash and the stage.
    Raises: UnknownCaseError; NotAppendedError; what ``preview`` raises where a stored value is damaged.
    """
    case_ref = _recorded(wiring, who, candidate, source_ref=source_ref, stage=stage)
    caller = asking(candidate.agency, stage, named_worker=named_worker)

    def supposing(facts: Facts) -> Facts:
        supposed = entitled(in_good_standing(under(facts, candidate)))
        return as_named_worker(supposed) if named_worker else supposed

    with wiring.engine.connect() as connection:
        return preview(wiring, connection, ReleaseRequest(caller, case_ref), supposing=supposing)


def _recorded(
    wiring: Wiring, who: SignedIn, candidate: Profile, *, source_ref: str, stage: Stage
) -> UUID | None:
    """What the agency calls the case, once it is on record that somebody looks.

    Raises: UnknownCaseError.
    """
    with act(wiring) as change:
        connection = change.connection
        now: datetime = database_now(connection)
        found = case_for_preview(wiring, connection, who, source_ref, now=now)
        change.record(
            kind="profile.preview",
            actor=who.username,
            family_id=NULL_FAMILY if found is None else found.family_id,
            internal={
                "agency": candidate.agency,
                "profile_sha256": hashlib.sha256(format_profile(candidate).encode()).hexdigest(),
                "profile_version": candidate.version,
                "stage": stage.value,
            },
        )
        agency: AgencyCode = candidate.agency
        case_ref = None if found is None else reference_of(connection, agency, found.case_id)
    if found is None:
        raise UnknownCaseError("there is no such case for them")
    return case_ref
