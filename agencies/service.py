"""Bringing an agency in, and keeping the list of the people who act for it.

INVARIANTS
- A kind's template never releases anything: it is copied into the agency's own version 1.
- A new agency is proposed and its version 1 not effective: somebody else approves both.
- Only synthetic data may skip that second person.
- A list of practitioners is whole: whoever it leaves out is a leaver, refused from that moment on.
- An end is never moved to a later day except by a list that says so.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import uuid4

from sqlalchemy import Connection, func, select

from agencies import repository
from agencies.errors import (
    AttestationError,
    OnboardingError,
    PractitionerFileError,
    SecondPersonError,
    UnknownAgencyError,
    UnknownPractitionerError,
)
from agencies.model import AgencyCode, AgencyKind, Profile
from agencies.practitioner_file import format_practitioners
from agencies.profile_text import format_profile, template
from agencies.register import (
    ID_RULE,
    LINE_RULE,
    Agency,
    AgencyState,
    Agreement,
    Attestation,
    Practitioner,
    PractitionerPolicy,
    RegisterChange,
    is_practitioner_id,
    is_shown_line,
)

FIRST_VERSION = 1

RESERVED_CODES = frozenset({"all", "council"})
"""No agency's: what a consent decision says for every agency, and what certificates call the council."""

_CODE = re.compile(r"(?=.{2,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LINE = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,200}")


def onboard(
    connection: Connection,
    *,
    code: AgencyCode,
    kind: AgencyKind,
    name: str,
    agreement: str,
    assessment: str,
    review_on: date,
    valid_from: date,
    valid_until: date,
    practitioner_policy: PractitionerPolicy,
    practitioners: Sequence[Practitioner],
    attested_by: str,
    today: date,
) -> Profile:
    """Store a new agency with its agreement, its practitioners and its own profile version 1.

    Args:
        code: 2 to 40 of a-z, 0-9 and single hyphens, a letter first; never used before.
        agreement: reference of the data sharing agreement.
        assessment: reference of the data protection impact assessment.
        review_on: the day its profile is due for review.
        valid_from: first day of the agreement.
        valid_until: the day on which the agreement no longer holds.
        attested_by: who confirms the first list of practitioners, whatever the policy.

    Returns: the stored version 1. True afterwards: the agency is ``proposed`` and no profile of it is
        effective, so nothing can be released to it; its list counts as confirmed today.
    Raises: OnboardingError, in one sentence; nothing was stored.
    """
    _check_names(code=code, name=name, agreement=agreement, assessment=assessment)
    if fault := _fault(practitioners):
        raise OnboardingError(fault)
    if valid_from >= valid_until:
        raise OnboardingError("The agreement must end after the day it begins.")
    if repository.agency(connection, code) is not None:
        raise OnboardingError("An agency of this code exists already.")
    repository.add_agency(connection, Agency(code, kind, name, practitioner_policy, AgencyState.PROPOSED))
    repository.add_agreement(
        connection, code, agreement=Agreement(agreement, assessment, valid_from, valid_until)
    )
    repository.store_practitioners(connection, code, practitioners=practitioners)
    _confirm(connection, code, attested_by=attested_by, today=today)
    own = replace(
        template(kind),
        agency=code,
        version=FIRST_VERSION,
        agreement=agreement,
        assessment=assessment,
        review_on=review_on,
    )
    return repository.add_profile_version(connection, document=format_profile(own)).profile


def activate_synthetic(connection: Connection, *, code: AgencyCode, synthetic: bool) -> None:
    """Make a proposed agency and its version 1 effective without the second person's approval.

    Args:
        synthetic: whether this process holds synthetic people only.

    Raises: SecondPersonError, it may hold real ones; UnknownAgencyError; OnboardingError, it is not proposed.
    """
    if not synthetic:
        raise SecondPersonError("Only a gateway of synthetic people may skip the second person.")
    activate(connection, code=code)


def activate(connection: Connection, *, code: AgencyCode) -> None:
    """Make a proposed agency and its version 1 effective; who may decide that is decided by whoever calls.

    Raises: UnknownAgencyError; OnboardingError, it is not proposed.
    """
    found = repository.agency(connection, code)
    if found is None:
        raise UnknownAgencyError("There is no such agency.")
    if found.state is not AgencyState.PROPOSED:
        raise OnboardingError("Only a proposed agency can be activated.")
    repository.set_state(connection, code, state=AgencyState.ACTIVE)
    now = connection.execute(select(func.now())).scalar_one()
    repository.make_effective(connection, code, version=FIRST_VERSION, now=now)


def reinstate(connection: Connection, *, code: AgencyCode) -> AgencyState:
    """Let a suspended agency be what it was, and return that: active, or proposed where it never took part.

    Who may decide that is decided by whoever calls.

    Raises: UnknownAgencyError; OnboardingError, it is not suspended.
    """
    found = repository.agency(connection, code)
    if found is None:
        raise UnknownAgencyError("There is no such agency.")
    if found.state is not AgencyState.SUSPENDED:
        raise OnboardingError("Only a suspended agency can be reinstated.")
    took_part = repository.effective_version(connection, code) is not None
    state = AgencyState.ACTIVE if took_part else AgencyState.PROPOSED
    repository.set_state(connection, code, state=state)
    return state


