"""Changes to an agency that was brought in, as acts: transaction, gate and log entry.

INVARIANTS
- Suspending closes: it needs nobody's approval and does not wait for the log.
- Storing a profile version releases nothing: making it effective is another act, of somebody else.
- What says something that no profile may is neither stored nor made effective.
- Ending a practitioner closes as suspending does; replacing the whole list may open, so it waits.
- An entry names a practitioner by id at most, never by name.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from uuid import UUID

from agencies import repository
from agencies import service as register
from agencies.errors import SecondPersonError
from agencies.model import AgencyCode, Profile
from agencies.profile_text import parse_profile
from agencies.register import (
    AgencyState,
    Attestation,
    Practitioner,
    RegisterChange,
)
from gateway.agency.attestation import finish_attestation_tasks
from gateway.agency.repository import add_authors
from gateway.agency.soundness import faults, refuse, sound_sha256
from gateway.consent.reconsent import ask_again
from gateway.disclosure_log.repository import database_now
from gateway.disclosure_log.service import act
from gateway.oauth.contact import end_tokens
from gateway.oauth.registration import approve_synthetic
from gateway.wiring import Wiring


def activate_synthetic(wiring: Wiring, *, code: AgencyCode, actor: str) -> None:
    """Make a proposed agency, its clients, keys and version 1 effective; only with synthetic people.

    Raises: agencies.errors.SecondPersonError, UnknownAgencyError, OnboardingError, UnsoundProfileError.
    """
    with act(wiring, agencies=(code,)) as change:
        synthetic = wiring.settings.synthetic_people
        register.activate_synthetic(change.connection, code=code, synthetic=synthetic)
        digest = sound_sha256(change.connection, code, version=register.FIRST_VERSION)
        approve_synthetic(change.connection, code, synthetic=synthetic)
        change.record(
            kind="agency.activate",
            actor=actor,
            agency=code,
            internal={
                "agency": code,
                "profile_version": register.FIRST_VERSION,
                "profile_sha256": digest,
            },
        )


def adopt_synthetic(wiring: Wiring, *, code: AgencyCode, version: int, actor: str) -> int:
    """Make a stored profile version the one that releases; only with synthetic people.

    Returns: how many families are asked again, because it gives more than they were shown.
    Raises: agencies.errors.SecondPersonError, UnknownAgencyError, UnsoundProfileError.
    """
    if not wiring.settings.synthetic_people:
        raise SecondPersonError("Only a gateway of synthetic people may skip the second person.")
    with act(wiring, agencies=(code,)) as change:
        now = database_now(change.connection)
        repository.make_effective(change.connection, code, version=version, now=now)
        digest = sound_sha256(change.connection, code, version=version)
        asked = ask_again(change.connection, code, version=version, now=now)
        change.record(
            kind="profile.adopt",
            actor=actor,
            agency=code,
            internal={
                "agency": code,
                "profile_version": version,
                "profile_sha256": digest,
                "asked_again": asked,
            },
        )
    return asked


def suspend(wiring: Wiring, *, code: AgencyCode, actor: str) -> bool:
    """Stop every release to an agency and end its tokens, now; return whether it was not suspended or ended before.

    Raises: agencies.errors.UnknownAgencyError.
    """
    with act(wiring, agencies=(code,), closes=True) as change:
        found = repository.agency(change.connection, code)
        ended = found is not None and found.state is AgencyState.ENDED
        if ended or not repository.set_state(change.connection, code, state=AgencyState.SUSPENDED):
            change.nothing_changed()
            return False
        tokens = end_tokens(change.connection, agency=code)
        change.record(
            kind="agency.suspend", actor=actor, agency=code, internal={"agency": code, "tokens": tokens}
        )
    return True


def store_profile(wiring: Wiring, *, document: str, actor: str, authors: Collection[UUID] = ()) -> Profile:
    """Store a profile's text as its agency's next version, not effective; a replay stores nothing.

    Args:
        authors: members of staff who wrote it; none of them can approve it.

    Raises: agencies.errors.ProfileError, UnknownAgencyError, ProfileVersionError, UnsoundProfileError.
    """
    agency = parse_profile(document).agency
    with act(wiring, agencies=(agency,)) as change:
        stored = repository.add_profile_version(change.connection, document=document)
        if not stored.added:
            change.nothing_changed()
            return stored.profile
        refuse(faults(stored.profile, today=repository.today(change.connection)))
        add_authors(change.connection, agency, version=stored.profile.version, authors=authors)
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


def replace_practitioners(
    wiring: Wiring, *, code: AgencyCode, practitioners: Sequence[Practitioner], actor: str
) -> RegisterChange:
    """Make a list the whole list of an agency; whoever it leaves out is refused from now on.

    A list that differs in nothing changes nothing and leaves no entry.

    Raises: agencies.errors.UnknownAgencyError, PractitionerFileError.
    """
    with act(wiring, agencies=(code,)) as change:
        counts = register.replace_register(
            change.connection,
            code,
            practitioners=practitioners,
            today=repository.today(change.connection),
        )
        if not counts.anything:
            change.nothing_changed()
            return counts
        change.record(
            kind="practitioner.replace", actor=actor, agency=code, internal={"agency": code, **asdict(counts)}
        )
    return counts


def end_practitioner(wiring: Wiring, *, code: AgencyCode, practitioner_id: str, actor: str) -> bool:
    """Refuse one practitioner from now on; return whether this person could have acted today or later.

    Raises: agencies.errors.UnknownAgencyError, UnknownPractitionerError.
    """
    with act(wiring, agencies=(code,), closes=True) as change:
        ended = register.end_practitioner(
            change.connection,
            code,
            practitioner_id=practitioner_id,
            today=repository.today(change.connection),
        )
        if not ended:
            change.nothing_changed()
            return False
        change.record(
            kind="practitioner.end",
            actor=actor,
            agency=code,
            internal={"agency": code, "practitioner": practitioner_id},
        )
    return True


def attest(wiring: Wiring, *, code: AgencyCode, attested_by: str, actor: str) -> Attestation:
    """Record that somebody of the agency confirmed its list of practitioners as it stands today.

    True afterwards: the list is believed again, and no task asks for this confirmation any more.
    Raises: agencies.errors.UnknownAgencyError, AttestationError.
    """
    with act(wiring, agencies=(code,)) as change:
        attestation = register.attest(
            change.connection, code, attested_by=attested_by, today=repository.today(change.connection)
        )
        finish_attestation_tasks(change.connection, code, actor=actor, now=database_now(change.connection))
        change.record(
            kind="practitioner.attest",
            actor=actor,
            agency=code,
            internal={
                "agency": code,
                "practitioners": attestation.practitioners,
                "sha256": attestation.register_sha256.hex(),
            },
        )
    return attestation
