"""Changes to an agency as acts: transaction, gate and log entry.

INVARIANTS
- Suspending closes: it needs nobody's approval and does not wait for the log.
- Storing a profile version releases nothing: making it effective is another act, of somebody else.
- Every case and person gets the new agency's own random id in the transaction that onboards it.
"""

from collections.abc import Sequence
from datetime import date

from agencies import repository
from agencies import service as register
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.profile_text import parse_profile
from agencies.register import AgencyState, Practitioner, PractitionerPolicy
from gateway.cases.repository import mint_for_agency
from gateway.disclosure_log.service import act
from gateway.wiring import Wiring


def onboard(
    wiring: Wiring,
    *,
    code: AgencyCode,
    kind: AgencyKind,
    name: str,
    agreement: str,
    assessment: str,
    review_on: date,
    valid_from: date,
    valid_until: date,
    actor: str,
    practitioner_policy: PractitionerPolicy = PractitionerPolicy.REGISTERED,
    practitioners: Sequence[Practitioner] = (),
) -> Profile:
    """Bring an agency in as proposed, with its own profile version 1, not effective; return that version.

    Args: see ``agencies.service.onboard``; ``actor`` is who onboards.

    Raises: agencies.errors.OnboardingError, nothing was stored.
    """
    with act(wiring, agencies=(code,)) as change:
        profile = register.onboard(
            change.connection,
            code=code,
            kind=kind,
            name=name,
            agreement=agreement,
            assessment=assessment,
            review_on=review_on,
            valid_from=valid_from,
            valid_until=valid_until,
            practitioner_policy=practitioner_policy,
            practitioners=practitioners,
        )
        mint_for_agency(change.connection, code)
        change.record(
            kind="agency.onboard",
            actor=actor,
            agency=code,
            internal={"agency": code, "agency_kind": kind, "profile_version": profile.version},
        )
    return profile


def activate_synthetic(wiring: Wiring, *, code: AgencyCode, actor: str) -> None:
    """Make a proposed agency and its version 1 effective; only a gateway of synthetic people does that.

    Raises: agencies.errors.SecondPersonError, UnknownAgencyError, OnboardingError.
    """
    with act(wiring, agencies=(code,)) as change:
        register.activate_synthetic(change.connection, code=code, synthetic=wiring.settings.synthetic_people)
        change.record(
            kind="agency.activate",
            actor=actor,
            agency=code,
            internal={"agency": code, "profile_version": register.FIRST_VERSION},
        )


def suspend(wiring: Wiring, *, code: AgencyCode, actor: str) -> bool:
    """Stop every release to an agency, now; return whether it was not suspended or ended before.

    Raises: agencies.errors.UnknownAgencyError.
    """
    with act(wiring, agencies=(code,), closes=True) as change:
        found = repository.agency(change.connection, code)
        ended = found is not None and found.state is AgencyState.ENDED
        if ended or not repository.set_state(change.connection, code, state=AgencyState.SUSPENDED):
            change.nothing_changed()
            return False
        change.record(kind="agency.suspend", actor=actor, agency=code, internal={"agency": code})
    return True


def store_profile(wiring: Wiring, *, document: str, actor: str) -> Profile:
    """Store a profile's text as its agency's next version, not effective; a replay stores nothing.

    Raises: agencies.errors.ProfileError, UnknownAgencyError, ProfileVersionError.
    """
    agency = parse_profile(document).agency
    with act(wiring, agencies=(agency,)) as change:
        stored = repository.add_profile_version(change.connection, document=document)
        if not stored.added:
            change.nothing_changed()
            return stored.profile
        change.record(
            kind="profile.store",
            actor=actor,
            agency=agency,
            internal={
                "agency": agency,
                "profile_version": stored.profile.version,
                "sha256": stored.sha256.hex(),
            },
        )
    return stored.profile