def replace_register(
    connection: Connection, code: AgencyCode, *, practitioners: Sequence[Practitioner], today: date
) -> RegisterChange:
    """Make a list the whole list of an agency's practitioners.

    True afterwards: everyone on it stands as it says; everyone else is active at no time from today on, and
        nobody's row is gone. A second time the same list changes nothing.
    Raises: UnknownAgencyError; PractitionerFileError, an id, a name or a role is unsound or an id stands twice.
    """
    if fault := _fault(practitioners):
        raise PractitionerFileError(fault)
    _check_known(connection, code)
    stored = {one.id: one for one in repository.practitioners(connection, code)}
    listed = {one.id for one in practitioners}
    different = [one for one in practitioners if one != stored.get(one.id)]
    leavers = [
        _ended(one, today) for one in stored.values() if one.id not in listed and one.is_current(today)
    ]
    repository.store_practitioners(connection, code, practitioners=[*different, *leavers])
    added = sum(one.id not in stored for one in different)
    ended = len(leavers) + _ended_by_date(stored, different, today)
    return RegisterChange(
        added=added,
        changed=len(different) + len(leavers) - added - ended,
        ended=ended,
        unchanged=len(practitioners) - len(different),
    )


def end_practitioner(connection: Connection, code: AgencyCode, *, practitioner_id: str, today: date) -> bool:
    """Make one practitioner a leaver from today on; return whether that changed anything.

    Raises: UnknownAgencyError; UnknownPractitionerError, so that a slip of the hand does not look like an end.
    """
    _check_known(connection, code)
    # The database cannot even be asked for some texts that no id is.
    sound = is_practitioner_id(practitioner_id)
    found = repository.practitioner(connection, code, practitioner_id=practitioner_id) if sound else None
    if found is None:
        raise UnknownPractitionerError("The agency's list has nobody of this id.")
    if not found.is_current(today):
        return False
    repository.add_practitioner(connection, code, practitioner=_ended(found, today))
    return True


def current_practitioners(
    connection: Connection, code: AgencyCode, *, today: date
) -> tuple[Practitioner, ...]:
    """Return by id who may act for an agency today or on a later day, as the list stands.

    Raises: UnknownAgencyError.
    """
    _check_known(connection, code)
    return tuple(one for one in repository.practitioners(connection, code) if one.is_current(today))


def attest(connection: Connection, code: AgencyCode, *, attested_by: str, today: date) -> Attestation:
    """Store that somebody confirmed an agency's list as it stands: everyone who may act today or later.

    Args:
        attested_by: who confirmed, in one line.

    Raises: UnknownAgencyError; AttestationError, nobody is named.
    """
    if not is_shown_line(attested_by):
        raise AttestationError("Whoever confirms a list is named in one line.")
    return _confirm(connection, code, attested_by=attested_by, today=today)


def export_profile(connection: Connection, code: AgencyCode, *, version: int | None = None) -> str | None:
    """Return a stored profile's text byte for byte; absent when there is none.

    Args:
        version: absent: the effective one, or the newest stored while none is effective.
    """
    if version is None:
        version = repository.effective_version(connection, code) or repository.latest_version(
            connection, code
        )
    return None if version is None else repository.profile_document(connection, code, version=version)


def _check_names(*, code: str, name: str, agreement: str, assessment: str) -> None:
    rules = {
        "A code is 2 to 40 of a-z, 0-9 and single hyphens, a letter first, and not a reserved word.": bool(
            _CODE.fullmatch(code) and code not in RESERVED_CODES
        ),
        "An agency has a name of one line.": bool(_LINE.fullmatch(name)),
        "An agency has a reference of its agreement, one line.": bool(_LINE.fullmatch(agreement)),
        "An agency has a reference of its impact assessment, one line.": bool(_LINE.fullmatch(assessment)),
    }
    for rule, holds in rules.items():
        if not holds:
            raise OnboardingError(rule)


def _fault(practitioners: Sequence[Practitioner]) -> str | None:
    """What is unsound in a list of practitioners, in one sentence."""
    if len({one.id for one in practitioners}) != len(practitioners):
        return "Two practitioners have the same id."
    for one in practitioners:
        if not is_practitioner_id(one.id):
            return f"A practitioner's id {ID_RULE}."
        if not (is_shown_line(one.name) and is_shown_line(one.role)):
            return f"A practitioner's name and role each {LINE_RULE}."
        if one.active_until is not None and one.active_until < one.active_from:
            return "A practitioner's end must not be before the beginning."
    return None


def _check_known(connection: Connection, code: AgencyCode) -> None:
    if repository.agency(connection, code) is None:
        raise UnknownAgencyError("There is no such agency.")


def _ended(one: Practitioner, today: date) -> Practitioner:
    """The same person active at no time from today on; one who was to begin later never begins."""
    return replace(one, active_until=max(one.active_from, today))


def _ended_by_date(stored: Mapping[str, Practitioner], different: Iterable[Practitioner], today: date) -> int:
    """How many of those who stand differently now were current and are not any more."""
    before = [stored[one.id] for one in different if one.id in stored and not one.is_current(today)]
    return sum(one.is_current(today) for one in before)


def _confirm(connection: Connection, code: AgencyCode, *, attested_by: str, today: date) -> Attestation:
    confirmed = current_practitioners(connection, code, today=today)
    attestation = Attestation(
        id=uuid4(),
        attested_on=today,
        attested_by=attested_by,
        practitioners=len(confirmed),
        register_sha256=hashlib.sha256(format_practitioners(confirmed).encode()).digest(),
    )
    repository.add_attestation(connection, code, attestation=attestation)
    return attestation
